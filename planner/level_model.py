"""The MILP of a desk with one skill: shifts, the level of each interval, and what levels must come to."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pulp

from planner.courses import Hull
from planner.cover import Price, ShiftModel
from planner.search import Problem

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
DEAR = 10.0
"""A contact that a cut lacks costs so many agents short: a hundredth of one is not to be worth leaving a shift out."""
Slope = tuple[float, float]
"""What an interval gains by an agent more in an interval, and loses by one fewer: the gain is no greater."""


class LevelModel(ShiftModel):
    """Shifts, the level of each interval, at least what it needs, what windows add up to, and cuts."""

    def __init__(self, problem: Problem, price: Price, need: Ints) -> None:
        super().__init__(problem.scenario.horizon, problem.table, price, problem.caps)
        self.level = []
        for i, covers in enumerate(problem.table.covers.T):
            level = self.amount(f"level_{i}")
            there = [(self.x[s], 1.0) for s in np.flatnonzero(covers)]
            self.problem.addConstraint(pulp.LpAffineExpression([*there, (level, -1.0)]) == 0)
            if need[i]:
                short = self.amount(f"short_{i}", price.short)
                self.problem.addConstraint(pulp.LpAffineExpression([(level, 1.0), (short, 1.0)]) >= int(need[i]))
            self.level.append(level)
        self.low, self.high = np.zeros(len(need)), np.full(len(need), np.inf)

    def keep_near(self, levels: Ints, farthest: Floats) -> None:
        """Keep every level within so many agents of these."""
        self.low, self.high = np.maximum(levels - farthest, 0.0), levels + farthest
        for level, low, high in zip(self.level, self.low, self.high, strict=True):
            level.bounds(float(low), float(high))

    def ask(self, name: str, hulls: Mapping[int, Hull], asked: float) -> None:
        """What the intervals of a window can add at their levels must come to this."""
        terms, base = [(self.amount(f"lacking_{name}", self.price.short), 1.0)], 0.0
        for i, hull in hulls.items():
            base += hull.lowest
            above = self.amount(f"added_{name}_{i}")
            terms.append((above, 1.0))
            for slope, at_zero in hull.lines:
                line = pulp.LpAffineExpression([(above, 1.0), (self.level[i], -slope)])
                self.problem.addConstraint(line <= at_zero - hull.lowest)
        self.problem.addConstraint(pulp.LpAffineExpression(terms) >= asked - base)

    def cut(self, name: str, at: Ints, lines: Sequence[tuple[Mapping[int, Slope], float]]) -> None:
        """Around levels `at`: with these slopes by interval, each line must make up what it lacks there.

        With r agents more than there (0 or more, and at least the level's rise) a change of the level is worth
        loss x change - (loss - gain) x r, which the solver makes as great as it can: gain x rise, or -loss x fall.
        """
        rises: dict[int, pulp.LpVariable] = {}
        for k, (slopes, lack) in enumerate(lines):
            if sum(min(self._worth(j, at, slope)) for j, slope in slopes.items()) >= lack:
                continue  # it holds at all levels that are allowed
            terms, asked = [(self.amount(f"lacking_{name}_{k}", DEAR * self.price.short), 1.0)], lack
            for j, (gain, loss) in slopes.items():
                terms.append((self.level[j], loss))
                asked += loss * int(at[j])
                if loss > gain:
                    if j not in rises:
                        rises[j] = self._rise(f"rise_{name}_{j}", j, int(at[j]))
                    terms.append((rises[j], gain - loss))
            self.problem.addConstraint(pulp.LpAffineExpression(terms) >= asked)

    def _worth(self, interval: int, at: Ints, slope: Slope) -> tuple[float, float]:
        """What the lowest and the highest level that are allowed are worth."""
        gain, loss = slope
        ends = (float(self.low[interval] - at[interval]), float(self.high[interval] - at[interval]))
        low, high = (gain * by if by > 0 else loss * by for by in ends)
        return low, high

    def _rise(self, name: str, interval: int, at: int) -> pulp.LpVariable:
        rise = self.amount(name)
        self.problem.addConstraint(pulp.LpAffineExpression([(rise, 1.0), (self.level[interval], -1.0)]) >= -at)
        return rise
