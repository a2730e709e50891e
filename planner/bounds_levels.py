"""The bound of a desk with one skill, by level: what each interval can give at most at its own number of agents.

U_i(n) is the most that interval i adds to its targets with n agents, over the levels of the interval before: service
is not best after a generous interval, for a badly staffed one leaves no queue behind. It is simulated, several
intervals in one run. A MILP then asks for the cheapest shifts whose levels could do it; no plan is cheaper.

Sampling error. The best plan is one fixed plan. So the bound holds if *its* levels pass all that the model asks: a
margin is needed for its intervals (for all at once) and for its sums, not for all levels that were tried. Each third of
the intervals is simulated on days of its own, so that the errors of a sum are independent.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pulp

from planner.bounds import COMMON, ERROR, Bound, Covered, Stop, bare_price, nothing, off_the_grid, rounded_up, uncovered
from planner.cover import ShiftModel
from planner.region import by_level
from planner.requirements import Goal
from planner.search import Problem
from planner.solver import Limits
from planner.verdict import windows_of
from sim.estimates import student
from sim.experiment import Tape, workload
from sim.queues import least_in_each
from sim.targets import target_sample

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

METHOD = "levels of intervals"
COVERED: Covered = {**COMMON, "Scenario": (*COMMON["Scenario"], "routing"), "Routing": ("policy",)}
ROUTINGS = ("priority", "fcfs", "preference", "specialists")
FORMULAS = ("SL-1", "SL-3", "SL-4", "SL-5", "SL-6")
APART = 3
"""Every third interval is tried in one run, after the level before it; the one before that is generous."""
BEFORE = (0.0, 1.0)
"""Levels of the interval before that are tried, as parts of the way from its least level to a generous one."""
LOOKS = (64, 256, 832, 2496)
"""Days after which a level is looked at; the later ones only where it is not clear."""
SUM_DAYS = 256
SPENT = (0.05, 0.1, 0.2, 0.65)
"""Parts of the permitted error that these looks may cost."""
MANY = 10**9
PLENTY = 0.01
"""Within so much of all its contacts, more agents add nothing to an interval that is worth a trial."""
LOW = 0.6
"""Below this part of the load, levels are tried in large steps."""
WIDE = 4.0
"""A generous level lies so many roots above the load."""
BOUND_LIMITS = Limits(gap=1e-4, nodes=20_000)
M_PRIME = (
    "M': the service of an interval depends on its own number of agents and on that of the interval before, and does "
    "not fall when agents are added to it"
)


@dataclass(kw_only=True, eq=False)
class _Trial:
    """What an interval added to each goal, on each day that was simulated: [goal, day]; and its controls, [day, 2]."""

    added: Floats
    controls: Floats

    def then(self, later: "_Trial") -> "_Trial":
        """These days and later ones."""
        return _Trial(
            added=np.concatenate([self.added, later.added], axis=1),
            controls=np.concatenate([self.controls, later.controls]),
        )

    def less(self, other: "_Trial") -> "_Trial":
        """What it added beyond another trial on the same customers, as far as both went."""
        days = min(self.added.shape[1], other.added.shape[1])
        return _Trial(added=self.added[:, :days] - other.added[:, :days], controls=self.controls[:days])

    def estimate(self) -> "_Estimate":
        """What it adds on average, known numbers of contacts accounted for."""
        days = self.added.shape[1]
        x = np.column_stack([np.ones(days), self.controls[:, self.controls.std(axis=0) > 0]])
        inverse = np.linalg.pinv(x.T @ x)
        fitted = inverse @ x.T @ self.added.T
        freedom = days - x.shape[1]
        variance = ((self.added.T - x @ fitted) ** 2).sum(axis=0) / freedom * inverse[0, 0]
        error = np.sqrt(variance)
        return _Estimate(fitted[0], error, freedom)


class _Estimate(NamedTuple):
    """Mean and its standard error, [goal] each."""

    mean: Floats
    error: Floats
    freedom: int

    def top(self, error: float) -> Floats:
        """The upper end, which is too low with probability `error`."""
        return self.mean + student(self.freedom, 1 - 2 * error) * self.error

    def plus(self, other: "_Estimate") -> "_Estimate":
        """The sum of two, however they hang together."""
        return _Estimate(self.mean + other.mean, self.error + other.error, min(self.freedom, other.freedom))


@dataclass(kw_only=True, eq=False)
class _Trials:
    """Simulations of single intervals: at a level, after a level of the interval before."""

    problem: Problem
    seed: int
    workers: int
    engine: str
    stop: Stop
    simulated: int = 0
    seen: dict[tuple[int, int, int], _Trial] = field(default_factory=dict)
    tapes: dict[tuple[int, int], Tape] = field(default_factory=dict)

    def __post_init__(self) -> None:
        facts, scenario = workload(self.problem.scenario), self.problem.scenario
        self.load = self.problem.theory.load.erlangs.sum(axis=1)
        self.least = np.zeros(len(self.load), dtype=np.int64)
        self.generous = np.ceil(self.load + WIDE * np.sqrt(self.load) + 3).astype(np.int64)
        self.expected = facts.asking.sum(axis=1)
        self.known = scenario.trace is None and not any(k.bot for k in scenario.contact_types.values())
        self.fine = [goal.target.model_copy(update={"per": "interval"}) for goal in self.problem.theory.goals]

    def before(self, interval: int, part: float) -> int:
        """A level of the interval before: part of the way from its least one to a generous one."""
        if not interval:
            return 0
        low, high = int(self.least[interval - 1]), int(self.generous[interval - 1])
        return low + round(part * (high - low))

    def tape(self, phase: int, first: int, days: int) -> Tape:
        """Days of a phase's own: day `first` and the next; kept while they are asked for."""
        if (phase, first) not in self.tapes or self.tapes[phase, first].days != days:
            start = phase * 1_000_000 + first
            self.tapes[phase, first] = Tape(
                self.problem.scenario, self.seed, start, days, engine=self.engine, workers=self.workers
            )
        return self.tapes[phase, first]

    def run(self, wanted: dict[int, int], part: float, days: int, first: int = 0) -> None:
        """Simulate intervals (interval: agents) after a level of the one before; days from `first` join those seen."""
        tried = {i: (n, self.before(i, part)) for i, n in wanted.items()}
        for phase in range(APART):
            mine = {i: at for i, at in tried.items() if i % APART == phase and (first or (i, *at) not in self.seen)}
            if mine:
                self._simulate(mine, phase, first, days)

    def _simulate(self, wanted: dict[int, tuple[int, int]], phase: int, first: int, days: int) -> None:
        levels = self.generous.copy()
        for i, (n, before) in wanted.items():
            levels[i] = n
            if i:
                levels[i - 1] = before
        for i, trial in self.observed(levels, list(wanted), self.tape(phase, first, days)):
            self.seen[i, *wanted[i]] = trial if not first else self.seen[i, *wanted[i]].then(trial)

    def observed(self, levels: Ints, intervals: list[int], tape: Tape) -> Iterator[tuple[int, _Trial]]:
        """What these intervals added, at these levels of all intervals."""
        supply = np.zeros((len(self.problem.table.groups), len(levels)), dtype=np.int64)
        supply[0] = levels
        runs = tape.runs(by_level(self.problem, supply), stop=self.stop)
        self.simulated += tape.days
        offered = runs.tallies.offered.sum(axis=1) - self.expected  # [day, interval]
        added = []
        for goal, fine in zip(self.problem.theory.goals, self.fine, strict=True):
            sample = target_sample(fine, runs)
            assert sample.denominator is not None
            added.append(goal.sign * (sample.numerator - goal.level * np.asarray(sample.denominator)))
        stacked = np.array(added, dtype=np.float64)  # [goal, day, interval]
        for i in intervals:
            nearby = [j for j in (i - 1, i) if self.known and j >= 0]
            yield i, _Trial(added=stacked[:, :, i], controls=np.asarray(offered[:, nearby], dtype=np.float64))

    def after(self, wanted: dict[int, int], phase: int) -> Iterator[tuple[int, _Trial]]:
        """The same with half the load two intervals before."""
        levels = self.generous.copy()
        for i, n in wanted.items():
            levels[i], levels[i - 1] = n, self.before(i, BEFORE[0])
            levels[i - 2] = max(int(self.least[i - 2]), round(float(self.load[i - 2]) / 2))
        return self.observed(levels, list(wanted), self.tape(phase, 0, LOOKS[0]))

    def days(self, interval: int, agents: int) -> int:
        """How many days of an interval at a level were simulated, after the least level before."""
        low = int(self.least[interval - 1]) if interval else 0
        return int(self.seen[interval, agents, low].added.shape[1])

    def estimates(self, interval: int, agents: int) -> list[_Estimate]:
        """Of an interval at a level: after the least level before, and how much more after the others tried."""
        low = int(self.least[interval - 1]) if interval else 0
        main = self.seen[interval, agents, low]
        found = [main.estimate()]
        for part in BEFORE[1:]:
            other = self.seen.get((interval, agents, self.before(interval, part)))
            if other is not None and other is not main:
                found.append(found[0].plus(other.less(main).estimate()))
        return found


