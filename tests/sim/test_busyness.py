"""How busy a replication is: strata, types that go together or against each other, intervals that hang together.

Moments are compared with what the Gaussian copula's own formula gives, by quadrature.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from centres import centre
from chance import close_mean
from scipy.special import gammainc, gammaincinv, ndtr

from sim.busyness import STRATA, levels
from sim.demand import sample
from sim.desk.busyness import triangular
from sim.scenario import Scenario

Floats = npt.NDArray[np.float64]
HOUR = 3_600_000
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(80)
MASS = WEIGHTS / WEIGHTS.sum()


def gamma_of(cv: float) -> Callable[[Floats], Floats]:
    return lambda z: np.asarray(gammaincinv(cv**-2, ndtr(np.minimum(z, 8))) * cv**2)


def lognormal_of(cv: float) -> Callable[[Floats], Floats]:
    s = math.log1p(cv**2)
    return lambda z: np.exp(math.sqrt(s) * z - s / 2)


def covariance(of_x: Callable[[Floats], Floats], of_y: Callable[[Floats], Floats], rho: float) -> float:
    """Of two factors of mean 1 whose normal scores have correlation rho."""
    x = NODES[:, None]
    y = rho * x + math.sqrt(1 - rho**2) * NODES[None, :]
    return float(MASS @ (of_x(x) * of_y(y)) @ MASS) - 1


def busy(days: int = 1, **busyness: Any) -> Scenario:
    return centre({"contact": {"arrivals": {"per_hour": 60}}}, busyness=busyness, length=f"{24 * days} h")


def three(**parts: Any) -> Scenario:
    """A day of three hours and three types: 40, 60, 80 an hour."""
    rates = {"a": 40, "b": 60, "c": 80}
    kinds = {name: {"arrivals": {"per_hour": rate}} for name, rate in rates.items()}
    return centre(kinds, length="3 h", interval="60 min", **parts)


def factors(world: Scenario, seed: int, replications: int) -> Floats:
    """Of each day, [replication, type, day]."""
    return np.array([levels(world, seed, r).day for r in range(replications)])


# ------------------------------------------------------------------------------------------------------------- strata


def test_a_block_of_sixteen_replications_has_one_in_each_stratum() -> None:
    found = factors(busy(cv=0.3), 7, 3 * STRATA)[:, 0, 0]
    for block in found.reshape(3, STRATA):
        assert sorted(np.floor(gammainc(0.3**-2, block * 0.3**-2) * STRATA)) == list(range(STRATA))


def test_blocks_are_permuted_anew_for_each_block_day_and_seed() -> None:
    world = busy(days=3, cv=0.3)
    table = np.concatenate([factors(world, seed, 2 * STRATA)[:, 0] for seed in (1, 2)])
    assert table.shape == (64, 3)
    assert len(np.unique(table)) == table.size


def test_busyness_has_mean_1_and_its_block_means_hardly_vary() -> None:
    """Student over blocks, alpha 1e-4; a plain mean of 16 would vary about 15 times as much as a block's does here.

    Planted once: the uniform inside the stratum left at 0, which lowers each factor.
    """
    blocks = factors(busy(cv=0.3), 5, 60 * STRATA)[:, 0, 0].reshape(-1, STRATA)
    assert close_mean(blocks.mean(axis=1), 1)
    assert blocks.mean(axis=1).std() < 0.3 / math.sqrt(STRATA) / 4
    assert close_mean(((blocks - 1) ** 2).mean(axis=1), 0.3**2)


def test_a_day_s_arrivals_are_multiplied_by_its_busyness() -> None:
    world = centre({"contact": {"arrivals": {"per_hour": 6000, "law": "fixed"}}}, busyness={"cv": 0.3}, length="48 h")
    factor = levels(world, 3, 0).day[0]
    arrivals = sample(world, 3, 0).arrival_ms
    first = np.count_nonzero(arrivals < 24 * HOUR)
    assert abs(first - 144_000 * factor[0]) <= 1
    assert abs(len(arrivals) - 144_000 * factor.sum()) <= 1


# ------------------------------------------------------------------------------------------------------------ by type


def test_types_with_one_factor_may_differ_in_spread() -> None:
    """The common factor's strata, each with its own law: the busiest day of one is the busiest of all."""
    found = factors(three(busyness={"cv": 0.2, "by_type": {"b": 0.5, "c": 0}}), 1, STRATA)[:, :, 0]
    assert np.array_equal(found[:, 0], factors(three(busyness={"cv": 0.2}), 1, STRATA)[:, 0, 0])
    assert np.array_equal(np.argsort(found[:, 0]), np.argsort(found[:, 1]))
    assert (found[:, 2] == 1).all()


