"""The covering model on desks so small that every plan can be tried."""

from itertools import product

import numpy as np
import pytest
from worlds_to_plan import morning

from planner.cover import Rows, caps_of, cover, price_of
from planner.requirements import Theory, worth_of
from planner.search import Problem
from planner.shifts import enumerate_shifts
from planner.solver import Status
from sim.staffing import least_heads


def one_row(needed):
    return Rows(worth=np.ones((1, 1)), agents=np.array([needed], dtype=float))


def solved(scenario, rows, objective="cost"):
    table = enumerate_shifts(scenario)
    price = price_of(objective, table, rows, scenario.horizon.interval / 3600)
    return table, cover(scenario.horizon, table, rows, price, caps_of(scenario))


@pytest.mark.parametrize("objective", ["heads", "fte", "hours", "cost"])
@pytest.mark.parametrize("needed", [[1, 2, 3, 2, 2, 3, 1, 1], [0, 0, 4, 0, 0, 1, 0, 0], [2, 2, 2, 2, 2, 2, 2, 2]])
def test_no_plan_is_better_than_the_one_found(needed, objective):
    """Shifts of 4 h and 6 h, the long ones dear: all plans with up to 4 of each shift are tried."""
    scenario = morning(shift_templates={
        "half": {"starts": ["08:00", "10:00", "12:00"], "lengths": ["4 h"], "cost": 10},
        "long": {"starts": ["08:00", "10:00"], "lengths": ["6 h"], "cost": 14, "fte": 1.2},
    })  # fmt: skip
    table, found = solved(scenario, one_row(needed), objective)
    of = {"heads": np.ones(5), "fte": table.fte, "hours": table.paid_h, "cost": table.cost}[objective]
    ways = np.array(list(product(range(5), repeat=len(table))))
    enough = (ways @ table.covers >= np.array(needed)).all(axis=1)
    assert found.solved.status is Status.OPTIMAL
    assert not found.shortage.any()
    assert of @ found.numbers == pytest.approx((ways[enough] @ of).min())


def test_between_plans_of_equal_heads_the_one_with_fewer_hours():
    scenario = morning(shift_templates={"any": {"starts": ["08:00"], "lengths": ["4 h", "6 h", "8 h"]}})
    table, found = solved(scenario, one_row([2, 2, 2, 1, 0, 0, 0, 0]), "heads")
    assert table.paid_h @ found.numbers == 8.0


def two_skills(**parts):
    """Types a and b; groups for each, and one for both."""
    kind = morning().contact_types["calls"].model_dump(mode="json")
    groups = {"a_only": {"skills": ["a"]}, "b_only": {"skills": ["b"]}, "both": {"skills": ["a", "b"]}}
    targets = [{"contact_types": [name], "at_least": 0.8} for name in "ab"]
    templates = {"day": {"starts": ["08:00"], "lengths": ["8 h"], "cost": 1}}
    given = {"contact_types": {"a": kind, "b": kind}, "agent_groups": groups, "targets": targets}
    return morning(**{**given, "shift_templates": templates, **parts})


def test_nobody_is_counted_twice():
    """3 for a, 3 for b, 5 together: flexible agents are counted in both, and still five are needed."""
    scenario = two_skills()
    sets = Theory(scenario).sets
    assert sets == ((0,), (1,), (0, 1))
    agents = np.array([[3.0] * 8, [3.0] * 8, [5.0] * 8])
    _, found = solved(scenario, Rows(worth=worth_of(scenario, sets), agents=agents))
    assert found.numbers.sum() == 5
    assert found.numbers[2] >= 1


def test_fast_agents_count_for_more():
    slow = {"slow": {"skills": {"calls": {"speed": 0.5}}}}
    whole = {"day": {"starts": ["08:00"], "lengths": ["8 h"], "cost": 1}}
    scenario = morning(agent_groups=slow, shift_templates=whole)
    rows = Rows(worth=worth_of(scenario, [(0,)]), agents=np.full((1, 8), 3.0))
    assert solved(scenario, rows)[1].numbers.sum() == 6


def test_what_cannot_be_covered_is_listed_and_the_rest_is():
    scenario = morning(shift_templates={"early": {"starts": ["08:00"], "lengths": ["4 h"]}})
    _, found = solved(scenario, one_row([2] * 8))
    assert found.numbers.tolist() == [2]
    assert found.shortage[0].tolist() == [0, 0, 0, 0, 2, 2, 2, 2]


def test_limits_on_heads_and_on_shifts_a_day_are_kept():
    few = {"agents": {"skills": ["calls"], "max_heads": 3}}
    assert solved(morning(agent_groups=few), one_row([5] * 8))[1].numbers.sum() == 3
    rare = {"half": {"starts": ["08:00", "12:00"], "lengths": ["4 h"], "max_number": 4}}
    assert solved(morning(shift_templates=rare), one_row([5] * 8))[1].numbers.sum() == 4


def test_over_more_than_a_day_people_come_twice():
    """Two mornings, 26 h apart: three people work both; on the day between nobody else is there."""
    horizon = {"start": "2026-03-02 08:00", "length": "48 h", "interval": "60 min"}
    scenario = morning(
        horizon=horizon, shift_templates={"early": {"starts": ["08:00"], "lengths": ["4 h"]}}, objective="heads"
    )
    needed = [3, 3, 3, 3, *[0] * 20, 2, 2, 2, 2, *[0] * 20]
    table, found = solved(scenario, one_row(needed), "heads")
    assert found.numbers.sum() == 5
    assert least_heads(scenario.horizon, table.counts(found.numbers)) == {"agents": 3}
    assert found.solved.objective == pytest.approx(3, abs=0.2)


def test_a_plan_is_checked_against_the_same_limits():
    few = {"agents": {"skills": ["calls"], "max_heads": 3}}
    templates = {"half": {"starts": ["08:00", "12:00"], "lengths": ["4 h"], "max_number": 2}}
    scenario = morning(agent_groups=few, shift_templates=templates)
    problem = Problem(
        scenario=scenario,
        objective="heads",
        table=enumerate_shifts(scenario),
        theory=Theory(scenario),
        caps=caps_of(scenario),
        certificate_days=100,
    )
    assert problem.allows(np.array([1, 1]))
    assert not problem.allows(np.array([2, 1]))  # three shifts of a template
    assert not problem.allows(np.array([0, 4]))


def test_a_plan_to_begin_from_is_kept_when_there_is_no_time():
    scenario = morning()
    table = enumerate_shifts(scenario)
    rows, start = one_row([2] * 8), np.array([2, 0, 0, 0, 2])
    price = price_of("cost", table, rows, 1.0)
    found = cover(scenario.horizon, table, rows, price, caps_of(scenario), start=start, stop=lambda: True)
    assert (table.supply(found.numbers)[0] >= 2).all()
