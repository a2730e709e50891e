"""The fused tally: the sums of a run straight from the loop's columns, without an outcome table.

Equal to counting the table (`sim.metrics`), which defines what each sum means; the planner's and the experiment's
inner loops need nothing else.
"""

from typing import Any

import numpy as np

from sim.demand import Demand
from sim.engine.compiled.before import Early
from sim.engine.compiled.kernel import kernel, leading_zeros, whole
from sim.engine.compiled.loop import ABANDONED, ANSWERED, UNSERVED, Desk
from sim.outcome import NEVER, Measured, Status, Sums

SILENT = int(Status.SILENT)
STATUSES = len(Status)


def count(demand: Demand, early: Early, desk: Desk, spells: Any, measured: Measured) -> Sums:
    """Sums of a run with these spells."""
    columns = {"type": demand.type, "arrival": demand.arrival_ms, **early.columns}
    times = {name: np.ascontiguousarray(spells[name]) for name in ("group", "on", "off", "left")}
    group_of = np.ascontiguousarray(desk.agents["group"])
    return count_columns(columns, times, group_of, measured, len(demand.types), len(desk.excess))


def count_columns(
    columns: dict[str, Any], spells: dict[str, Any], group_of: Any, measured: Measured, types: int, groups: int
) -> Sums:
    """Sums of an outcome's columns of contacts and of spells; `group_of` each agent."""
    sums = Sums.zeros(measured, types, groups)
    *of_contacts, staffed, overtime = (column.reshape(-1) for column in sums)
    _count(columns["type"], columns["arrival"], columns["status"], columns["queued"], columns["answered"],
           columns["ended"], columns["released"], columns["agent"], group_of,
           measured.limits, measured.interval_ms, measured.intervals, measured.buckets, *of_contacts)  # fmt: skip
    _count_spells(spells["group"], spells["on"], spells["off"], spells["left"],
                  measured.interval_ms, measured.intervals, staffed, overtime)  # fmt: skip
    return sums


@kernel
def _count_spells(
    groups: Any, on: Any, off: Any, left: Any, interval_ms: int, intervals: int, staffed: Any, overtime: Any
) -> None:
    """Time at the desk; an agent who never left is there to the end."""
    last, horizon_ms = intervals - 1, interval_ms * intervals
    for s in range(len(groups)):
        group = np.int64(groups[s])
        gone = horizon_ms if left[s] == NEVER else left[s]
        if off[s] != NEVER:
            overtime[group] += max(gone - off[s], 0)
        start, stop = min(max(on[s], 0), horizon_ms), min(max(gone, 0), horizon_ms)
        if start < horizon_ms:
            _spread(staffed, group * intervals, start // interval_ms, start, stop, interval_ms, last)


@kernel
def _later(i: int, at: int, interval_ms: int, last: int) -> int:
    """The interval of an instant that lies in interval i or later; the last takes all that lies behind it."""
    while i < last and at >= (i + 1) * interval_ms:
        i += 1
    return i


@kernel
def _bucket(wait: Any) -> Any:
    """Bucket of a wait: exact below 128, then 64 to the octave."""
    octave = max(57 - whole(leading_zeros(wait)), 0)
    return (wait >> octave) + 64 * octave


@kernel
def _spread(total: Any, row: Any, i: int, start: int, end: int, interval_ms: int, last: int) -> None:
    """Book the time from `start`, in interval i, to `end`, in the cells from `row` on."""
    while i < last and end > (i + 1) * interval_ms:
        total[np.uint64(row + i)] += (i + 1) * interval_ms - start
        i += 1
        start = i * interval_ms
    total[np.uint64(row + i)] += end - start


@kernel
def _count(
    kinds: Any, arrival: Any, statuses: Any, queued: Any, answered: Any, ended: Any, released: Any,
    agents: Any, group_of: Any, limits: Any, interval_ms: int, intervals: int, buckets: int,
    by_fate: Any, arrived: Any, handed_off: Any, wait_answered: Any, wait_offered: Any, queue: Any,
    talk: Any, after: Any, busy: Any, wait_max: Any, histogram: Any,
) -> None:  # fmt: skip
    last, horizon_ms, levels = intervals - 1, interval_ms * intervals, len(limits)
    layer = len(by_fate) // (levels + 1)  # places of all waits of one level
    least = 0  # what waits no longer is in the first level
    for j in range(levels):
        for kind in range(limits.shape[1]):
            least = min(least, limits[j, kind])
    came, begins, ends = 0, -NEVER, NEVER  # the interval of the last arrival, as arrivals mostly share it
    for c in range(len(kinds)):
        k, at, status = np.int64(kinds[c]), arrival[c], np.int64(statuses[c])
        if not begins <= at < ends:
            came = _later(0, at, interval_ms, last)
            begins, ends = came * interval_ms, (came + 1) * interval_ms
        asked = max(queued[c], at)
        row = k * intervals
        arrived[np.uint64(row + came)] += 1
        handed_off[np.uint64(row + came)] += asked > at
        booked = _later(came, asked, interval_ms, last)
        cell = np.uint64(row + booked)
        wait, end = 0, asked
        if status == ANSWERED:
            end = answered[c]
            wait = end - asked
        elif status in (ABANDONED, SILENT, UNSERVED):
            wait = ended[c] - asked
        place = (k * STATUSES + status) * intervals + booked
        if wait > least:
            for j in range(levels):
                place += layer * (wait > limits[np.uint64(j), np.uint64(k)])
            wait_offered[cell] += wait
            _spread(queue, row, booked, asked, asked + wait, interval_ms, last)
        by_fate[np.uint64(place)] += 1
        if status != ANSWERED:
            continue
        bucket: Any = 0
        if wait > 0:
            wait_answered[cell] += wait
            wait_max[np.uint64(k)] = max(wait_max[np.uint64(k)], wait)
            bucket = min(_bucket(wait), buckets - 1)
        histogram[np.uint64(k * buckets + bucket)] += 1
        talk[cell] += ended[c] - end
        after[cell] += released[c] - ended[c]
        start, stop = min(max(end, 0), horizon_ms), min(released[c], horizon_ms)
        if stop > start:
            first = _later(booked, start, interval_ms, last)
            _spread(busy, np.int64(group_of[np.uint64(agents[c])]) * intervals, first, start, stop, interval_ms, last)
