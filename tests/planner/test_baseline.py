"""The usual plans: what formulas and a cover propose, repaired where they miss, judged like any other."""

import pytest
from instances import instance
from worlds_to_plan import morning

import planner
from planner.asked import NothingToPlan, asked_of
from planner.baseline import Simulator, usual
from planner.propose import problem_of
from planner.usual import propose_usual
from sim.staffing import ShiftCount
from sim.targets import judge


def test_erlang_c_and_a_on_the_reference_instance() -> None:
    """Erlang C + cover: 67.8 full-time equivalents and 83 heads; without those who hang up Erlang A needs fewer."""
    problem = problem_of(instance("a"), "cost", 100)
    by_c, by_a = (usual(problem, m, Simulator(seed=1, days=16))[0].numbers for m in ("erlang-c", "erlang-a"))
    assert problem.worth(by_c)[0] == pytest.approx(67.8)
    assert problem.heads(by_c) == 83
    assert problem.worth(by_a)[0] == pytest.approx(62.0)


def test_a_usual_plan_is_judged_on_fresh_customers_and_says_what_it_misses() -> None:
    found = propose_usual(instance("a"), "erlang-a", seed=3, certify_replications=32)
    assert found.plan.status == "missed"
    assert found.plan.misses
    assert found.plan.fresh
    assert found.plan.bound is None


def test_repair_adds_agents_until_the_targets_are_certified() -> None:
    desk = morning(targets=[{"at_least": "85 %", "per": "interval"}])
    problem = problem_of(desk, "cost", 200)
    simulator = Simulator(seed=4, days=200)
    plain, none = usual(problem, "erlang-a", simulator)
    repaired, some = usual(problem, "erlang-a-repaired", simulator)
    assert none == 0 < some
    assert problem.worth(repaired.numbers) > problem.worth(plain.numbers)
    assert {one.status for one in judge(simulator.runs(problem, problem.staffing(repaired.numbers)))} == {"certified"}


def test_plans_are_shown_beside_the_proposal_on_request() -> None:
    plan = planner.plan(morning(), days=16, certify_replications=100, beside=["erlang-c", "erlang-a-repaired"])
    assert [one.name for one in plan.baselines] == ["Erlang C + cover", "Erlang A + cover, repaired"]


def shift(start: int, number: int) -> ShiftCount:
    return ShiftCount(template="half", group="agents", start=f"{start:02d}:00", length="4 h", number=number)


def test_shifts_that_are_kept_are_in_the_plan() -> None:
    plan = planner.plan(morning(), days=16, certify_replications=100, keep=[shift(10, 9)], bound=False)
    (kept,) = (one for one in plan.shifts if one.start == 600)
    assert kept.number >= 9
    free = planner.plan(morning(), days=16, certify_replications=100, bound=False)
    assert plan.cost >= free.cost


def test_a_shift_that_no_template_allows_cannot_be_kept() -> None:
    with pytest.raises(NothingToPlan, match="no shift template allows half of agents at 07:00"):
        planner.plan(morning(), keep=[shift(7, 1)])


def test_a_search_begins_from_a_plan_and_within_the_gap_stops_there() -> None:
    good = planner.plan(morning(), days=16, certify_replications=100)
    again = planner.plan(morning(), days=16, certify_replications=100, start=good.shifts, gap=10.0)
    assert again.shifts == good.shifts
    assert again.search.simulated_days < good.search.simulated_days


def test_a_floor_and_a_confidence_are_asked_for_beyond_the_scenario() -> None:
    asked = asked_of(morning(), 0.5, 0.9)
    assert [(t.per, t.level, t.confidence) for t in asked.targets] == [("horizon", 0.8, 0.9), ("interval", 0.5, 0.9)]
    assert asked_of(asked, 0.5, None) == asked
    assert asked_of(morning(), None, None) == morning()
