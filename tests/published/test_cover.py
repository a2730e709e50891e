"""Published staffing and covering problems, solved by the planner's own shifts and covering model.

Sources: T. Miller, Modeling Techniques in Predictive Analytics, chapter 6 (the Anonymous Bank's Wednesdays);
sevenxx07/LP-Scheduling-problem (a cyclic day); pyworkforce 0.5.1 (two days, four shifts).
"""

from typing import Any

import numpy as np
import pytest
from published_cases import published

from planner.cover import Caps, Price, Rows, caps_of, cover, price_of
from planner.shifts import enumerate_shifts
from planner.solver import Status
from sim.scenario import Scenario
from sim.theory import Queue, least_agents


def desk(templates: dict[str, dict[str, Any]], *, days: int = 1, repeats: str = "never") -> Scenario:
    """One group and the shifts it may work, by the hour."""
    talk = {"family": "exponential", "mean": "4 min"}
    return Scenario.model_validate(
        {
            "horizon": {
                "start": "2026-03-02 00:00",
                "length": f"{24 * days} h",
                "interval": "60 min",
                "repeats": repeats,
            },
            "channels": {"phone": {}},
            "contact_types": {"calls": {"channel": "phone", "talk": talk}},
            "agent_groups": {"agents": {"skills": ["calls"]}},
            "shift_templates": templates,
        }
    )


def rows(needed: Any) -> Rows:
    return Rows(worth=np.ones((1, 1)), agents=np.array([needed], dtype=float))


def test_the_bank_s_wednesdays():
    rates = [
        6.75, 1.75, 1.25, 0.0, 0.5, 0.25, 4.75, 39.5, 97.25, 107.5, 124.0, 110.25, 95.5, 203.5, 115.75, 115.5, 67.75,
        75.0, 88.75, 85.5, 68.0, 61.5, 57.5, 44.25,
    ]  # fmt: skip
    theirs = published(
        "mtpa-anonymous-bank-staffing",
        {
            "hourly_arrival_rate": rates,
            "cost": [252, 288, 180, 180, 180, 288, 288, 288],
            "servers_needed": [1, 1, 1, 0, 1, 1, 1, 4, 8, 9, 10, 9, 8, 16, 10, 10, 6, 7, 8, 8, 6, 6, 5, 4],
        },
    )
    needed = [
        least_agents(lambda n, rate=rate: Queue(rate / 3600, 240.0, n).p_wait <= 0.5, 1) if rate else 0
        for rate in theirs["hourly_arrival_rate"]
    ]
    assert needed == theirs["servers_needed"]
    needed[:6] = [0] * 6
    starts = (0, 6, 8, 10, 12, 14, 16, 18)
    templates = {
        f"from_{at}": {"starts": [f"{at:02d}:00"], "lengths": ["6 h"], "cost": cost}
        for at, cost in zip(starts, theirs["cost"], strict=True)
    }
    scenario = desk(templates)
    table = enumerate_shifts(scenario)
    found = cover(scenario.horizon, table, rows(needed), price_of("cost", table, rows(needed), 1.0), caps_of(scenario))
    assert found.solved.status is Status.OPTIMAL
    assert float(table.cost @ found.numbers) == 6336
    assert not found.shortage.any()


def test_a_cyclic_day_of_eight_hour_shifts():
    theirs = published(
        "cyclic-8h-55",
        {
            "d": [6, 6, 6, 6, 6, 8, 9, 12, 18, 22, 25, 21, 21, 20, 18, 21, 21, 24, 24, 18, 18, 18, 12, 8],
            "optimum_shifts": 55,
        },
    )
    hourly = {"first": "00:00", "last": "23:00", "step": "60 min"}
    scenario = desk({"eight_hours": {"starts": hourly, "lengths": ["8 h"]}}, repeats="day")
    table, needed = enumerate_shifts(scenario), rows(theirs["d"])
    found = cover(scenario.horizon, table, needed, price_of("heads", table, needed, 1.0), caps_of(scenario))
    assert found.solved.status is Status.OPTIMAL
    assert int(found.numbers.sum()) == theirs["optimum_shifts"]


TWO_DAYS = {
    "required": [
        [9, 11, 17, 9, 7, 12, 5, 11, 8, 9, 18, 17, 8, 12, 16, 8, 7, 12, 11, 10, 13, 19, 16, 7],
        [13, 13, 12, 15, 18, 20, 13, 16, 17, 8, 13, 11, 6, 19, 11, 20, 19, 17, 10, 13, 14, 23, 16, 8],
    ],
    "max_period_concurrency": 27,
    "max_shift_concurrency": 25,
    "min_total_abs_difference": 157,
    "min_total_resources_with_full_cover": 113,
}


@pytest.fixture(scope="module")
def two_days() -> dict[str, Any]:
    theirs = published("pyworkforce-shift-2day", TWO_DAYS)
    one = {"max_number": theirs["max_shift_concurrency"], "fte": 1.0}
    night = {"length": "16 h", "earliest": "5 h", "latest": "5 h"}  # works 0 to 5 and 21 to 24 of one day
    scenario = desk(
        {
            "morning": {"starts": ["05:00"], "lengths": ["8 h"], **one},
            "afternoon": {"starts": ["13:00"], "lengths": ["8 h"], **one},
            "night": {"starts": ["00:00"], "lengths": ["24 h"], "breaks": [night], **one},
            "mixed": {"starts": ["09:00"], "lengths": ["8 h"], **one},
        },
        days=2,
    )
    caps = caps_of(scenario)
    return {
        **theirs,
        "scenario": scenario,
        "table": enumerate_shifts(scenario),
        "needed": rows(np.ravel(theirs["required"])),
        "caps": Caps(heads=caps.heads, per_day=caps.per_day, at_once=theirs["max_period_concurrency"]),
    }


def test_two_days_fully_covered(two_days):
    table, needed = two_days["table"], two_days["needed"]
    price = price_of("fte", table, needed, 1.0)
    found = cover(two_days["scenario"].horizon, table, needed, price, two_days["caps"])
    assert found.solved.status is Status.OPTIMAL
    assert not found.shortage.any()
    assert int(found.numbers.sum()) == two_days["min_total_resources_with_full_cover"]


def test_two_days_with_the_least_difference(two_days):
    table, needed = two_days["table"], two_days["needed"]
    price = Price(shift=np.zeros(len(table)), short=1.0, over=1.0)
    found = cover(two_days["scenario"].horizon, table, needed, price, two_days["caps"])
    assert found.solved.status is Status.OPTIMAL
    difference = np.abs(table.supply(found.numbers)[0] - needed.agents[0]).sum()
    assert int(difference) == two_days["min_total_abs_difference"]
