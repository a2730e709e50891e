"""Replications -> estimates: means, ratios of expectations, quantiles, paired differences, each with an interval.

Nothing here knows what is measured. Samples have one row per replication and any number of cells beside each other;
an interval rests on the influence of each replication: what it adds to the estimate beyond the average one.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Numbers = npt.NDArray[Any]

LEVEL = 0.95
BLOCK = 16
"""Replications whose busyness is stratified together."""
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
    """Many estimates of one kind, arrays of one shape [cell…]; NaN and infinity stand for None."""

    mean: Floats
    low: Floats
    high: Floats
    n: Ints
    level: float
    method: str
    replications: int
    formula: str = ""

    def cell(self, *index: int) -> Estimate:
        """One of them."""
        mean, low, high = (float(part[index]) for part in (self.mean, self.low, self.high))
        return Estimate(
            mean=_known(mean),
            low=_known(low),
            high=_known(high),
            level=self.level,
            method=self.method,
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
class Sample:
    """What replications gave, shape [replication, cell…]: values to be averaged, or a ratio of two expectations.

    `counts`: the denominator counts observations.
    """

    numerator: Numbers
    denominator: Numbers | None = None
    counts: bool = True

    def influence(self) -> tuple[Floats, Floats]:
        """The point estimate [cell…], and what each replication adds to it [replication, cell…]; their mean is 0.

        For a ratio r = sum(a) / sum(b) it is (a - r b) / mean(b): the delta method.
        """
        top = np.asarray(self.numerator, dtype=np.float64)
        if self.denominator is None:
            mean = top.mean(axis=0)
            return mean, top - mean
        bottom = np.asarray(self.denominator, dtype=np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            total = bottom.sum(axis=0)
            ratio = np.where(total == 0, np.nan, top.sum(axis=0) / total)
            return ratio, (top - ratio * bottom) / bottom.mean(axis=0)

    @property
    def observations(self) -> Ints:
        """How many observations each cell rests on."""
        total = np.asarray(self.numerator).sum(axis=0, dtype=np.float64)
        if self.denominator is not None and self.counts:
            return np.asarray(np.asarray(self.denominator).sum(axis=0), dtype=np.int64)
        return np.full(np.shape(total), len(self.numerator), dtype=np.int64)

    @property
    def method(self) -> str:
        """How its interval is found."""
        return "student" if self.denominator is None else "delta"


def whole_blocks(first: int, replications: int) -> slice | None:
    """Which of the replications from number `first` on fill whole blocks of 16; None when fewer than 8 blocks do."""
    start = -first % BLOCK
    blocks = (replications - start) // BLOCK
    return slice(start, start + blocks * BLOCK) if blocks >= LEAST_BLOCKS else None


def one_sided(confidence: float, comparisons: int = 1) -> float:
    """Level of the two-sided interval each of whose ends holds alone, for all comparisons at once, with `confidence`.

    Bonferroni: each end may fail with probability (1 - confidence) / comparisons.
    """
    return max(0.0, 1 - 2 * (1 - confidence) / comparisons)


def estimates_of(sample: Sample, *, level: float = LEVEL, blocks: slice | None = None, formula: str = "") -> Estimates:
    """Estimate every cell of a sample; `blocks` as `whole_blocks` gives them where busyness is stratified."""
    point, influence = sample.influence()
    half = _half_width(influence, level, blocks)
    return Estimates(
        mean=point,
        low=point - half,
        high=point + half,
        n=sample.observations,
        level=level,
        method=_method(sample.method, len(influence), blocks),
        replications=len(influence),
        formula=formula,
    )


def differences_of(
    a: Sample, b: Sample, *, level: float = LEVEL, blocks: slice | None = None, formula: str = ""
) -> Estimates:
    """Cell by cell a - b on the same replications: what both share cancels."""
    (mean_a, of_a), (mean_b, of_b) = a.influence(), b.influence()
    half = _half_width(of_a - of_b, level, blocks)
    return Estimates(
        mean=mean_a - mean_b,
        low=mean_a - mean_b - half,
        high=mean_a - mean_b + half,
        n=a.observations + b.observations,
        level=level,
        method=_method(f"paired {a.method}", len(of_a), blocks),
        replications=len(of_a),
        formula=formula,
    )


def _method(name: str, replications: int, blocks: slice | None) -> str:
    if replications < 2:
        return "single replication"
    return name if blocks is None else f"{name}, blocks of {BLOCK}"


def _half_width(influence: Floats, level: float, blocks: slice | None) -> Floats:
    if len(influence) < 2:
        return np.full(influence.shape[1:], np.nan)
    error, freedom = standard_error(influence, blocks)
    return student(freedom, level) * error


def standard_error(influence: Floats, blocks: slice | None = None) -> tuple[Floats, int]:
    """Standard error of an estimate [cell…] with its degrees of freedom.

    With `blocks`, the variance of block sums, which strata make smaller, counts for the whole blocks, the plain one
    for the replications left over.
    """
    runs = len(influence)
    plain = influence.var(axis=0, ddof=1)
    if blocks is None:
        return np.sqrt(plain / runs), runs - 1
    inside = influence[blocks]
    sums = inside.reshape(-1, BLOCK, *inside.shape[1:]).sum(axis=1)
    total = len(sums) * sums.var(axis=0, ddof=1) + (runs - len(inside)) * plain
    return np.sqrt(total) / runs, len(sums) - 1


def student(freedom: int, level: float) -> float:
    """Half-width, in standard errors, of a two-sided Student interval."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + level) / 2))


