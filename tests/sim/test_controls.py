"""Control variates: which there are, that their means are as said, and that figures keep their meaning."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from centres import centre
from chance import ALPHA, close_mean

from sim import demand
from sim.controls import controls_of
from sim.estimates import Controls, Sample, estimates_of, variance_ratio
from sim.experiment import Runs, experiment
from sim.measures import ABANDONMENT, COUNTS, estimate_figure, sample_of, service_level
from sim.metrics import ARRAYS, Tally
from sim.scenario import Scenario
from sim.scenario_file import load

ARRIVED, OFFERED = COUNTS[0], COUNTS[1]


def part(tally: Tally, replications: int) -> Tally:
    return dataclasses.replace(tally, **{name: getattr(tally, name)[:replications] for name in ARRAYS})


def busy_desk(cv: float = 0.3, **busyness: Any) -> Scenario:
    kinds = {
        "a": {"arrivals": {"per_hour": 20}, "talk": {"family": "exponential", "mean": "4 min"}},
        "b": {"arrivals": {"per_hour": 10}, "patience": {"family": "exponential", "mean": "60 s"}},
    }
    levels = {"levels": {"all": {"00:00": 2}}}
    return centre(kinds, busyness={"cv": cv} | busyness, staffing=levels, length="30 h", interval="60 min")


def run(desk: Scenario, replications: int, seed: int = 1) -> Runs:
    return experiment(desk, replications=replications, seed=seed)


@pytest.fixture(scope="module")
def many() -> Runs:
    return run(busy_desk(), 512)


def test_each_set_of_controls_waits_for_sixteen_replications_a_control(many: Runs) -> None:
    names = {n: controls_of(many.scenario, part(many.tallies, n)) for n in (2, 15, 16, 32, 48, 64)}
    assert [found and (found.names, found.rank) for found in names.values()] == [
        None,
        None,
        (("arrivals",), 1),
        (("arrivals", "arrivals squared"), 2),
        (("arrivals", "arrivals squared", "arrivals by day"), 3),
        (("arrivals", "arrivals squared", "arrivals by day", "arrivals by type"), 4),
    ]


def test_controls_have_mean_zero(many: Runs) -> None:
    """Alpha 1e-4 each. Red when the square forgets the variance of busyness, or a day takes the other's expectation."""
    found = controls_of(many.scenario, many.tallies)
    assert found is not None
    assert all(close_mean(column, 0, ALPHA) for column in found.values.T)


@pytest.mark.parametrize(
    "busyness",
    [
        {"by_type": {"b": 0.5}},
        {"correlation": 0.4},
        {"correlation": {"a": {"b": -0.6}}},
        {"intervals": {"cv": 0.3, "correlation": 0.9}},
    ],
    ids=str,
)
def test_where_more_than_one_factor_varies_the_square_is_no_control(busyness: dict[str, Any]) -> None:
    """The others have mean zero, alpha 1e-4 each. Red when the square stays."""
    runs = run(busy_desk(**busyness), 160)
    found = controls_of(runs.scenario, runs.tallies)
    assert found is not None
    assert found.names == ("arrivals", "arrivals by day", "arrivals by type")
    assert all(close_mean(column.reshape(-1, 16).mean(axis=1), 0, ALPHA) for column in found.values.T)


def test_arrivals_that_are_fixed_traced_or_certain_are_no_controls() -> None:
    staffing = {"levels": {"all": {"00:00": 2}}}
    fixed = centre({"contact": {"arrivals": {"per_hour": 10, "law": "fixed"}}}, staffing=staffing)
    assert controls_of(fixed, run(fixed, 20).tallies) is None
    row = {"contact_type": "contact", "arrival": "60 s"}
    traced = centre({"contact": {}}, trace=[row], staffing=staffing)
    assert controls_of(traced, run(traced, 20).tallies) is None


