"""Are the targets held? Each is certified, only met, or missed, with the interval that says so.

A target per day or interval promises each of them. Certificates hold all at once: a target is certified when, in
every window, the end of a one-sided interval lies on the right side of its level, and the chance that any of these
ends is wrong is shared out evenly over all windows of all targets (Bonferroni). For shares of contacts that end is
the worse of two: by replications (delta method), which knows that waits of one day hang together, and by contacts
(Clopper & Pearson), which knows how little a window with few contacts can tell.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from sim.controls import controls_of
from sim.estimates import Controls, Estimate, Estimates, Numbers, Sample, clopper_pearson, estimates_of, one_sided
from sim.experiment import Runs
from sim.measures import ABANDONMENT, ASA, OCCUPANCY, Axis, blocks_of, cells, estimate_wait, fold, service_parts
from sim.metrics import QUANTILES, Tally, target_thresholds, target_types
from sim.scenario import Scenario, Target

Status = Literal["certified", "met", "missed"]
RANK: dict[Status, int] = {"missed": 0, "met": 1, "certified": 2}
FORMULA = {"asa": ASA.formula, "abandonment": ABANDONMENT.formula, "occupancy": OCCUPANCY.formula}


@dataclass(frozen=True, kw_only=True)
class WindowResult:
    """One window of a target: `by` names it, and is empty for the whole horizon."""

    by: dict[str, Any]
    status: Status
    estimate: Estimate


@dataclass(frozen=True, kw_only=True)
class TargetResult:
    """A target with those of its windows in which anything was offered, and the worst of them; None: there is none.

    Intervals are so wide that each end holds with the target's confidence, for all `comparisons` at once. `unit` is
    that of the estimates: a quantile of the wait is judged, in each day or interval, by the share of the answered who
    wait at most its limit.
    """

    target: Target
    status: Status
    unit: str
    worst: WindowResult | None
    windows: tuple[WindowResult, ...]
    comparisons: int


def judge(
    runs: Runs, targets: Sequence[Target] | None = None, *, plain: bool = False, tries: int = 1
) -> list[TargetResult]:
    """Judge these targets, by default the scenario's own, all at once; `plain`: without control variates.

    `tries`: how often something may be judged until it passes; each counts as a comparison of its own.

    ValueError for a target whose thresholds the tallies of this scenario have not counted.
    """
    asked = runs.scenario.targets if targets is None else targets
    samples = [target_sample(target, runs) for target in asked]
    comparisons = tries * max(1, sum(int(np.isfinite(sample.influence()[0]).sum()) for sample in samples))
    controls = None if plain else controls_of(runs.scenario, runs.tallies)
    return [_judge(target, sample, runs, comparisons, controls) for target, sample in zip(asked, samples, strict=True)]


def _axis(target: Target) -> tuple[Axis, ...]:
    return () if target.per == "horizon" else ("day",) if target.per == "day" else ("interval",)


def _windows(target: Target, scenario: Scenario) -> list[dict[str, Any]]:
    """What each window stands for; a block is named like an interval, with its own length."""
    named = cells(scenario, _axis(target))
    if isinstance(target.per, str):
        return named
    window = scenario.horizon.window_of_interval(target.per)
    first, lengths = np.unique(window, return_index=True)[1], np.bincount(window) * scenario.horizon.interval
    return [
        {"interval": {**named[i]["interval"], "index": block, "length_s": float(lengths[block])}}
        for block, i in enumerate(first.tolist())
    ]


def target_sample(target: Target, runs: Runs) -> Sample:
    """Numerator and denominator of what is judged, [replication, window]."""
    top, bottom = (
        fold(part, runs.scenario, "type", _axis(target)).reshape(runs.replications, -1)
        for part in _parts(target, runs.scenario, runs.tallies)
    )
    if not isinstance(target.per, str):
        first = np.unique(runs.scenario.horizon.window_of_interval(target.per), return_index=True)[1]
        top, bottom = (np.add.reduceat(part, first, axis=1) for part in (top, bottom))
    return Sample(top, bottom, counts=target.measure != "occupancy")


def _parts(target: Target, scenario: Scenario, tally: Tally) -> tuple[Numbers, Numbers]:
    """The same, [replication, row, interval]."""
    if target.measure == "service_level" or target.measure in QUANTILES:
        return service_parts(scenario, _formula(target), target_thresholds(scenario, target))(tally)
    if target.measure == "occupancy":
        names = list(scenario.agent_groups)
        groups = names if target.agent_groups == "all" else target.agent_groups
        rows = [names.index(name) for name in groups]
        return tally.busy_ms[:, rows], tally.staffed_ms[:, rows]
    rows = target_types(scenario, target)
    if target.measure == "asa":
        return tally.wait_answered_ms[:, rows] / 1e3, tally.answered[:, rows]
    return tally.abandoned[:, rows], tally.offered[:, rows]


def _formula(target: Target) -> str:
    if target.measure == "service_level":
        return target.formula
    return "SL-2" if target.measure in QUANTILES else FORMULA[target.measure]


def _judge(target: Target, sample: Sample, runs: Runs, comparisons: int, controls: Controls | None) -> TargetResult:
    scenario = runs.scenario
    level, blocks = one_sided(target.confidence, comparisons), blocks_of(scenario, runs.first, runs.replications)
    found = estimates_of(sample, level=level, blocks=blocks, controls=controls, formula=_formula(target))
    estimates = _bounded(sample, found, target)
    judged = [
        WindowResult(by=by, status=_status(target, estimate), estimate=estimate)
        for by, estimate in zip(_windows(target, scenario), estimates, strict=True)
        if estimate.mean is not None
    ]
    if target.measure in QUANTILES and target.per == "horizon":
        wait = estimate_wait(
            target.measure,
            scenario,
            runs.tallies,
            target_types(scenario, target),
            first=runs.first,
            level=level,
            controls=controls,
        )
        judged = [replace(window, estimate=wait) for window in judged]
    worst = min(judged, key=lambda window: (RANK[window.status], _slack(target, window.estimate)[1]), default=None)
    return TargetResult(
        target=target,
        status=worst.status if worst else "met",
        unit="share" if target.is_share or (target.measure in QUANTILES and target.per != "horizon") else "s",
        worst=worst,
        windows=tuple(judged),
        comparisons=comparisons,
    )


def _bounded(sample: Sample, estimates: Estimates, target: Target) -> Estimates:
    """With the bounds by contacts where they are wider, for shares of contacts, inside [0, 1] for all shares."""
    if target.measure == "asa":
        return estimates
    low, high = np.maximum(estimates.low, 0.0), np.minimum(estimates.high, 1.0)
    if not sample.counts or estimates.replications < 2:
        return replace(estimates, low=low, high=high)
    least, most = clopper_pearson(sample.numerator.sum(axis=0), estimates.n, estimates.level)
    method = f"{estimates.method}, at least clopper-pearson"
    return replace(estimates, low=np.minimum(low, least), high=np.maximum(high, most), method=method)


def _slack(target: Target, estimate: Estimate) -> tuple[float, float]:
    """By how much the estimate, and the end of its interval that counts, lie on the right side of the level."""
    mean = math.nan if estimate.mean is None else estimate.mean
    low, high = (mean if end is None else end for end in (estimate.low, estimate.high))
    if target.measure in QUANTILES and estimate.formula == "SL-2":
        return mean - QUANTILES[target.measure], low - QUANTILES[target.measure]
    if target.at_least is not None:
        return mean - target.level, low - target.level
    return target.level - mean, target.level - high


def _status(target: Target, estimate: Estimate) -> Status:
    by_estimate, by_bound = _slack(target, estimate)
    if by_bound >= 0 and estimate.low is not None:
        return "certified"
    return "met" if by_estimate >= 0 else "missed"
