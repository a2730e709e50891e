"""Plans by cuts from simulation, on desks where talk carries over; and what they are made of."""

from dataclasses import replace

import numpy as np
import pytest
from worlds_to_plan import morning

from planner.bounds import bare_price
from planner.cover import price_of
from planner.cuts import APART, Slopes, carries_over
from planner.evidence import Evidence, Shown, Sums, key, near
from planner.level_model import LevelModel
from planner.propose import COURSE_DAYS, problem_of, propose
from planner.search import Problem
from planner.solver import EXACT
from sim.scenario import Scenario


def long_talk(**parts) -> Scenario:
    """Calls of 20 minutes in intervals of half an hour: about seven at once; 70 % in 20 s in each interval."""
    kind = morning().contact_types["calls"].model_dump(mode="json")
    kind |= {
        "arrivals": {"per_hour": 20},
        "talk": {"family": "exponential", "mean": "20 min"},
        "patience": {"family": "exponential", "mean": "15 min"},
    }
    return morning(
        horizon={"start": "2026-03-02 08:00", "length": "4 h", "interval": "30 min"},
        contact_types={"calls": kind},
        shift_templates={
            "whole": {"starts": ["08:00"], "lengths": ["4 h"]},
            "half": {"starts": {"first": "08:00", "last": "10:00", "step": "30 min"}, "lengths": ["2 h"]},
        },
        targets=[{"at_least": "70 %", "per": "interval"}],
        **parts,
    )


def problem(scenario: Scenario | None = None) -> Problem:
    return problem_of(scenario or long_talk(), "cost", 400)


def test_talk_carries_over_where_it_is_long_against_an_interval():
    assert carries_over(problem())
    assert not carries_over(problem(morning()))


def test_experience_is_kept_by_the_agents_of_so_many_intervals():
    levels = np.array([4, 5, 6, 7])
    assert key(levels, 2) == (5, 6)
    assert key(levels, 2, 3) == (0, 4, 5, 6)
    goals, days = problem().theory.goals, 12
    rng = np.random.default_rng(1)
    shown = Shown(rng.normal(size=(1, days, 8)), np.full((1, 8), 10.0), rng.normal(size=(days, 8, 1)))
    one_back, three_back = (Evidence(long_talk(), goals, back) for back in (1, 3))
    tried = np.array([5, 5, 6, 6, 7, 7, 7, 7])
    other = np.array([9, 5, 6, 6, 7, 7, 7, 7])
    for evidence in (one_back, three_back):
        evidence.add(tried, shown)
    assert one_back.of(0, 3, other) is not None
    assert three_back.of(0, 3, other) is None
    assert three_back.of(0, 4, other).days == days
    assert three_back.best_at(0, 3, 6).mean == pytest.approx(three_back.of(0, 3, tried).mean)


def test_controls_are_those_of_the_interval_and_of_so_many_before():
    controls = np.arange(12.0).reshape(1, 6, 2)
    assert near(controls, 2).tolist() == [[2, 3, 4, 5]]
    assert near(controls, 1, 3).tolist() == [[0, 1, 2, 3]]


def test_what_is_known_of_arrivals_is_accounted_for():
    rng = np.random.default_rng(2)
    arrivals = rng.normal(size=(400, 1))
    value = 3 + 2 * arrivals[:, 0] + 0.01 * rng.normal(size=400)
    parts = [Sums.of(value[days], arrivals[days]) for days in (slice(0, 150), slice(150, 400))]
    seen = parts[0].plus(parts[1]).seen()
    assert seen.days == 400
    assert seen.mean == pytest.approx(3, abs=0.003)
    assert seen.error < 0.001


def test_an_effect_is_credited_to_the_agent_some_intervals_before_and_noise_to_nobody():
    rng, days, intervals = np.random.default_rng(3), 64, 6
    more = [0.1 * rng.normal(size=(1, days, intervals)) for _ in range(APART)]
    for phase, changes in enumerate(more):  # an agent is worth 2 in its interval and 1 in the next
        changes[0, :, phase::APART] += 2
        changes[0, :, phase + 1 :: APART] += 1
    by = np.ones(intervals, dtype=np.int64)
    slopes = Slopes.of(more, [-1.5 * changes for changes in more], by)
    two = Slopes.of(more, [-1.5 * changes for changes in more], 2 * by)
    assert two.gain == pytest.approx(slopes.gain / 2)
    assert slopes.gain[0, :, 0] == pytest.approx(2, abs=0.1)
    assert slopes.gain[0, 1:, 1] == pytest.approx(1, abs=0.1)
    assert (slopes.gain[0, :, 2:] == 0).mean() > 0.8
    gain, loss = slopes.near(0, 3)[3]
    assert loss == pytest.approx(1.5 * gain)
    turned = Slopes(slopes.loss, slopes.gain).near(0, 3)[3]
    assert turned == pytest.approx(((gain + loss) / 2, (gain + loss) / 2))


@pytest.mark.parametrize(
    ("lack", "level"),
    [(2.0, 7), (2.4, 8), (0.0, 5), (-3.0, 4), (-2.9, 5)],  # an agent more is worth 1, one fewer 3
)
def test_a_cut_asks_for_as_many_agents_as_make_up_what_lacks(lack: float, level: int) -> None:
    one = problem()
    price = replace(price_of("cost", one.table, _nothing(one), 0.5), shift=bare_price("cost", one.table).shift)
    model = LevelModel(one, price, np.zeros(8, dtype=np.int64))
    model.cut("0", np.full(8, 5), [({2: (1.0, 3.0)}, lack)])
    solved = model.optimum(EXACT, None, None)
    assert one.table.supply(model.numbers(solved))[0][2] == level


def test_levels_kept_near_a_plan_are_near_it_and_lines_that_hold_there_are_left_out():
    one = problem()
    price = replace(price_of("cost", one.table, _nothing(one), 0.5), shift=bare_price("cost", one.table).shift)
    model = LevelModel(one, price, np.zeros(8, dtype=np.int64))
    model.keep_near(np.full(8, 5), np.ones(8))
    before = len(model.terms)
    model.cut("0", np.full(8, 5), [({2: (1.0, 3.0)}, -3.0)])
    assert len(model.terms) == before
    model.cut("1", np.full(8, 5), [({2: (1.0, 3.0)}, 1.0)])
    levels = one.table.supply(model.numbers(model.optimum(EXACT, None, None)))[0]
    assert levels[2] == 6
    assert (np.abs(levels - 5) <= 1).all()


def _nothing(one: Problem):
    return one.theory.requirement(one.theory.levels())


@pytest.mark.parametrize("mode", ["by_level", pytest.param("by_person", marks=pytest.mark.slow)])
def test_a_plan_by_cuts_is_certified_and_no_dearer_than_one_without(mode: str) -> None:
    scenario = long_talk(staffing={"mode": mode, "shifts": []})
    plans = [
        propose(scenario, days=16, certify_replications=800, work_limit=work, bound=False, beside=()).plan
        for work in (COURSE_DAYS, COURSE_DAYS - 1)
    ]
    assert plans[0].status == "certified"
    assert plans[1].status != "certified" or plans[0].cost <= plans[1].cost
