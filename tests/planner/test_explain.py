"""What a plan's targets and agents are worth near it, and its risk."""

from typing import Any

import pytest
from worlds_to_plan import morning

import planner
from planner.explain import Explanation, explain, with_reasons
from planner.plan import Plan
from sim.report.explained import explanation_tables


@pytest.fixture(scope="module")
def plan() -> Plan:
    return planner.plan(morning(), seed=1, days=32, certify_replications=100, bound=False)


@pytest.fixture(scope="module")
def found(plan: Plan) -> Explanation:
    return explain(morning(), plan, days=32)


def test_targets_have_prices(found: Explanation) -> None:
    (target,) = found.targets
    assert target.point is not None
    assert target.saved is not None
    assert 0 < target.point < target.saved


def test_one_more_agent_is_worth_at_most_what_it_costs(found: Explanation) -> None:
    """There all day for nothing, it saves about two half shifts of 80."""
    (agents,) = found.groups
    assert agents.worth == pytest.approx(160, rel=0.5)


def test_more_heads_make_good_days_likelier(found: Explanation) -> None:
    heads = [point.heads for point in found.risk]
    chances = [point.probability for point in found.risk]
    assert heads == sorted(heads)
    assert chances[-1] > chances[0]
    assert all(point.low <= point.probability <= point.high for point in found.risk)


def test_a_limit_has_a_price_and_a_target_that_asks_nothing_has_none() -> None:
    desk = morning(
        agent_groups={"agents": {"skills": ["calls"], "cost_per_hour": 20, "max_heads": 30}},
        targets=[{"at_least": "80 %"}, {"measure": "abandonment", "at_most": "90 %"}],
    )
    proposed = planner.plan(desk, seed=1, days=16, certify_replications=100, bound=False)
    found = explain(desk, proposed, days=16)
    assert found.targets[1].saved == pytest.approx(0.0, abs=1e-6)
    assert [limit.limit for limit in found.limits] == ["at most 30 heads of agents"]


def test_agents_whom_no_target_needs_are_found() -> None:
    """Nobody calls in the last two hours, but shifts are four hours long."""
    calls = morning().contact_types["calls"].model_dump(mode="json")
    calls["arrivals"] = {"per_hour": {"08:00": 60, "14:00": 0}}
    desk = morning(contact_types={"calls": calls})
    proposed = planner.plan(desk, seed=1, days=16, certify_replications=100, bound=False)
    found = explain(desk, proposed, days=16)
    if any(shift.start > 600 for shift in proposed.shifts):
        assert any(stretch.start.startswith("2026-03-02T15") or "T14" in stretch.start for stretch in found.over)
        assert found.schedule_efficiency < 1


def test_an_explanation_goes_into_the_result(plan: Plan) -> None:
    record = with_reasons(morning(), plan).record()
    told: Any = record.details["explanation"]
    assert explanation_tables(told)[0].title == "What targets cost"
