"""The statistical assertions themselves: they cry wolf as often as they say, and see the bias that they say."""

import numpy as np
import pytest
from chance import agree, close, close_mean, smallest_visible_bias


def test_close_cries_wolf_at_its_rate() -> None:
    """20,000 true hypotheses at alpha 0.05: 1,000 false alarms, give or take 4 x 31 (alpha of this test 6e-5)."""
    draws = np.random.default_rng(1).normal(size=20_000)
    alarms = sum(not close(x, 0.0, 1.0, alpha=0.05) for x in draws)
    assert abs(alarms - 1000) < 125


def test_close_mean_cries_wolf_at_its_rate_with_few_values() -> None:
    """Planted fault: the normal quantile in place of Student's gives 2,788 alarms here."""
    draws = np.random.default_rng(2).normal(size=(20_000, 4))
    alarms = sum(not close_mean(row, 0.0, alpha=0.05) for row in draws)
    assert abs(alarms - 1000) < 125


def test_the_smallest_visible_bias_is_seen_nine_times_in_ten() -> None:
    bias = smallest_visible_bias(1.0, alpha=0.01, power=0.9)
    draws = np.random.default_rng(3).normal(size=20_000) + bias
    seen = sum(not close(x, 0.0, 1.0, alpha=0.01) for x in draws)
    assert seen == pytest.approx(18_000, abs=170)


def test_figures_agree_within_their_intervals_and_digits() -> None:
    assert agree(10.0, 0.3, 10.6, 0.4)
    assert not agree(10.0, 0.3, 10.9, 0.4)
    assert agree(10.0, 0.0, 10.4, 0.0, last_digit=1.0)
