"""The fused tally: the sums of a run straight from the loop's columns, without an outcome table.

Equal to counting the table (`sim.metrics`), which defines what each sum means; the planner's and the experiment's
inner loops need nothing else.
"""

from typing import Any

import numpy as np

from sim.demand import Demand
from sim.engine.compiled.before import Early
from sim.engine.compiled.kernel import kernel
from sim.engine.compiled.loop import ABANDONED, ANSWERED, UNSERVED, Desk
from sim.outcome import NEVER, Measured, Sums


def count(demand: Demand, early: Early, desk: Desk, measured: Measured) -> Sums:
    """Sums of all contacts of a run."""
    sums = Sums.zeros(measured, len(demand.types), len(desk.excess))
    columns = early.columns
    _count(demand.type, demand.arrival_ms, columns["status"], columns["queued"], columns["answered"],
           columns["ended"], columns["released"], columns["agent"], np.ascontiguousarray(desk.agents.group),
           measured.limits, measured.interval_ms, measured.intervals, sums.by_fate, sums.arrived, sums.handed_off,
           sums.wait_answered, sums.wait_offered, sums.queue, sums.talk, sums.after, sums.busy, sums.wait_max,
           sums.histogram)  # fmt: skip
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
def _bucket(wait: int) -> int:
    """Bucket of a wait: exact below 128, then 64 to the octave."""
    octave = 0
    while wait >= 128:
        wait >>= 1
        octave += 1
    return wait + 64 * octave


@kernel
def _spread(total: Any, row: int, i: int, start: int, end: int, interval_ms: int) -> None:
    """Book the time from `start`, in interval i, to `end`; the last interval takes all that lies behind it."""
    last = total.shape[1] - 1
    while i < last and end > (i + 1) * interval_ms:
        total[row, i] += (i + 1) * interval_ms - start
        i += 1
        start = i * interval_ms
    total[row, i] += end - start


@kernel
def _count(
    kinds: Any, arrival: Any, statuses: Any, queued: Any, answered: Any, ended: Any, released: Any,
    agents: Any, group_of: Any, limits: Any, interval_ms: int, intervals: int,
    by_fate: Any, arrived: Any, handed_off: Any, wait_answered: Any, wait_offered: Any, queue: Any,
    talk: Any, after: Any, busy: Any, wait_max: Any, histogram: Any,
) -> None:  # fmt: skip
    came, begins, ends = 0, -NEVER, NEVER  # the interval of the last arrival, as arrivals mostly share it
    horizon_ms = interval_ms * intervals
    buckets = histogram.shape[1] - 1
    for c in range(len(kinds)):
        k, at, status = kinds[c], arrival[c], statuses[c]
        if not begins <= at < ends:
            came = _interval(at, interval_ms, intervals)
            begins, ends = came * interval_ms, (came + 1) * interval_ms
        asked = max(queued[c], at)
        booked = came if begins <= asked < ends else _interval(asked, interval_ms, intervals)
        arrived[k, came] += 1
        handed_off[k, came] += asked > at
        wait, end = 0, asked
        if status == ANSWERED:
            end = answered[c]
            wait = end - asked
        elif status in (ABANDONED, UNSERVED):
            wait = ended[c] - asked
        by_fate[k, booked, status, _level(limits, k, wait)] += 1
        if wait > 0:
            wait_offered[k, booked] += wait
            _spread(queue, k, booked, asked, asked + wait, interval_ms)
        if status != ANSWERED:
            continue
        wait_answered[k, booked] += wait
        talk[k, booked] += ended[c] - end
        after[k, booked] += released[c] - ended[c]
        wait_max[k] = max(wait_max[k], wait)
        histogram[k, min(_bucket(wait), buckets)] += 1
        start, stop = min(max(end, 0), horizon_ms), min(released[c], horizon_ms)
        if stop > start:
            first = booked if wait == 0 else _interval(start, interval_ms, intervals)
            _spread(busy, group_of[agents[c]], first, start, stop, interval_ms)
