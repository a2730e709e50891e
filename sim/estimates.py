"""Replications -> estimates: means, ratios of expectations, quantiles, paired differences, each with an interval.

Nothing here knows what is measured. Samples have one row per replication and any number of cells beside each other;
an interval rests on the influence of each replication: what it adds to the estimate beyond the average one. How much
influences vary is read from moments, so that replications need not be kept. Where replications carry controls, each
counts with a weight that makes the controls come out as they are known to.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.moments import BLOCK, Correction, Moments, corrected, moments_of, variation

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Numbers = npt.NDArray[Any]

LEVEL = 0.95
LEAST_BLOCKS = 8


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """One figure. `mean` is None where its denominator is empty, `low` and `high` where no interval can be given.

    `level` is the confidence of [low, high], `n` how many observations (or else replications) it rests on,
    `formula` the id of its definition.
    """

    mean: float | None
    low: float | None
    high: float | None
    level: float
    method: str
    replications: int
    n: int
    formula: str = ""

    @property
    def half_width(self) -> float | None:
        """Half the length of the interval."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2


@dataclass(frozen=True, kw_only=True, eq=False)
class Estimates:
    """Many estimates of one kind, arrays of one shape [cell…]; NaN and infinity stand for None.

    `methods` [cell…] where they differ.
    """

    mean: Floats
    low: Floats
    high: Floats
    n: Ints
    level: float
    method: str
    replications: int
    formula: str = ""
    methods: npt.NDArray[np.str_] | None = None

    def cell(self, *index: int) -> Estimate:
        """One of them."""
        mean, low, high = (float(part[index]) for part in (self.mean, self.low, self.high))
        return Estimate(
            mean=_known(mean),
            low=_known(low),
            high=_known(high),
            level=self.level,
            method=self.method if self.methods is None else str(self.methods[index]),
            replications=self.replications,
            n=int(self.n[index]),
            formula=self.formula,
        )

    def __iter__(self) -> Iterator[Estimate]:
        """All of them, last index fastest."""
        return (self.cell(*index) for index in np.ndindex(self.mean.shape))


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


@dataclass(frozen=True, eq=False)
class Controls:
    """Control variates: `values` [replication, control] of what is known to have mean 0, and their `names`.

    See `sim.moments.Correction`.
    """

    values: Floats
    names: tuple[str, ...] = ()

    @cached_property
    def correction(self) -> Correction:
        """What they correct."""
        off = self.values - (mean := self.values.mean(axis=0))
        return Correction(len(off), mean, off.T @ off)

    @property
    def rank(self) -> int:
        """How many slopes are fitted."""
        return self.correction.rank

    @cached_property
    def weights(self) -> Floats:
        """What each replication counts, [replication]; they add up to 1."""
        return self.correction.weights(self.values)


@dataclass(frozen=True, eq=False)
class Sample:
    """What replications gave, shape [replication, cell…]: values to be averaged, or a ratio of two expectations.

    `counts`: the denominator counts observations.
    """

    numerator: Numbers
    denominator: Numbers | None = None
    counts: bool = True

    @property
    def parts(self) -> list[Numbers]:
        """Numerator, and denominator where there is one."""
        return [self.numerator] if self.denominator is None else [self.numerator, self.denominator]

    def moments(self, blocks: slice | None = None, controls: Controls | None = None) -> Moments:
        """Its moments; `blocks` as `whole_blocks` gives them where busyness is stratified."""
        return moments_of(self.parts, controls.values if controls else None, blocks)

    def influence(self) -> tuple[Floats, Floats]:
        """The point estimate [cell…], and what each replication adds to it [replication, cell…]; their mean is 0.

        For a ratio r = mean(a) / mean(b) it is (a - r b) / mean(b): the delta method.
        """
        top = np.asarray(self.numerator, dtype=np.float64)
        if self.denominator is None:
            middle = np.asarray(top.mean(axis=0))
            return middle, top - middle
        bottom = np.asarray(self.denominator, dtype=np.float64)
        middle, slope = point(np.stack((top.mean(axis=0), bottom.mean(axis=0))))
        with np.errstate(invalid="ignore"):
            return middle, top * slope[0] + bottom * slope[1]


def whole_blocks(first: int, replications: int) -> slice | None:
    """Which of the replications from number `first` on fill whole blocks of 16; None when fewer than 8 blocks do."""
    start = -first % BLOCK
    blocks = (replications - start) // BLOCK
    return slice(start, start + blocks * BLOCK) if blocks >= LEAST_BLOCKS else None