def test_independent_types_have_strata_of_their_own() -> None:
    found = factors(three(busyness={"cv": 0.3, "correlation": 0}), 4, STRATA)[:, :, 0]
    strata = np.floor(gammainc(0.3**-2, found * 0.3**-2) * STRATA)
    assert (np.sort(strata, axis=0) == np.arange(STRATA)[:, None]).all()
    assert len({tuple(column) for column in strata.T.tolist()}) == 3


SHARED = {"cv": 0.3, "by_type": {"b": 0.5}, "correlation": 0.6}
PAIRS = {"cv": 0.3, "by_type": {"b": 0.5}, "correlation": {"a": {"b": 0.7, "c": -0.5}, "b": {"c": -0.2}}}


@pytest.mark.parametrize(
    ("busyness", "rho"),
    [(SHARED, {"ab": 0.6, "ac": 0.6, "bc": 0.6}), (PAIRS, {"ab": 0.7, "ac": -0.5, "bc": -0.2})],
    ids=["one number", "pairs"],
)
def test_factors_and_counts_have_the_copula_s_moments(busyness: dict[str, Any], rho: dict[str, float]) -> None:
    """Student over 300 block means, alpha 1e-4 for each of 21 moments.

    Mean 1, variance cv^2, covariance by quadrature; counts: the mean, Poisson and busyness variance, and covariance.
    Red when own scores are not scaled by sqrt(1 - rho), and when the pair a, c takes the sign of a, b.
    """
    world, cv, rate = three(busyness=busyness), {"a": 0.3, "b": 0.5, "c": 0.3}, {"a": 120, "b": 180, "c": 240}
    replications = 300 * STRATA
    found = dict(zip("abc", factors(world, 3, replications)[:, :, 0].T, strict=True))
    counts = {name: np.empty(replications) for name in "abc"}
    for r in range(replications):
        for name, count in zip("abc", np.bincount(sample(world, 3, r).type, minlength=3), strict=True):
            counts[name][r] = count

    def mean_is(values: Floats, truth: float) -> bool:
        return close_mean(values.reshape(-1, STRATA).mean(axis=1), truth)

    for name in "abc":
        assert mean_is(found[name], 1), name
        assert mean_is((found[name] - 1) ** 2, cv[name] ** 2), name
        assert mean_is(counts[name], rate[name]), name
        assert mean_is((counts[name] - rate[name]) ** 2, rate[name] + (rate[name] * cv[name]) ** 2), name
    for (x, y), correlation in rho.items():
        truth = covariance(gamma_of(cv[x]), gamma_of(cv[y]), correlation)
        assert mean_is((found[x] - 1) * (found[y] - 1), truth), (x, y)
        assert mean_is((counts[x] - rate[x]) * (counts[y] - rate[y]), truth * rate[x] * rate[y]), (x, y)


def test_blocks_hardly_vary_with_types_of_their_own() -> None:
    """The mean factor of all types: variance of block means against that of sixteen independent days."""
    found = factors(three(busyness=PAIRS), 5, 60 * STRATA)[:, :, 0].mean(axis=1).reshape(-1, STRATA)
    assert found.mean(axis=1).var() < found.var() / STRATA / 10


@pytest.mark.parametrize("correlation", [1, 0.5, {"a": {"b": 0.4}}], ids=["one", "shared", "pairs"])
@pytest.mark.parametrize("by_type", [False, True])
def test_a_further_type_leaves_the_others_alone(correlation: Any, by_type: bool) -> None:
    busyness = {"cv": 0.3, "correlation": correlation, "intervals": {"cv": 0.2, "correlation": 0.5, "by_type": by_type}}
    small = three(busyness=busyness)
    kinds = {"new": {"channel": "phone", "talk": {"family": "deterministic", "value": "1 s"}}}
    more = busyness | ({"correlation": {"a": {"b": 0.4, "new": 0.3}}} if isinstance(correlation, dict) else {})
    plain = small.model_dump(mode="json", exclude_none=True)
    plain |= {"contact_types": kinds | plain["contact_types"], "busyness": more}
    plain["agent_groups"]["all"]["skills"]["new"] = {}
    large = Scenario.model_validate(plain)
    for r in range(3):
        before, after = levels(small, 1, r), levels(large, 1, r)
        assert np.array_equal(before.day, after.day[1:])
        assert before.interval is not None
        assert after.interval is not None
        assert np.array_equal(before.interval, after.interval[1:])


