"""Agents' time: how long they have anything in hand, how many contacts, how many slots; what handling takes.

The table tells when an agent first and last had a contact, and the work in it; three things are read from that.
Ringing and finding out that nobody is there begin as long before their end as they last with nothing else in hand.
Work that was interrupted fills the whole span from first to last: its agent never has empty hands before resuming it.
Work that an agent handed back at the end of a spell counts from the last agent's spell on; what had been done of it
before is booked from its first start on, to the last agent: the table does not say whose it was.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from sim.grid import sum_by
from sim.metrics import Tally
from sim.outcome import NEVER, Status
from sim.parts import InHand, Ints
from sim.rows import Rows


def in_hand(rows: Rows, usual: Tally) -> InHand:
    """Count it; `usual` is the tally of the contacts that stand in the usual figures."""
    spans, grid = spans_of(rows), rows.grid
    group_of = rows.group_of
    group, some = group_of[spans.agent], spans.union()
    by_need = _by_need(rows, spans, group)
    slots = rows.rules.mechanisms.slots
    capacity = np.ones(rows.groups, dtype=np.int64) if slots is None else slots.capacity.astype(np.int64)
    none = np.zeros((rows.groups, grid.intervals), dtype=np.int64)
    return InHand(
        some_ms=grid.spread(group_of[some.agent], some.start, some.end, rows.groups),
        contact_ms=sum(by_need.values(), start=none),
        slot_ms=sum((n * time for n, time in by_need.items()), start=none),
        slots_staffed_ms=usual.staffed_ms * capacity[:, None],
        **_handling(rows, usual),
        **_fairness(rows, some, group_of),
    )


def _by_need(rows: Rows, spans: "Spans", group: Ints) -> dict[int, Ints]:
    """Time with a contact in hand by how many slots it takes, [group, interval]."""
    slots, spread = rows.rules.mechanisms.slots, rows.grid.spread
    if slots is None:
        return {1: spread(group, spans.start, spans.worked_until, rows.groups)}
    need, found = slots.need[spans.kind, group], {}
    for n in np.unique(need):
        of = np.flatnonzero(need == n)
        found[int(n)] = spread(group[of], spans.start[of], spans.worked_until[of], rows.groups)
    return found


def _handling(rows: Rows, usual: Tally) -> dict[str, Any]:
    """Talks that began, and what they took: usual ones, those called back or carried in, interrupted work as worked."""
    c = rows.contacts
    others = np.flatnonzero(rows.handled & ~(rows.counted & (c.status == Status.ANSWERED)))
    whole = {
        "talks": usual.answered + rows.count(others),
        "talk_ms": usual.talk_ms + rows.total(c.ended - c.answered, others),
        "after_ms": usual.after_ms + rows.total(c.released - c.ended, others),
        "work_ms": rows.total(c.work, rows.handled),
    }
    if rows.interruptible is not None:
        worked = rows.handled & rows.interruptible
        whole["talk_ms"] += rows.total(c.work - (c.ended - c.answered), worked)
    return whole


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
        shift = self.agent * _AGENT
        order = np.argsort(self.start + shift)
        shift = shift[order]
        start, end = self.start[order] + shift, self.end[order] + shift
        covered = np.concatenate([start[:1], np.maximum.accumulate(end)[:-1]])
        start = np.maximum(start, covered)
        some = np.flatnonzero(end > start)
        return Pieces(self.agent[order[some]], start[some] - shift[some], end[some] - shift[some])


class Pieces(NamedTuple):
    """Disjoint stretches of agents' time."""

    agent: Ints
    start: Ints
    end: Ints


def spans_of(rows: Rows) -> Spans:
    """Each contact with its last agent, and what was done of it in spells before."""
    c, offers = rows.contacts, rows.rules.mechanisms.offers
    had = np.flatnonzero((c.agent >= 0) & rows.there)
    kind, agent = rows.kind[had], c.agent[had].astype(np.int64)
    answered, end, work = c.answered[had], c.released[had], c.work[had]
    start = np.where(answered == NEVER, end - work, answered)
    if offers is not None:
        start -= np.where(c.status[had] == Status.CALLED_BACK, offers.ring_ms[kind], 0)
    whole = Spans(kind, agent, start, end, end)
    return whole if rows.interruptible is None else _with_pauses(rows, whole, had)


def _with_pauses(rows: Rows, whole: Spans, had: Ints) -> Spans:
    """The same where work was interrupted or handed back."""
    c, start, end = rows.contacts, whole.start, whole.end
    assert rows.interruptible is not None
    pausing = np.flatnonzero(rows.interruptible[had])
    came, went = _last_spell(rows, had[pausing])
    start[pausing] = np.maximum(start[pausing], came)
    end[pausing] = np.where(end[pausing] == NEVER, np.maximum(went, start[pausing]), end[pausing])
    until, work = end.copy(), c.work[had]
    until[pausing] = np.minimum(start[pausing] + work[pausing], end[pausing])
    before = work[pausing] - (until[pausing] - start[pausing])
    earlier, before = pausing[before > 0], before[before > 0]
    first = c.answered[had[earlier]]
    return Spans(
        kind=np.concatenate([whole.kind, whole.kind[earlier]]),
        agent=np.concatenate([whole.agent, whole.agent[earlier]]),
        start=np.concatenate([start, first]),
        end=np.concatenate([end, first + before]),
        worked_until=np.concatenate([until, first + before]),
    )


def _last_spell(rows: Rows, which: Ints) -> tuple[Ints, Ints]:
    """Begin and end of the spell in which the agent was rid of each of these; what is not done, of the agent's last."""
    c, spells = rows.contacts, rows.outcome.spells
    until = np.where(c.released[which] == NEVER, _AGENT - 1, c.released[which])
    at = c.agent[which].astype(np.int64) * _AGENT + until
    found = np.searchsorted(spells.agent.astype(np.int64) * _AGENT + spells.on, at, side="left") - 1
    found = np.maximum(found, 0)
    return spells.on[found], np.where(spells.left[found] == NEVER, rows.grid.end_ms, spells.left[found])


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
