"""What any outcome must satisfy, worked out from the desk and the table alone: no engine is asked.

Follow-ups, keys and draws are computed anew from the customers; work in hand is replayed agent by agent.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from sim.demand import FOREVER, BotFate
from sim.keys import ACCEPTS_CALLBACK, ANSWERS_CALLBACK, BALKS, CHILD, DRAWS, FOLLOW_UP, RESOLVES, mix
from sim.mechanisms import Ending, Predictor, Siblings
from sim.outcome import IN_BOT, NEVER, Cause, OutcomeTable, Status
from sim.routing import NEVER_RANK

BROUGHT = ("fate", "bot_ms", "hand_off_ms", "patience_ms", "leaves_at_once", "talk_ms", "after_ms")
TALKED = (Status.ANSWERED, Status.CALLED_BACK)
REFUSED = (Status.CLOSED, Status.BLOCKED, Status.BALKED)
AT_ONCE = {
    BotFate.RESOLVED: Status.RESOLVED_IN_BOT,
    BotFate.CONTAINED: Status.CONTAINED_UNRESOLVED,
    BotFate.GIVES_UP: Status.GAVE_UP_IN_BOT,
}


@dataclass
class Row:
    """One contact: what it brought, what became of it."""

    i: int
    key: int
    depth: int
    kind: int
    status: Status
    arrival: int
    queued: int
    answered: int
    ended: int
    released: int
    work: int
    agent: int
    resolved: bool
    predicted: int
    root: int
    parent: int
    cause: int
    fate: int = 0
    bot_ms: int = 0
    hand_off_ms: int = 0
    patience_ms: int = FOREVER
    leaves_at_once: bool = False
    talk_ms: int = 0
    after_ms: int = 0
    copy_of: int = -1
    """The rule by which it became one of several copies, first in its set; -1: it is none."""

    def says(self, purpose: int, chance: int) -> bool:
        return mix(self.key, purpose) >> 32 < chance


class Audit:
    """A run and its outcome, with all that can be worked out about each contact."""

    def __init__(self, run: Any, outcome: OutcomeTable) -> None:
        self.demand, self.staffing, self.rules = run
        self.outcome = outcome
        self.m = self.rules.mechanisms
        types = len(self.demand.types)
        off = np.zeros(types, bool)
        self.deferred = off if self.m.deferral is None else self.m.deferral.deferred
        self.interruptible = off if self.m.deferral is None else self.m.deferral.interruptible
        self.silent = off if self.m.silence is None else self.m.silence.silent
        self.rows: list[Row] = []
        for i in range(len(outcome.contacts.type)):
            self.rows.append(self._row(i))

    def _row(self, i: int) -> Row:
        c = self.outcome.contacts
        times = {name: int(getattr(c, name)[i]) for name in ("arrival", "queued", "answered", "ended", "released")}
        own = {name: int(getattr(c, name)[i]) for name in ("work", "agent", "predicted", "root", "parent", "cause")}
        row = Row(
            i=i, key=0, depth=0, kind=int(c.type[i]), status=Status(c.status[i]), resolved=bool(c.resolved[i]),
            **times, **own,
        )  # fmt: skip
        if i < len(self.demand):
            row.key = int(self.demand.key[i])
            for name in BROUGHT:
                setattr(row, name, int(getattr(self.demand, name)[i]))
            return row
        table, pools = self.m.follow_ups, self.demand.pools
        assert table is not None
        assert pools is not None
        assert 0 <= row.parent < i, "a follow-up has a parent made before it"
        parent, r = self.rows[row.parent], row.cause - Cause.FOLLOW_UP
        place = r - int(table.first[parent.kind])
        row.key, row.depth = mix(parent.key, CHILD + place), parent.depth + 1
        at = mix(row.key, DRAWS) & (pools.talk_ms.shape[1] - 1)
        for name in BROUGHT:
            setattr(row, name, int(getattr(pools, name)[row.kind, at]))
        if table.keeps_patience[r]:
            row.patience_ms = parent.patience_ms
        if table.keeps_talk[r]:
            row.talk_ms, row.after_ms = parent.talk_ms, parent.after_ms
        return row

    # ---------------------------------------------------------------------------------------------- row by row

    def rows_are_whole(self) -> None:
        """Every column fits the status."""
        c = self.outcome.contacts
        n = len(self.demand)
        assert np.array_equal(c.type[:n], self.demand.type)
        assert np.array_equal(c.arrival[:n], self.demand.arrival_ms)
        assert np.array_equal(c.root[:n], np.arange(n))
        assert (c.parent[:n] == -1).all()
        assert np.array_equal(c.cause[:n], np.where(self.demand.arrival_ms < 0, Cause.CARRIED_IN, Cause.ARRIVAL))
        for row in self.rows:
            self._fits(row)

    def _fits(self, row: Row) -> None:
        s, mail = row.status, self.interruptible[row.kind]
        if s == Status.AFTER_HORIZON:
            assert row.arrival >= self.rules.horizon_ms
            assert {row.queued, row.answered, row.ended, row.released, row.predicted} == {NEVER}
            assert (row.agent, row.work, row.resolved) == (-1, 0, False)
            return
        assert row.ended >= max(row.arrival, 0), "an end"
        assert (row.queued == NEVER) == (s in IN_BOT or (s == Status.WITHDRAWN and row.queued == NEVER))
        if row.queued != NEVER:
            assert row.ended >= row.queued >= row.arrival
        begun = row.answered != NEVER
        assert begun == (s in TALKED or (s == Status.UNSERVED and mail and row.agent >= 0))
        served = s in TALKED or s == Status.CALLBACK_UNANSWERED or (s == Status.SILENT and row.agent >= 0)
        assert (row.released != NEVER) == served
        assert (row.agent >= 0) == (served or begun)
        if s in TALKED:
            assert max(row.queued, 0) <= row.answered <= row.ended <= row.released
            assert row.ended == row.released or not mail
        if s in REFUSED:
            assert row.ended == row.queued
        if s == Status.CALLBACK_UNANSWERED:
            assert row.ended == row.released
        if s == Status.SILENT and served:
            assert row.released >= row.ended
        if s == Status.UNSERVED and begun:
            assert row.ended == self.outcome.last_ms
        if s == Status.WITHDRAWN:
            assert row.copy_of == -1  # filled in later; see copies_are_settled
        assert row.work >= 0
        assert row.work == 0 or row.agent >= 0

    def waits_are_within_patience(self) -> None:
        for row in self.rows:
            if row.queued == NEVER or self.deferred[row.kind]:
                assert row.status != Status.ABANDONED or not self.deferred[row.kind]
                continue
            since, s = max(row.queued, 0), row.status
            if s == Status.ABANDONED:
                waited = row.ended - since
                assert waited == row.patience_ms or (waited == 0 and row.leaves_at_once and row.arrival >= 0)
            elif s == Status.SILENT:
                assert self.silent[row.kind]
                assert row.ended - since == row.patience_ms
            elif s == Status.ANSWERED:
                assert row.answered - since <= row.patience_ms
            elif s == Status.UNSERVED:
                assert row.ended - since <= row.patience_ms or self.is_callback(row)

    def decisions_follow_the_key(self) -> None:
        offers, words = self.m.offers, self.m.resolved_word
        for row in self.rows:
            s = row.status
            if row.predicted != NEVER:
                assert offers is not None
                assert offers.predictor[row.kind] != Predictor.NONE
                assert row.predicted >= 0
                assert self.balks(row) == (s == Status.BALKED)
            if s in (Status.CALLED_BACK, Status.CALLBACK_UNANSWERED):
                assert offers is not None
                assert self.is_callback(row)
                assert row.says(ANSWERS_CALLBACK, int(offers.answer_word[row.kind])) == (s == Status.CALLED_BACK)
            if s == Status.ANSWERED:
                assert not self.is_callback(row)
            if s in TALKED:
                group = self.group_of[row.agent]
                assert row.resolved == (words is None or row.says(RESOLVES, int(words[row.kind, group])))
            else:
                assert not row.resolved
            if s in IN_BOT and s != Status.GAVE_UP_IN_BOT:
                assert s == AT_ONCE[BotFate(row.fate)]

    def balks(self, row: Row) -> bool:
        offers = self.m.offers
        assert offers is not None
        reached = np.flatnonzero(offers.balk_at[row.kind] <= row.predicted)
        return len(reached) > 0 and row.says(BALKS, int(offers.balk_word[row.kind, reached[-1]]))

    def is_callback(self, row: Row) -> bool:
        offers = self.m.offers
        if offers is None or row.predicted == NEVER or self.balks(row):
            return False
        value = int(offers.offer_at[row.kind])
        return row.predicted >= value and row.says(ACCEPTS_CALLBACK, int(offers.accept_word[row.kind]))

    # ---------------------------------------------------------------------------------------------- follow-ups

    def follow_ups_are_allowed_and_complete(self) -> None:
        """Each has a root and a rule that allows it; each ending has the one that the rules say, and no other."""
        made: dict[tuple[int, int], Row] = {}
        for row in self.rows[len(self.demand) :]:
            parent, table = self.rows[row.parent], self.m.follow_ups
            assert table is not None
            r = row.cause - Cause.FOLLOW_UP
            assert table.first[parent.kind] <= r < table.first[parent.kind + 1]
            assert row.root == parent.root
            assert row.kind == table.to[r]
            ending = int(table.after_ms[r]) if table.on[r] == Ending.WAITING else -1
            assert (parent.i, ending) not in made, "an ending has at most one follow-up"
            made[parent.i, ending] = row
        for row in self.rows:
            for ending, at, certain in self._endings(row):
                expected = self._expected(row, ending, at)
                found = made.pop((row.i, ending), None)
                if found is None:
                    assert expected is None or not certain
                else:
                    assert expected == (found.cause - Cause.FOLLOW_UP, found.arrival)
                    after = found.arrival >= self.rules.horizon_ms
                    assert (found.status == Status.AFTER_HORIZON) == after
        assert not made, "a follow-up of nothing"

    def _endings(self, row: Row) -> list[tuple[int, int, bool]]:
        """(how long it waited or -1, when, whether it certainly happened) of each ending that rules may follow."""
        if self.m.follow_ups is None or row.status == Status.AFTER_HORIZON:
            return []
        first, last = self.m.follow_ups.first[row.kind : row.kind + 2].tolist()
        moments = {int(self.m.follow_ups.after_ms[r]) for r in range(first, last) if self._on(r) == Ending.WAITING}
        least, most = self.waited_ms(row)
        found = [(ms, row.queued + ms, ms < least) for ms in moments if ms <= most and row.queued + ms >= 0]
        cut = row.status == Status.UNSERVED
        if not cut or row.answered == NEVER:
            found.append((-1, row.ended, not cut or row.ended < self.outcome.last_ms))
        if row.status == Status.GAVE_UP_IN_BOT and row.ended == self.outcome.last_ms:
            found[-1] = (-1, row.ended, False)
        return found

    def _on(self, r: int) -> int:
        assert self.m.follow_ups is not None
        return int(self.m.follow_ups.on[r])

    def waited_ms(self, row: Row) -> tuple[int, int]:
        """How long the contact waited for the first time, at least and at most; (-1, -1): it never did."""
        never = -1, -1
        if row.queued == NEVER or row.status in REFUSED:
            return never
        if row.status == Status.ABANDONED and row.leaves_at_once and row.ended == row.queued:
            return never
        if row.status in (Status.CALLED_BACK, Status.CALLBACK_UNANSWERED):
            assert self.m.offers is not None
            end = row.answered if row.status == Status.CALLED_BACK else row.released
            most = end - int(self.m.offers.ring_ms[row.kind]) - row.queued
            return (most if self.m.slots is None else 0), most
        waited = (row.answered if row.answered != NEVER else row.ended) - row.queued
        return waited, waited

    def _expected(self, row: Row, after: int, at: int) -> tuple[int, int] | None:
        """The rule and the arrival of the follow-up of an ending, by the keys."""
        table, pools = self.m.follow_ups, self.demand.pools
        assert table is not None
        assert pools is not None
        for r in range(int(table.first[row.kind]), int(table.first[row.kind + 1])):
            on = self._on(r)
            if after >= 0:
                fits = on == Ending.WAITING and int(table.after_ms[r]) == after
            else:
                fits = on == row.status or (on == Ending.UNRESOLVED and row.status in TALKED and not row.resolved)
            word = mix(row.key, FOLLOW_UP + r - int(table.first[row.kind]))
            if fits and row.depth < int(table.at_most[r]) and word >> 32 < int(table.word[r]):
                rows = pools.delay_ms.shape[1]
                return r, at + int(pools.delay_ms[r, word & (rows - 1)])
        return None

    def copies_are_settled(self) -> None:
        """Who is withdrawn is one of several copies that share a history, of which one was answered by then."""
        sets = self._sets()
        for row in self.rows:
            if row.status != Status.WITHDRAWN:
                continue
            members = sets.get(row.i, [])
            answers = [other.answered for other in members if other.answered != NEVER]
            assert answers, "withdrawn, though none was answered"
            assert min(answers) <= row.ended
        for members in {id(found): found for found in sets.values()}.values():
            first = min((m.answered for m in members if m.answered != NEVER), default=None)
            for row in members if first is not None else []:
                waits_on = row.status in (Status.ABANDONED, Status.UNSERVED) and row.answered == NEVER
                assert not waits_on or row.ended <= first, "waited on though a copy had been answered"

    def _sets(self) -> dict[int, list[Row]]:
        """The copies that share a history, by each of their ids."""
        sets: dict[int, list[Row]] = {}
        modes: dict[int, int] = {}
        for row in self.rows[len(self.demand) :]:
            assert self.m.follow_ups is not None
            siblings = int(self.m.follow_ups.siblings[row.cause - Cause.FOLLOW_UP])
            if siblings == Siblings.NONE or row.status == Status.AFTER_HORIZON:
                continue
            members = sets.setdefault(row.parent, [self.rows[row.parent]])
            modes.setdefault(id(members), siblings)
            members.append(row)
            sets[row.i] = members
        return {i: members for i, members in sets.items() if modes[id(members)] == Siblings.SHARED}

    # ------------------------------------------------------------------------------------------------- agents

    @cached_property
    def group_of(self) -> dict[int, int]:
        s = self.outcome.spells
        return dict(zip(s.agent.tolist(), s.group.tolist(), strict=True))

    def taken(self, row: Row) -> int | None:
        """When the last agent took the contact, if the table tells; at full speed ringing and finding out do."""
        if row.agent < 0 or self.interruptible[row.kind]:
            return None
        if row.status == Status.ANSWERED:
            return row.answered
        assert self.m.slots is not None or row.released != NEVER
        if self.m.slots is not None:
            return None
        if row.status == Status.SILENT:
            assert self.m.silence is not None
            return row.released - int(self.m.silence.detection_ms[row.kind])
        assert self.m.offers is not None
        end = row.answered if row.status == Status.CALLED_BACK else row.released
        return end - int(self.m.offers.ring_ms[row.kind])

    def agents_may_do_what_they_do(self) -> None:
        """Skilled, after the delay, inside a spell."""
        routing, s = self.rules.routing, self.outcome.spells
        for row in self.rows:
            if row.agent < 0:
                continue
            group = self.group_of[row.agent]
            assert routing.group_rank[row.kind, group] < NEVER_RANK
            at = self.taken(row)
            if at is None:
                continue
            assert at - row.queued >= routing.delay_ms[row.kind, group]
            mine = s.agent == row.agent
            before = at < s.off + self.looks_late if self.staffing.by_person else (at <= s.left) | (s.left == NEVER)
            assert (mine & (s.on <= at) & before).any()

    @property
    def looks_late(self) -> bool:
        """Whether contacts look when an agent leaves, and may find one who leaves next in that same millisecond."""
        holds = self.m.slots is not None and self.m.slots.holds.any()
        return bool(self.rules.routing.reserve is not None or holds or self.interruptible.any())

    def in_hand(self, agent: int) -> list[tuple[int, int, Row]]:
        """(from, to, contact) of what the table tells that the agent surely had in hand, at least."""
        found = []
        for row in self.rows:
            if row.agent != agent or row.released == NEVER:
                continue
            if self.interruptible[row.kind]:
                if row.work == row.ended - row.answered and self.m.strain is None and self._is_whole(row):
                    found.append((row.answered, row.released, row))
                continue
            at = self.taken(row)
            start = at if at is not None else (row.answered if row.status in TALKED else row.released)
            found.append((start, row.released, row))
        return found

    def _is_whole(self, row: Row) -> bool:
        """Whether interruptible work surely had one agent: the only one of the desk."""
        return len(self.group_of) == 1 and row.agent >= 0

    def slots_are_never_exceeded(self) -> None:
        slots = self.m.slots
        for agent, group in self.group_of.items():
            capacity = 1 if slots is None else int(slots.capacity[group])
            change: dict[int, int] = {}
            for start, end, row in self.in_hand(agent):
                need = 1 if slots is None else int(slots.need[row.kind, group])
                change[start] = change.get(start, 0) + need
                change[end] = change.get(end, 0) - need
            used = np.cumsum([change[at] for at in sorted(change)])
            assert used.max(initial=0) <= capacity

    def reserves_are_kept(self) -> None:
        """Whenever a contact is taken, so many others of the group may have been idle: no work across that instant."""
        reserve = self.rules.routing.reserve
        if reserve is None:
            return
        s = self.outcome.spells
        busy = {agent: [(a, b) for a, b, _ in self.in_hand(agent)] for agent in self.group_of}
        for row in self.rows:
            at = self.taken(row)
            if at is None:
                continue
            group = self.group_of[row.agent]
            others = [a for a, g in self.group_of.items() if g == group and a != row.agent]
            idle = 0
            for other in others:
                mine = s.agent == other
                there = (mine & (s.on <= at) & ((at <= s.left) | (s.left == NEVER))).any()
                idle += bool(there) and not any(a < at < b for a, b in busy[other])
            assert idle >= reserve[row.kind, group], "a reserve was used up"

    def work_takes_what_the_pace_makes_of_it(self) -> None:
        """Replay of agents who had ordinary contacts only: every end to the millisecond."""
        table = self.m.follow_ups
        duplicates = table is not None and (table.siblings == Siblings.SEPARATE).any()
        if self.m.strain is not None or self.interruptible.any() or duplicates:
            return
        for agent, group in self.group_of.items():
            mine = [row for row in self.rows if row.agent == agent]
            if all(row.status == Status.ANSWERED for row in mine):
                self._replay(agent, group, mine)

    def _replay(self, agent: int, group: int, mine: list[Row]) -> None:
        rate = [1000, 1000] if self.m.slots is None else self.m.slots.rate[group].tolist()
        given = self.staffing.permille
        person = 1000 if given is None or not self.staffing.by_person else int(given[agent])
        left: dict[int, int] = {}
        instants = sorted({t for row in mine for t in (row.answered, row.ended, row.released)})
        due: dict[int, int] = {}
        for before, now in pairwise([*instants[:1], *instants]):
            left = {i: max(0, units - rate[len(left)] * (now - before)) for i, units in left.items()}
            assert all(at >= now for at in due.values()), "late"
            for row in mine:
                skill = int(self.rules.time_permille[row.kind, group])
                factor = max(1, (skill * person * 1000 + 500_000) // 1_000_000)
                talk, after = ((ms * factor + 500) // 1000 for ms in (row.talk_ms, row.after_ms))
                assert row.work == talk + after
                if row.answered == now:
                    left[row.i] = talk * 1000
                if row.ended == now:
                    assert left[row.i] == 0, "too early"
                    left[row.i] = after * 1000
                if row.released == now:
                    assert left.pop(row.i) == 0, "too early"
            due = {i: now - -units // rate[len(left)] for i, units in left.items()}
        assert not left

    # ------------------------------------------------------------------------------------------ lines and bots

    def lines_are_never_exceeded(self) -> None:
        """Held from arrival to the end, or to the moment in which a call-back is accepted."""
        if self.m.lines is None:
            return
        for pool, lines in enumerate(self.m.lines.lines.tolist()):
            change: dict[int, int] = {}
            for row in self.rows:
                if self.m.lines.line_of[row.kind] != pool or row.arrival < 0 or row.status == Status.AFTER_HORIZON:
                    continue
                end = row.queued if self.is_callback(row) else row.ended
                change[row.arrival] = change.get(row.arrival, 0) + 1
                change[end] = change.get(end, 0) - 1
            held = np.cumsum([change[at] for at in sorted(change)])
            assert held.max(initial=0) <= lines

    def bots_are_never_overfull(self) -> None:
        """Whenever a session starts there is room for it."""
        limits = self.m.bot_limits
        if limits is None:
            return
        for bot in np.unique(limits.bot_of[limits.bot_of >= 0]).tolist():
            found = [self._session(row) for row in self.rows if limits.bot_of[row.kind] == bot]
            sessions = [span for span in found if span is not None]
            changes = [
                (int(t), int(c))
                for t, b, c in zip(limits.change_ms, limits.bot, limits.capacity, strict=True)
                if b == bot
            ]
            for start, _ in sessions:
                capacity = [c for t, c in changes if t <= start]
                if capacity:
                    assert sum(a <= start < b for a, b in sessions) <= max(capacity[-1], 0)

    def _session(self, row: Row) -> tuple[int, int] | None:
        """When the contact was in the bot, if it surely was, and for any time."""
        if row.bot_ms == 0:
            return None
        if row.status in (Status.RESOLVED_IN_BOT, Status.CONTAINED_UNRESOLVED):
            return row.ended - row.bot_ms, row.ended
        if row.fate != BotFate.HANDED_OFF or row.queued == NEVER or row.status == Status.WITHDRAWN or row.arrival < 0:
            return None
        end = row.queued - row.hand_off_ms
        return (end - row.bot_ms, end) if end - row.bot_ms >= row.arrival else None

    def all(self) -> None:
        """Everything."""
        self.rows_are_whole()
        self.waits_are_within_patience()
        self.decisions_follow_the_key()
        self.follow_ups_are_allowed_and_complete()
        self.copies_are_settled()
        self.agents_may_do_what_they_do()
        self.slots_are_never_exceeded()
        self.reserves_are_kept()
        self.work_takes_what_the_pace_makes_of_it()
        self.lines_are_never_exceeded()
        self.bots_are_never_overfull()