def one_sided(confidence: float, comparisons: float = 1) -> float:
    """Level of the two-sided interval each of whose ends holds alone, for all comparisons at once, with `confidence`.

    Bonferroni: each end may fail with probability (1 - confidence) / comparisons.
    """
    return max(0.0, 1 - 2 * (1 - confidence) / comparisons)


def estimates_of(
    sample: Sample,
    *,
    level: float = LEVEL,
    blocks: slice | None = None,
    controls: Controls | None = None,
    formula: str = "",
) -> Estimates:
    """Estimate every cell of a sample; `blocks` as `whole_blocks` gives them where busyness is stratified."""
    of = sample.moments(blocks, controls)
    by = controls.correction if controls else None
    return estimates_from(of, level=level, by=by, counts=sample.counts, formula=formula)


def estimates_from(
    of: Moments, *, level: float = LEVEL, by: Correction | None = None, counts: bool = True, formula: str = ""
) -> Estimates:
    """Estimate every cell from its moments: a mean, or a ratio where it has a denominator that `counts` or not."""
    middle, slope = point(corrected(of, by))
    half = half_width(of, slope, level, by)
    ratio = len(of.mean) == 2
    return Estimates(
        mean=middle,
        low=middle - half,
        high=middle + half,
        n=_observations(of, counts=counts and ratio),
        level=level,
        method=method_of("delta" if ratio else "student", of, by),
        replications=of.count,
        formula=formula,
    )


def differences_of(
    a: Sample,
    b: Sample,
    *,
    level: float = LEVEL,
    blocks: slice | None = None,
    controls: Controls | None = None,
    formula: str = "",
) -> Estimates:
    """Cell by cell a - b on the same replications: what both share cancels."""
    of = moments_of([*a.parts, *b.parts], controls.values if controls else None, blocks)
    by = controls.correction if controls else None
    return differences_from(of, level=level, by=by, counts=a.counts, formula=formula)


def differences_from(
    of: Moments, *, level: float = LEVEL, by: Correction | None = None, counts: bool = True, formula: str = ""
) -> Estimates:
    """Cell by cell a - b from the moments of the parts of both, those of a first."""
    middle, half_way = corrected(of, by), len(of.mean) // 2
    (mean_a, slope_a), (mean_b, slope_b) = point(middle[:half_way]), point(middle[half_way:])
    half = half_width(of, np.concatenate((slope_a, -slope_b)), level, by)
    ratio = half_way == 2
    n = [_observations(of, counts=counts and ratio, part=part) for part in (half_way - 1, 2 * half_way - 1)]
    return Estimates(
        mean=mean_a - mean_b,
        low=mean_a - mean_b - half,
        high=mean_a - mean_b + half,
        n=n[0] + n[1],
        level=level,
        method=method_of("paired delta" if ratio else "paired student", of, by),
        replications=of.count,
        formula=formula,
    )


def point(mean: Floats) -> tuple[Floats, Floats]:
    """Estimate [cell] from the means of its parts [part, cell], and how it goes with each of them."""
    if len(mean) == 1:
        return mean[0], np.ones_like(mean)
    with np.errstate(invalid="ignore", divide="ignore"):
        size = np.where(mean[1] != 0, mean[1], np.nan)
        ratio = mean[0] / size
        return ratio, np.stack((1 / size, -ratio / size))


def _observations(of: Moments, *, counts: bool, part: int = 1) -> Ints:
    """How many observations each cell rests on: what a denominator counted, else replications."""
    if counts:
        return np.asarray(np.rint(of.mean[part] * of.count), dtype=np.int64)
    return np.full(of.mean.shape[1:], of.count, dtype=np.int64)


def method_of(name: str, of: Moments, by: Correction | None) -> str:
    """How an interval was found."""
    if of.count < 2:
        return "single replication"
    if by is not None:
        return f"{name}, controls"
    return f"{name}, blocks of {BLOCK}" if _in_blocks(of) else name


def _in_blocks(of: Moments) -> bool:
    return of.blocks is not None and of.blocks.count >= LEAST_BLOCKS


def half_width(of: Moments, slope: Floats, level: float, by: Correction | None) -> Floats:
    """Half the length of an interval [cell…]; NaN for a single replication."""
    if of.count < 2:
        return np.full(of.mean.shape[1:], np.nan)
    error, freedom = standard_error(of, slope, by)
    return student(freedom, level) * error


