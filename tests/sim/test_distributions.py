"""Families of durations: draws, mean and distribution function must tell the same story."""

import math

import numpy as np
import pytest
from chance import ALPHA, close_mean
from pydantic import TypeAdapter, ValidationError

from sim.distributions import ByTime, Distribution, Family, Lognormal, from_quantiles, gamma_factor

N = 20_000
CONTINUOUS = {
    "exponential": {"mean": "90 s"},
    "lognormal": {"mean": "300 s", "cv": 0.9},
    "gamma": {"mean": "300 s", "cv": 1.3},
    "erlang": {"mean": "60 s", "stages": 3},
    "weibull": {"mean": "2 min", "shape": 0.7},
    "uniform": {"low": "10 s", "high": "30 s"},
    "triangular": {"low": "10 s", "mode": "12 s", "high": "40 s"},
    "hyperexponential": {"shares": [0.3, 0.7], "means": ["20 s", "200 s"]},
}


def family(name: str, **law: object) -> Family:
    return TypeAdapter(Distribution).validate_python({"family": name, **law})


@pytest.mark.parametrize("name", CONTINUOUS)
def test_draws_follow_the_distribution_function(name: str) -> None:
    """Kolmogorov, alpha 1e-4. Planted once: Weibull by its scale instead of its mean; Erlang with 3.2 stages' scale."""
    law = family(name, **CONTINUOUS[name])
    drawn = np.sort(law.sample(np.random.default_rng(1), N))
    gap = law.cdf(drawn) - np.arange(N) / N
    assert max(gap.max(), 1 / N - gap.min()) * math.sqrt(N) < math.sqrt(-math.log(ALPHA / 2) / 2)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_draws_have_the_stated_mean(name: str) -> None:
    """Student, alpha 1e-4. Planted once: a lognormal whose mu lacks -sigma^2 / 2."""
    law = family(name, **CONTINUOUS[name])
    assert close_mean(law.sample(np.random.default_rng(2), N), law.average)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_the_mean_is_the_area_above_the_distribution_function(name: str) -> None:
    law = family(name, **CONTINUOUS[name])
    x = np.linspace(0, 40_000, 4_000_001)
    assert np.trapezoid(1 - law.cdf(x), x) == pytest.approx(law.average, rel=1e-3)


def test_deterministic_is_always_the_same() -> None:
    law = family("deterministic", value="90 s")
    assert law.sample(np.random.default_rng(0), 3).tolist() == [90, 90, 90]
    assert law.average == 90
    assert law.cdf(np.array([89.9, 90.0])).tolist() == [0, 1]


def test_empirical_draws_what_was_observed() -> None:
    law = family("empirical", values=[1, 2, 2, 5])
    drawn = law.sample(np.random.default_rng(3), N)
    assert set(drawn) == {1, 2, 5}
    assert law.average == 2.5
    assert law.cdf(np.array([0.9, 1, 2, 5])).tolist() == [0, 0.25, 0.75, 1]
    assert close_mean(drawn, 2.5)


@pytest.mark.parametrize(("low", "mode", "high"), [(0, 0, 10), (0, 10, 10)])
def test_a_triangle_may_lean_on_one_side(low: int, mode: int, high: int) -> None:
    law = family("triangular", low=f"{low} s", mode=f"{mode} s", high=f"{high} s")
    assert law.cdf(np.array([-1.0, low, 5.0, high, 11.0])).tolist() == [0, 0, 0.75 if mode == 0 else 0.25, 1, 1]


@pytest.mark.parametrize(
    ("name", "law"),
    [
        ("uniform", {"low": "30 s", "high": "10 s"}),
        ("triangular", {"low": "5 s", "mode": "4 s", "high": "9 s"}),
        ("hyperexponential", {"shares": [0.5, 0.4], "means": ["1 s", "2 s"]}),
        ("hyperexponential", {"shares": [1], "means": ["1 s", "2 s"]}),
        ("lognormal", {"mean": "30 s", "cv": 0}),
        ("gamma", {"mean": "0 s", "cv": 1}),
    ],
)
def test_nonsense_is_refused(name: str, law: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        family(name, **law)


def test_a_lognormal_by_two_quantiles() -> None:
    law = from_quantiles(median=100, p90=300)
    assert isinstance(law, Lognormal)
    assert law.cdf(np.array([100.0, 300.0])) == pytest.approx([0.5, 0.9])


def test_a_factor_that_hardly_varies_is_1() -> None:
    assert gamma_factor(8.7e-280, np.array([0.2])) == pytest.approx(1)
    assert gamma_factor(2e-6, np.array([0.2])) == pytest.approx(1, abs=1e-5)


def test_busyness_factors_have_mean_1_and_the_stated_spread() -> None:
    """By numerical integration of the quantile function."""
    u = (np.arange(200_000) + 0.5) / 200_000
    factor = gamma_factor(0.3, u)
    assert factor.mean() == pytest.approx(1, abs=1e-5)
    assert factor.std() == pytest.approx(0.3, rel=1e-3)
    assert (gamma_factor(0, u) == 1).all()


# ------------------------------------------------------------------------------------------------------------- by time


def by_time(**seconds: int) -> ByTime:
    """From each hour (`from_08`) on always so many seconds."""
    laws = {f"{hour[-2:]}:00": {"family": "deterministic", "value": f"{s} s"} for hour, s in seconds.items()}
    return ByTime.model_validate({"by_time": laws})


def test_a_law_by_time_stands_for_the_mixture_over_a_day() -> None:
    """Eight hours of 1 min and sixteen of 4 min: 3 min; a third of the draws is 1 min."""
    law = by_time(from_00=240, from_16=60)
    assert law.average == pytest.approx(180)
    assert law.cdf(np.array([59.0, 60.0, 240.0])).tolist() == pytest.approx([0, 1 / 3, 1])
    drawn = law.sample(np.random.default_rng(3), 30_000)
    assert (drawn == 60).mean() == pytest.approx(1 / 3, abs=0.011)


def test_a_law_holds_from_its_label_on_and_over_midnight() -> None:
    law = by_time(from_08=1, from_18=2)
    wall = np.array([1440 * 10 + minute for minute in (0, 479, 480, 1079, 1080, 1439)])
    assert law.law_at(wall).tolist() == [1, 1, 0, 0, 1, 1]
