"""Histograms of many replications -> quantiles of the pooled law, with intervals.

The interval of a quantile is that of the share below it, read back through the pooled histogram (Woodruff 1952, J.
Amer. Statist. Assoc. 47, 635-646). How that share varies is read from running totals at every `STEP`-th bucket and
between them along a straight line, so that histograms of single replications need not be kept.
"""

from dataclasses import dataclass

import numpy as np

from sim.estimates import LEVEL, Controls, Estimate, Estimates, Floats, Numbers, half_width, method_of
from sim.moments import Correction, Moments, corrected, moments_of

STEP = 16


@dataclass(frozen=True, kw_only=True, eq=False)
class Quantile:
    """A quantile, and how it goes with the running totals that it was read from, [part]; NaN where that is unknown."""

    estimate: Estimate
    slope: Floats


def running(histograms: Numbers) -> list[Numbers]:
    """Running totals of histograms [replication, cell…, bucket] at every `STEP`-th bucket, as parts."""
    steps = np.add.reduceat(histograms, np.arange(0, histograms.shape[-1], STEP), axis=-1, dtype=np.int64)
    return list(np.moveaxis(np.cumsum(steps, axis=-1), -1, 0))


def quantile_of(
    histograms: Numbers,
    p: float,
    lowest: Numbers,
    highest: Numbers,
    *,
    level: float = LEVEL,
    blocks: slice | None = None,
    controls: Controls | None = None,
    formula: str = "",
) -> Estimate:
    """The p-quantile of what `histograms` [replication, bucket] count, bucket b from lowest[b] to highest[b]."""
    of = moments_of(running(histograms), controls.values if controls else None, blocks)
    by = controls.correction if controls else None
    found = quantile_from(of, histograms.sum(axis=0), p, lowest, highest, level=level, by=by, formula=formula)
    return found.estimate


def quantile_from(
    of: Moments,
    pooled: Numbers,
    p: float,
    lowest: Numbers,
    highest: Numbers,
    *,
    level: float = LEVEL,
    by: Correction | None = None,
    formula: str = "",
) -> Quantile:
    """The same from the moments of running totals [part] and the pooled histogram [bucket]."""
    totals = corrected(of, by)
    law = _Law(_calibrated(pooled, of.mean, totals), lowest, highest)
    slope = _share_slope(totals, p)
    half = float(half_width(of, slope, level, by)) if law.total else np.nan
    method, low, high = "woodruff", None, None
    if of.count > 1 and law.total:
        if half < min(p, 1 - p):
            low, high = law.quantile(p - half), law.quantile(p + half)
            method = method_of("woodruff", of, by)
        else:  # the end lies beyond what was seen: there is none to give
            method = "too few"
    mean = law.quantile(p)
    steep = (high - low) / (2 * half) if low is not None and high is not None and half else np.nan if low is None else 0
    return Quantile(
        estimate=Estimate(
            mean=mean,
            low=low,
            high=high,
            level=level,
            method=method,
            replications=of.count,
            n=int(pooled.sum()),
            formula=formula,
        ),
        slope=-steep * slope,
    )


def quantile_difference(
    of: Moments, a: Quantile, b: Quantile, *, level: float = LEVEL, by: Correction | None = None
) -> Estimates:
    """The first less the second, from the moments of the running totals of both, those of a first.

    A replication moves a quantile by how far its share below it is off, times the slope of the quantile function there
    (Bahadur 1966, Annals of Mathematical Statistics 37, 577-580); the slope is that of the ends of Woodruff's interval.
    """
    ends = [np.nan if one.estimate.mean is None else one.estimate.mean for one in (a, b)]
    mean = np.array(ends[0] - ends[1])
    half = half_width(of, np.concatenate((a.slope, -b.slope)), level, by)
    return Estimates(
        mean=mean,
        low=mean - half,
        high=mean + half,
        n=np.array(a.estimate.n + b.estimate.n),
        level=level,
        method=method_of("paired woodruff", of, by),
        replications=of.count,
        formula=a.estimate.formula,
    )


def _share_slope(totals: Floats, p: float) -> Floats:
    """How the share below the p-quantile goes with the running totals."""
    slope = np.zeros(len(totals))
    rising = np.maximum.accumulate(totals)
    if rising[-1] <= 0:
        return slope
    wanted = p * rising[-1]
    step = int(np.searchsorted(rising, wanted))
    before = rising[step - 1] if step else 0.0
    into = (wanted - before) / (rising[step] - before)
    slope[step] += into
    if step:
        slope[step - 1] += 1 - into
    slope[-1] -= p
    return np.asarray(slope / rising[-1])


def _calibrated(pooled: Numbers, mean: Floats, totals: Floats) -> Floats:
    """The pooled histogram with the mass that controls give to each of its steps."""
    plain, known = (np.maximum(np.diff(one, prepend=0.0), 0.0) for one in (mean, totals))
    factor = np.divide(known, plain, out=np.ones_like(plain), where=plain > 0)
    return np.asarray(pooled * np.repeat(factor, STEP)[: len(pooled)])


class _Law:
    """A pooled histogram read as a law: even within each bucket."""

    def __init__(self, counts: Floats, lowest: Numbers, highest: Numbers) -> None:
        self.counts, self.lowest, self.highest = np.maximum(counts, 0.0), lowest, highest
        self.running = np.cumsum(self.counts)
        self.total = float(self.running[-1])

    def quantile(self, p: float) -> float | None:
        """The value below which a share p lies."""
        if not self.total:
            return None
        wanted = min(max(p, 0.0), 1.0) * self.total
        bucket = int(np.searchsorted(self.running, max(wanted, 0.5), side="left"))
        into = max(0.0, 1 - (self.running[bucket] - wanted) / self.counts[bucket])
        low, high = float(self.lowest[bucket]), float(self.highest[bucket])
        return float(low + into * (high - low))


__all__ = ["STEP", "Quantile", "quantile_difference", "quantile_from", "quantile_of", "running"]
