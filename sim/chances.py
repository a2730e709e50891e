"""Runs -> chances: how likely a day keeps a promise, and how its service level is spread over days.

An estimate says what happens on average; a manager lives through single days. A replication is one horizon.
"""

from collections.abc import Iterator
from functools import partial
from typing import cast

import numpy as np

from sim.digest import Digest, Question, about
from sim.estimates import LEVEL, Estimate, Sample, clopper_pearson, order_statistic
from sim.experiment import Runs
from sim.measures import Axis, cells, service_level
from sim.moments import Moments
from sim.results import By, Record, record
from sim.scenario import Scenario, Target
from sim.targets import held, promised

SPREAD = {"p05": 0.05, "p10": 0.1, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95}
"""Quantiles over days that are given of the service level."""


def chance_questions(scenario: Scenario) -> Iterator[Question]:
    """What a digest is asked for `chance_records`."""
    for number, target in enumerate(scenario.targets, start=1):
        yield Question(key=("met", str(number)), sample=partial(whole_kept, target))
        yield Question(key=("met", str(number), "interval"), sample=partial(intervals_kept, target))
    figure = service_level(scenario)
    for by in _spread_over(scenario):
        asked = about(figure, by)
        yield Question(key=("spread", *by), sample=asked.sample, rows=True)


def chance_records(runs: Digest, *, level: float = LEVEL) -> Iterator[Record]:
    """P(target met) in all and by interval, as segments "target 1" and so on; quantiles over days of service level."""
    scenario = runs.scenario
    for number, _ in enumerate(scenario.targets, start=1):
        segment = f"target {number}"
        whole, each = (runs.moments(("met", str(number), *by)) for by in ((), ("interval",)))
        yield record("target_met", "share", {"segment": segment}, target_met(whole, level=level))
        keys = cast(list[By], cells(scenario, ("interval",)))
        for key, one in zip(keys, intervals_met(each, level=level), strict=True):
            yield record("target_met", "share", {**key, "segment": segment}, one)
    for by in _spread_over(scenario):
        yield from _spread(runs, by, level)


# ----------------------------------------------------------------------------------------------------- P(target met)


def whole_kept(target: Target, runs: Runs) -> Sample:
    """Whether each replication held a target in each of its windows; one in which nothing was offered is held."""
    return Sample(np.asarray(held(promised(target, runs), target).all(axis=1)))


def intervals_kept(target: Target, runs: Runs) -> Sample:
    """Whether each interval held it, of the replications in which anything was offered there."""
    sample = promised(target.model_copy(update={"per": "interval"}), runs)
    offered = np.asarray(sample.denominator) > 0
    return Sample(held(sample, target) & offered, offered)


def target_met(of: Moments, *, level: float = LEVEL) -> Estimate:
    """P(target met): the share of replications in which a target was held in each of its windows (TM-1)."""
    return _share(float(of.mean[0]), of.count, of.count, "TM-1", level)


def intervals_met(of: Moments, *, level: float = LEVEL) -> list[Estimate]:
    """The same of each interval on its own, of the replications in which anything was offered there (TM-2)."""
    return [_share(hit, round(offered * of.count), of.count, "TM-2", level) for hit, offered in of.mean.T.tolist()]


def _share(hit: float, n: int, runs: int, formula: str, level: float) -> Estimate:
    """A share of `n` of `runs` independent replications: Clopper & Pearson's interval, too wide where strata help."""
    count = round(hit * runs)
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


def _spread_over(scenario: Scenario) -> list[tuple[Axis, ...]]:
    axes: list[tuple[Axis, ...]] = [(), ("type",)]
    return [*axes, ("day",)] if len(scenario.horizon.days) > 1 else axes


def _spread(runs: Digest, by: tuple[Axis, ...], level: float) -> Iterator[Record]:
    """Quantiles over replications of the service level of the horizon, of a type, or of a day of it."""
    sample = runs.rows(("spread", *by))
    with np.errstate(invalid="ignore", divide="ignore"):
        values = np.asarray(sample.numerator / np.asarray(sample.denominator)).reshape(runs.replications, -1)
    for key, column in zip(cast(list[By], cells(runs.scenario, by)), values.T, strict=True):
        for name, p in SPREAD.items():
            found = order_statistic(column[np.isfinite(column)], p, level=level, formula="SPREAD-1")
            yield record(f"service_level_{name}", "share", key, found)