@pytest.mark.parametrize("name", ["one-queue", "double-eleven-small"])
def test_arrived_is_what_demand_draws(name: str) -> None:
    """If anything else were booked as arrived (a follow-up, say), its mean would no longer be known."""
    desk = load(name)
    came = run(desk, 2, seed=3).tallies.arrived
    assert came.sum(axis=(1, 2)).tolist() == [len(demand.sample(desk, 3, r)) for r in range(2)]


def test_what_the_controls_know_is_exact_and_parts_still_add_up(many: Runs) -> None:
    controls = controls_of(many.scenario, many.tallies)
    whole = estimate_figure(ARRIVED, many.scenario, many.tallies, controls=controls).cell()
    assert whole.mean == pytest.approx(900, abs=1e-6)
    assert whole.half_width == pytest.approx(0, abs=1e-6)
    assert whole.method == "student, controls"
    each = estimate_figure(OFFERED, many.scenario, many.tallies, ("type", "interval"), controls=controls)
    both = estimate_figure(OFFERED, many.scenario, many.tallies, controls=controls).cell()
    assert each.mean.sum() == pytest.approx(both.mean)


def test_the_same_expectation_with_less_variance(many: Runs) -> None:
    """32 experiments of 16 replications: both estimators agree with all 512. Alpha 1e-4.

    Red when weights have the wrong sign (their mean is then as far off again, and the spread larger, not smaller).
    """
    figure = service_level(many.scenario, "SL-3")
    sample = sample_of(figure, many.scenario, many.tallies)
    truth = float(sample.influence()[0])
    counts = many.tallies.arrived.sum(axis=(1, 2)) - 900.0
    plain, controlled = [], []
    order = np.random.default_rng(4).permutation(512)  # apart from their blocks, so that strata do not help
    for at in order.reshape(32, 16):
        few = Sample(sample.numerator[at], np.asarray(sample.denominator)[at])
        plain.append(float(few.influence()[0]))
        controlled.append(estimates_of(few, controls=Controls(counts[at, None])).cell().mean)
    assert close_mean(controlled, truth)
    assert np.var(controlled) < np.var(plain) / 3


def test_an_interval_with_controls_covers_as_often_as_it_says() -> None:
    """2,000 experiments of 16, normal, one control: exact. Alpha 1e-4. Red without the stretch of the weights."""
    dice = np.random.default_rng(5)
    inside = 0
    for _ in range(2000):
        control = dice.normal(0, 1, (6, 1))
        values = 3 + 2 * control[:, 0] + dice.normal(0, 1, 6)
        one = estimates_of(Sample(values), controls=Controls(control)).cell()
        assert one.low is not None
        assert one.high is not None
        inside += one.low <= 3 <= one.high
    assert abs(inside - 1900) < 3.9 * np.sqrt(2000 * 0.95 * 0.05)


def test_a_control_that_never_varies_or_repeats_another_does_nothing() -> None:
    dice = np.random.default_rng(6)
    x, values = dice.normal(0, 1, (40, 1)), dice.normal(0, 1, 40)
    one = Controls(x)
    many = Controls(np.hstack((x, -3 * x, np.zeros((40, 1)), np.ones((40, 1)))))
    assert (one.rank, many.rank) == (1, 1)
    assert many.weights == pytest.approx(one.weights)
    assert one.weights.sum() == pytest.approx(1)
    assert (one.weights @ x).item() == pytest.approx(0, abs=1e-12)
    halves = [estimates_of(Sample(values), controls=of).cell().half_width for of in (one, many)]
    assert halves[0] == pytest.approx(halves[1])


def test_savings_are_a_ratio_of_variances(many: Runs) -> None:
    controls = controls_of(many.scenario, many.tallies)
    sample = sample_of(ABANDONMENT, many.scenario, many.tallies)
    assert controls is not None
    assert variance_ratio(sample.moments()) == pytest.approx(1)
    assert variance_ratio(sample.moments(controls=controls), controls.correction) > 4
    assert np.isnan(variance_ratio(Sample(np.ones(1)).moments()))
