"""Runs -> chances: how likely a day keeps a promise, and how its service level is spread over days.

An estimate says what happens on average; a manager lives through single days. A replication is one horizon.
"""

from collections.abc import Iterator
from typing import cast

import numpy as np

from sim.estimates import LEVEL, Estimate, Numbers, Sample, clopper_pearson, order_statistic
from sim.experiment import Runs
from sim.measures import Axis, cells, sample_of, service_level
from sim.metrics import QUANTILES
from sim.results import By, Record, record
from sim.scenario import Target
from sim.targets import target_sample

SPREAD = {"p05": 0.05, "p10": 0.1, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95}
"""Quantiles over days that are given of the service level."""


def chance_records(runs: Runs, *, level: float = LEVEL) -> Iterator[Record]:
    """P(target met) in all and by interval, as segments "target 1" and so on; quantiles over days of service level."""
    for number, target in enumerate(runs.scenario.targets, start=1):
        segment = f"target {number}"
        yield record("target_met", "share", {"segment": segment}, target_met(target, runs, level=level))
        keys = cast(list[By], cells(runs.scenario, ("interval",)))
        for key, one in zip(keys, intervals_met(target, runs, level=level), strict=True):
            yield record("target_met", "share", {**key, "segment": segment}, one)
    axes: list[tuple[Axis, ...]] = [(), ("type",)]
    if len(runs.scenario.horizon.days) > 1:
        axes.append(("day",))
    for by in axes:
        yield from _spread(runs, by, level)


# ----------------------------------------------------------------------------------------------------- P(target met)


def target_met(target: Target, runs: Runs, *, level: float = LEVEL) -> Estimate:
    """P(target met): the share of replications in which a target was held in each of its windows (TM-1).

    A window in which nothing was offered is held.
    """
    kept = held(target_sample(target, runs), target)
    return _share(np.asarray(kept.all(axis=1)), "TM-1", level)


def intervals_met(target: Target, runs: Runs, *, level: float = LEVEL) -> list[Estimate]:
    """The same of each interval on its own, of the replications in which anything was offered there (TM-2)."""
    sample = target_sample(target.model_copy(update={"per": "interval"}), runs)
    kept = held(sample, target)
    offered = np.asarray(sample.denominator) > 0
    return [_share(kept[offered[:, i], i], "TM-2", level) for i in range(kept.shape[1])]


def held(sample: Sample, target: Target) -> Numbers:
    """Whether a target was held, [replication, window]."""
    top, bottom = np.asarray(sample.numerator), np.asarray(sample.denominator)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = top / bottom
    if target.measure in QUANTILES:
        late = value < QUANTILES[target.measure]
    else:
        late = value < target.level if target.at_least is not None else value > target.level
    kept: Numbers = np.logical_not(late)
    return kept


def _share(hits: Numbers, formula: str, level: float) -> Estimate:
    """A share of independent replications: Clopper & Pearson's interval, too wide where strata help."""
    n, count = len(hits), int(hits.sum())
    low, high = clopper_pearson(np.array(count), np.array(n), level)
    known = n >= 2
    return Estimate(
        mean=count / n if n else None,
        low=float(low) if known else None,
        high=float(high) if known else None,
        level=level,
        method="clopper-pearson" if known else "single replication",
        replications=n,
        n=n,
        formula=formula,
    )


# -------------------------------------------------------------------------------------------------- spread over days


def _spread(runs: Runs, by: tuple[Axis, ...], level: float) -> Iterator[Record]:
    """Quantiles over replications of the service level of the horizon, of a type, or of a day of it."""
    sample = sample_of(service_level(runs.scenario), runs.scenario, runs.tallies, by)
    with np.errstate(invalid="ignore", divide="ignore"):
        values = np.asarray(sample.numerator / np.asarray(sample.denominator)).reshape(runs.replications, -1)
    for key, column in zip(cast(list[By], cells(runs.scenario, by)), values.T, strict=True):
        for name, p in SPREAD.items():
            found = order_statistic(column[np.isfinite(column)], p, level=level, formula="SPREAD-1")
            yield record(f"service_level_{name}", "share", key, found)
