"""How a plan fared: the value of every target in each of its windows, how sure it is, and what is still lacking.

A plan that barely holds on the tape will miss on fresh customers: the search has picked it for its luck. So a target
is asked for its level *and* a margin: what the certificate will take off, and some standard errors of the difference
between tape and certificate. Both know how many contacts came and how many come on average, and take it into account.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from planner.requirements import Goal
from sim.controls import controls_of
from sim.estimates import Controls, Sample, one_sided
from sim.experiment import Runs
from sim.scenario import Scenario
from sim.targets import promised

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CERTIFICATES = 3
"""A plan that is refused goes back to the search; the third is the last. Each costs its part of the confidence."""
CAUTION = 2.0
"""Standard errors, of tape and certificate together, by which a value must lie on the safe side."""


def windows_of(scenario: Scenario, goal: Goal) -> Ints:
    """Which window of its target each interval belongs to, shape [interval]."""
    return scenario.horizon.window_of_interval(goal.target.per)


@dataclass(frozen=True, kw_only=True, eq=False)
class Score:
    """One target on one tape. Shape [window]: `value`, NaN where nothing happened, and the `spread` of one day's value.

    On average over days both are less what the day's arrivals explain, where there are days enough to tell.
    Of a target that is to hold on a share of days the value is what that share of days attains, so that it is to
    reach the level like any other.

    Shape [interval]: `observed` values and the observations `weight` they rest on, all days together.
    """

    goal: Goal
    window: Ints
    value: Floats
    spread: Floats
    days: int
    observed: Floats
    weight: Floats

    def wanted(self, certificate_days: int, comparisons: int, caution: Floats) -> Floats:
        """What the value must reach so that the certificate can be expected to be given, shape [window]."""
        confidence = self.goal.target.confidence
        end = NormalDist().inv_cdf((1 + min(one_sided(confidence, comparisons), 1 - 1e-12)) / 2)
        errors = end / np.sqrt(certificate_days) + caution * np.sqrt(1 / certificate_days + 1 / self.days)
        return np.asarray(self.goal.level + self.goal.sign * errors * self.spread)

    def lacking(self, wanted: Floats) -> Floats:
        """By how much the value falls short of what is wanted, shape [window]; never below 0, 0 where nothing came."""
        return np.maximum(np.nan_to_num(self.goal.sign * (wanted - self.value)), 0.0)


def score(scenario: Scenario, goal: Goal, runs: Runs) -> Score:
    """Read a target's figures from the tallies of a tape."""
    fine = promised(goal.target.model_copy(update={"per": "interval"}), runs)
    assert fine.denominator is not None
    window = windows_of(scenario, goal)
    first = np.unique(window, return_index=True)[1]
    top, bottom = np.asarray(fine.numerator, dtype=np.float64), np.asarray(fine.denominator, dtype=np.float64)
    whole = Sample(np.add.reduceat(top, first, axis=1), np.add.reduceat(bottom, first, axis=1))
    weight = bottom.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        observed = np.where(weight > 0, top.sum(axis=0) / weight, np.nan)
    if goal.target.in_days is not None:
        value, spread = _on_days(goal, whole)
    else:
        value, spread = _on_average(whole, controls_of(scenario, runs.tallies))
    return Score(
        goal=goal,
        window=window,
        value=value,
        spread=spread,
        days=runs.replications,
        observed=observed,
        weight=weight,
    )


def _on_average(whole: Sample, controls: Controls | None) -> tuple[Floats, Floats]:
    """Ratio of expectations, and the spread of what a day adds to its error that controls do not explain."""
    value, influence = whole.influence()
    days, slopes = len(influence), 0
    if days < 2:
        return value, np.zeros(len(value))
    influence = np.nan_to_num(influence)
    if controls is not None:
        top, bottom = (controls.weights @ np.asarray(part, dtype=np.float64) for part in whole.parts)
        value = np.where(np.isfinite(value), top / np.where(bottom > 0, bottom, 1.0), value)
        steered, slopes = controls.values - controls.values.mean(axis=0), controls.rank
        influence = influence - steered @ np.linalg.lstsq(steered, influence, rcond=None)[0]
    return value, np.sqrt((influence**2).sum(axis=0) / (days - 1 - slopes))


def _on_days(goal: Goal, whole: Sample) -> tuple[Floats, Floats]:
    """The quantile over days of each window's own ratio, with the spread that its standard error has on normal days."""
    share = goal.target.in_days
    assert share is not None
    top, bottom = np.asarray(whole.numerator, dtype=np.float64), np.asarray(whole.denominator, dtype=np.float64)
    value, spread = np.full(top.shape[1], np.nan), np.zeros(top.shape[1])
    density = NormalDist().pdf(NormalDist().inv_cdf(share))
    for w in np.flatnonzero(bottom.any(axis=0)):
        offered = bottom[:, w] > 0
        days = top[offered, w] / bottom[offered, w]
        value[w] = np.quantile(days, 1 - share if goal.sign > 0 else share)
        spread[w] = days.std() * math.sqrt(share * (1 - share)) / density
    return value, spread


def comparisons_of(scores: Sequence[Score], tries: float = CERTIFICATES) -> int:
    """How many windows of all targets are judged at once, at all looks at all certificates that there may be."""
    return math.ceil(tries * max(1, sum(int(np.isfinite(score.value).sum()) for score in scores)))