def test_correlations_at_their_limits_are_possible() -> None:
    """One factor in opposite directions, and three types of which two are the same: singular, but possible."""
    opposite = three(busyness={"cv": 0.3, "correlation": {"a": {"b": -1}}})
    found = factors(opposite, 1, STRATA)[:, :, 0]
    assert np.array_equal(np.argsort(found[:, 0]), np.argsort(-found[:, 1]))
    same = np.array([[1, 1, 0.5], [1, 1, 0.5], [0.5, 0.5, 1]])
    mixture = triangular(same)
    assert mixture is not None
    assert mixture @ mixture.T == pytest.approx(same)
    assert triangular(np.array([[1, 1, 0.5], [1, 1, 0.4], [0.5, 0.4, 1]])) is None
    assert triangular(np.array([[1, -0.9, -0.9], [-0.9, 1, -0.9], [-0.9, -0.9, 1]])) is None


# ---------------------------------------------------------------------------------------------------------- intervals


@pytest.mark.parametrize(("law", "of"), [("gamma", gamma_of), ("lognormal", lognormal_of)])
def test_intervals_have_the_stated_spread_and_lag_correlations(law: str, of: Callable[..., Any]) -> None:
    """Student over 1,500 courses of 24 intervals, alpha 1e-4 each; lag k by quadrature at correlation^k.

    Red when the shocks are not scaled by sqrt(1 - correlation^2), or the course starts at 0.
    """
    world = centre(
        {"contact": {"arrivals": {"per_hour": 60}}},
        busyness={"intervals": {"cv": 0.4, "correlation": 0.8, "law": law}},
        interval="60 min",
    )
    found = [levels(world, 2, r).interval for r in range(1500)]
    course = np.array([interval[0] for interval in found if interval is not None])
    assert close_mean(course.mean(axis=1), 1)
    assert close_mean(course[:, 0], 1)
    assert close_mean(((course - 1) ** 2).mean(axis=1), 0.4**2)
    assert close_mean((course[:, 0] - 1) ** 2, 0.4**2)
    for lag in (1, 2, 5):
        products = ((course[:, lag:] - 1) * (course[:, :-lag] - 1)).mean(axis=1)
        assert close_mean(products, covariance(of(0.4), of(0.4), 0.8**lag)), lag


def test_counts_of_intervals_vary_by_day_by_interval_and_by_chance() -> None:
    """Var = m + m^2 ((1 + v)(1 + w) - 1), cov = m^2 ((1 + v)(1 + c) - 1). Student over 150 blocks, alpha 1e-4 each."""
    world = centre(
        {"contact": {"arrivals": {"per_hour": 90}}},
        busyness={"cv": 0.25, "intervals": {"cv": 0.2, "correlation": 0.7}},
        length="2 h",
        interval="60 min",
    )
    rows = np.array([np.bincount(sample(world, 1, r).arrival_ms // HOUR, minlength=2) for r in range(150 * STRATA)])
    off = rows.reshape(150, STRATA, 2) - 90.0
    day, swing, both = 0.25**2, 0.2**2, covariance(gamma_of(0.2), gamma_of(0.2), 0.7)
    assert close_mean(off.mean(axis=(1, 2)), 0)
    assert close_mean((off**2).mean(axis=(1, 2)), 90 + 90**2 * ((1 + day) * (1 + swing) - 1))
    assert close_mean((off[:, :, 0] * off[:, :, 1]).mean(axis=1), 90**2 * ((1 + day) * (1 + both) - 1))


def test_types_swing_together_or_each_on_its_own() -> None:
    for by_type, courses in ((False, 1), (True, 3)):
        found = levels(three(busyness={"intervals": {"cv": 0.2, "by_type": by_type}}), 1, 0).interval
        assert found is not None
        assert len(np.unique(found[:, 0])) == courses


def test_a_longer_horizon_begins_alike() -> None:
    swings = {"intervals": {"cv": 0.2, "correlation": 0.9}}
    short, long = (levels(busy(days=days, **swings), 1, 0).interval for days in (1, 2))
    assert short is not None
    assert long is not None
    assert np.array_equal(short[0], long[0, : short.shape[1]])
