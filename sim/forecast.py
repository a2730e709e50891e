"""Forecasts that tell their own error: rates of which only quantiles are known, or as many courses as they may take.

Both are rates of one contact type whose last axis is time (minutes or pieces); what is drawn from them in a replication
is a course of that axis.
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_NORMAL = NormalDist()


@dataclass(frozen=True, eq=False)
class Fan:
    """Quantiles of rates: `values` [quantile, time] at the ascending normal `scores` [quantile], not falling.

    Between two quantiles a rate goes by a straight line in the normal score (a piece of a normal law), and so it does
    beyond the outermost ones, down to 0 at the least.
    """

    scores: tuple[float, ...]
    values: Floats

    def times(self, factor: Floats | float) -> "Fan":
        """All rates multiplied, by time or as one."""
        return replace(self, values=self.values * factor)

    def at(self, score: Floats) -> Floats:
        """The rates where the day's normal score is `score` [time]."""
        line = np.clip(np.searchsorted(self.scores, score) - 1, 0, len(self.scores) - 2)
        level, slope = self._lines
        every = np.arange(self.values.shape[1])
        return np.maximum(level[line, every] + slope[line, every] * score, 0.0)

    @cached_property
    def _lines(self) -> tuple[Floats, Floats]:
        """Value at score 0, and slope, of the line above each quantile but the last, [line, time]."""
        scores = np.array(self.scores)[:, None]
        slope = np.diff(self.values, axis=0) / np.diff(scores, axis=0)
        return self.values[:-1] - slope * scores[:-1], slope

    @property
    def mean(self) -> Floats:
        """Expected rates, [time]: a line from a to b adds level (Phi(b) - Phi(a)) + slope (phi(a) - phi(b))."""
        from scipy.special import ndtr

        level, slope = self._lines
        borders = np.array([-math.inf, *self.scores[1:-1], math.inf])[:, None] + np.zeros(self.values.shape[1])
        borders[0] = np.divide(-level[0], slope[0], out=borders[0], where=slope[0] > 0)  # below it: 0
        below, density = ndtr(borders), np.exp(-(borders**2) / 2) / math.sqrt(2 * math.pi)
        return np.asarray((level * np.diff(below, axis=0) - slope * np.diff(density, axis=0)).sum(axis=0))


@dataclass(frozen=True, eq=False)
class Paths:
    """Courses of equal probability, `values` [path, time]."""

    values: Floats

    def times(self, factor: Floats | float) -> "Paths":
        """All rates multiplied, by time or as one."""
        return replace(self, values=self.values * factor)

    @property
    def mean(self) -> Floats:
        """Expected rates, [time]."""
        return np.asarray(self.values.mean(axis=0))


def fan(quantiles: dict[float, Floats]) -> Fan:
    """A fan of rates [time] by probability."""
    ordered = dict(sorted(quantiles.items()))
    return Fan(tuple(_NORMAL.inv_cdf(p) for p in ordered), np.stack(list(ordered.values())))
