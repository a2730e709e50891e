"""The search on a desk with one skill and long talk: cuts from simulation (Atlason, Epelman & Henderson 2008).

Where talk lasts as long as much of an interval, what an interval attains depends on the agents of some intervals before
it: on calls that they have in hand, on callers whom they left waiting. So each plan tried is a cut: simulated around it
is what one agent more and one fewer does to an interval and to the next ones, and a MILP finds the cheapest shifts
whose changes make up what the intervals of all plans so far lack. Service rises ever more slowly with agents, so the
model promises too much rather than too little, and plans become dearer until one holds.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from planner.bounds import bare_price
from planner.courses import Courses
from planner.cover import Price, Rows
from planner.effects import by_level
from planner.evidence import Shown
from planner.level_model import LevelModel, Slope
from planner.levels import LevelSearch
from planner.search import OutOfWork, Problem, Search
from planner.solver import Limits

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LONG_TALK = 1 / 4
"""Talk longer than this share of an interval carries over into the next ones."""
APART = 4
"""Every fourth interval is changed in one run: what happens until the next one is credited to it."""
ROUNDS = 40
CLEAR = 2.0
"""Standard errors from which an effect on a later interval is believed."""
FARTHEST, FARTHEST_PART = 6, 0.1
"""Agents, and part of the level, by which levels may differ from the best plan's when the model is solved exactly."""
CHANGE = 0.03
"""Part of a level by which it is changed, one agent at least: among many agents a single one is lost in the noise."""
HOPES = (0.0, 0.0, 1.0)
"""Stages: the model near its relaxation; exactly; with windows so many standard errors better than they seem. What
was unlucky on its days is seen again so; plans are judged by days of their own in any case.
"""
ROUGH, EXACT = Limits(gap=1e-3, nodes=200, near=0), Limits(gap=1.9e-3, nodes=200, near=600)
"""While plans fail the model is solved near its relaxation; when one holds exactly, near that plan: a second each."""


def carries_over(problem: Problem) -> bool:
    """Whether talk is long against an interval."""
    return bool((problem.theory.load.handle_s > LONG_TALK * problem.scenario.horizon.interval).any())


@dataclass(frozen=True, eq=False)
class Slopes:
    """What an interval gains by an agent more, and loses by one fewer, so many intervals before: [goal, interval, lag].

    Contacts, or seconds, beyond the level, as `planner.evidence` counts them.
    """

    gain: Floats
    loss: Floats

    @classmethod
    def of(cls, more: list[Floats], fewer: list[Floats], by: Ints) -> "Slopes":
        """From changes [goal, day, interval] that each phase's runs showed, `by` agents more and as many fewer."""
        return cls(_by_lag(more, by), _by_lag(fewer, -by))

    def near(self, g: int, interval: int) -> dict[int, Slope]:
        """By interval, those that matter to this one; where the gain seems greater, both are their mean."""
        found = {}
        for lag in range(min(APART, interval + 1)):
            gain, loss = float(self.gain[g, interval, lag]), float(self.loss[g, interval, lag])
            if gain or loss:
                found[interval - lag] = (gain, loss) if gain < loss else ((gain + loss) / 2, (gain + loss) / 2)
        return found


def _by_lag(changes: list[Floats], by: Ints) -> Floats:
    """Mean changes an agent by how long before it was, [goal, interval, lag]; 0 where noise could have made them."""
    goals, days, intervals = changes[0].shape
    found = np.zeros((goals, intervals, APART))
    for i in range(intervals):
        for lag in range(min(APART, i + 1)):
            change = changes[(i - lag) % APART][:, :, i] / by[i - lag]
            mean, error = change.mean(axis=1), change.std(axis=1) / np.sqrt(days)
            found[:, i, lag] = np.where((lag == 0) | (np.abs(mean) > CLEAR * error), mean, 0.0)
    return found


class CutSearch(LevelSearch):
    """Cuts so far, one for each plan tried; from the least levels that are possible at all."""

    BACK = APART - 1

    def __init__(self, search: Search, courses: Courses) -> None:
        super().__init__(search, courses)
        self.need = courses.found.copy()
        self.cuts: dict[bytes, tuple[Ints, Slopes]] = {}
        self.stage = 0

    def run(self) -> None:
        """Rounds until a plan holds and the model knows of none that is cheaper, with some hope at last."""
        self.stage = 0
        for _ in range(ROUNDS):
            numbers, best = self._solve().numbers, self.search.best
            cheaper = best is None or not best.holds or self.problem.worth(numbers)[0] < best.worth[0] - 1e-9
            if not (cheaper and self._news(numbers)):
                self.stage += 1
            if self.stage == len(HOPES):
                return

    def _news(self, numbers: Ints) -> bool:
        """Try a plan and learn from it; False: its levels were known."""
        return self._cut(self._simulate(numbers, self.most).levels)

    def _cut(self, levels: Ints) -> bool:
        """Learn what single agents do around levels; False: it was known."""
        if levels.tobytes() in self.cuts:
            return False
        self.cuts[levels.tobytes()] = levels, self._slopes(levels)
        return True

    def _slopes(self, levels: Ints) -> Slopes:
        by = np.maximum(np.round(CHANGE * levels), 1).astype(np.int64)
        base, *others = self._on_same_days([levels, *_changed(levels, by), *_changed(levels, -by)])
        if self.problem.by_level:
            self.evidence.add(levels, base)
        changes = [other.beyond - base.beyond for other in others]
        return Slopes.of(changes[:APART], changes[APART:], by)

    def _on_same_days(self, levels: list[Ints]) -> list[Shown]:
        """Levels on days that were never seen, the same for all."""
        search = self.search
        if search.simulated + len(levels) * search.tape.days > search.work_limit:
            raise OutOfWork
        tape = replace(search.tape, first=self.seen_days)
        found = []
        for each in levels:
            supply = np.zeros((len(self.problem.table.groups), len(each)), dtype=np.int64)
            supply[0] = each
            runs = tape.runs(by_level(self.problem, supply), stop=search.stop)
            found.append(Shown.by(self.problem.scenario, self.goals, runs))
            search.simulated += tape.days
        self.seen_days += tape.days
        return found

    # ------------------------------------------------------------------------------------------------------- the model

    def _price(self, rows: Rows) -> Price:
        """The objective alone: what decides between equals keeps the solver busy."""
        price = self.search.price(rows)
        if self.problem.objective == "heads":
            return price
        return replace(price, shift=bare_price(self.problem.objective, self.problem.table).shift)

    def _complete(self, model: LevelModel) -> Limits:
        """All cuts, with what each interval lacks by all that was seen of it."""
        best = self.search.best
        if self.stage and best is not None:
            levels = self._entry(best.numbers).levels
            model.keep_near(levels, np.maximum(np.round(FARTHEST_PART * levels), FARTHEST))
        for c, (levels, slopes) in enumerate(self.cuts.values()):
            lines = []
            for g in self.each:
                for i in np.flatnonzero(self.evidence.offered[g] > 0).tolist():
                    seen, near = self.evidence.of(g, i, levels), slopes.near(g, i)
                    if seen is not None and near:
                        doubt = self.doubt(seen) - HOPES[self.stage]
                        lines.append((near, self._wanted(g, i, seen, doubt) - seen.mean))
            model.cut(str(c), levels, lines)
        return EXACT if self.stage else ROUGH


def _changed(levels: Ints, by: Ints) -> Iterator[Ints]:
    """Every fourth level changed, for each phase."""
    for phase in range(APART):
        changed = levels.copy()
        changed[phase::APART] = np.maximum(changed[phase::APART] + by[phase::APART], 0)
        yield changed
