"""The long run: warm-up found where it was planted, batch means against Erlang."""

import math

import numpy as np
import pytest
from chance import ALPHA

from sim.experiment import Runs, experiment
from sim.measures import ABANDONMENT, ASA, OCCUPANCY, QUEUE_LENGTH
from sim.scenario import Scenario
from sim.steady import batch_sums, mser_5, steady_state
from sim.theory import Queue


def queue(agents: int, patience: str | None = None, hours: int = 600) -> Scenario:
    kind = {"channel": "phone", "arrivals": {"per_hour": 60}, "talk": {"family": "exponential", "mean": "4 min"}}
    if patience:
        kind["patience"] = {"family": "exponential", "mean": patience}
    return Scenario.model_validate(
        {
            "horizon": {"start": "2026-03-02 00:00", "length": f"{hours} h", "interval": "15 min", "zone": "UTC"},
            "channels": {"phone": {}},
            "contact_types": {"a": kind},
            "agent_groups": {"s": {"skills": ["a"]}},
            "staffing": {"levels": {"s": {"00:00": agents}}},
        }
    )


@pytest.fixture(scope="module")
def patient() -> Runs:
    return experiment(queue(6), replications=8, seed=4)


def test_a_planted_warm_up_is_found() -> None:
    dice = np.random.default_rng(1)
    series = dice.normal(10, 1, 1000)
    assert mser_5(series)[0] < 100
    series[:200] -= np.linspace(10, 0, 200)
    cut, settled = mser_5(series)
    assert 100 <= cut <= 220
    assert settled


def test_a_series_that_never_settles_says_so() -> None:
    assert mser_5(np.linspace(0, 1, 500))[1] is False
    assert mser_5(np.zeros(10)) == (0, False)


def test_batches_are_equal_and_leave_out_what_does_not_fill_one() -> None:
    values = np.arange(22.0).reshape(2, 11)
    assert batch_sums(values, 2, 3).tolist() == [
        2 + 3 + 4,
        5 + 6 + 7,
        8 + 9 + 10,
        13 + 14 + 15,
        16 + 17 + 18,
        19 + 20 + 21,
    ]


def test_erlang_c_in_the_long_run(patient: Runs) -> None:
    """Alpha 1e-4 each. Red when batches are of one interval (correlated, so too short) or the wait ends 3 s late."""
    truth = Queue(rate=60 / 3600, handle_s=240, agents=6)
    for figure, value in (
        (ASA, truth.asa_s),
        (QUEUE_LENGTH, truth.mean_queue),
        (OCCUPANCY, truth.occupancy),
    ):
        found = steady_state(figure, patient, level=1 - ALPHA)
        assert found.settled
        assert found.estimate.low is not None
        assert found.estimate.high is not None
        assert found.estimate.low <= value <= found.estimate.high
        assert found.estimate.high - found.estimate.low < 0.5 * value
        assert found.estimate.method == "batch means, 32 batches"
        assert abs(found.lag_one) < 2 / math.sqrt(32) + 0.1


def test_erlang_a_in_the_long_run_from_a_single_run() -> None:
    """Alpha 1e-4 each. Red when patience is 10 % longer than drawn."""
    truth = Queue(rate=60 / 3600, handle_s=240, agents=4, patience_s=120)
    run = experiment(queue(4, "120 s", hours=1000), replications=1, seed=5)
    for figure, value in ((ABANDONMENT, truth.p_abandon), (QUEUE_LENGTH, truth.mean_queue)):
        found = steady_state(figure, run, level=1 - ALPHA).estimate
        assert found.method == "batch means, 30 batches"
        assert found.low is not None
        assert found.high is not None
        assert found.low <= value <= found.high
        assert found.high - found.low < 0.3 * value


def test_a_run_that_is_too_short_is_refused() -> None:
    with pytest.raises(ValueError, match="too few for 30 batches"):
        steady_state(ASA, experiment(queue(6, hours=5), replications=1, seed=1))
