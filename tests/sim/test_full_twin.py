"""What is counted of a full run, against a plain-Python twin that reads the table row by row as the definitions do.

The desks are small, written like scenario files, with any mix of mechanisms on, and simulated by the reference engine.
"""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim import attendance, demand, routing
from sim.demand import Demand
from sim.engine import reference
from sim.full_tally import tally_run
from sim.keys import ACCEPTS_CALLBACK, CHILD, mix
from sim.mechanisms import Ending
from sim.metrics import Tally
from sim.outcome import NEVER, Cause, OutcomeTable, Status
from sim.routing import Rules
from sim.scenario import Scenario

MEAN = {"family": "exponential", "mean": "6 min"}
SHORT = {"family": "exponential", "mean": "2 min"}
LENGTH, INTERVALS, WINDOW = 1_800_000, 4, 1_200_000
SERVED, KEPT = (Status.ANSWERED, Status.CALLED_BACK), (Status.RESOLVED_IN_BOT, Status.CONTAINED_UNRESOLVED)
OFFERED = (
    Status.BLOCKED, Status.BALKED, Status.ANSWERED, Status.ABANDONED, Status.SILENT, Status.UNSERVED,
)  # fmt: skip


@st.composite
def desks(draw: st.DrawFn) -> Scenario:
    """Two hours of calls, chats and mail; what happens on each is drawn."""

    def on(**keys: Any) -> dict[str, Any]:
        return {key: value for key, value in keys.items() if draw(st.booleans())}

    bot = {"containment": "40 %", "resolved": "60 %", "give_up": "10 %", "duration": SHORT}
    rules = on(
        redial={"on": "abandoned", "chance": "70 %", "delay": SHORT},
        repeat={"on": "unresolved", "chance": "80 %", "delay": MEAN},
        back={"on": "contained_unresolved", "chance": "80 %", "delay": SHORT},
        transfer={"on": "answered", "chance": "20 %", "to": "chats", "boost": True},
        also={"on": "waiting", "after": "1 min", "chance": "50 %", "to": "chats",
              "siblings": draw(st.sampled_from(["shared", "separate"]))},
    )  # fmt: skip
    calls = on(
        call_back={"wait": "30 s", "accepted": "50 %", "promise": "5 min", "answered": "70 %"},
        balking=[{"wait": "1 min", "share": "30 %"}],
        bot=bot,
        resolution="70 %",
    )
    slots = draw(st.integers(1, 3))
    chats = on(silent={"detection": "20 s"}, bot=bot, resolution="80 %")
    kinds = {
        "calls": {"channel": "phone", "arrivals": {"per_hour": 40}, "talk": MEAN, "patience": SHORT,
                  "follow_ups": rules, **calls},
        "chats": {"channel": "chat", "arrivals": {"per_hour": 30}, "talk": MEAN, "patience": MEAN, **chats},
        "mail": {"channel": "mail", "arrivals": {"per_hour": 10}, "talk": MEAN,
                 "due": {"within": "25 min", "clock": "wall"}, "interruptible": draw(st.booleans())},
    }  # fmt: skip
    return Scenario.model_validate(
        {
            "horizon": {"start": "2026-03-02 08:00", "length": "2 h", "interval": "30 min"},
            "channels": {"phone": on(lines=8, waiting_places=2), "chat": {"slots": 1}, "mail": {"deferred": True}},
            "bots": {"bot": {}},
            "contact_types": kinds,
            "agent_groups": {
                "voice": {"skills": ["calls", "mail"]},
                "text": {"skills": ["chats", "mail"], "slots": slots, "pace": [1, 0.8, 0.6][:slots]},
            },
            "staffing": {
                "shifts": [
                    {"group": "voice", "start": "08:00", "length": "2 h", "number": draw(st.integers(1, 5))},
                    {"group": "text", "start": "08:00", "length": "1 h", "number": draw(st.integers(1, 3))},
                    {"group": "text", "start": "08:30", "length": "1.5 h", "number": 1},
                ]
            },
            "backlog": on(mail={"number": 5, "age": {"family": "uniform", "low": 0, "high": "3 h"}}),
            "customers": {"window": "20 min"},
        }
    )


