"""Work that can wait: what lies open at the end of each interval, how old it is, and whether it is done when it is due.

A contact of a deferred type is open from when it asks until an agent is rid of it.
"""

from typing import NamedTuple

import numpy as np

from sim.grid import Grid, sum_by
from sim.mechanisms import NOT_EVER
from sim.outcome import NEVER, Status
from sim.parts import AGES, AGES_H, Backlog, Ints
from sim.rows import Bools, Rows


def backlog(rows: Rows) -> Backlog | None:
    """Count it; None where nothing can wait."""
    deferral = rows.rules.mechanisms.deferral
    if deferral is None or not deferral.deferred.any():
        return None
    c, grid = rows.contacts, rows.grid
    own = deferral.deferred[rows.kind] & (c.queued != NEVER) & (c.status != Status.AFTER_HORIZON) & rows.there
    own &= c.status != Status.BLOCKED
    kind, since = rows.kind[own], c.queued[own]
    done = np.where(c.released == NEVER, _gone(rows), c.released)[own]
    due = rows.due[own]
    judged = (done != NOT_EVER) | (due <= grid.end_ms)
    late = (np.where(done == NOT_EVER, grid.end_ms, done) > due) & judged
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
    return np.where(c.status == Status.UNSERVED, NOT_EVER, c.ended)


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
    last = np.clip(-(-np.minimum(end, NOT_EVER - length) // length) - 1, 0, intervals)
    some = last > first
    edge, width = row[some] * (intervals + 1), intervals + 1
    came = sum_by(edge + first[some], weight[some], rows * width)
    went = sum_by(edge + last[some], weight[some], rows * width)
    found: Ints = np.cumsum((came - went).reshape(rows, width), axis=1)[:, :intervals]
    return found


__all__ = ["backlog"]