def level_bound(
    problem: Problem, *, seed: int, engine: str = "auto", workers: int = 1, stop: Stop = lambda: False
) -> Bound:
    """The bound of a one-skill desk; class `none`, with reasons, where it does not apply. Raises `Stopped`."""
    if why_not := _why_not(problem):
        return nothing(METHOD, why_not)
    trials = _Trials(problem=problem, seed=seed, engine=engine, workers=workers, stop=stop)
    return _Levels(trials).bound()


def _why_not(problem: Problem) -> list[str]:
    scenario = problem.scenario
    found = [f"{name} is in use" for name in uncovered(scenario, COVERED)]
    if len(scenario.contact_types) > 1:
        found.append("more than one contact type")
    if scenario.staffing is None or scenario.staffing.mode != "by_level":
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


class _Levels:
    """Least levels and upper hulls of every interval, and the model made of them."""

    def __init__(self, trials: _Trials) -> None:
        self.trials, self.problem = trials, trials.problem
        self.goals: tuple[Goal, ...] = self.problem.theory.goals
        self.each = [g for g, goal in enumerate(self.goals) if goal.target.per == "interval"]
        self.sums = [g for g in range(len(self.goals)) if g not in self.each and not self._implied(g)]
        self.intervals = [int(i) for i in np.flatnonzero(trials.expected > 1e-9)]
        share = ERROR / 2 if self.each and self.sums else ERROR
        self.each_error = share / max(1, len(self.intervals) * len(self.each))
        windows = sum(len(np.unique(windows_of(self.problem.scenario, self.goals[g]))) for g in self.sums)
        self.sum_error = share / max(1, windows)
        self.least = trials.least
        self.found = trials.least.copy()
        self.tried: dict[int, list[int]] = {i: [] for i in self.intervals}

    def _implied(self, g: int) -> bool:
        """Whether a target over a longer window says no more than one for each interval does."""
        target = self.goals[g].target
        same = {"per", "at_least", "at_most", "confidence"}
        return any(
            self.goals[e].target.model_dump(exclude=same) == target.model_dump(exclude=same)
            and self.goals[e].sign * (self.goals[e].level - self.goals[g].level) >= 0
            for e in self.each
        )

    # -------------------------------------------------------------------------------------------------- least levels

    def find_least(self) -> None:
        """The least level of each interval that is not ruled out, with the one below it ruled out.

        First after nobody at all, then after levels that are possible themselves: the best plan's are.
        """
        if not self.each:
            return
        self._bracket(self._guess(), dict.fromkeys(self.intervals, -1), (0.0,), looks=1)
        low = {i: int(self.least[i]) - 1 for i in self.intervals}
        self._bracket({i: n + 1 for i, n in low.items()}, low, BEFORE, looks=len(LOOKS))

    def _bracket(self, guess: dict[int, int], low: dict[int, int], parts: tuple[float, ...], *, looks: int) -> None:
        """Close in on every interval's least level, from `low`, which is ruled out."""
        high: dict[int, int] = {}  # not ruled out
        while tried := {i: guess[i] for i in self.intervals if high.get(i, MANY) > low[i] + 1}:
            for part in parts:
                self.trials.run(tried, part, LOOKS[0])
            self._look_again(tried, looks)
            for i, n in tried.items():
                if self._possible(i, n):
                    high[i], guess[i] = n, n - 1
                else:
                    low[i], guess[i] = n, n + 1
        for i in self.intervals:
            self.found[i] = high[i]
        self.least[:] = self.found

    def _look_again(self, tried: dict[int, int], looks: int) -> None:
        """Simulate more days where only the margin says that a level is possible."""
        for days, more in pairwise(LOOKS[:looks]):
            again = {i: n for i, n in tried.items() if self._possible(i, n) and not self._clear(i, n)}
            self.trials.run(again, BEFORE[0], more - days, days)

    def _possible(self, interval: int, agents: int) -> bool:
        """Whether after some level before all targets of the interval hold, at the upper ends."""
        look = LOOKS.index(self.trials.days(interval, agents))
        error = self.each_error * SPENT[look]
        return any((one.top(error)[self.each] >= 0).all() for one in self.trials.estimates(interval, agents))

    def _clear(self, interval: int, agents: int) -> bool:
        """Whether they hold by the mean already."""
        return any((one.mean[self.each] >= 0).all() for one in self.trials.estimates(interval, agents))

    def _guess(self) -> dict[int, int]:
        load, goals = self.problem.theory.load, [self.goals[g] for g in self.each]
        intervals = np.array(self.intervals, dtype=np.int64)

        def holds(cells: Ints, agents: Ints) -> npt.NDArray[np.bool_]:
            queues = load.queues((0,), intervals[cells], agents)
            good = np.ones(len(cells), dtype=np.bool_)
            for goal in goals:
                good &= goal.sign * (goal.value(queues, goal.threshold(0)) - goal.level) >= 0
            return good

        least = least_in_each(holds, np.round(self.trials.load[intervals]).astype(np.int64))
        return dict(zip(self.intervals, np.maximum(least - 1, 0).tolist(), strict=True))

    # --------------------------------------------------------------------------------------------------------- hulls

    def find_courses(self) -> None:
        """For targets over longer windows: what each interval adds at every level from its least one to plenty."""
        if not self.sums:
            return
        load, generous = self.trials.load, self.trials.generous
        now = {i: int(self.least[i]) for i in self.intervals}
        while now:
            for part in BEFORE:
                self.trials.run(now, part, LOOKS[0])
            again = {i: n for i, n in now.items() if self.trials.days(i, n) < SUM_DAYS}
            self.trials.run(again, BEFORE[0], SUM_DAYS - LOOKS[0], LOOKS[0])
            for i, n in list(now.items()):
                self.tried[i].append(n)
                if n >= generous[i] or self._plenty(i, n):
                    del now[i]
                else:
                    now[i] = n + _step(n, float(load[i]))

    def _most(self, g: int, interval: int) -> float:
        """What an interval can add to a goal at all."""
        goal = self.goals[g]
        return float(self.trials.expected[interval]) * (1 - goal.level if goal.sign > 0 else goal.level)

    def _plenty(self, interval: int, agents: int) -> bool:
        best, _ = self.best(interval, agents)
        lacking = [self._most(g, interval) - best[g] for g in self.sums]
        return bool(max(lacking) <= PLENTY * float(self.trials.expected[interval]))

    def best(self, interval: int, agents: int) -> tuple[Floats, Floats]:
        """The most that an interval adds over the levels before, [goal], and the greatest standard error of it."""
        found = self.trials.estimates(interval, agents)
        return np.max([one.mean for one in found], axis=0), np.max([one.error for one in found], axis=0)

    def course(self, g: int, interval: int) -> tuple[list[tuple[float, float]], float]:
        """Points (agents, most added) above which no level lies, and the greatest standard error among them."""
        points: list[tuple[float, float]] = []
        errors, before = [0.0], -1
        for n in self.tried[interval]:
            best, error = self.best(interval, n)
            if before + 1 < n and points:
                points.append((before + 1.0, float(best[g])))
            points.append((float(n), float(best[g])))
            errors.append(float(error[g]))
            before = n
        points.append((before + 1.0, max(self._most(g, interval), points[-1][1])))
        return points, max(errors)

    # --------------------------------------------------------------------------------------------------------- bound

    def bound(self) -> Bound:
        """Least levels, hulls, the model, and a look at the assumption."""
        self.find_least()
        self.find_courses()
        checks = self.checked()
        problem = self.problem
        model = ShiftModel(problem.scenario.horizon, problem.table, bare_price(problem.objective, problem.table),
                           problem.caps)  # fmt: skip
        level = self._levels(model)
        for g in self.sums:
            self._ask(model, g, level)
        solved = model.optimum(BOUND_LIMITS, None, self.trials.stop)
        if solved.bound is None:
            return nothing(METHOD, [f"no shifts reach the least levels: the model is {solved.status.value}"])
        return Bound(
            method=METHOD,
            value=rounded_up(problem, solved.bound),
            bound_class="conditional",
            assumption=M_PRIME,
            checks=checks,
            simulated_days=self.trials.simulated,
        )

    def _levels(self, model: ShiftModel) -> list[pulp.LpVariable]:
        """The level of each interval as a variable, tied to the shifts, and at least what is possible."""
        levels = []
        for i, covers in enumerate(self.problem.table.covers.T):
            level = model.amount(f"level_{i}")
            there = [(model.x[s], 1.0) for s in np.flatnonzero(covers)]
            model.problem.addConstraint(pulp.LpAffineExpression([*there, (level, -1.0)]) == 0)
            if self.least[i]:
                model.problem.addConstraint(pulp.LpAffineExpression([(level, 1.0)]) >= int(self.least[i]))
            levels.append(level)
        return levels

    def _ask(self, model: ShiftModel, g: int, level: list[pulp.LpVariable]) -> None:
        """In each window of a target, the hulls must add up to nothing lacking, but for the margin."""
        window = windows_of(self.problem.scenario, self.goals[g])
        for w in np.unique(window[self.intervals]):
            terms, base, errors = [], 0.0, np.zeros((APART, len(window)))
            for i in (i for i in self.intervals if window[i] == w):
                points, errors[i % APART, i] = self.course(g, i)
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
        return student(SUM_DAYS - 3, 1 - 2 * self.sum_error) * spread

    # -------------------------------------------------------------------------------------------------- the assumption

    def checked(self) -> tuple[str, ...]:
        """How much half the load two intervals before lifts an interval, near its least level."""
        rises, errors = [], []
        for phase in range(APART):
            mine = {i: self._usual(i) for i in self.intervals if i % APART == phase and i >= 2}
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
        return int(self.least[interval]) or round(float(self.trials.load[interval]))


def _step(agents: int, load: float) -> int:
    """To the next level that is tried: every one, but for the very low and on very large desks."""
    if agents < LOW * load:
        return max(1, min(round(load / 8), int(np.ceil(LOW * load - agents))))
    return max(1, int(np.sqrt(load) / 10))


def hull(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Lines (slope, value at 0) of the upper concave hull of points in ascending order, the last one level."""
    kept: list[tuple[float, float]] = []
    for point in points:
        while len(kept) > 1 and _below(kept[-2], kept[-1], point):
            kept.pop()
        kept.append(point)
    lines = []
    for (a, u), (b, v) in pairwise(kept):
        slope = (v - u) / (b - a)
        if slope > 0:
            lines.append((slope, u - slope * a))
    return [*lines, (0.0, max(value for _, value in kept))]


def _below(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> bool:
    """Whether b lies on or below the line from a to c."""
    return (b[1] - a[1]) * (c[0] - a[0]) <= (c[1] - a[1]) * (b[0] - a[0])
