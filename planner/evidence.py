"""What was seen of intervals at their own numbers of agents: it adds up over plans and days.

An interval's service depends on its own agents and, a little, on those just before. So what one plan shows of an
interval is kept for every other plan that has the same agents there; on fresh days each time, so that nothing is picked
for its luck. What a target lacks or has over is counted in contacts (or seconds): numerator less level x denominator,
which adds up over intervals and windows. What has a known mean serves as a control.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from planner.requirements import Goal
from planner.verdict import windows_of
from sim.controls import sets_of
from sim.experiment import Runs
from sim.scenario import Scenario
from sim.targets import target_sample

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Key = tuple[int, ...]
"""Agents in the interval before (or in some before), and in this one."""


def fine_controls(scenario: Scenario, runs: Runs) -> Floats:
    """What has a known mean in each interval, less that, [day, interval, control]: arrivals, talk where it is plain."""
    found = sets_of(scenario, runs.tallies, fine=True)
    return np.stack([values for name, values in found.items() if name.endswith(" by interval")], axis=2)


def near(controls: Floats, interval: int, back: int = 1) -> Floats:
    """Controls of an interval and of the one before it, or of more, [day, control]."""
    return controls[:, max(interval - back, 0) : interval + 1].reshape(len(controls), -1)


class Seen(NamedTuple):
    """Of one target in one window: what it adds beyond its level on average, its standard error, and on how many days.

    `spread` is that of one day, known arrivals accounted for.
    """

    mean: float
    error: float
    spread: float
    days: int


@dataclass(eq=False)
class Sums:
    """Sums of products of (1, controls, value) over days: all that a regression needs."""

    products: Floats

    @classmethod
    def of(cls, value: Floats, controls: Floats) -> "Sums":
        """Of values [day] with their controls [day, control]."""
        z = np.column_stack([np.ones(len(value)), controls, value])
        return cls(z.T @ z)

    def plus(self, other: "Sums | None") -> "Sums":
        """Those of both."""
        return self if other is None else Sums(self.products + other.products)

    def seen(self) -> Seen:
        """The mean where controls are as they are known to be, and how sure it is."""
        days = int(self.products[0, 0])
        x, xy, yy = self.products[:-1, :-1], self.products[:-1, -1], float(self.products[-1, -1])
        inverse = np.linalg.pinv(x, hermitian=True)
        fitted = inverse @ xy
        freedom = max(days - int(np.linalg.matrix_rank(x, hermitian=True)), 1)
        variance = max(yy - float(fitted @ xy), 0.0) / freedom
        error = float(np.sqrt(variance * max(float(inverse[0, 0]), 1.0 / days)))
        return Seen(float(fitted[0]), error, error * float(np.sqrt(days)), days)


@dataclass(frozen=True, eq=False)
class Shown:
    """What some days of a plan came to: beyond the level [goal, day, interval], offered [goal, interval], controls."""

    beyond: Floats
    offered: Floats
    controls: Floats

    @classmethod
    def by(cls, scenario: Scenario, goals: Sequence[Goal], runs: Runs) -> "Shown":
        """Read it from runs."""
        beyond, offered = [], []
        for goal in goals:
            sample = target_sample(goal.target.model_copy(update={"per": "interval"}), runs)
            bottom = np.asarray(sample.denominator, dtype=np.float64)
            beyond.append(goal.sign * (np.asarray(sample.numerator, dtype=np.float64) - goal.level * bottom))
            offered.append(bottom.mean(axis=0))
        return cls(np.array(beyond), np.array(offered), fine_controls(scenario, runs))

    def plus(self, more: Floats | float) -> "Shown":
        """As if each interval had added so much more, [goal, interval]."""
        return Shown(self.beyond + (more if isinstance(more, float) else more[:, None, :]), self.offered, self.controls)


@dataclass(eq=False)
class Evidence:
    """All that was seen so far, by goal, interval and agents there and in so many intervals `back`."""

    scenario: Scenario
    goals: tuple[Goal, ...]
    back: int = 1
    offered: Floats = field(init=False)
    known: dict[tuple[int, int, Key], Sums] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.offered = np.zeros((len(self.goals), self.scenario.horizon.intervals))
        self.each = [g for g, goal in enumerate(self.goals) if goal.target.per == "interval"]
        self.windows = [windows_of(self.scenario, goal) for goal in self.goals]

    def add(self, levels: Ints, shown: Shown, intervals: Sequence[int] | None = None) -> None:
        """Take in what intervals (all by default) showed at these levels."""
        if not self.offered.any():
            self.offered = shown.offered
        for g in self.each:
            for i in range(len(levels)) if intervals is None else intervals:
                at = (g, int(i), key(levels, int(i), self.back))
                known = near(shown.controls, int(i), self.back)
                self.known[at] = Sums.of(shown.beyond[g, :, i], known).plus(self.known.get(at))

    def of(self, g: int, interval: int, levels: Ints) -> Seen | None:
        """What was seen of an interval at its level among these."""
        found = self.known.get((g, interval, key(levels, interval, self.back)))
        return None if found is None else found.seen()

    def best_at(self, g: int, interval: int, agents: int) -> Seen | None:
        """The best that an interval showed with so many agents, whatever was there before; None: never tried."""
        seen = [sums.seen() for (h, i, at), sums in self.known.items() if (h, i, at[-1]) == (g, interval, agents)]
        return max(seen, key=lambda one: one.mean, default=None)


def key(levels: Ints, interval: int, back: int = 1) -> Key:
    """Under which an interval's experience is kept; before the first interval nobody was there."""
    return tuple(int(levels[i]) if i >= 0 else 0 for i in range(interval - back, interval + 1))
