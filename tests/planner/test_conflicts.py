"""Limits that are too low: what cannot hold together, and what would help."""

import pulp
import pytest
from worlds_to_plan import morning

import planner
from planner.conflicts import conflict
from planner.explain import explain
from planner.propose import problem_of
from planner.solver import irreducible
from sim.report.explained import explanation_tables

AGENTS = {"skills": ["calls"], "cost_per_hour": 20}
CAPPED = {"agents": AGENTS | {"max_heads": 8}}


def test_rows_that_cannot_hold_together_are_found_and_no_others() -> None:
    model = pulp.LpProblem("small", pulp.LpMinimize)
    x = [model.add_variable(f"x{i}", 0, None, pulp.LpInteger) for i in range(3)]
    model.setObjective(pulp.LpAffineExpression([(one, 1.0) for one in x]))
    for name, row in {
        "early": x[0] + x[1] >= 5, "late": x[1] + x[2] >= 5, "night": x[2] >= 1, "limit": x[0] + x[1] <= 4,
    }.items():  # fmt: skip
        model.addConstraint(row, name)
    assert irreducible(model) == ["early", "limit"]


def test_shifts_that_can_meet_all_have_no_conflict() -> None:
    assert conflict(problem_of(morning(), "cost", 100)) is None


def test_a_limit_on_heads_and_the_hours_it_breaks() -> None:
    """Six or seven agents all day on shifts of half a day: about thirteen heads."""
    found = conflict(problem_of(morning(agent_groups=CAPPED), "cost", 100))
    assert found is not None
    assert found.limits == ("at most 8 heads of agents",)
    assert all("agents for calls from 2026-03-02" in text for text in found.requirements)


def test_a_limit_on_shifts_a_day_too() -> None:
    template = morning().shift_templates["half"].model_dump(mode="json") | {"max_number": 9}
    found = conflict(problem_of(morning(shift_templates={"half": template}), "cost", 100))
    assert found is not None
    assert found.limits == ("at most 9 shifts of half a day",)


@pytest.fixture(scope="module")
def explained() -> planner.explain.Explanation:
    desk = morning(agent_groups=CAPPED)
    plan = planner.plan(desk, seed=1, days=16, certify_replications=100, bound=False, beside=())
    assert plan.status in ("missed", "infeasible", "limit")
    return explain(desk, plan, days=16)


def test_limits_are_raised_as_little_as_helps_and_the_plan_is_proved(explained: planner.explain.Explanation) -> None:
    free = planner.plan(morning(), objective="heads", seed=1, days=16, certify_replications=100, bound=False, beside=())
    relaxed = explained.relaxation
    assert relaxed is not None
    (raised,) = relaxed.raised
    assert (raised.limit, raised.given) == ("heads of agents", 8)
    assert relaxed.status == "certified"
    assert relaxed.heads <= raised.needed <= 1.2 * free.heads


def test_it_says_so_in_tables(explained: planner.explain.Explanation) -> None:
    told = {table.title: table for table in explanation_tables(explained.model_dump(mode="json"))}
    assert ("limit", "at most 8 heads of agents") in told["What cannot hold together"].rows
    assert "certified" in told["What would help"].note


def test_hours_that_a_target_of_the_day_lets_drown_are_told() -> None:
    """A rush in the middle of the only morning shift: the day is fine, the rush is not."""
    calls = morning().contact_types["calls"].model_dump(mode="json")
    calls["arrivals"] = {"per_hour": {"08:00": 60, "10:00": 120, "11:00": 60}}
    shifts = {"half": {"starts": ["08:00", "12:00"], "lengths": ["4 h"]}}
    desk = morning(contact_types={"calls": calls}, shift_templates=shifts, targets=[{"at_least": "80 %"}])
    plan = planner.plan(desk, seed=1, days=16, certify_replications=100, bound=False, beside=())
    found = explain(desk, plan, days=16)
    (rush,) = found.under
    assert rush.start.startswith("2026-03-02T10:00")
    assert rush.end.startswith("2026-03-02T11:00")
    assert rush.value < rush.level - 0.05
