"""Intervals: by hand where a pencil will do, and by how often they cover the truth where it will not.

Coverage is counted over `TRIALS` experiments with a fixed seed; a count as far off as the bounds allow has probability
`ALPHA` if intervals hold what they promise.
"""

import math

import numpy as np
import pytest
from chance import ALPHA
from scipy.special import bdtr, stdtrit

from sim.estimates import (
    Sample,
    clopper_pearson,
    difference,
    estimates_of,
    exact,
    mean_of,
    one_sided,
    ratio_of,
    standard_error,
    whole_blocks,
)
from sim.moments import moments_of
from sim.quantiles import quantile_of

TRIALS = 2000
EDGES = np.arange(4000)


def plausible(covered: int, level: float, trials: int = TRIALS) -> bool:
    """Whether so many of the trials cover the truth with probability `level` each; false alarm ALPHA."""
    at_most, at_least = bdtr(covered, trials, level), 1 - bdtr(covered - 1, trials, level)
    return min(at_most, at_least) > ALPHA / 2


def test_the_mean_has_students_interval() -> None:
    found = mean_of(np.array([1.0, 2.0, 3.0, 4.0]), formula="N-1")
    half = stdtrit(3, 0.975) * math.sqrt(5 / 3 / 4)
    assert (found.mean, found.method, found.replications, found.n) == (2.5, "student", 4, 4)
    assert found.low == pytest.approx(2.5 - half)
    assert found.half_width == pytest.approx(half)


def test_a_ratio_pools_its_parts_and_has_the_delta_methods_interval() -> None:
    hits, offered = np.array([8, 30]), np.array([10, 60])
    found = ratio_of(hits, offered)
    ratio = 38 / 70
    influence = (hits - ratio * offered) / 35
    assert found.mean == pytest.approx(ratio)
    assert found.half_width == pytest.approx(stdtrit(1, 0.975) * influence.std(ddof=1) / math.sqrt(2))
    assert found.n == 70


def test_an_empty_denominator_gives_none_and_a_single_replication_no_interval() -> None:
    nothing = ratio_of(np.array([0, 0]), np.array([0, 0]))
    assert (nothing.mean, nothing.low, nothing.high, nothing.half_width, nothing.n) == (None,) * 4 + (0,)
    single = ratio_of(np.array([3]), np.array([4]))
    assert (single.mean, single.low, single.high, single.method) == (0.75, None, None, "single replication")


def test_an_exact_figure_has_an_interval_without_length() -> None:
    found = exact(12.0, formula="STAFF-4")
    assert (found.low, found.mean, found.high, found.half_width, found.method) == (12.0, 12.0, 12.0, 0.0, "exact")


def test_many_cells_at_once_are_the_same_as_one_by_one() -> None:
    dice = np.random.default_rng(1)
    hits, offered = dice.integers(0, 5, (40, 3, 4)), dice.integers(5, 9, (40, 3, 4))
    offered[:, 1, 2] = hits[:, 1, 2] = 0
    together = estimates_of(Sample(hits, offered))
    one_by_one = [ratio_of(hits[:, i, j], offered[:, i, j]) for i in range(3) for j in range(4)]
    assert [e.mean for e in together] == [e.mean for e in one_by_one]
    assert [e.high for e in together] == pytest.approx([e.high for e in one_by_one])
    assert together.cell(1, 2).mean is None


def test_the_ends_of_simultaneous_intervals_share_out_the_chance_of_error() -> None:
    assert one_sided(0.95) == pytest.approx(0.90)
    assert one_sided(0.95, 50) == pytest.approx(0.998)
    assert one_sided(0.2) == 0.0


def test_the_ratios_interval_covers_as_often_as_it_says() -> None:
    """Alpha 1e-4. Red when the influence forgets the denominator's part (- r b): coverage near 1."""
    dice = np.random.default_rng(2)
    offered = dice.poisson(200, (30, TRIALS))
    hits = dice.binomial(offered, 0.8)
    found = estimates_of(Sample(hits, offered))
    assert plausible(int(((found.low <= 0.8) & (found.high >= 0.8)).sum()), 0.95)


