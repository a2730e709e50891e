"""Are the targets held? Each is certified, only met, or missed, with the interval that says so.

A target per day or interval promises each of them. Certificates hold all at once: a target is certified when, in
every window, the end of a one-sided interval lies on the right side of its level, and the chance that any of these
ends is wrong is shared out evenly over all windows of all targets (Bonferroni). For shares of contacts that end is
the worse of two: by replications (delta method), which knows that waits of one day hang together, and by contacts
(Clopper & Pearson), which knows how little a window with few contacts can tell.

A target that is to hold on a share of days is judged by the share of days on which it does.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import numpy as np

from sim import full_measures
from sim.digest import Digest, Key, Question, Types
from sim.estimates import Estimate, Estimates, Numbers, Sample, clopper_pearson, one_sided
from sim.experiment import Runs
from sim.measures import ABANDONMENT, ASA, OCCUPANCY, Axis, cells, fold, service_parts
from sim.metrics import QUANTILES, Tally, target_thresholds, target_types
from sim.scenario import Scenario, Target

Status = Literal["certified", "met", "missed"]
RANK: dict[Status, int] = {"missed": 0, "met": 1, "certified": 2}
FIGURES = {figure.measure: figure for figure in (ASA, ABANDONMENT, OCCUPANCY, *full_measures.PROMISED)}


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
    runs: Runs | Digest, targets: Sequence[Target] | None = None, *, plain: bool = False, tries: float = 1,
    fine: bool = False,
) -> list[TargetResult]:
    """Judge these targets, by default the scenario's own, all at once; `plain`: without control variates.

    A digest is judged by what it was asked: `target_questions` and `target_waits` of the same targets. `tries`: how
    often something may be judged until it passes; each counts as a comparison of its own. `fine`: with the arrivals of
    each interval as controls too, where there are replications enough.

    ValueError for a target whose thresholds the tallies of this scenario have not counted.
    """
    asked = runs.scenario.targets if targets is None else targets
    if isinstance(runs, Runs):
        waits = target_waits(runs.scenario, asked)
        runs = Digest.of(runs, target_questions(asked), waits=waits, plain=plain, fine=fine)
    judged = [runs.moments(_key(number)).mean[1] for number, _ in enumerate(asked)]
    comparisons = math.ceil(tries * max(1, sum(int((offered > 0).sum()) for offered in judged)))
    return [_judge(number, target, runs, comparisons) for number, target in enumerate(asked)]


def target_questions(targets: Sequence[Target]) -> list[Question]:
    """What a digest is asked so that these targets can be judged."""
    return [
        Question(key=_key(number), sample=partial(target_sample, target))
        for number, target in enumerate(targets)
    ]


def target_waits(scenario: Scenario, targets: Sequence[Target]) -> list[Types]:
    """Whose waits are pooled for the quantiles of these targets."""
    return [tuple(target_types(scenario, target)) for target in targets if _of_all_waits(target)]


def _of_all_waits(target: Target) -> bool:
    return target.measure in QUANTILES and target.per == "horizon" and target.in_days is None


def _key(number: int) -> Key:
    return ("judged", str(number))


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
    """Numerator and denominator of what is judged, [replication, window]: days on which it held, where days count."""
    sample = promised(target, runs)
    if target.in_days is None:
        return sample
    offered = np.asarray(sample.denominator) > 0
    return Sample(held(sample, target) & offered, offered.astype(np.float64), counts=True)


def held(sample: Sample, target: Target) -> Numbers:
    """Whether a target was held, [replication, window], by what was `promised`."""
    top, bottom = np.asarray(sample.numerator), np.asarray(sample.denominator)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = top / bottom
    if target.measure in QUANTILES:
        late = value < QUANTILES[target.measure]
    else:
        late = value < target.level if target.at_least is not None else value > target.level
    kept: Numbers = np.logical_not(late)
    return kept


def promised(target: Target, runs: Runs) -> Sample:
    """Numerator and denominator of the measure itself, [replication, window]."""
    top, bottom = (
        fold(part, runs.scenario, "type", _axis(target)).reshape(runs.replications, -1)
        for part in _parts(target, runs.scenario, runs.tallies)
    )
    if not isinstance(target.per, str):
        first = np.unique(runs.scenario.horizon.window_of_interval(target.per), return_index=True)[1]
        top, bottom = (np.add.reduceat(part, first, axis=1) for part in (top, bottom))
    return Sample(top, bottom, counts=_counts(target))


def _is_share(target: Target) -> bool:
    """Whether estimates are shares: of contacts, or of days."""
    return target.is_share or target.in_days is not None or (target.measure in QUANTILES and target.per != "horizon")


def _counts(target: Target) -> bool:
    """Whether its denominator counts contacts, or days, each once."""
    return target.in_days is not None or target.measure not in FIGURES or FIGURES[target.measure].counts


def _parts(target: Target, scenario: Scenario, tally: Tally) -> tuple[Numbers, Numbers]:
    """The same, [replication, row, interval]."""
    if target.measure == "service_level" or target.measure in QUANTILES:
        return service_parts(scenario, _formula(target), target_thresholds(scenario, target))(tally)
    figure, rows = FIGURES[target.measure], target_types(scenario, target)
    if figure.rows == "group":
        names = list(scenario.agent_groups)
        rows = [names.index(name) for name in (names if target.agent_groups == "all" else target.agent_groups)]
    assert figure.denominator is not None, "targets are ratios"
    return figure.numerator(tally)[:, rows] * figure.scale, figure.denominator(tally)[:, rows]


def _formula(target: Target) -> str:
    if target.measure == "service_level":
        return target.formula
    return "SL-2" if target.measure in QUANTILES else FIGURES[target.measure].formula


def _judge(number: int, target: Target, runs: Digest, comparisons: int) -> TargetResult:
    scenario, level = runs.scenario, one_sided(target.confidence, comparisons)
    judged = [
        WindowResult(by=by, status=_status(target, estimate), estimate=estimate)
        for by, estimate in zip(_windows(target, scenario), _bounded(number, target, runs, level), strict=True)
        if estimate.mean is not None
    ]
    if _of_all_waits(target):
        wait = runs.wait(target.measure, tuple(target_types(scenario, target)), level=level)
        judged = [replace(window, estimate=wait) for window in judged]
    worst = min(judged, key=lambda window: (RANK[window.status], slack(target, window.estimate)[1]), default=None)
    return TargetResult(
        target=target,
        status=worst.status if worst else "met",
        unit="share" if _is_share(target) else "s",
        worst=worst,
        windows=tuple(judged),
        comparisons=comparisons,
    )


def _bounded(number: int, target: Target, runs: Digest, level: float) -> Estimates:
    """With the bounds by contacts where they are wider, for shares of contacts, inside [0, 1] for all shares."""
    of, counts = runs.moments(_key(number)), _counts(target)
    formula = _formula(target) if target.in_days is None else "TM-1"
    estimates = runs.estimates(_key(number), level=level, counts=counts, formula=formula)
    if not _is_share(target) and target.measure not in QUANTILES:
        return estimates
    low, high = np.maximum(estimates.low, 0.0), np.minimum(estimates.high, 1.0)
    if not counts or estimates.replications < 2:
        return replace(estimates, low=low, high=high)
    least, most = clopper_pearson(np.rint(of.mean[0] * of.count), estimates.n, estimates.level)
    method = f"{estimates.method}, at least clopper-pearson"
    return replace(estimates, low=np.minimum(low, least), high=np.maximum(high, most), method=method)


def slack(target: Target, estimate: Estimate) -> tuple[float, float, float]:
    """By how much the estimate, the end of its interval that counts, and the other end lie on the right side."""
    mean = math.nan if estimate.mean is None else estimate.mean
    low, high = (mean if end is None else end for end in (estimate.low, estimate.high))
    if target.in_days is not None:
        level = target.in_days
    elif target.measure in QUANTILES and estimate.formula == "SL-2":
        level = QUANTILES[target.measure]
    elif target.at_least is not None:
        level = target.level
    else:
        return target.level - mean, target.level - high, target.level - low
    return mean - level, low - level, high - level


def _status(target: Target, estimate: Estimate) -> Status:
    by_estimate, by_bound, _ = slack(target, estimate)
    if by_bound >= 0 and estimate.low is not None:
        return "certified"
    return "met" if by_estimate >= 0 else "missed"
