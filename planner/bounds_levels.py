"""The bound of a desk with one skill, by level: what each interval can give at most at its own number of agents.

U_i(n) is the most that interval i adds to its targets with n agents, over the levels of the interval before: service
is not best after a generous interval, for a badly staffed one leaves no queue behind. It is simulated, several
intervals in one run (`planner.courses`). A MILP then asks for the cheapest shifts whose levels could do it; no plan is
cheaper.

Sampling error. The best plan is one fixed plan. So the bound holds if *its* levels pass all that the model asks: a
margin is needed for its intervals (for all at once) and for its sums, not for all levels that were tried. Each third of
the intervals is simulated on days of its own, so that the errors of a sum are independent.
"""

import numpy as np
import numpy.typing as npt
import pulp

from planner.bounds import COMMON, Bound, Covered, Stop, bare_price, nothing, off_the_grid, rounded_up, uncovered
from planner.courses import SUM_DAYS, Courses, hull
from planner.cover import ShiftModel
from planner.search import Problem
from planner.solver import Limits, SolveResult
from planner.trials import APART, BEFORE, LOOKS, Trials
from planner.verdict import windows_of
from sim.estimates import student

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

METHOD = "levels of intervals"
COVERED: Covered = {**COMMON, "Scenario": (*COMMON["Scenario"], "routing"), "Routing": ("policy",)}
ROUTINGS = ("priority", "fcfs", "preference", "specialists")
FORMULAS = ("SL-1", "SL-3", "SL-4", "SL-5", "SL-6")
FEW_LOOKS = 2
"""After so many looks it is asked whether longer ones could lift the bound."""
LEAST_LIFT = 0.005
"""Longer looks are not worth it where they could lift the bound by so little at most."""
BOUND_LIMITS = Limits(gap=5e-4, nodes=20_000)
M_PRIME = (
    "M': the service of an interval depends on its own number of agents and on that of the interval before, and does "
    "not fall when agents are added to it"
)


def level_bound(
    problem: Problem, *, seed: int, engine: str = "auto", workers: int = 1, stop: Stop = lambda: False,
    courses: Courses | None = None,
) -> Bound:  # fmt: skip
    """The bound of a one-skill desk; class `none`, with reasons, where it does not apply. Raises `Stopped`."""
    if reasons := why_not(problem):
        return nothing(METHOD, reasons)
    trials = Trials(problem=problem, seed=seed, engine=engine, workers=workers, stop=stop)
    return _LevelBound(courses or Courses(trials)).bound()


def why_not(problem: Problem) -> list[str]:
    """What of a desk the method does not cover."""
    scenario = problem.scenario
    found = [f"{name} is in use" for name in uncovered(scenario, COVERED)]
    if len(scenario.contact_types) > 1:
        found.append("more than one contact type")
    if not problem.by_level:
        found.append("agents come and go by person, not by level")
    if scenario.routing.policy not in ROUTINGS:
        found.append(f"routing by {scenario.routing.policy}")
    if off_the_grid(scenario):
        found.append("shifts or breaks begin inside an interval")
    for target in scenario.targets:
        if target.measure != "abandonment" and (target.measure != "service_level" or target.formula not in FORMULAS):
            name = target.formula if target.measure == "service_level" else target.measure
            found.append(f"a target on {name}, which leaving contacts unanswered can improve")
    return found