def standard_error(of: Moments, slope: Floats, by: Correction | None = None) -> tuple[Floats, int]:
    """Standard error [cell…] of an estimate that goes with its parts by `slope`, with its degrees of freedom.

    With controls each fitted slope costs a degree of freedom and, being fitted, adds to the variance: exact for
    independent normal values, a little too wide where strata still help. Else, from 8 whole blocks on, the variance of
    block sums, which strata make smaller, counts for the whole blocks, the plain one for the replications left over.
    """
    runs = of.count
    if by is not None:
        freedom = runs - 1 - by.rank
        return np.sqrt(variation(of, slope, by) / freedom * by.stretch / runs), freedom
    plain = variation(of, slope) / (runs - 1)
    if of.blocks is None or not _in_blocks(of):
        return np.sqrt(plain / runs), runs - 1
    sums = of.blocks
    total = sums.count * variation(sums, slope) / (sums.count - 1) + (runs - BLOCK * sums.count) * plain
    return np.sqrt(total) / runs, sums.count - 1


def variance_ratio(of: Moments, by: Correction | None = None) -> Floats:
    """How many times more plain replications the same accuracy would take [cell…]; NaN where nothing varies."""
    if of.count < 2:
        return np.full(of.mean.shape[1:], np.nan)
    plain, _ = standard_error(replace(of, blocks=None), point(of.mean)[1])
    reduced, _ = standard_error(of, point(corrected(of, by))[1], by)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((plain / reduced) ** 2)


def student(freedom: int, level: float) -> float:
    """Half-width, in standard errors, of a two-sided Student interval."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + level) / 2))


# ------------------------------------------------------------------------------------------------- single figures


def mean_of(
    values: Numbers,
    *,
    level: float = LEVEL,
    blocks: slice | None = None,
    controls: Controls | None = None,
    formula: str = "",
) -> Estimate:
    """Mean over replications, `values` of shape [replication]."""
    return estimates_of(Sample(values), level=level, blocks=blocks, controls=controls, formula=formula).cell()


def ratio_of(
    numerator: Numbers,
    denominator: Numbers,
    *,
    level: float = LEVEL,
    blocks: slice | None = None,
    controls: Controls | None = None,
    formula: str = "",
) -> Estimate:
    """Ratio of expectations, both of shape [replication]."""
    whole = Sample(numerator, denominator)
    return estimates_of(whole, level=level, blocks=blocks, controls=controls, formula=formula).cell()


def difference(
    a: Sample,
    b: Sample,
    *,
    level: float = LEVEL,
    blocks: slice | None = None,
    controls: Controls | None = None,
    formula: str = "",
) -> Estimate:
    """Difference a - b of two single figures, pair by pair."""
    return differences_of(a, b, level=level, blocks=blocks, controls=controls, formula=formula).cell()


def exact(value: float | None, *, level: float = LEVEL, replications: int = 0, formula: str = "") -> Estimate:
    """A figure without any chance in it."""
    return Estimate(
        mean=value,
        low=value,
        high=value,
        level=level,
        method="exact",
        replications=replications,
        n=replications,
        formula=formula,
    )


def order_statistic(values: Numbers, p: float, *, level: float = LEVEL, formula: str = "") -> Estimate:
    """The p-quantile of independent `values` [replication], with the interval between two of them.

    The r-th smallest lies below the quantile unless fewer than r values do, a binomial count (David & Nagaraja 2003,
    Order Statistics, section 7.1): exact, whatever the law. None where too few values cannot give such an end.
    """
    from scipy.special import bdtr

    n, ordered = len(values), np.sort(np.asarray(values, dtype=np.float64))
    below = bdtr(np.arange(n), n, p) if n else np.zeros(0)
    tail = (1 - level) / 2
    first = int(np.searchsorted(below, tail, side="right")) - 1
    last = int(np.searchsorted(below, 1 - tail, side="left"))
    known = first >= 0 and last < n
    return Estimate(
        mean=float(np.quantile(ordered, p)) if n else None,
        low=float(ordered[first]) if known else None,
        high=float(ordered[last]) if known else None,
        level=level,
        method="order statistics" if known else "too few replications",
        replications=n,
        n=n,
        formula=formula,
    )


def clopper_pearson(hits: Numbers, n: Numbers, level: float) -> tuple[Floats, Floats]:
    """Exact bounds of a binomial share, each end failing with probability (1 - level) / 2 (Clopper & Pearson 1934)."""
    from scipy.special import betaincinv

    tail = (1 - level) / 2
    k, m = np.asarray(hits, dtype=np.float64), np.asarray(n, dtype=np.float64)
    low = np.where(k > 0, betaincinv(np.maximum(k, 0.5), m - k + 1, tail), 0.0)
    high = np.where(k < m, betaincinv(k + 1, np.maximum(m - k, 0.5), 1 - tail), 1.0)
    return low, high
