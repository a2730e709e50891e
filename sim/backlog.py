"""Work that can wait: what lies open at the end of each interval, how old it is, and whether it is done when it is due.

A contact of a deferred type is open from when it asks until an agent is rid of it.
"""

from typing import Any, Literal, NamedTuple

import numpy as np

from sim.endings import open_before
from sim.grid import Grid, sum_by
from sim.outcome import NEVER, Status
from sim.parts import AGES, AGES_H, Backlog, Ints
from sim.rows import Bools, Rows
from sim.units import to_ms

_NOT_YET = np.iinfo(np.int64).max


def backlog(rows: Rows) -> Backlog | None:
    """Count it; None where nothing can wait."""
    deferral = rows.rules.mechanisms.deferral
    if deferral is None or not deferral.deferred.any():
        return None
    c, grid = rows.contacts, rows.grid
    own = deferral.deferred[rows.kind] & (c.queued != NEVER) & (c.status != Status.AFTER_HORIZON)
    own &= c.status != Status.BLOCKED
    kind, since = rows.kind[own], c.queued[own]
    done = np.where(c.released == NEVER, _gone(rows), c.released)[own]
    due = due_ms(rows)[own]
    judged = (done != _NOT_YET) | (due <= grid.end_ms)
    late = (np.where(done == _NOT_YET, grid.end_ms, done) > due) & judged
    cell, size = rows.cell[own], rows.types * grid.intervals
    count, work = _by_age(rows, kind, since, done, _work_of(rows, own))
    one = np.ones(len(kind), dtype=np.int64)
    there, came = (_at_ends(grid, _Spans(kind, since, done, weight), rows.types) for weight in (one, since))
    return Backlog(
        open=count,
        work_ms=work,
        age_ms=there * (np.arange(1, grid.intervals + 1) * grid.length_ms) - came,
        overdue=_at_ends(grid, _Spans(kind, np.maximum(since, due), done, one), rows.types),
        due=np.bincount(cell[judged], minlength=size).reshape(rows.types, -1),
        late=np.bincount(cell[late], minlength=size).reshape(rows.types, -1),
    )


def _gone(rows: Rows) -> Ints:
    """When those who were never served stopped being work: withdrawn then; unserved stay open."""
    c = rows.contacts
    return np.where(c.status == Status.UNSERVED, _NOT_YET, c.ended)


def _work_of(rows: Rows, own: Bools) -> Ints:
    """Work in each of them: what it took, or what was drawn with it, else the mean of its type."""
    c = rows.contacts
    work = c.work.astype(np.int64).copy()
    unknown = own & (c.released == NEVER)
    if rows.demand is not None:
        drawn = np.flatnonzero(unknown[: len(rows.demand)])
        work[drawn] = rows.demand.talk_ms[drawn].astype(np.int64) + rows.demand.after_ms[drawn]
        unknown[: len(rows.demand)] = False
    known = own & ~unknown
    mean = sum_by(rows.kind[known], work[known], rows.types) // np.maximum(
        np.bincount(rows.kind[known], minlength=rows.types), 1
    )
    work[unknown] = mean[rows.kind[unknown]]
    return work[own]


def _by_age(rows: Rows, kind: Ints, since: Ints, done: Ints, work: Ints) -> tuple[Ints, Ints]:
    """Open contacts and their work, [type * age, interval]; a contact moves from class to class as it ages."""
    borders = [0, *(h * 3_600_000 for h in AGES_H)]
    starts = [since + border for border in borders]
    ends = [*(np.minimum(start, done) for start in starts[1:]), done]
    row = np.concatenate([kind * len(AGES) + age for age in range(len(AGES))])
    start, end = np.concatenate(starts), np.concatenate(ends)
    weights = (np.ones(len(row), dtype=np.int64), np.tile(work, len(AGES)))
    many, hours = (_at_ends(rows.grid, _Spans(row, start, end, w), rows.types * len(AGES)) for w in weights)
    return many, hours


class _Spans(NamedTuple):
    """Spans [start, end) with a row to count them in, and what each weighs."""

    row: Ints
    start: Ints
    end: Ints
    weight: Ints


def _at_ends(grid: Grid, spans: _Spans, rows: int) -> Ints:
    """Weight of the spans that hold the end of each interval, [row, interval]."""
    length, intervals = grid.length_ms, grid.intervals
    row, start, end, weight = spans
    first = np.clip(-(-start // length) - 1, 0, intervals)  # the first interval whose end is not before the start
    last = np.clip(-(-np.minimum(end, _NOT_YET - length) // length) - 1, 0, intervals)
    some = last > first
    edge, width = row[some] * (intervals + 1), intervals + 1
    came = sum_by(edge + first[some], weight[some], rows * width)
    went = sum_by(edge + last[some], weight[some], rows * width)
    found: Ints = np.cumsum((came - went).reshape(rows, width), axis=1)[:, :intervals]
    return found


# ------------------------------------------------------------------------------------------------------------ due times


def due_ms(rows: Rows) -> Ints:
    """When each contact is due: its allowance after it came, by the clock on the wall or that of opening hours."""
    arrival, found = rows.contacts.arrival, np.full(len(rows), _NOT_YET)
    for k, kind in enumerate(rows.scenario.contact_types.values()):
        due: Any = getattr(kind, "due", None)
        if due is not None:
            mine, within = np.flatnonzero(rows.kind == k), to_ms(due.within)
            if due.clock == "wall":
                begun = opens_for(rows, k, arrival[mine], 0)
                found[mine] = np.where(begun == _NOT_YET, _NOT_YET, begun + within)
            else:
                found[mine] = opens_for(rows, k, arrival[mine], within)
    return found


def opens_for(rows: Rows, k: int, start: Ints, allowance_ms: int) -> Ints:
    """When a type will have been open for so long since `start`; never where it will not.

    For no time at all it is `start` itself while it is open, else the next opening.
    """
    if rows.rules.always_open[k]:
        return start + allowance_ms
    opens, closes = rows.rules.opens_ms[k], rows.rules.closes_ms[k]
    whole = np.concatenate([[0], np.cumsum(closes - opens)])
    wanted = open_before(rows, k, start) + allowance_ms
    if not len(opens):
        return np.full(len(start), _NOT_YET)
    side: Literal["left", "right"] = "left" if allowance_ms else "right"  # what fills a window ends with it
    window = np.searchsorted(whole, wanted, side=side) - 1
    inside = np.clip(window, 0, len(opens) - 1)
    found = np.maximum(opens[inside] + wanted - whole[inside], start)
    return np.where((window >= len(opens)) | (wanted > whole[-1]), _NOT_YET, found)


__all__ = ["backlog", "due_ms", "opens_for"]
