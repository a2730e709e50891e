"""What each interval can add to targets at every level: least levels, and courses for targets over longer windows.

The bound asks for the most that is possible, with margins (`planner.bounds_levels`); the plan takes what was seen
(`planner.levels`). Both read the same trials.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from planner.requirements import Goal
from planner.trials import BEFORE, LOOKS, Trials
from planner.verdict import windows_of
from sim.queues import least_in_each

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Line = tuple[float, float]

ERROR = 0.05
"""How often the bound may be wrong."""
SUM_DAYS = 256
SPENT = (0.05, 0.1, 0.2, 0.65)
"""Parts of the permitted error that the looks may cost."""
MANY = 10**9
PLENTY = 0.01
"""Within so much of all its contacts, more agents add nothing to an interval that is worth a trial."""
LOW = 0.6
"""Below this part of the load, levels are tried in large steps."""


class Courses:
    """Least levels of every interval, and what it adds from there up to plenty."""

    def __init__(self, trials: Trials) -> None:
        self.trials, self.problem = trials, trials.problem
        self.goals: tuple[Goal, ...] = self.problem.theory.goals
        self.windows = [windows_of(self.problem.scenario, goal) for goal in self.goals]
        self.each = [g for g, goal in enumerate(self.goals) if goal.target.per == "interval"]
        self.sums = [g for g in range(len(self.goals)) if g not in self.each and not self._implied(g)]
        self.intervals = [int(i) for i in np.flatnonzero(trials.expected > 1e-9)]
        share = ERROR / 2 if self.each and self.sums else ERROR
        self.each_error = share / max(1, len(self.intervals) * len(self.each))
        windows = sum(len(np.unique(self.windows[g])) for g in self.sums)
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

    def find_least(self, looks: int) -> None:
        """The least level of each interval that is not ruled out after so many looks, with those below it ruled out.

        First after nobody at all, then after levels that are possible themselves: the best plan's are. Asked again, it
        looks longer.
        """
        if not self.each:
            return
        if not self.found.any():
            self._bracket()
            self.found[:] = self.least
        self._settle(looks)

    def _bracket(self) -> None:
        """Close in on every interval's least level after nobody, at the first look."""
        guess, low = self._guess(), dict.fromkeys(self.intervals, -1)
        high: dict[int, int] = {}  # not ruled out
        while tried := {i: guess[i] for i in self.intervals if high.get(i, MANY) > low[i] + 1}:
            self.trials.run(tried, BEFORE[0], LOOKS[0])
            for i, n in tried.items():
                if self._possible(i, n):
                    high[i], guess[i] = n, n - 1
                else:
                    low[i], guess[i] = n, n + 1
        for i in self.intervals:
            self.least[i] = high[i]

    def _settle(self, looks: int) -> None:
        """Raise the least levels until each is possible after so many looks."""
        tried = {i: int(self.found[i]) for i in self.intervals}
        while tried:
            for part in BEFORE:
                self.trials.run(tried, part, LOOKS[0])
            self._look_again(tried, looks)
            tried = {i: n + 1 for i, n in tried.items() if not self._possible(i, n)}
            for i, n in tried.items():
                self.found[i] = n

    def _look_again(self, tried: dict[int, int], looks: int) -> None:
        """Simulate more days where only the margin says that a level is possible, after the level that says so."""
        for days, more in pairwise(LOOKS[:looks]):
            again = {
                i: n for i, n in tried.items()
                if self.trials.days(i, n) == days and self._possible(i, n) and not self._clear(i, n)
            }  # fmt: skip
            self.trials.run(again, BEFORE[0], more - days, days)
            for few, many in pairwise(LOOKS[: LOOKS.index(more) + 1]):
                leaning = {i: n for i, n in tried.items() if self._leans(i, n, few, many)}
                self.trials.run(leaning, BEFORE[1], many - few, few)

    def _leans(self, interval: int, agents: int, few: int, many: int) -> bool:
        """Whether a level is possible only after a generous one, of which fewer days are known than could be."""
        generous = self.trials.days(interval, agents, BEFORE[1])
        return (
            generous == few
            and self.trials.days(interval, agents) >= many
            and not self._possible(interval, agents, generous=False)
            and self._possible(interval, agents)
        )

    def unclear(self) -> list[int]:
        """Intervals whose least level is possible only by the margin."""
        return [i for i in self.intervals if self.each and not self._clear(i, int(self.found[i]))]

    def _possible(self, interval: int, agents: int, *, generous: bool = True) -> bool:
        """Whether after some level before all targets of the interval hold, at the upper ends."""
        look = LOOKS.index(self.trials.days(interval, agents))
        error = self.each_error * SPENT[look]
        main, *others = self.trials.estimates(interval, agents)
        tops = [main.top(error), *(other.top(error / len(LOOKS)) for other in others if generous)]
        return any((top[self.each] >= 0).all() for top in tops)

    def _clear(self, interval: int, agents: int) -> bool:
        """Whether they hold by the mean already."""
        return any((one.mean[self.each] >= 0).all() for one in self.trials.estimates(interval, agents))

    def _guess(self) -> dict[int, int]:
        load, goals = self.problem.theory.load, [self.goals[g] for g in self.each]
        intervals = np.array(self.intervals, dtype=np.int64)

        def holds(cells: Ints, agents: Ints) -> npt.NDArray[np.bool_]:
            queues = load.queues(self.problem.theory.sets[0], intervals[cells], agents)
            good = np.ones(len(cells), dtype=np.bool_)
            for goal in goals:
                good &= goal.sign * (goal.value(queues, goal.threshold(goal.types[0])) - goal.level) >= 0
            return good

        least = least_in_each(holds, np.round(self.trials.load[intervals]).astype(np.int64))
        return dict(zip(self.intervals, np.maximum(least - 1, 0).tolist(), strict=True))

    # --------------------------------------------------------------------------------------------------------- hulls

    def find_courses(self, days: int = SUM_DAYS) -> None:
        """For targets over longer windows: what each interval adds at every level from its least one to plenty."""
        if not self.sums:
            return
        load, generous = self.trials.load, self.trials.generous
        for i, levels in self.tried.items():
            self.tried[i] = [n for n in levels if n >= self.found[i]]
        now = {i: int(self.found[i]) for i in self.intervals if self.found[i] not in self.tried[i]}
        while now:
            for part in BEFORE:
                self.trials.run(now, part, LOOKS[0])
            again = {i: n for i, n in now.items() if self.trials.days(i, n) < days}
            self.trials.run(again, BEFORE[0], days - LOOKS[0], LOOKS[0])
            for i, n in list(now.items()):
                self.tried[i] = sorted([*self.tried[i], n])
                now[i] = n + _step(n, float(load[i]))
                if n >= generous[i] or self._plenty(i, n) or self.tried[i][-1] > n:
                    del now[i]

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

    def hulls(self, g: int) -> dict[int, "Hull"]:
        """The upper concave hull of each interval's course."""
        found = {}
        for i in self.intervals:
            points, _ = self.course(g, i)
            found[i] = Hull(points[0][1], tuple(hull(points)))
        return found


class Hull(NamedTuple):
    """Lines (slope, value at 0) above which an interval adds nothing, and what it adds at its least level."""

    lowest: float
    lines: tuple[Line, ...]

    def at(self, level: float) -> float:
        """The most that it adds at a level."""
        return min(slope * level + at_zero for slope, at_zero in self.lines)


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
