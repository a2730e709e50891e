"""The fused tally: the sums of a run straight from the loop's rows, without an outcome table.

Equal to counting the table (`sim.metrics`), which defines what each sum means; the planner's and the experiment's
inner loops need nothing else.
"""

from typing import Any

from sim.demand import Demand
from sim.engine.compiled.before import Early
from sim.engine.compiled.kernel import kernel
from sim.engine.compiled.loop import ANSWERED, UNSERVED, Desk
from sim.outcome import Measured, Sums


def count(demand: Demand, early: Early, desk: Desk, measured: Measured) -> Sums:
    """Sums of all contacts of a run."""
    groups = len(desk.idle_head)
    sums = Sums.zeros(measured, len(demand.types), groups)
    _count_early(demand.type, demand.arrival_ms, early.status, early.queued, measured.limits,
                 measured.interval_ms, measured.intervals, sums.by_fate, sums.arrived, sums.handed_off)  # fmt: skip
    _count_rows(desk.rows, demand.arrival_ms, desk.agents, measured.limits, measured.interval_ms, measured.intervals,
                sums.by_fate, sums.arrived, sums.handed_off, sums.wait_answered, sums.wait_offered, sums.queue,
                sums.talk, sums.after, sums.busy, sums.wait_max, sums.histogram)  # fmt: skip
    return sums


@kernel
def _level(limits: Any, k: int, wait: int) -> int:
    """How many of its type's limits a wait exceeds."""
    level = 0
    for j in range(limits.shape[0]):
        level += wait > limits[j, k]
    return level


@kernel
def _interval(at: int, interval_ms: int, intervals: int) -> int:
    """Interval of an instant; the first and last take what lies outside."""
    return min(max(at // interval_ms, 0), intervals - 1)


@kernel
def _count_early(
    kinds: Any, arrival: Any, status: Any, queued: Any, limits: Any, interval_ms: int, intervals: int,
    by_fate: Any, arrived: Any, handed_off: Any,
) -> None:  # fmt: skip
    """Contacts that never asked an open desk (their status is not UNSERVED)."""
    for c in range(len(kinds)):
        if status[c] == UNSERVED:
            continue
        k = kinds[c]
        came = _interval(arrival[c], interval_ms, intervals)
        asked = max(queued[c], arrival[c])
        booked = _interval(asked, interval_ms, intervals)
        by_fate[k, booked, status[c], _level(limits, k, 0)] += 1
        arrived[k, came] += 1
        handed_off[k, came] += asked > arrival[c]


@kernel
def _count_rows(
    rows: Any, arrival: Any, agents: Any, limits: Any, interval_ms: int, intervals: int,
    by_fate: Any, arrived: Any, handed_off: Any, wait_answered: Any, wait_offered: Any, queue: Any,
    talk: Any, after: Any, busy: Any, wait_max: Any, histogram: Any,
) -> None:  # fmt: skip
    """Contacts that asked for a person."""
    horizon_ms = interval_ms * intervals
    for r in range(len(rows)):
        row = rows[r]
        k, queued, status = row.type, row.queued, row.status
        at = arrival[row.contact]
        came = _interval(at, interval_ms, intervals)
        booked = _interval(queued, interval_ms, intervals)
        end = row.answered if status == ANSWERED else row.ended
        wait = end - queued
        by_fate[k, booked, status, _level(limits, k, wait)] += 1
        arrived[k, came] += 1
        handed_off[k, came] += queued > at
        if wait > 0:
            wait_offered[k, booked] += wait
            i, start = booked, queued
            while i < intervals - 1 and end > (i + 1) * interval_ms:
                queue[k, i] += (i + 1) * interval_ms - start
                i += 1
                start = i * interval_ms
            queue[k, i] += end - start
        if status != ANSWERED:
            continue
        wait_answered[k, booked] += wait
        talk[k, booked] += row.ended - end
        after[k, booked] += row.released - row.ended
        wait_max[k] = max(wait_max[k], wait)
        bucket, octave = wait, 0
        while bucket >= 128:
            bucket >>= 1
            octave += 1
        histogram[k, min(bucket + 64 * octave, histogram.shape[1] - 1)] += 1
        g = agents[row.agent].group
        start, stop = min(max(end, 0), horizon_ms), min(row.released, horizon_ms)
        i = _interval(start, interval_ms, intervals)
        while i < intervals - 1 and stop > (i + 1) * interval_ms:
            busy[g, i] += (i + 1) * interval_ms - start
            i += 1
            start = i * interval_ms
        if stop > start:
            busy[g, i] += stop - start
