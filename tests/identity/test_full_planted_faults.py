"""What the random full desks are worth: faults planted in the reference, and the share of desks that show each.

A fault that changes no table would mean that the desks never reach the rule. Second figure: how many of the faulty
tables the audit refuses without knowing the right one. `docs/tests.md` has the shares.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from audit import Audit
from full_desks import KINDS

from sim.engine import reference
from sim.engine.reference import desk as desk_module
from sim.engine.reference import follow_ups as chain_module
from sim.engine.reference.bots import Bots
from sim.engine.reference.crew import Crew
from sim.engine.reference.desk import Desk
from sim.engine.reference.follow_ups import Chain
from sim.engine.reference.hours import Hours
from sim.engine.reference.people import Agent
from sim.engine.reference.queues import Queues
from sim.keys import CHILD
from sim.outcome import differences

Patch = Callable[[pytest.MonkeyPatch], None]
EXAMPLES = 100


def around(owner: Any, name: str, change: Callable[..., Any]) -> Patch:
    """Put `change(original, self, *arguments)` in the place of a method."""

    def plant(m: pytest.MonkeyPatch) -> None:
        original = getattr(owner, name)
        m.setattr(owner, name, lambda self, *given: change(original, self, *given))

    return plant


def instead(owner: Any, name: str, value: Any) -> Patch:
    return lambda m: m.setattr(owner, name, value)


def ends_by_latest_contact(original, self, when, kind, *given):
    index, contact, step = given
    original(self, when, kind, index, 999_999 - contact if contact else 0, step)


def boosted_last(self):
    for k in range(len(self.lanes)):
        self.lanes[k] = self.lanes[k][::-1]


def without_reserve(original, self, agent, c):
    kept, self.reserve = self.reserve, [[max(0, r - 1) for r in row] for row in self.reserve]
    try:
        return original(self, agent, c)
    finally:
        self.reserve = kept


def a_second_late(original, self, agent, c):
    k, g = c.k, agent.group
    kept, self.delay[k][g] = self.delay[k][g], self.delay[k][g] + (1000 if self.delay[k][g] else 0)
    try:
        return original(self, agent, c)
    finally:
        self.delay[k][g] = kept


def silent_ones_leave(original, self, c):
    live = original(self, c)
    if live and c.waits:
        self.queues.remove(c)
    return live


def callback_keeps_its_line(original, self, c):
    if not c.is_callback or c.ended != reference.NEVER:
        original(self, c)


def counts_all_in_places(original, self, c, by):
    kept, c.is_callback = c.is_callback, False
    original(self, c, by)
    c.is_callback = kept


def unscaled(original, self, agent):
    c = original(self, agent)
    if c is not None:
        held = self.handed_factor
        c.left = c.left * held // 1000
    return c


def noting_factor(original, self, agent):
    job = agent.suspended or (agent.jobs[0] if agent.jobs else None)
    self.handed_factor = job.factor if job else 1000
    return unscaled(original, self, agent)


def one_deeper(original, self, c, *given):
    c.depth -= 1
    made = original(self, c, *given)
    c.depth += 1
    if made is not None:
        made[0].depth += 1
    return made


def own_patience(original, self, c, *given):
    kept, c.patience_ms = c.patience_ms, c.patience_ms // 2
    made = original(self, c, *given)
    c.patience_ms = kept
    return made


def last_first(original, self, bot):
    if bot >= 0:
        self.queues[bot].reverse()
    try:
        return original(self, bot)
    finally:
        if bot >= 0:
            self.queues[bot].reverse()


def tires_by_the_contact(original, self, now, recovery):
    elapsed = now - self.turned
    original(self, now, recovery)
    if len(self.jobs) > 1:
        self.tired += elapsed


def never_recovers(original, self, now, recovery):
    del recovery
    original(self, now, 0)


def pace_of_one_less(original, self, agent, job):
    left = job.left
    return original(self, agent, job) - (left % self.rate[agent.group][len(agent.jobs)] > 0 and left > 1000)


def resumes_unnoticed(original, self, agent):
    since = agent.since
    original(self, agent)
    agent.since = since
    self.crew.seat(agent)


def at_once_is_no_wait(original, self, agent, c):
    kept = self.last_wait[c.k]
    waited = c.waits
    original(self, agent, c)
    if not waited:
        self.last_wait[c.k] = kept


def idle_ones_by_index(original, self, seats, c):
    return original(self, [(used, 0, index, agent) for used, _, index, agent in seats], c)


def stays_when_back(original, self, agent, off):
    busy = agent.present and bool(agent.jobs)
    look, self.desk.look = self.desk.look, (lambda _: None) if busy else self.desk.look
    try:
        original(self, agent, off)
    finally:
        self.desk.look = look


def one_pass(self):
    for k in range(len(self.demand.types)):
        first = next(self.queues.heads(k), None)
        if first is not None:
            self.finds_agent(first)


def mail_is_live(original, self, c):
    original(self, c)
    self.unsettled -= bool(self.deferred[c.k])


def promised_from_now_on(original, self, c):
    put_off = original(self, c)
    if c.is_callback:
        c.promised += 1000
    return put_off


def copies_backwards(original, self, c):
    circle = c.circle
    if circle is not None:
        top = max(m.i for m in circle.members)
        numbers = {m: m.i for m in circle.members}
        for m in circle.members:
            m.i = top - m.i
    try:
        if circle is not None:  # each needs its own number when its turn comes
            end, fixed = self.end, numbers

            def ends(copy, status):
                turned, copy.i = copy.i, fixed[copy]
                end(copy, status)
                copy.i = turned

            remove = self.queues.remove

            def removes(copy):
                turned, copy.i = copy.i, fixed[copy]
                remove(copy)
                copy.i = turned

            self.end, self.queues.remove = ends, removes
        original(self, c)
    finally:
        if circle is not None:
            del self.end, self.queues.remove
            for m, i in numbers.items():
                m.i = i


FAULTS: dict[str, Patch] = {
    "nobody interrupts mail": around(Crew, "interrupted", lambda *_: None),
    "mail interrupted by index": around(
        Crew, "interrupted", lambda original, self, c: next(iter(at_mail(original, self, c)), None)
    ),
    "mail resumed unnoticed": around(Desk, "resume", resumes_unnoticed),
    "handed back unscaled": around(Desk, "hand_back", noting_factor),
    "suspended mail does not keep from mail": around(
        Crew, "is_free", lambda original, self, agent, c: _without(agent, "suspended", lambda: original(self, agent, c))
    ),
    "reserve less one": around(Crew, "may_take", without_reserve),
    "delay a second late": around(Crew, "may_take", a_second_late),
    "no hold for voice": around(Crew, "awaits_all_slots", lambda *_: False),
    "extra looks once": instead(Desk, "look_again", one_pass),
    "ends of one agent by latest contact": around(Desk, "at", ends_by_latest_contact),
    "ends rounded down": around(Crew, "due", pace_of_one_less),
    "boost ignored": around(Queues, "boost", lambda *_: None),
    "places count call-backs": around(Queues, "_count", counts_all_in_places),
    "call-back keeps its line": around(Desk, "give_line_back", callback_keeps_its_line),
    "promise a second late": around(Desk, "is_put_off", promised_from_now_on),
    "last to enter only of those who waited": around(Desk, "take", at_once_is_no_wait),
    "silent ones leave the queue": around(Desk, "loses_patience", silent_ones_leave),
    "follow-ups one deeper": around(Chain, "follow", one_deeper),
    "patience not kept": around(Chain, "follow", own_patience),
    "children of all rules alike": instead(chain_module, "CHILD", CHILD + 1),
    "one resolution for all": instead(desk_module, "RESOLVES", 77),
    "copies withdrawn backwards": around(Desk, "recall_copies", copies_backwards),
    "copies never withdrawn": around(Desk, "recall_copies", lambda *_: None),
    "bot takes the last first": around(Bots, "next", last_first),
    "never recovers": around(Agent, "turn", never_recovers),
    "two chats tire twice": around(Agent, "turn", tires_by_the_contact),
    "equally free by index": around(Crew, "best", idle_ones_by_index),
    "back with a chat and blind": around(Hours, "comes", stays_when_back),
    "mail counts as live": around(Desk, "settle", mail_is_live),
    "last agent ignored": around(Crew, "choose", lambda original, self, c, _: original(self, c, -1)),
}


def at_mail(original: Callable[..., Any], self: Crew, c: Any) -> list[Agent]:
    """Those at mail whom the contact may interrupt, by index, if there are any."""
    if original(self, c) is None:
        return []
    ranks = self.group_rank[c.k]
    found = [
        a for a in self.agents if a.is_interruptible and ranks[a.group] < reference_never() and self.may_take(a, c)
    ]
    best = min(ranks[a.group] for a in found)
    return [a for a in found if ranks[a.group] == best]


def reference_never() -> int:
    from sim.routing import NEVER_RANK

    return NEVER_RANK


def _without(agent: Agent, name: str, ask: Callable[[], Any]) -> Any:
    kept = getattr(agent, name)
    setattr(agent, name, None)
    try:
        return ask()
    finally:
        setattr(agent, name, kept)


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_the_desks_show_it(name, record_property):
    shown: dict[str, int] = {}
    refused = 0
    for kind in KINDS:
        runs, right = sound(kind)
        with pytest.MonkeyPatch.context() as patch:
            FAULTS[name](patch)
            wrong = [faulty(run) for run in runs]
        differs = [w is None or bool(differences(r, w)) for r, w in zip(right, wrong, strict=True)]
        shown[kind] = sum(differs)
        refused += sum(d and w is not None and refuses(run, w) for d, run, w in zip(differs, runs, wrong, strict=True))
    record_property("shown", shown)
    print(f"\n{name}: shown by {shown} of {EXAMPLES} each, {refused} tables refused")
    assert sum(shown.values()) > 0


@cache
def sound(kind: str) -> tuple[list[Any], list[Any]]:
    """Desks of a kind, and their right tables."""
    runs = [KINDS[kind].draw(seed) for seed in range(EXAMPLES)]
    return runs, [reference.run(*run) for run in runs]


def faulty(run: Any) -> Any:
    """The table of the faulty engine; None where its own books broke."""
    try:
        return reference.run(*run)
    except (ValueError, IndexError, AssertionError, KeyError):
        return None


def refuses(run: Any, outcome: Any) -> bool:
    try:
        Audit(run, outcome).all()
    except (AssertionError, KeyError, IndexError):
        return True
    return False
