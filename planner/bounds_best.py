"""All lower bounds that apply to a problem, the best first."""

from collections.abc import Iterable
from typing import get_args

from planner.bounds import Bound, BoundClass, Stop, nothing
from planner.bounds_fluid import fluid_bound
from planner.bounds_levels import METHOD, level_bound
from planner.courses import Courses
from planner.search import Problem
from sim.experiment import Runs, Stopped

CLASSES = get_args(BoundClass)


def lower_bounds(
    problem: Problem, runs: Runs | None = None, *, seed: int, engine: str = "auto", workers: int = 1,
    stop: Stop = lambda: False, courses: Courses | None = None,
) -> tuple[Bound, ...]:  # fmt: skip
    """Every method's bound, the highest known one first; `runs` are of any plan. Stopped, they know nothing.

    `courses`: what is known of the levels of a one-skill desk.
    """
    if stop():
        return (nothing("none", ["it was stopped before"]),)
    try:
        levels = level_bound(problem, seed=seed, engine=engine, workers=workers, stop=stop, courses=courses)
    except Stopped:
        levels = nothing(METHOD, ["it was stopped before"])
    return ranked([levels, fluid_bound(problem, runs, stop=stop)])


def ranked(bounds: Iterable[Bound]) -> tuple[Bound, ...]:
    """The highest first, of equal ones that which rests on less."""
    return tuple(sorted(bounds, key=lambda bound: (-(bound.value or 0.0), CLASSES.index(bound.bound_class))))
