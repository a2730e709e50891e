"""P(target met) and the spread over days, by hand and by how often intervals hold."""

from typing import Any

import numpy as np
import pytest
from chance import ALPHA
from outcomes import answered, runs, scenario, table
from scipy.special import bdtr
from worlds import levels

from sim.chances import chance_records, intervals_kept, whole_kept
from sim.chances import intervals_met as intervals_of
from sim.chances import target_met as share_of
from sim.estimates import Estimate, order_statistic
from sim.experiment import Runs
from sim.scenario import Scenario, Target
from sim.summary import digest_of

GOOD, BAD = 0, 60


def desk(**target: Any) -> Scenario:
    return scenario(targets=[{"measure": "service_level", "threshold": "20 s", "at_least": "80 %", **target}])


def days(of: Scenario, *waits: tuple[int, int]) -> Runs:
    """Days of two intervals, one contact in each."""
    rows = [[answered(at, wait=wait) for at, wait in zip((10, 400), pair, strict=True)] for pair in waits]
    return runs(of, [table(day, [(0, 0, 0, 900, 900)]) for day in rows], levels(2, 2, 2, interval=300))


def target_met(target: Target, seen: Runs) -> Estimate:
    return share_of(whole_kept(target, seen).moments())


def intervals_met(target: Target, seen: Runs) -> list[Estimate]:
    return intervals_of(intervals_kept(target, seen).moments())


def test_a_target_is_met_on_a_day_when_all_its_windows_hold() -> None:
    of = desk(per="interval")
    seen = days(of, (GOOD, GOOD), (GOOD, BAD), (BAD, BAD), (GOOD, GOOD))
    one = target_met(of.targets[0], seen)
    assert (one.mean, one.n, one.method, one.formula) == (0.5, 4, "clopper-pearson", "TM-1")
    first, second, third = intervals_met(of.targets[0], seen)
    assert (first.mean, second.mean) == (0.75, 0.5)
    assert (third.mean, third.low, third.n) == (None, None, 0)


def test_a_target_of_the_horizon_pools_the_day() -> None:
    of = desk(at_least="50 %")
    seen = days(of, (GOOD, BAD), (BAD, BAD))
    assert target_met(of.targets[0], seen).mean == 0.5
    assert [one.mean for one in intervals_met(of.targets[0], seen)] == [0.5, 0.0, None]


@pytest.mark.parametrize(
    ("target", "mean"),
    [
        ({"measure": "asa", "at_most": "30 s"}, 0.75),
        ({"measure": "wait_p80", "at_most": "30 s"}, 0.25),
        ({"measure": "abandonment", "at_most": "0 %"}, 1.0),
        ({"measure": "occupancy", "at_most": "1 %"}, 0.0),
    ],
)
def test_every_measure_that_can_be_promised(target: dict[str, Any], mean: float) -> None:
    of = scenario(targets=[target])
    seen = days(of, (GOOD, GOOD), (GOOD, BAD), (BAD, GOOD), (BAD, BAD))
    assert target_met(of.targets[0], seen).mean == mean


def test_a_single_day_has_no_interval() -> None:
    of = desk()
    one = target_met(of.targets[0], days(of, (GOOD, GOOD)))
    assert (one.mean, one.low, one.high, one.method) == (1.0, None, None, "single replication")


def test_records_name_the_target_the_interval_and_the_quantile() -> None:
    of = desk()
    found = list(chance_records(digest_of(days(of, *[(GOOD, GOOD)] * 30, *[(GOOD, BAD)] * 30))))
    met = [one for one in found if one.measure == "target_met"]
    assert met[0].by == {"segment": "target 1"}
    assert [one.by.get("interval", {}).get("index") for one in met[1:]] == [0, 1, 2]
    spread = {one.measure: one for one in found if one.measure.startswith("service_level_") and not one.by}
    assert [spread[f"service_level_{p}"].mean for p in ("p05", "p25", "p75", "p95")] == [0.5, 0.5, 1.0, 1.0]
    assert spread["service_level_p50"].low == 0.5
    assert spread["service_level_p50"].high == 1.0


def test_too_few_days_give_a_far_quantile_no_interval() -> None:
    few = order_statistic(np.arange(10.0), 0.05)
    assert (few.low, few.high, few.method) == (None, None, "too few replications")
    assert order_statistic(np.zeros(0), 0.5).mean is None


def test_the_interval_between_order_statistics_covers_as_often_as_it_says() -> None:
    """2,000 experiments of 60 values. Alpha 1e-4, at least 95 %. Red when the upper end is one value too low."""
    dice = np.random.default_rng(7)
    for p in (0.1, 0.5, 0.9):
        inside = 0
        for values in dice.random((2000, 60)):
            one = order_statistic(values, p)
            assert one.low is not None
            assert one.high is not None
            inside += one.low <= p <= one.high
        assert bdtr(inside, 2000, 0.95) > ALPHA


def test_a_target_named_from_outside_can_be_asked_too() -> None:
    of = desk()
    target = Target.model_validate({"measure": "asa", "at_most": "10 min"})
    assert target_met(target, days(of, (GOOD, BAD), (BAD, BAD))).mean == 1.0