class Twin:
    """One run, row by row."""

    def __init__(self, outcome: OutcomeTable, desk: Scenario, rules: Rules, came: Demand) -> None:
        self.c, self.spells, self.desk, self.rules, self.came = outcome.contacts, outcome.spells, desk, rules, came
        self.rows = range(len(self.c.type))
        self.sums: dict[str, Counter[Any]] = {}

    def add(self, name: str, *key: int, value: float = 1) -> None:
        self.sums.setdefault(name, Counter())[key] += value

    def at(self, ms: int) -> int:
        return min(max(ms // LENGTH, 0), INTERVALS - 1)

    def origin(self, i: int) -> str:
        if self.c.cause[i] < Cause.FOLLOW_UP:
            return "carried" if self.c.cause[i] == Cause.CARRIED_IN else "drawn"
        assert self.rules.mechanisms.follow_ups is not None
        on = int(self.rules.mechanisms.follow_ups.on[self.c.cause[i] - 1])
        return {Ending.WAITING: "elsewhere", Ending.UNRESOLVED: "repeats", Status.CONTAINED_UNRESOLVED: "repeats",
                Status.ANSWERED: "transfers", Status.ABANDONED: "redials"}[on]  # fmt: skip

    def count(self) -> dict[str, Counter[Any]]:
        for i in self.rows:
            self.ending(i)
            if self.origin(i) == "drawn":
                self.customer(i)
            if self.desk.contact_types[list(self.desk.contact_types)[self.c.type[i]]].due:
                self.open(i)
        if not self.desk.contact_types["mail"].interruptible:
            self.busy()
        return self.sums

    def ending(self, i: int) -> None:
        c, k, status, origin = self.c, int(self.c.type[i]), Status(int(self.c.status[i])), self.origin(i)
        queued, answered, arrival = int(c.queued[i]), int(c.answered[i]), int(c.arrival[i])
        at = self.at(arrival if queued == NEVER else queued)
        if origin == "carried":
            self.add("carried_in", k, at)
            return
        if status == Status.AFTER_HORIZON:
            self.add("after_horizon", k, at)
            return
        self.add("arrived" if origin == "drawn" else origin, k, self.at(arrival))
        if status.name.lower() in ("balked", "silent", "called_back", "callback_unanswered", "withdrawn"):
            self.add(status.name.lower(), k, at)
        if status in OFFERED:
            self.add("offered", k, at)
            self.add("virtual_in_time", k, at, value=int(self.virtual(i) <= 20_000))
        if status in SERVED:
            self.add("first_response_ms", k, at, value=answered - arrival)
        if int(c.predicted[i]) != NEVER and self.offered_call_back(i):
            self.add("callbacks_offered", k, at)
            word = mix(self.key(i), ACCEPTS_CALLBACK) >> 32
            self.add("callbacks_accepted", k, at, value=int(word < self.rules.mechanisms.offers.accept_word[k]))  # type: ignore[union-attr]

    def taken(self, i: int) -> int | None:
        c = self.c
        if c.answered[i] != NEVER:
            return int(c.answered[i])
        return int(c.released[i] - c.work[i]) if c.agent[i] >= 0 and c.released[i] != NEVER else None

    def asked(self, i: int) -> int:
        return int(self.c.arrival[i] if self.c.queued[i] == NEVER else self.c.queued[i])

    def virtual(self, i: int) -> float:
        if (own := self.taken(i)) is not None:
            return own - self.asked(i)
        behind = (j for j in self.rows if self.c.type[j] == self.c.type[i] and self.asked(j) > self.asked(i))
        later = [when for j in behind if (when := self.taken(j)) is not None]
        return max(min(later), int(self.c.ended[i])) - self.asked(i) if later else np.inf

    def offered_call_back(self, i: int) -> bool:
        offers = self.rules.mechanisms.offers
        return offers is not None and self.c.status[i] != Status.BALKED and (
            int(self.c.predicted[i]) >= int(offers.offer_at[self.c.type[i]])
        )  # fmt: skip

    def key(self, i: int) -> int:
        if self.c.cause[i] < Cause.FOLLOW_UP:
            return int(self.came.key[i])
        parent = int(self.c.parent[i])
        first = self.rules.mechanisms.follow_ups.first[self.c.type[parent]]  # type: ignore[union-attr]
        return mix(self.key(parent), CHILD + int(self.c.cause[i]) - 1 - int(first))

    def customer(self, i: int) -> None:
        c, k = self.c, int(self.c.type[i])
        own = [j for j in self.rows if c.root[j] == i]
        at, begun = self.at(int(c.arrival[i])), int(c.arrival[i])
        settling = [int(c.ended[j]) for j in own if (c.status[j] in SERVED and c.resolved[j])
                    or c.status[j] == Status.RESOLVED_IN_BOT]  # fmt: skip
        self.add("unserved_customers", k, at, value=not any(c.status[j] in (*SERVED, *KEPT) for j in own))
        if begun >= LENGTH * INTERVALS - WINDOW:
            return
        soon = [j for j in own if c.arrival[j] - begun <= WINDOW and c.status[j] != Status.AFTER_HORIZON]
        back = [j for j in soon if j != i and self.origin(j) != "transfers"]
        settled = bool(settling) and min(settling) - begun <= WINDOW
        served = c.status[i] in (*SERVED, *KEPT)
        self.add("watched", k, at)
        self.add("contacts", k, at, value=1 + len(back))
        self.add("settled", k, at, value=settled)
        self.add("settling_ms", k, at, value=min(settling) - begun if settled else 0)
        self.add("settled_first", k, at, value=served and settled and not back)
        self.add("stayed_away", k, at, value=c.status[i] in KEPT and not back)

    def open(self, i: int) -> None:
        c = self.c
        done = np.inf if c.released[i] == NEVER else int(c.released[i])
        for end in range(INTERVALS):
            now = (end + 1) * LENGTH
            if c.queued[i] <= now < done:
                self.add("open", int(c.type[i]), end)
                self.add("age_ms", int(c.type[i]), end, value=now - int(c.queued[i]))
                self.add("overdue", int(c.type[i]), end, value=int(c.arrival[i]) + 1_500_000 <= now)

    def busy(self) -> None:
        """Time with anything in hand, where no work is interrupted: the table does not show its pauses."""
        c, ring = self.c, 20_000
        for agent in np.unique(c.agent[c.agent >= 0]):
            mine = sorted((int(self.taken(i) or 0) - ring * (c.status[i] == Status.CALLED_BACK), int(c.released[i]))
                          for i in self.rows if c.agent[i] == agent)  # fmt: skip
            group, until = int(self.spells.group[self.spells.agent == agent][0]), 0
            for start, end in mine:
                for j in range(INTERVALS):
                    low, high = max(start, until, j * LENGTH), min(end, (j + 1) * LENGTH)
                    self.add("some_ms", group, j, value=max(0, high - low))
                until = max(until, end)


def counted(t: Tally) -> dict[str, Any]:
    assert t.endings is not None
    assert t.in_hand is not None
    assert t.journeys is not None
    found = {**vars(t.endings), **vars(t.journeys), "arrived": t.arrived, "offered": t.offered, "some_ms": t.busy_ms}
    if t.promises is not None:
        found |= vars(t.promises)
    if t.backlog is not None:
        found |= vars(t.backlog)
        found["open"] = t.backlog.open.reshape(3, 5, INTERVALS).sum(axis=1)
    return found


def run(desk: Scenario, seed: int) -> tuple[OutcomeTable, Rules, Demand, Tally]:
    assert desk.staffing is not None
    rules, came = routing.rules(desk), demand.sample(desk, seed, 0)
    staffing = attendance.attend(desk, desk.staffing, seed, 0)
    outcome = reference.run(came, staffing, rules)
    return outcome, rules, came, tally_run(outcome, desk, staffing, rules, came)


@given(desks(), st.integers(0, 99))
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=25)
def test_a_full_tally_is_that_of_its_twin(desk: Scenario, seed: int) -> None:
    outcome, rules, came, tally = run(desk, seed)
    found = counted(tally)
    twin = Twin(outcome, desk, rules, came).count()
    for name, expected in twin.items():
        kept = {key: value for key, value in expected.items() if value}
        assert {key: int(value) for key, value in np.ndenumerate(found[name]) if value} == kept, name


@given(desks(), st.integers(0, 99))
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=25)
def test_parts_make_up_the_whole_whatever_happens(desk: Scenario, seed: int) -> None:
    outcome, _, came, t = run(desk, seed)
    assert t.endings is not None
    assert t.in_hand is not None
    e, h = t.endings, t.in_hand
    assert t.arrived.sum() == len(came) - e.carried_in.sum()
    in_bot = t.bot_resolved + t.bot_contained_unresolved + t.bot_gave_up
    outside = t.closed + e.withdrawn + e.called_back + e.callback_unanswered
    entered, ended = t.arrived + e.follow_ups, t.offered + outside + in_bot
    assert (entered.sum(axis=1) == ended.sum(axis=1)).all()
    assert (t.offered == t.answered + t.abandoned + t.unserved + t.blocked + e.balked).all()
    assert entered.sum() + e.after_horizon.sum() + e.carried_in.sum() == len(outcome.contacts.type)
    assert (h.talk_ms >= 0).all()
    if not desk.contact_types["mail"].interruptible:
        assert (h.some_ms <= t.staffed_ms).all()
        assert (h.slot_ms <= h.slots_staffed_ms).all()
    if t.backlog is not None:
        assert (t.backlog.late <= t.backlog.due).all()
    if t.promises is not None:  # who accepted by key was rung, or waited in vain, and nobody else
        rung, accepted = t.promises.callbacks_rung, t.promises.callbacks_accepted
        assert (rung == e.called_back + e.callback_unanswered).all()
        assert ((rung <= accepted) & (accepted <= rung + t.unserved + e.withdrawn)).all()


def test_a_fault_in_the_twin_would_be_seen() -> None:
    """Red where redials are taken for repeats: the twin and the count then differ in the first desk that has any."""
    desk = Scenario.model_validate_json(
        """{"horizon": {"start": "2026-03-02 08:00", "length": "2 h"}, "channels": {"phone": {}},
        "contact_types": {"calls": {"channel": "phone", "talk": {"family": "exponential", "mean": "6 min"},
        "arrivals": {"per_hour": 40}, "patience": {"family": "exponential", "mean": "1 min"},
        "follow_ups": {"redial": {"on": "abandoned", "chance": 1}}}},
        "agent_groups": {"all": {"skills": ["calls"]}}, "staffing": {"levels": {"all": {"08:00": 2}}}}"""
    )
    tally = run(desk, 1)[3]
    assert tally.endings is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sim.rows._origin_of", lambda _: 3)
        wrong = run(desk, 1)[3]
    assert wrong.endings is not None
    assert tally.endings.redials.sum() == wrong.endings.repeats.sum() > 0
    assert wrong.endings.redials.sum() == 0
