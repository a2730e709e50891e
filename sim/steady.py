"""One long run -> figures of the steady state: how much of the start to leave out, and batches instead of replications.

For desks whose rates and staffing never change, where "in the long run" has a meaning. Take a horizon of thousands of
intervals; a day that is planned for has no steady state.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.estimates import LEVEL, Estimate, Sample, estimates_of
from sim.experiment import Runs
from sim.measures import QUEUE_LENGTH, Figure, sample_of

Floats = npt.NDArray[np.float64]

BATCHES = 30
"""Enough for Student's quantile to be near the normal one; more would be correlated sooner (Schmeiser 1982)."""
OF_FIVE = 5


@dataclass(frozen=True, kw_only=True)
class SteadyState:
    """A figure in the long run. `warm_up` intervals at the start of each run were left out.

    `lag_one` is the correlation of successive batches: well above 2 / sqrt(batches) the run is too short for its
    interval to be believed. `settled` is false where the start is still felt half-way, so that the run is too short.
    """

    estimate: Estimate
    warm_up: int
    batch: int
    lag_one: float
    settled: bool


def steady_state(figure: Figure, runs: Runs, *, warm_up: int | None = None, level: float = LEVEL) -> SteadyState:
    """Batch means of a figure over all types or groups; `warm_up` intervals, by default as MSER-5 finds them.

    ValueError where fewer intervals are left than batches.
    """
    scenario = runs.scenario
    queue = np.asarray(sample_of(QUEUE_LENGTH, scenario, runs.tallies, ("interval",)).numerator, dtype=np.float64)
    found, settled = mser_5(queue.mean(axis=0))
    start = found if warm_up is None else warm_up
    each = -(-BATCHES // runs.replications)
    batch = (scenario.horizon.intervals - start) // each
    if batch < 1:
        raise ValueError(f"{scenario.horizon.intervals - start} intervals are too few for {each} batches")
    sample = sample_of(figure, scenario, runs.tallies, ("interval",))
    top = batch_sums(sample.numerator, start, each)
    bottom = None if sample.denominator is None else batch_sums(sample.denominator, start, each)
    batched = Sample(top / batch if bottom is None else top, bottom, sample.counts)
    one = estimates_of(batched, level=level, formula=figure.formula).cell()
    influence = batched.influence()[1].reshape(runs.replications, each)
    return SteadyState(
        estimate=Estimate(**(vars(one) | {"method": f"batch means, {runs.replications * each} batches"})),
        warm_up=start,
        batch=batch,
        lag_one=_lag_one(influence),
        settled=settled,
    )


def mser_5(series: Floats) -> tuple[int, bool]:
    """How many values at the start of a series to leave out, and whether that lies in its first half.

    MSER-5: the truncation after which the mean of groups of five has the least squared standard error, estimated as
    their sum of squares over their number squared (White 1997, Simulation 69, 323-334; White, Cobb & Spratt 2000,
    Winter Simulation Conference). The last five groups are no candidates: so few agree by luck.
    """
    groups = len(series) // OF_FIVE
    if groups <= OF_FIVE:
        return 0, False
    means = series[: groups * OF_FIVE].reshape(groups, OF_FIVE).mean(axis=1)
    left = np.arange(groups, 0, -1)
    total, squares = (np.cumsum(values[::-1])[::-1] for values in (means, means**2))
    error = (squares - total**2 / left) / left**2
    cut = int(np.argmin(error[: groups - OF_FIVE]))
    return cut * OF_FIVE, cut <= groups // 2


def batch_sums(values: npt.NDArray[np.generic], start: int, batches: int) -> Floats:
    """Values [replication, interval] from `start` on, summed in batches of equal length, [replication * batch].

    What does not fill the last batch is left out.
    """
    length = (values.shape[1] - start) // batches
    whole = np.asarray(values[:, start : start + length * batches], dtype=np.float64)
    return np.asarray(whole.reshape(len(values) * batches, length).sum(axis=1))


def _lag_one(influence: Floats) -> float:
    """Correlation of neighbours within each row [replication, batch]."""
    size = float((influence**2).sum())
    return float((influence[:, 1:] * influence[:, :-1]).sum()) / size if size else 0.0
