"""Forecasts that tell their own error: quantiles of rates and sample paths, from the file to the customers."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from centres import centre
from chance import close_mean
from scipy.integrate import quad
from scipy.special import ndtri
from scipy.stats import norm

from sim.arrivals import traffic
from sim.busyness import STRATA, levels
from sim.controls import controls_of
from sim.demand import sample
from sim.experiment import experiment
from sim.forecast import Fan, fan
from sim.scenario import Scenario
from sim.scenario_file import ScenarioErrors, dump, load_text
from sim.workload import expected_counts

Floats = npt.NDArray[np.float64]
HOUR = 3_600_000
VOLUME = {"p10": 240, "p50": 300, "p90": 420}
Z90 = float(ndtri(0.9))


def counts(world: Scenario, replications: int, seed: int = 1) -> Floats:
    """Contacts by replication, type and hour."""
    hours, types = world.horizon.length_ms // HOUR, len(world.contact_types)
    found = np.zeros((replications, types, hours))
    for r in range(replications):
        demand = sample(world, seed, r)
        np.add.at(found[r], (demand.type, demand.arrival_ms // HOUR), 1)
    return found


def day(arrivals: dict[str, Any], **parts: Any) -> Scenario:
    return centre({"contact": {"arrivals": arrivals}}, **({"interval": "60 min"} | parts))


def hourly(law: str = "poisson", **parts: Any) -> Scenario:
    """Three hours, each with quantiles of its own."""
    labels = {"00:00": (20, 30, 50), "01:00": (0, 10, 40), "02:00": (60, 60, 60)}
    arrivals = {f"p{p}": {label: of[i] for label, of in labels.items()} for i, p in enumerate((10, 50, 90))}
    return day({"forecast": arrivals, "law": law}, length="3 h", **parts)


# ---------------------------------------------------------------------------------------------------------- quantiles


@pytest.mark.parametrize(
    "told",
    [
        {0.1: 240, 0.5: 300, 0.9: 420},
        {0.1: 0, 0.5: 10, 0.9: 40},
        {0.05: 0, 0.25: 0, 0.5: 0, 0.95: 7},
        {0.1: 10, 0.4: 20, 0.6: 50, 0.9: 60},
        {0.2: 50, 0.6: 50},
        {0.5: 100, 0.9: 120},
    ],
    ids=str,
)
def test_a_fan_has_the_quantiles_that_are_told_and_the_mean_of_its_law(told: dict[float, float]) -> None:
    """Red when the lower tail is not cut at 0 in the mean, or the middle pieces take the outer slopes."""
    law = fan({p: np.array([value], dtype=float) for p, value in told.items()})

    def at(z: float) -> float:
        return float(law.at(np.array([z]))[0])

    for p, value in told.items():
        assert at(norm.ppf(p)) == pytest.approx(value)
    for (s, v), (t, w) in pairwise(zip(law.scores, sorted(told.values()), strict=True)):
        assert at((s + t) / 2) == pytest.approx((v + w) / 2)
    mean = quad(lambda z: at(z) * norm.pdf(z), -9, 9, points=[*law.scores, 0], limit=400)[0]
    assert law.mean[0] == pytest.approx(mean, abs=1e-6)
    assert at(-9) >= 0
    assert (np.diff([at(z) for z in np.linspace(-4, 4, 99)]) >= -1e-12).all()


def test_a_day_s_volume_is_spread_by_the_profile() -> None:
    world = day({"profile": {"00:00": 1, "12:00": 3}, "forecast": VOLUME}, volume=2)
    by_hour = expected_counts(world)[:, 0]
    assert by_hour[12:] == pytest.approx(3 * by_hour[:12])
    assert by_hour.sum() == pytest.approx(2 * fan({0.1: _one(240), 0.5: _one(300), 0.9: _one(420)}).mean[0])


def _one(value: float) -> Floats:
    return np.array([value], dtype=float)


def test_days_come_as_often_as_the_quantiles_say() -> None:
    """Of sixteen days eight lie below the median, always; 10 and 90 % by Student over blocks, alpha 1e-4."""
    world = day({"profile": {"00:00": 1}, "forecast": VOLUME, "law": "fixed"}, length="24 h", volume=100)
    total = counts(world, 60 * STRATA).sum(axis=(1, 2)).reshape(-1, STRATA)
    assert ((total <= 30_000).sum(axis=1) == STRATA // 2).all()
    assert close_mean((total <= 24_000).mean(axis=1), 0.1)
    assert close_mean((total > 42_000).mean(axis=1), 0.1)
    assert close_mean(total.mean(axis=1), expected_counts(world).sum())


def test_each_interval_has_its_own_quantiles_and_all_share_the_day() -> None:
    """With fixed numbers each hour is where the day stands: monotone together, exact at the median."""
    world = hourly("fixed", volume=100)
    rows = counts(world, 2 * STRATA)[:, 0]
    assert (rows[:, 2] == 6000).all()
    order = np.argsort(rows[:, 0])
    assert (np.diff(rows[order, 1]) >= 0).all()
    standing = np.array([levels(world, 1, r).standing[0, 0] for r in range(2 * STRATA)])
    z = ndtri(standing)
    first = np.where(z > 0, 30 + 20 * z / Z90, 30 + 10 * z / Z90)
    assert rows[:, 0] == pytest.approx(100 * first, abs=1)


def test_counts_vary_by_the_forecast_and_by_chance() -> None:
    """Var N = E + Var of the rate, by quadrature. Student over 150 blocks, alpha 1e-4 each."""
    world = hourly()
    flow = traffic(world)[0]
    assert isinstance(flow.forecast, Fan)
    law = Fan(flow.forecast.scores, flow.forecast.values[:, ::60] * 60)
    z = np.linspace(-9, 9, 20_001)
    weight = norm.pdf(z) * (z[1] - z[0])
    rate = np.array([law.at(np.full(3, score)) for score in z])
    mean = weight @ rate
    covariance = (rate - mean).T @ (weight[:, None] * (rate - mean))
    assert expected_counts(world)[:, 0] == pytest.approx(mean, abs=1e-3)
    off = (counts(world, 150 * STRATA)[:, 0] - mean).reshape(150, STRATA, 3)
    assert close_mean(off.mean(axis=1)[:, 0], 0)
    assert close_mean(off.mean(axis=1)[:, 1], 0)
    for i, j in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2)):
        truth = covariance[i, j] + (mean[i] if i == j else 0)
        assert close_mean((off[:, :, i] * off[:, :, j]).mean(axis=1), truth), (i, j)


def test_a_forecast_takes_the_place_of_busyness_and_goes_with_other_types() -> None:
    """One score for all types by default: the busiest day of one is that of the other."""
    kinds = {
        "a": {"arrivals": {"profile": {"00:00": 1}, "forecast": VOLUME, "law": "fixed"}},
        "b": {"arrivals": {"per_hour": 100, "law": "fixed"}},
    }
    rows = counts(centre(kinds, busyness={"cv": 0.3}), STRATA).sum(axis=2)
    alone = counts(centre({"a": kinds["a"]}), STRATA).sum(axis=2)
    assert np.array_equal(rows[:, 0], alone[:, 0])
    assert np.array_equal(np.argsort(rows[:, 0]), np.argsort(rows[:, 1]))


def test_events_lift_what_is_forecast() -> None:
    sale = {"start": "2026-03-02 01:00", "plateau": "1 h", "peak_factor": 3}
    plain, lifted = hourly("fixed"), hourly("fixed", events={"sale": sale})
    assert expected_counts(lifted)[:, 0] == pytest.approx(expected_counts(plain)[:, 0] * [1, 3, 1])
    for r in range(3):
        before, after = (counts(world, r + 1)[r, 0] for world in (plain, lifted))
        assert abs(after - before * [1, 3, 1]).max() <= 3


# -------------------------------------------------------------------------------------------------------------- paths


def with_paths(*paths: dict[str, list[float]], **parts: Any) -> Scenario:
    """Three hours; each path has numbers by hour of types a and b."""
    law = parts.pop("law", "poisson")
    kinds = {name: {"arrivals": {"per_hour": 5, "law": law}} for name in "ab"}
    listed = [
        {name: {f"{hour:02d}:00": n for hour, n in enumerate(numbers)} for name, numbers in path.items()}
        for path in paths
    ]
    return centre(kinds, forecast={"paths": listed}, length="3 h", interval="60 min", **parts)


FIVE = [{"a": [10 * i, 20, 5 * i], "b": [40 - 5 * i, i, 2]} for i in range(5)]


def test_each_path_comes_equally_often_in_a_block() -> None:
    four = [{"a": [i, 0, 0], "b": [0, 0, i]} for i in range(4)]
    rows = counts(with_paths(*four, law="fixed"), 3 * STRATA)
    assert (rows[:, 0, 0] == rows[:, 1, 2]).all()
    for block in rows[:, 0, 0].reshape(3, STRATA):
        assert np.bincount(block.astype(int), minlength=4).tolist() == [4, 4, 4, 4]


def test_counts_follow_paths_in_mean_variance_and_covariance() -> None:
    """Five paths do not share out sixteen days evenly, and yet. Student over 150 blocks, alpha 1e-4 each.

    Red when the path is floor(16 u) mod 5: the first path then comes too often.
    """
    world = with_paths(*FIVE)
    values = np.array([[path["a"], path["b"]] for path in FIVE], dtype=float).reshape(5, 6)
    mean = values.mean(axis=0)
    assert expected_counts(world).T.ravel() == pytest.approx(mean)
    off = (counts(world, 150 * STRATA).reshape(-1, 6) - mean).reshape(150, STRATA, 6)
    truth = np.cov(values.T, bias=True) + np.diag(mean)
    assert all(close_mean(off[:, :, i].mean(axis=1), 0) for i in range(6))
    for i, j in ((0, 0), (0, 2), (0, 3), (1, 1), (3, 3), (3, 4)):
        assert close_mean((off[:, :, i] * off[:, :, j]).mean(axis=1), truth[i, j]), (i, j)


def test_busyness_and_volume_multiply_paths() -> None:
    paths = [{"a": [10, 20, 30], "b": [1, 2, 3]}] * 2
    world = with_paths(*paths, law="fixed", volume=100, busyness={"cv": 0.3})
    for r in range(4):
        found = counts(world, r + 1)[r, 0]
        assert found == pytest.approx(np.array([10, 20, 30]) * 100 * levels(world, 1, r).day[0, 0], abs=1)


def test_controls_know_the_means_of_forecasts() -> None:
    """Alpha 1e-4 each, over blocks."""
    levels_ = {"levels": {"all": {"00:00": 4}}}
    fans = {"a": {"arrivals": {"profile": {"00:00": 1}, "forecast": VOLUME}}, "b": {"arrivals": {"per_hour": 9}}}
    for world in (with_paths(*FIVE, staffing=levels_), centre(fans, length="3 h", staffing=levels_)):
        found = controls_of(world, experiment(world, replications=320, seed=2).tallies)
        assert found is not None
        assert found.names == ("arrivals", "arrivals by type")
        assert all(close_mean(column.reshape(-1, STRATA).mean(axis=1), 0) for column in found.values.T)


# -------------------------------------------------------------------------------------------------------------- files

DESK = """
horizon: {start: "2026-03-02 08:00", length: 1 h, interval: 30 min}
channels: {phone: {}}
contact_types:
  orders: {channel: phone, talk: {family: exponential, mean: 3 min}%s}
  returns: {channel: phone, talk: {family: exponential, mean: 3 min}}
