"""Replications -> estimates: means, ratios of expectations, quantiles, paired differences, each with an interval.

Nothing here knows what is measured. Samples have one row per replication and any number of cells beside each other;
an interval rests on the influence of each replication: what it adds to the estimate beyond the average one. Where
replications carry controls, each counts with a weight that makes the controls come out as they are known to.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
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
class Controls:
    """Control variates: `values` [replication, control] of what is known to have mean 0, and their `names`.

    An estimate that is linear in the replications, corrected by its regression on the controls, is a mean with other
    weights, the same for all figures: so parts still add up, and ratios, sums and quantiles all stay what they were
    (Lavenberg & Welch 1981, Management Science 27, 322-335; calibration weights: Deville & Sarndal 1992, J. Amer.
    Statist. Assoc. 87, 376-382).
    """

    values: Floats
    names: tuple[str, ...] = ()

    @cached_property
    def _span(self) -> tuple[Floats, Floats]:
        """Orthonormal columns that span the centred controls [replication, rank], and how far off they came out [rank].

        What does not vary, or only with the others, is left out.
        """
        mean = self.values.mean(axis=0)
        centred = self.values - mean
        size = np.linalg.norm(centred, axis=0)
        varies = size > 1e-9 * np.linalg.norm(self.values, axis=0)
        scaled = centred[:, varies] / size[varies]
        left, singular, right = np.linalg.svd(scaled, full_matrices=False)
        kept = singular > 1e-6
        return left[:, kept], right[kept] @ (mean[varies] / size[varies]) / singular[kept]

    @property
    def rank(self) -> int:
        """How many slopes are fitted."""
        return len(self._span[1])

    @cached_property
    def weights(self) -> Floats:
        """What each replication counts, [replication]; they add up to 1."""
        basis, off = self._span
        return 1 / len(self.values) - basis @ off

    @property
    def stretch(self) -> float:
        """Variance of the weighted mean of independent values, in units of that of the plain one; at least 1."""
        return len(self.values) * float((self.weights**2).sum())

    def residual(self, influence: Floats) -> Floats:
        """What the controls do not explain of an influence [replication, cell…]."""
        flat = influence.reshape(len(influence), -1)
        flat = flat - flat.mean(axis=0)
        basis = self._span[0]
        return np.asarray(flat - basis @ (basis.T @ flat)).reshape(influence.shape)


@dataclass(frozen=True, eq=False)
class Sample:
    """What replications gave, shape [replication, cell…]: values to be averaged, or a ratio of two expectations.

    `counts`: the denominator counts observations.
    """

    numerator: Numbers
    denominator: Numbers | None = None
    counts: bool = True

    def influence(self, controls: Controls | None = None) -> tuple[Floats, Floats]:
        """The point estimate [cell…], and what each replication adds to it [replication, cell…]; their mean is 0.

        For a ratio r = mean(a) / mean(b) it is (a - r b) / mean(b): the delta method. With controls both means are
        weighted, and what the controls explain is taken out.
        """
        mean = _average(controls)
        top = np.asarray(self.numerator, dtype=np.float64)
        if self.denominator is None:
            middle = mean(top)
            return middle, _unexplained(top - middle, controls)
        bottom = np.asarray(self.denominator, dtype=np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            size = np.where(bottom.any(axis=0), mean(bottom), np.nan)
            ratio = mean(top) / size
            return ratio, _unexplained((top - ratio * bottom) / size, controls)

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


def _average(controls: Controls | None) -> Callable[[Floats], Floats]:
    """Mean over the first axis, by the weights of the controls where there are any."""
    if controls is None:
        return lambda values: np.asarray(values.mean(axis=0))
    return lambda values: np.asarray(np.tensordot(controls.weights, values, axes=1))


def _unexplained(influence: Floats, controls: Controls | None) -> Floats:
    return influence if controls is None else controls.residual(influence)


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


def estimates_of(
    sample: Sample,
    *,
    level: float = LEVEL,
    blocks: slice | None = None,
    controls: Controls | None = None,
    formula: str = "",
) -> Estimates:
    """Estimate every cell of a sample; `blocks` as `whole_blocks` gives them where busyness is stratified."""
    point, influence = sample.influence(controls)
    half = _half_width(influence, level, blocks, controls)
    return Estimates(
        mean=point,
        low=point - half,
        high=point + half,
        n=sample.observations,
        level=level,
        method=_method(sample.method, len(influence), blocks, controls),
        replications=len(influence),
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
    (mean_a, of_a), (mean_b, of_b) = a.influence(controls), b.influence(controls)
    half = _half_width(of_a - of_b, level, blocks, controls)
    return Estimates(
        mean=mean_a - mean_b,
        low=mean_a - mean_b - half,
        high=mean_a - mean_b + half,
        n=a.observations + b.observations,
        level=level,
        method=_method(f"paired {a.method}", len(of_a), blocks, controls),
        replications=len(of_a),
        formula=formula,
    )


def _method(name: str, replications: int, blocks: slice | None, controls: Controls | None = None) -> str:
    if replications < 2:
        return "single replication"
    if controls is not None:
        return f"{name}, controls"
    return name if blocks is None else f"{name}, blocks of {BLOCK}"


def _half_width(influence: Floats, level: float, blocks: slice | None, controls: Controls | None = None) -> Floats:
    if len(influence) < 2:
        return np.full(influence.shape[1:], np.nan)
    error, freedom = standard_error(influence, blocks, controls)
    return student(freedom, level) * error


def standard_error(
    influence: Floats, blocks: slice | None = None, controls: Controls | None = None
) -> tuple[Floats, int]:
    """Standard error of an estimate [cell…] with its degrees of freedom.

    With `controls` (the influence is then what they leave unexplained) each fitted slope costs a degree of freedom
    and, being fitted, adds to the variance: exact for independent normal values, a little too wide where strata still
    help. Else with `blocks` the variance of block sums, which strata make smaller, counts for the whole blocks, the
    plain one for the replications left over.
    """
    runs = len(influence)
    if controls is not None:
        freedom = runs - 1 - controls.rank
        return np.sqrt((influence**2).sum(axis=0) / freedom * controls.stretch / runs), freedom
    plain = influence.var(axis=0, ddof=1)
    if blocks is None:
        return np.sqrt(plain / runs), runs - 1
    inside = influence[blocks]
    sums = inside.reshape(-1, BLOCK, *inside.shape[1:]).sum(axis=1)
    total = len(sums) * sums.var(axis=0, ddof=1) + (runs - len(inside)) * plain
    return np.sqrt(total) / runs, len(sums) - 1


def variance_ratio(sample: Sample, blocks: slice | None, controls: Controls | None) -> Floats:
    """How many times more plain replications the same accuracy would take [cell…]; NaN where nothing varies."""
    raw = sample.influence()[1]
    if len(raw) < 2:
        return np.full(raw.shape[1:], np.nan)
    plain, _ = standard_error(raw)
    reduced, _ = standard_error(sample.influence(controls)[1], blocks, controls)
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
    """The p-quantile of what `histograms` [replication, bucket] count, bucket b from lowest[b] to highest[b].

    The interval is that of the cumulated share at the quantile, read back through the pooled histogram (Woodruff
    1952, J. Amer. Statist. Assoc. 47, 635-646).
    """
    runs, n = len(histograms), int(histograms.sum())
    weights = controls.weights * runs if controls else np.ones(runs)
    law = _Law(weights @ histograms, lowest, highest)
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
    whole = Sample(histograms @ below, histograms.sum(axis=1))
    share = estimates_of(whole, level=level, blocks=blocks, controls=controls)
    half = share.cell().half_width or 0.0
    if not half < min(p, 1 - p):  # the end lies beyond what was seen: there is none to give
        return replace(shape, method="too few")
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
        self.counts, self.lowest, self.highest = np.maximum(counts, 0.0), lowest, highest
        self.running = np.cumsum(self.counts)
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
