"""Agents' time: how long they have anything in hand, how many contacts, how many slots; what handling takes.

The table tells when an agent first and last had a contact, and the work in it; three things are read from that.
Ringing and finding out that nobody is there begin as long before their end as they last with nothing else in hand.
Work that was interrupted fills the whole span from first to last: its agent never has empty hands before resuming it.
Work that an agent handed back at the end of a spell counts from the last agent's spell on; what had been done of it
before is booked from its first start on.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from sim.grid import sum_by
from sim.outcome import NEVER, Status
from sim.parts import InHand, Ints
from sim.rows import Bools, Rows


def in_hand(rows: Rows, staffed_ms: Ints) -> InHand:
    """Count them; `staffed_ms` [group, interval] is agents' time at the desk."""
    spans, grid = spans_of(rows), rows.grid
    group_of = rows.group_of
    group, some = group_of[spans.agent], spans.union()
    slots = rows.rules.mechanisms.slots
    need = np.ones(len(group), dtype=np.int64) if slots is None else slots.need[spans.kind, group].astype(np.int64)
    capacity = np.ones(rows.groups, dtype=np.int64) if slots is None else slots.capacity.astype(np.int64)
    by_need = {int(n): _spread(rows, spans, group, need == n) for n in np.unique(need)}
    none = np.zeros((rows.groups, grid.intervals), dtype=np.int64)
    return InHand(
        some_ms=grid.spread(group_of[some.agent], some.start, some.end, rows.groups),
        contact_ms=sum(by_need.values(), start=none),
        slot_ms=sum((n * time for n, time in by_need.items()), start=none),
        slots_staffed_ms=staffed_ms * capacity[:, None],
        **_handling(rows),
        **_fairness(rows, some, group_of),
    )


def _spread(rows: Rows, spans: "Spans", group: Ints, which: Bools) -> Ints:
    return rows.grid.spread(group[which], spans.start[which], spans.worked_until[which], rows.groups)


def _handling(rows: Rows) -> dict[str, Any]:
    """Talks, and what they took, booked like their contacts; also of those carried in."""
    c, which = rows.contacts, rows.talked
    interrupted = _interruptible(rows) & which
    elapsed = np.where(interrupted, c.work, c.ended - c.answered)
    after = np.where(interrupted, 0, c.released - c.ended)
    return {
        "talks": rows.count(which),
        "talk_ms": rows.total(elapsed, which),
        "after_ms": rows.total(after, which),
        "work_ms": rows.total(c.work, which),
    }


def _interruptible(rows: Rows) -> Bools:
    deferral = rows.rules.mechanisms.deferral
    return np.zeros(len(rows), dtype=np.bool_) if deferral is None else deferral.interruptible[rows.kind]


# ------------------------------------------------------------------------------------------------------------- spans

_AGENT = 2**41
"""Agents lie so many milliseconds apart, 69 years, where their times stand behind one another in one row."""


@dataclass(frozen=True, eq=False)
class Spans:
    """From when to when an agent had a contact; but for pauses it was worked on until `worked_until`."""

    kind: Ints
    agent: Ints
    start: Ints
    end: Ints
    worked_until: Ints

    def union(self) -> "Pieces":
        """The time in which each agent had at least one."""
        order = np.lexsort((self.start, self.agent))
        shift = self.agent[order] * _AGENT
        start, end = self.start[order] + shift, self.end[order] + shift
        covered = np.concatenate([start[:1], np.maximum.accumulate(end)[:-1]])
        start = np.maximum(start, covered)
        some = np.flatnonzero(end > start)
        return Pieces(self.agent[order][some], start[some] - shift[some], end[some] - shift[some])


class Pieces(NamedTuple):
    """Disjoint stretches of agents' time."""

    agent: Ints
    start: Ints
    end: Ints


def spans_of(rows: Rows) -> Spans:
    """Each contact with its last agent, and what was done of it in spells before."""
    c, offers, interruptible = rows.contacts, rows.rules.mechanisms.offers, _interruptible(rows)
    had = c.agent >= 0
    finished = had & (c.released != NEVER)
    ring = np.where(c.status == Status.CALLED_BACK, 0 if offers is None else offers.ring_ms[rows.kind], 0)
    start = np.where(c.answered == NEVER, c.released - c.work, c.answered - ring)
    pausing = np.flatnonzero(finished & interruptible)
    start[pausing] = np.maximum(start[pausing], _spell_began(rows, pausing))
    until = np.where(interruptible, np.minimum(start + c.work, c.released), c.released)
    before = np.where(had & interruptible, c.work - np.where(finished, until - start, 0), 0)
    earlier = np.flatnonzero(before > 0)
    first = c.answered[earlier]
    return Spans(
        kind=np.concatenate([rows.kind[finished], rows.kind[earlier]]),
        agent=np.concatenate([c.agent[finished], c.agent[earlier]]).astype(np.int64),
        start=np.concatenate([start[finished], first]),
        end=np.concatenate([c.released[finished], first + before[earlier]]),
        worked_until=np.concatenate([until[finished], first + before[earlier]]),
    )


def _spell_began(rows: Rows, which: Ints) -> Ints:
    """When the spell began in which the agent was rid of each of these contacts."""
    c, spells = rows.contacts, rows.outcome.spells
    at = c.agent[which].astype(np.int64) * _AGENT + c.released[which]
    found = np.searchsorted(spells.agent.astype(np.int64) * _AGENT + spells.on, at, side="left") - 1
    return spells.on[np.maximum(found, 0)]


# ------------------------------------------------------------------------------------------------------------ fairness


def _fairness(rows: Rows, busy: Pieces, group_of: Ints) -> dict[str, Any]:
    """How far agents' occupancies, inside the horizon, lie from the mean of their group, and groups' from theirs."""
    end_ms, spells, agents = rows.grid.end_ms, rows.outcome.spells, len(group_of)

    def inside(start: Ints, end: Ints) -> Ints:
        return np.clip(end, 0, end_ms) - np.clip(start, 0, end_ms)

    left = np.where(spells.left == NEVER, end_ms, spells.left)
    there = sum_by(spells.agent.astype(np.int64), inside(spells.on, left), agents)
    some = sum_by(busy.agent, inside(busy.start, busy.end), agents)
    came = there > 0
    group, occupancy = group_of[came], some[came] / there[came]
    number = np.bincount(group, minlength=rows.groups)
    mean = np.bincount(group, weights=occupancy, minlength=rows.groups) / np.maximum(number, 1)
    off = np.bincount(group, weights=(occupancy - mean[group]) ** 2, minlength=rows.groups)
    whole = sum_by(group_of, there, rows.groups)
    of_group = sum_by(group_of, some, rows.groups)[whole > 0] / whole[whole > 0]
    between = ((of_group - of_group.mean()) ** 2).sum() if len(of_group) else 0.0
    return {
        "agents": number[:, None],
        "off_squared": off[:, None],
        "groups": np.full((1, 1), len(of_group)),
        "groups_off_squared": np.full((1, 1), between),
    }
