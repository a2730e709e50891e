"""The door to HiGHS: what is known of an optimum is told as it is."""

import random
import signal
import threading

import pulp
import pytest

from planner.solver import Limits, Status, solve


def ring() -> pulp.LpProblem:
    """Five whole numbers in a ring, each pair of neighbours at least 2.5: the relaxation says 6.25, whole numbers 8."""
    problem = pulp.LpProblem("ring", pulp.LpMinimize)
    x = [problem.add_variable(f"x_{i}", 0, None, pulp.LpInteger) for i in range(5)]
    problem.setObjective(pulp.lpSum(x) + 3)
    for i in range(5):
        problem.addConstraint(x[i] + x[(i + 1) % 5] >= 2.5, f"pair_{i}")
    return problem


def knapsacks() -> pulp.LpProblem:
    """Too hard for a few nodes."""
    dice = random.Random(1)
    problem = pulp.LpProblem("knapsacks", pulp.LpMaximize)
    y = [problem.add_variable(f"y_{i}", 0, 1, pulp.LpInteger) for i in range(80)]
    problem.setObjective(pulp.lpSum(dice.randint(10, 99) * v for v in y))
    for k in range(40):
        problem.addConstraint(pulp.lpSum(dice.randint(5, 99) * v for v in y) <= 900, f"row_{k}")
    return problem


def one_variable(low: float | None, row: str) -> pulp.LpProblem:
    problem = pulp.LpProblem("one", pulp.LpMinimize)
    a = problem.add_variable("a", low, None)
    problem.setObjective(a + 0)
    problem.addConstraint({"at least 2.5": a >= 2.5, "at most -1": a <= -1}[row], "row")
    return problem


def test_an_optimum_is_proved_and_whole():
    found = solve(ring())
    assert (found.status, found.objective, found.bound, found.gap) == (Status.OPTIMAL, 11.0, 11.0, 0.0)
    assert all(value == round(value) for value in found.values.values())


def test_a_continuous_model_keeps_its_fractions():
    found = solve(one_variable(0, "at least 2.5"))
    assert (found.status, found.objective, found.bound, found.values["a"]) == (Status.OPTIMAL, 2.5, 2.5, 2.5)


@pytest.mark.parametrize(("low", "status"), [(0.0, Status.INFEASIBLE), (None, Status.UNBOUNDED)])
def test_without_an_optimum_there_are_no_values(low, status):
    found = solve(one_variable(low, "at most -1"))
    assert (found.status, found.solved, found.objective, found.values) == (status, False, None, {})


def test_a_solve_that_stops_at_a_limit_does_not_call_itself_optimal():
    found = solve(knapsacks(), Limits(nodes=1))
    assert found.status is Status.FEASIBLE
    assert found.objective < found.bound
    assert found.gap == pytest.approx((found.bound - found.objective) / found.objective)


def test_a_wide_gap_is_not_an_optimum_either():
    found = solve(knapsacks(), Limits(gap=0.5))
    assert found.status is Status.FEASIBLE
    assert found.gap > 1e-4


def test_a_solve_that_is_told_to_stop_says_interrupted():
    found = solve(knapsacks(), stop=lambda: True)
    assert found.status in (Status.INTERRUPTED, Status.OPTIMAL)  # it may have been quicker
    hard = pulp.LpProblem("hard", pulp.LpMaximize)
    dice = random.Random(2)
    z = [hard.add_variable(f"z_{i}", 0, 9, pulp.LpInteger) for i in range(150)]
    hard.setObjective(pulp.lpSum(dice.randint(100, 199) * v for v in z))
    for k in range(60):
        hard.addConstraint(pulp.lpSum(dice.randint(50, 199) * v for v in z) <= 9999, f"row_{k}")
    asked = iter([False, False, False, *[True] * 1000])
    found = solve(hard, stop=lambda: next(asked))
    assert found.status is Status.INTERRUPTED
    assert found.seconds < 10


def test_ctrl_c_reaches_a_solve():
    """The signal comes after half a second; HiGHS on its own would hold the thread until it is done."""

    def again_and_again() -> None:
        for _ in range(100):
            solve(knapsacks())

    timer = threading.Timer(0.5, signal.raise_signal, [signal.SIGINT])
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            again_and_again()
    finally:
        timer.join()
        signal.signal(signal.SIGINT, before)


def test_near_its_relaxation_a_model_keeps_a_bound_that_holds():
    exact, near = solve(ring()), solve(ring(), Limits(near=0))
    assert near.objective >= exact.objective
    assert near.bound == pytest.approx(6.25 + 3)
    assert near.status is Status.FEASIBLE


def test_a_model_that_is_only_relaxed_has_a_bound_and_no_solution():
    found = solve(ring(), Limits(relax=0))
    assert (found.status, found.solved, found.values) == (Status.LIMIT, False, {})
    assert found.bound == pytest.approx(6.25 + 3)


def test_a_large_cover_is_solved_near_its_relaxation_by_a_dive():
    """What is found there is hardly dearer than the optimum."""
    dice = random.Random(3)
    problem = pulp.LpProblem("cover", pulp.LpMinimize)
    x = [problem.add_variable(f"x_{i}", 0, None, pulp.LpInteger) for i in range(60)]
    problem.setObjective(pulp.lpSum(dice.randint(8, 12) * v for v in x))
    for k in range(40):
        problem.addConstraint(pulp.lpSum(v for v in x if dice.random() < 0.2) >= dice.randint(1, 9), f"row_{k}")
    exact, near = solve(problem), solve(problem, Limits(near=10, gap=1e-4))
    assert near.bound <= exact.objective <= near.objective <= 1.05 * exact.objective
