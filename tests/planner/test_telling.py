"""What is said of a plan: no more than one wants to hear, and nothing left out that one must know."""

from typing import Any

from planner.plan import Plan, SearchRecord, Shortage
from planner.search import Progress
from planner.telling import caveats, progress_line

SHORT = [
    Shortage(
        contact_types=("orders",), start=f"2026-03-02T0{hour}:00:00+01:00", end=f"2026-03-02T0{hour}:30:00+01:00",
        agents=float(hour), reason="no shift of a group with the skill covers this time",
    )
    for hour in range(1, 9)
]  # fmt: skip


def plan(**parts: Any) -> Plan:
    search = SearchRecord(seed=1, tape_days=16, simulated_days=160, solves=3, certificates=1, reproducible=True)
    whole = {
        "name": "desk at least cost", "scenario": "desk", "scenario_hash": "0", "objective": "cost",
        "mode": "by_person", "shifts": (), "heads": 0, "shifts_worked": 0, "fte": 0.0, "paid_hours": 0.0, "cost": 0.0,
        "status": "certified", "evidence_seed": 2, "first": 0, "replications": 20, "fresh": True, "search": search,
    }  # fmt: skip
    return Plan.model_validate(whole | parts)


def test_a_certified_plan_is_short_of_nothing_that_matters() -> None:
    assert caveats(plan(shortages=SHORT, notes=("a note",))) == ["a note"]


def test_the_greatest_shortages_of_a_plan_that_misses_come_first() -> None:
    said = caveats(plan(status="missed", shortages=SHORT))
    assert said[0] == (
        "2026-03-02 08:00 to 2026-03-02 08:30: 8.0 agents short for orders: "
        "no shift of a group with the skill covers this time"
    )
    assert said[5:] == ["3 more shortages are in plan.json"]


def test_why_it_cannot_be_comes_before_all_else() -> None:
    said = caveats(plan(status="infeasible", reasons=("too late",), fresh=False, notes=("a note",)))
    assert said[0] == "cannot be met: too late"
    assert "flatter" in said[1]


def test_progress_is_one_line() -> None:
    now = Progress(phase="trade", heads=88, worth=1.0, holds=True, simulated_days=320, solves=4)
    assert progress_line(now) == "trade, best 88 heads, holds, 320 days simulated, 4 models solved"