class _LevelBound:
    """The model made of least levels and upper hulls."""

    def __init__(self, courses: Courses) -> None:
        self.courses, self.trials, self.problem = courses, courses.trials, courses.problem

    def bound(self) -> Bound:
        """Least levels, hulls, the model, longer looks while they could lift it, and a look at the assumption."""
        courses = self.courses
        courses.find_least(FEW_LOOKS)
        courses.find_courses()
        solved = self._solved(courses.found)
        for looks in range(FEW_LOOKS + 1, len(LOOKS) + 1):
            higher = courses.found.copy()
            higher[courses.unclear()] += 1
            if self._value(self._solved(higher)) <= self._value(solved) * (1 + LEAST_LIFT):
                break
            courses.find_least(looks)
            courses.find_courses()
            solved = self._solved(courses.found)
        checks = self.checked()
        if solved.bound is None:
            return nothing(METHOD, [f"no shifts reach the least levels: the model is {solved.status.value}"])
        return Bound(
            method=METHOD,
            value=rounded_up(self.problem, solved.bound),
            bound_class="conditional",
            assumption=M_PRIME,
            checks=checks,
            simulated_days=self.trials.simulated,
        )

    def _value(self, solved: SolveResult) -> float:
        return -np.inf if solved.bound is None else rounded_up(self.problem, solved.bound)

    def _solved(self, least: Ints) -> SolveResult:
        """The model with these least levels."""
        problem = self.problem
        price = bare_price(problem.objective, problem.table)
        model = ShiftModel(problem.scenario.horizon, problem.table, price, problem.caps)
        level = self._levels(model, least)
        for g in self.courses.sums:
            self._ask(model, g, level)
        return model.optimum(BOUND_LIMITS, None, self.trials.stop)

    def _levels(self, model: ShiftModel, least: Ints) -> list[pulp.LpVariable]:
        """The level of each interval as a variable, tied to the shifts, and at least what is possible."""
        levels = []
        for i, covers in enumerate(self.problem.table.covers.T):
            level = model.amount(f"level_{i}")
            there = [(model.x[s], 1.0) for s in np.flatnonzero(covers)]
            model.problem.addConstraint(pulp.LpAffineExpression([*there, (level, -1.0)]) == 0)
            if least[i]:
                model.problem.addConstraint(pulp.LpAffineExpression([(level, 1.0)]) >= int(least[i]))
            levels.append(level)
        return levels

    def _ask(self, model: ShiftModel, g: int, level: list[pulp.LpVariable]) -> None:
        """In each window of a target, the hulls must add up to nothing lacking, but for the margin."""
        window = windows_of(self.problem.scenario, self.courses.goals[g])
        for w in np.unique(window[self.courses.intervals]):
            terms, base, errors = [], 0.0, np.zeros((APART, len(window)))
            for i in (i for i in self.courses.intervals if window[i] == w):
                points, errors[i % APART, i] = self.courses.course(g, i)
                lowest = points[0][1]
                base += lowest
                above = model.amount(f"added_{g}_{i}")
                terms.append((above, 1.0))
                for slope, at_zero in hull(points):
                    line = pulp.LpAffineExpression([(above, 1.0), (level[i], -slope)])
                    model.problem.addConstraint(line <= at_zero - lowest)
            model.problem.addConstraint(pulp.LpAffineExpression(terms) >= -base - self._margin(errors))

    def _margin(self, errors: Floats) -> float:
        """Of a sum over intervals: those of one third share days, and with them what makes whole days busy."""
        if self.problem.scenario.busyness.cv > 0:
            spread = float(np.sqrt((errors.sum(axis=1) ** 2).sum()))
        else:
            spread = float(np.sqrt((errors**2).sum()))
        return student(SUM_DAYS - 3, 1 - 2 * self.courses.sum_error) * spread

    # -------------------------------------------------------------------------------------------------- the assumption

    def checked(self) -> tuple[str, ...]:
        """How much half the load two intervals before lifts an interval, near its least level."""
        rises, errors = [], []
        for phase in range(APART):
            mine = {i: self._usual(i) for i in self.courses.intervals if i % APART == phase and i >= 2}
            self.trials.run(mine, BEFORE[0], LOOKS[0])
            for i, trial in self.trials.after(mine, phase) if mine else ():
                change = trial.less(self.trials.seen[i, mine[i], self.trials.before(i, BEFORE[0])]).estimate()
                rises.append(float(change.mean.max() / self.trials.expected[i]))
                errors.append(float(change.error.max() / self.trials.expected[i]))
        if not rises:
            return ()
        worst = int(np.argmax(np.array(rises) + 2 * np.array(errors)))
        return (
            f"half the load two intervals before lifts an interval by {np.mean(rises):+.2%} of its contacts on average,"
            f" by {rises[worst]:+.2%} ± {2 * errors[worst]:.2%} at most",
        )

    def _usual(self, interval: int) -> int:
        """The least level that is possible, or about the load."""
        return int(self.courses.found[interval]) or round(float(self.trials.load[interval]))
