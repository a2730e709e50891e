"""Lower bounds: the optimum where all plans can be tried; what they do not cover, they say."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from instances import instance
from worlds_to_plan import morning

from planner.bounds import Bound, rounded_up, uncovered
from planner.bounds_fluid import COVERED as FLUID
from planner.bounds_fluid import fluid_bound, most_begun
from planner.bounds_levels import COVERED as LEVELS
from planner.bounds_levels import hull, level_bound
from planner.bounds_tried import cheaper, tried_bound
from planner.effects import by_level
from planner.propose import problem_of, propose
from planner.search import Problem
from planner.verdict import score
from sim.experiment import Tape, workload
from sim.scenario import AtWork, Scenario


def best_of_all(problem: Problem, most: tuple[int, ...], days: int = 96) -> float:
    """The least cost of all plans with at most so many of each shift that hold on a tape."""
    tape = Tape(problem.scenario, 77, 0, days)
    known: dict[bytes, bool] = {}

    def holds(numbers: Any) -> bool:
        supply = problem.table.supply(np.array(numbers, dtype=np.int64))
        key = supply.tobytes()
        if key not in known:
            runs = tape.runs(by_level(problem, supply))
            scores = [score(problem.scenario, goal, runs) for goal in problem.theory.goals]
            known[key] = all((one.goal.sign * (one.value - one.goal.level) >= 0).all() for one in scores)
        return known[key]

    plans = sorted(product(*(range(n + 1) for n in most)), key=lambda n: float(problem.table.cost @ np.array(n)))
    return next(float(problem.table.cost @ np.array(n)) for n in plans if holds(n))


def tiny(name: str) -> Problem:
    return problem_of(instance(name), "cost", 200)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "most"), [("tiny-one", (3, 3, 3, 5)), ("tiny-day", (4, 4, 6))])
def test_plan_and_bound_are_the_optimum_where_all_plans_can_be_tried(name: str, most: tuple[int, ...]) -> None:
    problem = tiny(name)
    optimum = best_of_all(problem, most)
    plan = propose(problem.scenario, seed=1).plan
    assert plan.status == "certified"
    assert plan.cost == pytest.approx(optimum)
    assert plan.bound == pytest.approx(optimum)
    assert plan.gap == pytest.approx(0.0, abs=1e-9)
    assert [bound.bound_class for bound in plan.bounds] == ["confidence 95 %", "conditional", "proven"]
    assert plan.bounds[1].value == pytest.approx(optimum)
    assert plan.bounds[1].assumption.startswith("M'")


@pytest.mark.slow
def test_with_two_skills_plan_and_bound_are_the_optimum() -> None:
    problem = tiny("tiny-two")
    optimum = best_of_all(problem, (3, 3, 3, 4), days=48)
    plan = propose(problem.scenario, seed=1).plan
    assert plan.status == "certified"
    assert plan.cost == plan.bound == pytest.approx(optimum)
    assert plan.bound_class == "confidence 95 %"
    assert [bound.bound_class for bound in plan.bounds] == ["confidence 95 %", "proven", "none"]
    assert plan.bounds[1].value < optimum


# ---------------------------------------------------------------------------------------------- all cheaper plans tried


def test_what_holds_is_not_struck_out() -> None:
    """The bound is no higher than the plan known to hold, and not much lower: 3.38 has clearly missed."""
    problem = tiny("tiny-two")
    bound = tried_bound(problem, 4.4, above=3.4, seed=9, engine="compiled")
    assert bound is not None
    assert bound.value == pytest.approx(4.07)
    assert bound.bound_class == "confidence 95 %"
    assert bound.simulated_days > 0


def test_many_plans_are_not_tried() -> None:
    assert tried_bound(tiny("tiny-two"), 60.0, seed=9) is None
    assert tried_bound(problem_of(instance("tiny-two"), "heads", 200), 5.0, seed=9) is None


def test_all_plans_are_tried_that_cost_less() -> None:
    """Against all numbers of shifts, one by one."""
    problem = tiny("tiny-two")
    price = problem.table.cost
    every = (np.array(n) for n in product(range(5), repeat=len(price)))
    cheap = [numbers for numbers in every if 2.0 <= price @ numbers < 3.2 - 1e-9]
    found = cheaper(problem, 2.0, 3.2)
    assert found is not None
    assert len(found) == len({problem.table.supply(numbers).tobytes() for numbers in cheap})
    assert all(2.0 - 1e-9 <= price @ numbers < 3.2 for numbers in found)


def twins(**given: Any) -> Problem:
    """One kind of shift at two prices, of the cheaper one at most one."""
    each: dict[str, Any] = {"starts": ["08:00"], "lengths": ["4 h"]}
    templates = {"few": each | {"cost": 1.0, "max_number": 1}, "more": each | {"cost": 1.5}}
    return problem_of(morning(shift_templates=templates, **given), "cost", 200)


def test_of_plans_that_staff_alike_the_cheapest_that_may_be_is_tried() -> None:
    found = cheaper(twins(staffing=instance("a").staffing.model_dump(mode="json")), 0.0, 4.1)
    assert found is not None
    assert sorted(float(np.array([1.0, 1.5]) @ numbers) for numbers in found) == [0.0, 1.0, 2.5, 4.0]


def test_where_shifts_are_merged_people_are_not_tried() -> None:
    """Breaks inside an interval: the table has one shift for several, which are not alike for people."""
    pause = {"length": "15 min", "earliest": "1 h", "latest": "2 h", "step": "15 min"}
    template = {"starts": ["08:00"], "lengths": ["4 h"], "cost": 1.0, "breaks": [pause]}
    desk = morning(
        shift_templates={"half": template}, horizon={"start": "2026-03-02 08:00", "length": "4 h", "interval": "60 min"}
    )
    assert cheaper(problem_of(desk, "cost", 200), 0.0, 3.0) is None
    assert cheaper(problem_of(by_levels(desk), "cost", 200), 0.0, 3.0) is not None


def test_what_can_be_begun_follows_renewal_theory() -> None:
    """Exponential times: an agent with contacts always at hand begins one at once and one for each mean time after."""
    law = np.diff(1 - np.exp(-np.arange(2001) / 100.0), append=1.0)[:-1]
    law[-1] += 1 - law.sum()
    begun = most_begun([law], 1000)
    mean = float(law @ np.arange(len(law)))
    assert begun[1:] - np.arange(1, 1000) == pytest.approx(mean, rel=0.02)


def test_the_choice_of_types_is_worth_what_is_in_hand_at_the_end() -> None:
    """One slow type, always just as long: chosen for the last start it overshoots by nearly all of its length."""
    quick, slow = np.zeros(101), np.zeros(101)
    quick[1], slow[100] = 1.0, 1.0
    assert most_begun([quick], 301)[300] == pytest.approx(300)
    assert most_begun([slow, quick], 301)[300] == pytest.approx(399)


def test_a_hull_lies_above_its_points() -> None:
    points = [(0.0, -5.0), (1.0, -4.5), (2.0, -1.0), (3.0, 0.5), (4.0, 1.0)]
    lines = hull(points)
    assert all(min(slope * n + at_zero for slope, at_zero in lines) >= value - 1e-9 for n, value in points)
    assert lines[-1] == (0.0, 1.0)


def test_bounds_are_rounded_up_to_what_plans_can_cost() -> None:
    problem = tiny("tiny-one")  # 0.55 and 1.0: multiples of 0.05
    assert rounded_up(problem, 3.601) == pytest.approx(3.65)
    assert rounded_up(problem, 3.65) == pytest.approx(3.65)


def test_the_gap_is_in_units_of_the_bound() -> None:
    assert Bound(method="m", value=4.0, bound_class="proven").gap(5.0) == 0.25
    assert Bound(method="m", value=None, bound_class="none").gap(5.0) is None


def by_levels(desk: Scenario) -> Scenario:
    return desk.model_copy(update={"staffing": instance("a").staffing})


OUTAGE = {"start": "2026-03-02 09:00", "plateau": "30 min", "peak_factor": 2}


@pytest.mark.parametrize(
    ("part", "field"),
    [
        ({"busyness": {"cv": 0.1, "by_type": {"calls": 0.2}}}, "busyness.by_type"),
        ({"busyness": {"cv": 0.1, "correlation": 0.5}}, "busyness.correlation"),
        ({"busyness": {"intervals": {"cv": 0.2}}}, "busyness.intervals"),
        ({"events": {"outage": OUTAGE | {"chance": 0.2}}}, "events.chance"),
        ({"events": {"outage": OUTAGE | {"within": "1 h"}}}, "events.within"),
        ({"forecast": {"paths": [{"calls": {"00:00": 5}}]}}, "forecast"),
    ],
    ids=lambda of: of if isinstance(of, str) else "",
)
def test_what_makes_days_differ_voids_the_bound_by_levels_only(part: dict[str, Any], field: str) -> None:
    """The fluid bound reads means alone, and these are exact."""
    desk = by_levels(morning(**part))
    assert (uncovered(desk, LEVELS), uncovered(desk, FLUID)) == ([field], [])


def test_the_fluid_bound_of_a_forecast_is_that_of_its_mean() -> None:
    desk = morning()
    expected = workload(desk).expected[:, 0]
    counts = {f"{at:%H:%M}": float(n) for at, n in zip(desk.horizon.interval_starts, expected, strict=True)}
    paths = [{"calls": {label: factor * n for label, n in counts.items()}} for factor in (0.5, 1.5)]
    plain, known = (fluid_bound(problem_of(of, "hours", 100)) for of in (desk, morning(forecast={"paths": paths})))
    assert known.bound_class == "proven"
    assert known.value == plain.value


def test_where_a_desk_starts_from_voids_both_bounds() -> None:
    desk = by_levels(morning())
    busy = AtWork.model_validate({"group": "agents", "contact_type": "calls", "number": 1})
    for part, value in (("warm_up", "one period"), ("at_work", (busy,))):
        other = desk.model_copy(update={part: value})
        assert (uncovered(other, LEVELS), uncovered(other, FLUID)) == ([part], [part])


def test_a_mechanism_that_no_table_lists_voids_a_bound() -> None:
    skill = {"calls": {"speed": 1.25}}
    desk = by_levels(morning(agent_groups={"agents": {"skills": skill, "cost_per_hour": 20}}))
    assert uncovered(desk, LEVELS) == ["agent_groups.skills.speed"]
    assert uncovered(desk, FLUID) == []
    found = level_bound(problem_of(desk, "hours", 100), seed=1)
    assert (found.value, found.bound_class) == (None, "none")
    assert found.why_not == ("agent_groups.skills.speed is in use",)


def test_agents_by_person_have_no_bound_by_level_but_a_fluid_one() -> None:
    problem = problem_of(morning(), "hours", 100)
    assert "agents come and go by person, not by level" in level_bound(problem, seed=1).why_not
    fluid = fluid_bound(problem)
    assert fluid.bound_class == "proven"
    assert fluid.value is not None
    assert 0 < fluid.value < 60


def test_a_bot_makes_the_fluid_bound_conditional() -> None:
    desk = morning()
    calls = desk.contact_types["calls"].model_dump(mode="json")
    bot = {"containment": 0.3, "duration": {"family": "exponential", "mean": "1 min"}}
    data = desk.model_dump(mode="json") | {"bots": {"bot": {}}, "contact_types": {"calls": calls | {"bot": bot}}}
    problem = problem_of(Scenario.model_validate(data), "hours", 100)
    assert fluid_bound(problem).why_not == ("nothing was simulated",)
    runs = Tape(problem.scenario, 1, 0, 16).runs(by_level(problem, np.full((1, 8), 6)))
    fluid = fluid_bound(problem, runs)
    assert fluid.bound_class == "conditional"
    assert "simulated" in fluid.assumption
