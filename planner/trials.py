"""What single intervals add to targets at their own number of agents, simulated: for the bound and for the plan.

Every third interval is tried in one run, each with its own level, after a level of the interval before; all others are
generous. Days of a trial are added up over looks at it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from planner.effects import by_level
from planner.evidence import fine_controls, near
from planner.search import Problem
from sim.estimates import student
from sim.experiment import Tape, workload
from sim.targets import promised

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Stop = Callable[[], bool]

APART = 3
"""Every third interval is tried in one run, after the level before it; the one before that is generous."""
BEFORE = (0.0, 1.0)
"""Levels of the interval before that are tried, as parts of the way from its least level to a generous one."""
LOOKS = (64, 256, 832, 2496)
"""Days after which a level is looked at; the later ones only where it is not clear."""
WIDE = 4.0
"""A generous level lies so many roots above the load."""


@dataclass(kw_only=True, eq=False)
class Trial:
    """What an interval added to each goal on each day simulated, [goal, day]; and its controls, [day, control]."""

    added: Floats
    controls: Floats

    def then(self, later: "Trial") -> "Trial":
        """These days and later ones."""
        return Trial(
            added=np.concatenate([self.added, later.added], axis=1),
            controls=np.concatenate([self.controls, later.controls]),
        )

    def less(self, other: "Trial") -> "Trial":
        """What it added beyond another trial on the same customers, as far as both went."""
        days = min(self.added.shape[1], other.added.shape[1])
        return Trial(added=self.added[:, :days] - other.added[:, :days], controls=self.controls[:days])

    def estimate(self) -> "Estimate":
        """What it adds on average, known numbers of contacts accounted for."""
        days = self.added.shape[1]
        x = np.column_stack([np.ones(days), self.controls[:, self.controls.std(axis=0) > 0]])
        inverse = np.linalg.pinv(x.T @ x)
        fitted = inverse @ x.T @ self.added.T
        freedom = days - x.shape[1]
        variance = ((self.added.T - x @ fitted) ** 2).sum(axis=0) / freedom * inverse[0, 0]
        error = np.sqrt(variance)
        return Estimate(fitted[0], error, freedom)


class Estimate(NamedTuple):
    """Mean and its standard error, [goal] each."""

    mean: Floats
    error: Floats
    freedom: int

    def top(self, error: float) -> Floats:
        """The upper end, which is too low with probability `error`."""
        return self.mean + student(self.freedom, 1 - 2 * error) * self.error

    def plus(self, other: "Estimate") -> "Estimate":
        """The sum of two, however they hang together."""
        return Estimate(self.mean + other.mean, self.error + other.error, min(self.freedom, other.freedom))


@dataclass(kw_only=True, eq=False)
class Trials:
    """Simulations of single intervals: at a level, after a level of the interval before."""

    problem: Problem
    seed: int
    workers: int
    engine: str
    stop: Stop
    simulated: int = 0
    seen: dict[tuple[int, int, int], Trial] = field(default_factory=dict)
    tapes: dict[tuple[int, int], Tape] = field(default_factory=dict)

    def __post_init__(self) -> None:
        facts = workload(self.problem.scenario)
        self.load = self.problem.theory.load.erlangs.sum(axis=1)
        self.least = np.zeros(len(self.load), dtype=np.int64)
        self.generous = np.ceil(self.load + WIDE * np.sqrt(self.load) + 3).astype(np.int64)
        self.expected = facts.asking.sum(axis=1)
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

    def observed(self, levels: Ints, intervals: list[int], tape: Tape) -> Iterator[tuple[int, Trial]]:
        """What these intervals added, at these levels of all intervals."""
        supply = np.zeros((len(self.problem.table.groups), len(levels)), dtype=np.int64)
        supply[0] = levels
        runs = tape.runs(by_level(self.problem, supply), stop=self.stop)
        self.simulated += tape.days
        known = fine_controls(self.problem.scenario, runs)
        added = []
        for goal, fine in zip(self.problem.theory.goals, self.fine, strict=True):
            sample = promised(fine, runs)
            assert sample.denominator is not None
            added.append(goal.sign * (sample.numerator - goal.level * np.asarray(sample.denominator)))
        stacked = np.array(added, dtype=np.float64)  # [goal, day, interval]
        for i in intervals:
            yield i, Trial(added=stacked[:, :, i], controls=near(known, i))

    def after(self, wanted: dict[int, int], phase: int) -> Iterator[tuple[int, Trial]]:
        """The same with half the load two intervals before."""
        levels = self.generous.copy()
        for i, n in wanted.items():
            levels[i], levels[i - 1] = n, self.before(i, BEFORE[0])
            levels[i - 2] = max(int(self.least[i - 2]), round(float(self.load[i - 2]) / 2))
        return self.observed(levels, list(wanted), self.tape(phase, 0, LOOKS[0]))

    def days(self, interval: int, agents: int, part: float = BEFORE[0]) -> int:
        """How many days of an interval at a level were simulated, after the least level before or a part above it."""
        return int(self.seen[interval, agents, self.before(interval, part)].added.shape[1])

    def estimates(self, interval: int, agents: int) -> list[Estimate]:
        """Of an interval at a level: after the least level before, and how much more after the others tried."""
        low = int(self.least[interval - 1]) if interval else 0
        main = self.seen[interval, agents, low]
        found = [main.estimate()]
        for part in BEFORE[1:]:
            other = self.seen.get((interval, agents, self.before(interval, part)))
            if other is not None and other is not main:
                found.append(found[0].plus(other.less(main).estimate()))
        return found