def test_the_quantiles_interval_covers_as_often_as_it_says() -> None:
    """Half of the days are three times as slow. Alpha 1e-4. Red when waits count as if each stood for itself."""
    dice, trials, quantile = np.random.default_rng(3), 400, 200
    p = 1 - (math.exp(-quantile / 50) + math.exp(-quantile / 150)) / 2
    covered = 0
    for _ in range(trials):
        waits = dice.exponential(dice.choice([50, 150], (40, 1)), (40, 50)).astype(int)
        days = np.stack([np.bincount(day, minlength=len(EDGES)) for day in waits])
        found = quantile_of(days, p, EDGES, EDGES + 1)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= quantile <= found.high
    assert plausible(covered, 0.95, trials)


def test_a_quantile_inside_a_lump_is_the_lump() -> None:
    days = np.zeros((5, 10), dtype=np.int32)
    days[:, 0], days[:, 7] = 90, 10
    median, p95 = (quantile_of(days, p, np.arange(10), np.arange(10)) for p in (0.5, 0.95))
    assert (median.low, median.mean, median.high, median.n) == (0.0, 0.0, 0.0, 500)
    assert p95.mean == 7.0
    assert quantile_of(days * 0, 0.5, np.arange(10), np.arange(10)).mean is None


def test_whole_blocks_start_at_multiples_of_sixteen_and_need_eight() -> None:
    assert whole_blocks(0, 127) is None
    assert whole_blocks(0, 128) == slice(0, 128)
    assert whole_blocks(0, 200) == slice(0, 192)
    assert whole_blocks(1000, 200) == slice(8, 200)
    assert whole_blocks(5, 130) is None


def stratified(dice: np.random.Generator, blocks: int, trials: int) -> np.ndarray:
    """Replications [16 * blocks, trial] that only differ by a stratified uniform factor of mean 0."""
    strata = dice.permuted(np.tile(np.arange(16.0)[:, None, None], (1, blocks, trials)), axis=0)
    values = (strata + dice.random(strata.shape)) / 16 - 0.5
    return values.transpose(1, 0, 2).reshape(16 * blocks, trials)


def test_intervals_over_blocks_cover_as_often_as_they_say_and_are_much_shorter() -> None:
    """Alpha 1e-4. Red when a block's sum is taken for its mean (16 times too long) or the blocks start one late."""
    values = stratified(np.random.default_rng(4), 10, TRIALS)
    by_block = estimates_of(Sample(values), blocks=whole_blocks(0, 160))
    plain = estimates_of(Sample(values))
    assert by_block.method == "student, blocks of 16"
    assert plausible(int(((by_block.low <= 0) & (by_block.high >= 0)).sum()), 0.95)
    assert (by_block.high - by_block.low).mean() < 0.1 * (plain.high - plain.low).mean()


def test_replications_left_over_count_with_their_full_variance() -> None:
    """Alpha 1e-4, one-sided: at least 95 % cover. Red when the variance left over is dropped."""
    values = stratified(np.random.default_rng(5), 9, TRIALS)[:136]
    found = estimates_of(Sample(values), blocks=whole_blocks(0, 136))
    covered = int(((found.low <= 0) & (found.high >= 0)).sum())
    assert bdtr(covered, TRIALS, 0.95) > ALPHA
    slope = np.ones((1, TRIALS))
    error, freedom = standard_error(moments_of([values], blocks=slice(0, 128)), slope)
    assert freedom == 7
    assert (error > standard_error(moments_of([values[:128]], blocks=slice(0, 128)), slope)[0] / 2).all()


def test_what_two_plans_share_cancels_in_their_difference() -> None:
    dice = np.random.default_rng(6)
    day = dice.normal(100, 30, 50)
    a, b = day + dice.normal(1, 0.1, 50), day
    found = difference(Sample(a), Sample(b))
    assert found.method == "paired student"
    assert found.mean == pytest.approx(1, abs=0.1)
    assert found.half_width is not None
    assert found.half_width < 0.05 < (mean_of(a).half_width or 0)


def test_the_difference_of_two_ratios_is_that_of_their_influences() -> None:
    hits, offered = np.array([8, 30, 12]), np.array([10, 60, 20])
    found = difference(Sample(hits, offered), Sample(hits, offered))
    assert (found.mean, found.low, found.high) == (0.0, 0.0, 0.0)


def test_clopper_pearson_bounds() -> None:
    low, high = clopper_pearson(np.array([0, 5, 10]), np.array([10, 10, 10]), 0.95)
    assert low == pytest.approx([0, 0.18708603, 1 - 0.30849711])
    assert high == pytest.approx([0.30849711, 1 - 0.18708603, 1])
