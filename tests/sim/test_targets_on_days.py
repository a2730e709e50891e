"""Targets that are to hold on a share of days, not on average."""

import numpy as np
import pytest
from centres import centre
from pydantic import ValidationError

from sim.estimates import clopper_pearson
from sim.experiment import Runs, experiment
from sim.report.records import target_text
from sim.scenario import Scenario, Target
from sim.summary import target_record
from sim.targets import held, judge, promised, target_sample


def desk(**target: object) -> Scenario:
    """Five agents on days that differ by a third."""
    kind = {"arrivals": {"per_hour": 60}, "talk": {"family": "exponential", "mean": "3 min"}, "patience":
            {"family": "exponential", "mean": "2 min"}}  # fmt: skip
    return centre(
        {"orders": kind},
        length="6 h",
        busyness={"cv": 0.33},
        staffing={"levels": {"all": {"00:00": 5}}},
        targets=[{"at_least": "80 %", "threshold": "20 s", **target}],
    )


@pytest.fixture(scope="module")
def runs() -> Runs:
    return experiment(desk(in_days="60 % of days"), replications=128, seed=3)


def test_a_share_of_days_is_read_as_people_write_it() -> None:
    (target,) = desk(in_days="90 % of days").targets
    assert target.in_days == 0.9
    assert desk(in_days=0.9).hash == desk(in_days="90 %").hash


def test_without_it_hashes_are_what_they_were() -> None:
    assert "in_days" not in desk().canonical


@pytest.mark.parametrize("share", ["0 %", "100 % of days", "120 %", "most"])
def test_what_is_no_share_is_refused(share: str) -> None:
    with pytest.raises(ValidationError):
        desk(in_days=share)


def test_days_that_hold_are_counted(runs: Runs) -> None:
    """By hand: days on which in-time answers are at least 80 % of those who asked, less those who left early."""
    (target,) = runs.scenario.targets
    of = promised(target, runs)
    good = np.asarray(of.numerator)[:, 0] >= 0.8 * np.asarray(of.denominator)[:, 0]
    assert 0.2 < good.mean() < 0.9
    counted = target_sample(target, runs)
    assert np.asarray(counted.numerator)[:, 0].tolist() == good.tolist()
    (result,) = judge(runs, plain=True)
    assert result.unit == "share"
    assert result.worst is not None
    assert result.worst.estimate.mean == pytest.approx(good.mean())
    low, _ = clopper_pearson(np.array(good.sum()), np.array(128), 0.9)
    assert result.worst.estimate.low is not None
    assert result.worst.estimate.low <= low + 1e-12


def test_a_day_counts_for_itself_an_average_may_hold_where_most_days_do_not(runs: Runs) -> None:
    of = promised(runs.scenario.targets[0], runs)
    attained = np.asarray(of.numerator).sum() / np.asarray(of.denominator).sum()
    on_average = Target.model_validate({"at_least": float(attained) - 0.02, "threshold": "20 s"})
    most_days = on_average.model_copy(update={"in_days": 0.95})
    average, days = judge(runs, [on_average, most_days])
    assert average.status != "missed"
    assert days.status == "missed"


def test_a_window_in_which_nobody_comes_is_no_day() -> None:
    (target,) = desk(in_days="90 %").targets
    counts = experiment(desk(in_days="90 %"), replications=2, seed=1)
    fine = target.model_copy(update={"per": "interval"})
    sample = target_sample(fine, counts)
    offered = np.asarray(promised(fine, counts).denominator) > 0
    assert (np.asarray(sample.denominator) == offered).all()
    assert not (np.asarray(sample.numerator)[~offered]).any()
    assert held(promised(fine, counts), fine)[~offered].all()


def test_it_says_so(runs: Runs) -> None:
    assert "on 60 % of days" in target_text(target_record(judge(runs)[0]))
