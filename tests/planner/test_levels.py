"""The search on desks with one skill: what a refused certificate teaches."""

import numpy as np
import pytest
from worlds_to_plan import morning

from planner.courses import Courses
from planner.cover import price_of
from planner.levels import LevelSearch
from planner.propose import problem_of
from planner.search import Search
from planner.trials import Trials
from sim.experiment import Tape


@pytest.fixture
def levels() -> LevelSearch:
    scenario = morning(targets=[{"at_least": 0.8, "per": "interval"}])
    problem = problem_of(scenario, "cost", 400)
    search = Search(
        problem=problem,
        tape=Tape(scenario, 1, 0, 16, engine="compiled"),
        price=lambda rows: price_of("cost", problem.table, rows, 1.0),
        work_limit=20_000,
        stop=lambda: False,
        tell=lambda _: None,
    )
    return LevelSearch(search, Courses(Trials(problem=problem, seed=4, workers=1, engine="auto", stop=lambda: False)))


def test_rounds_end_with_a_plan_that_holds_and_a_refused_one_lacks_something(
    levels: LevelSearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = levels.search
    levels.begin(np.array([12, 0, 0, 0, 12]))
    levels.run()
    best, runs = search.best, search.runs
    assert best is not None
    assert runs is not None
    assert best.holds
    assert best.numbers.sum() < 20
    monkeypatch.setattr("planner.levels.WARNED", 5.0)  # on a desk of few agents each makes a great difference
    levels.warned(runs, {0: np.array([2, 3])})
    assert (levels.caution[0][[2, 3]] > levels.caution[0][4]).all()
    assert search.best is not None
    assert not (search.best.numbers == best.numbers).all()
    assert search.best.holds  # the plan that it began with