agent_groups: {all: {skills: [orders, returns]}}
"""
QUANTILES = "start;p10;p50;p90\n08:00;12,5;20;30\n08:30;5;8;20\n"
PATHS = "path,start,orders,returns\nlow,08:00,10,1\nlow,08:30,12,2\nhigh,08:00,20,3\nhigh,08:30,22,4\n"


def test_quantiles_and_paths_come_from_tables(tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text(QUANTILES, encoding="utf-8")
    (tmp_path / "paths.csv").write_text(PATHS, encoding="utf-8")
    fans = load_text(DESK % ", arrivals: {forecast: q.csv}", folder=tmp_path)
    arrivals = fans.contact_types["orders"].arrivals
    assert arrivals is not None
    assert arrivals.forecast == {
        "p10": {"08:00": 12.5, "08:30": 5},
        "p50": {"08:00": 20, "08:30": 8},
        "p90": {"08:00": 30, "08:30": 20},
    }
    paths = load_text(DESK % "" + "forecast: {paths: paths.csv}", folder=tmp_path)
    assert paths.forecast is not None
    assert paths.forecast.paths[1] == {"orders": {"08:00": 20, "08:30": 22}, "returns": {"08:00": 3, "08:30": 4}}
    assert expected_counts(paths) == pytest.approx(np.array([[15, 2], [17, 3]]))
    for desk in (fans, paths):
        assert load_text(dump(desk)) == desk
        assert Scenario.model_validate_json(desk.model_dump_json()) == desk


HOURS = r"path,start,orders\n1,08:00,3\n1,08:30,4\n"
WRONG = {
    "falls": (
        "{forecast: {p10: {'08:00': 9, '08:30': 4}, p90: {'08:00': 12, '08:30': 3}}}",
        "",
        "5: contact_types.orders.arrivals.forecast.p90.08:30: quantiles must not fall, and p10 is 4, p90 3",
    ),
    "one quantile": (
        "{profile: {'08:00': 1}, forecast: {p50: 100}}",
        "",
        (
            "5: contact_types.orders.arrivals.forecast: needs two quantiles at least: write for example "
            "{p10: 620, p50: 700, p90: 860}"
        ),
    ),
    "no quantile": (
        "{profile: {'08:00': 1}, forecast: {p10: 80, mean: 100}}",
        "",
        (
            "5: contact_types.orders.arrivals.forecast.mean is 100: 'mean' is no quantile: write for example "
            "p10, p50, p97.5"
        ),
    ),
    "interval without quantiles": (
        "{forecast: {p10: {'08:00': 9}, p90: {'08:00': 12}}}",
        "",
        (
            "5: contact_types.orders.arrivals.forecast.p10: no count for 1 of 2 intervals (2026-03-02 08:30): "
            "write 0 where nobody comes"
        ),
    ),
    "path too short": (
        "null",
        f'forecast: {{paths: {{table: "{HOURS}2,08:00,5\\n"}}}}',
        (
            "12: forecast.paths.1.orders: no count for 1 of 2 intervals (2026-03-02 08:30): "
            "write 0 where nobody comes"
        ),
    ),
    "path too long": (
        "null",
        f'forecast: {{paths: {{table: "{HOURS}1,09:00,5\\n"}}}}',
        (
            "12: forecast.paths.0.orders.09:00: no interval of the horizon begins at 09:00: they begin every 30 min "
            "from 2026-03-02 08:00 to 2026-03-02 09:00"
        ),
    ),
    "path of an unknown type": (
        "null",
        'forecast: {paths: [{order: 3}]}',
        "8: forecast.paths.0.order is 3: there is no contact type 'order': did you mean 'orders'?",
    ),
    "paths of different types": (
        "null",
        'forecast: {paths: [{orders: {"08:00": 3, "08:30": 4}}, {returns: {"08:00": 3, "08:30": 4}}]}',
        "8: forecast.paths: path 2 has other contact types than the first: give all paths the same ones",
    ),
    "traced too": (
        "null",
        f'trace: [{{contact_type: orders, arrival: 3 s}}]\nforecast: {{paths: {{table: "{HOURS}"}}}}',
        "11: forecast.paths.0.orders: the trace has orders too: give it in one of them",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_forecast_gives_one_clear_message(name: str, tmp_path: Path) -> None:
    arrivals, more, message = WRONG[name]
    with pytest.raises(ScenarioErrors) as refused:
        load_text(DESK % f", arrivals: {arrivals}" + more, name="wrong.yaml", folder=tmp_path)
    found = [str(problem) for problem in refused.value.problems]
    assert found[:1] == [f"wrong.yaml:{message}"]
    assert len(found) == (2 if name == "interval without quantiles" else 1)