# ------------------------------------------------------------------------------------------------- single figures


def mean_of(values: Numbers, *, level: float = LEVEL, blocks: slice | None = None, formula: str = "") -> Estimate:
    """Mean over replications, `values` of shape [replication]."""
    return estimates_of(Sample(values), level=level, blocks=blocks, formula=formula).cell()


def ratio_of(
    numerator: Numbers, denominator: Numbers, *, level: float = LEVEL, blocks: slice | None = None, formula: str = ""
) -> Estimate:
    """Ratio of expectations, both of shape [replication]."""
    return estimates_of(Sample(numerator, denominator), level=level, blocks=blocks, formula=formula).cell()


def difference(
    a: Sample, b: Sample, *, level: float = LEVEL, blocks: slice | None = None, formula: str = ""
) -> Estimate:
    """Difference a - b of two single figures, pair by pair."""
    return differences_of(a, b, level=level, blocks=blocks, formula=formula).cell()


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


def quantile_of(
    histograms: Numbers,
    p: float,
    lowest: Numbers,
    highest: Numbers,
    *,
    level: float = LEVEL,
    blocks: slice | None = None,
    formula: str = "",
) -> Estimate:
    """The p-quantile of what `histograms` [replication, bucket] count, bucket b from lowest[b] to highest[b].

    The interval is that of the cumulated share at the quantile, read back through the pooled histogram (Woodruff
    1952, J. Amer. Statist. Assoc. 47, 635-646).
    """
    law = _Law(np.asarray(histograms.sum(axis=0), dtype=np.float64), lowest, highest)
    runs, n = len(histograms), int(law.total)
    shape = Estimate(
        mean=law.quantile(p),
        low=None,
        high=None,
        level=level,
        method="woodruff",
        replications=runs,
        n=n,
        formula=formula,
    )
    if runs < 2 or not n:
        return shape
    below = law.share_below(p)
    share = estimates_of(Sample(histograms @ below, histograms.sum(axis=1)), level=level, blocks=blocks)
    half = share.cell().half_width or 0.0
    return Estimate(
        **(
            vars(shape)
            | {
                "low": law.quantile(p - half),
                "high": law.quantile(p + half),
                "method": share.method.replace("delta", "woodruff"),
            }
        )
    )


class _Law:
    """A pooled histogram read as a law: even within each bucket."""

    def __init__(self, counts: Floats, lowest: Numbers, highest: Numbers) -> None:
        self.counts, self.lowest, self.highest = counts, lowest, highest
        self.running = np.cumsum(counts)
        self.total = float(self.running[-1])

    def _place(self, p: float) -> tuple[int, float]:
        """Bucket of the p-quantile, and how far into it."""
        wanted = min(max(p, 0.0), 1.0) * self.total
        bucket = int(np.searchsorted(self.running, max(wanted, 0.5), side="left"))
        return bucket, max(0.0, 1 - (self.running[bucket] - wanted) / self.counts[bucket])

    def quantile(self, p: float) -> float | None:
        """The value below which a share p lies."""
        if not self.total:
            return None
        bucket, into = self._place(p)
        low, high = float(self.lowest[bucket]), float(self.highest[bucket])
        return low + into * (high - low)

    def share_below(self, p: float) -> Floats:
        """Which share of each bucket lies below the p-quantile."""
        bucket, into = self._place(p)
        below = np.zeros(len(self.counts))
        below[:bucket] = 1.0
        below[bucket] = into
        return below


def clopper_pearson(hits: Numbers, n: Numbers, level: float) -> tuple[Floats, Floats]:
    """Exact bounds of a binomial share, each end failing with probability (1 - level) / 2 (Clopper & Pearson 1934)."""
    from scipy.special import betaincinv

    tail = (1 - level) / 2
    k, m = np.asarray(hits, dtype=np.float64), np.asarray(n, dtype=np.float64)
    low = np.where(k > 0, betaincinv(np.maximum(k, 0.5), m - k + 1, tail), 0.0)
    high = np.where(k < m, betaincinv(k + 1, np.maximum(m - k, 0.5), 1 - tail), 1.0)
    return low, high
