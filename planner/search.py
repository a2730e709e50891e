"""The search for a plan: require, cover, simulate, require anew.

Every candidate meets the same customers (a tape). What a target got on the tape, window by window, corrects what the
formulas are asked for, until each target holds with its margin. The best plan so far is at hand at any time;
`planner.polish` then takes away what is not needed.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from planner.cover import Caps, Cover, Price, Rows, cover, taken_at_once
from planner.requirements import Theory
from planner.shifts import ShiftTable
from planner.solver import Limits
from planner.verdict import CAUTION, CERTIFICATES, Score, comparisons_of, score, windows_of
from sim.experiment import Runs, Stopped, Tape, contacts_expected
from sim.scenario import Scenario
from sim.staffing import StaffingPlan, least_heads

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Worth = tuple[float, float]

ROUNDS = 8
FEW_ROUNDS = 3
REPAIRS = 6
ROUND_LIMITS = Limits(gap=0.005, nodes=1, near=400)
FARTHEST = 3.0
"""How far, in log odds, experience may move what formulas are asked for."""
FEW = 5.0
"""Observations that a formula's word weighs against those of an interval."""
SHORTEST, FEWEST, SHORT_CONTACTS = 8, 2, 400_000
"""Days of the shortest tape on which effects of agents are simulated; fewer have so many contacts."""
LOT = 16
"""A shift is moved so many times less often than it is worked, and once at least."""
SETTLED = 0.03
"""Change of what is aimed at, in log odds, below which another round is not worth its work."""


class OutOfWork(Exception):
    """As many days are simulated as were allowed."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What a search tells of itself: the best plan's heads and worth, and the work done so far."""

    phase: str
    heads: int | None
    worth: float | None
    holds: bool
    simulated_days: int
    solves: int
    bound: float | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidate:
    """A plan, `numbers` of each shift, with its worth in the objective and in what breaks ties, and how it fared.

    `shortfall` adds up what lacks to the wanted values, relative to their levels; 0: all targets hold with margin.
    """

    numbers: Ints
    worth: Worth
    shortfall: float
    scores: tuple[Score, ...]

    @property
    def holds(self) -> bool:
        """Whether all targets hold on the tape with their margins."""
        return self.shortfall <= 0

    def better_than(self, other: "Candidate | None") -> bool:
        """First what lacks less, then what is worth less."""
        return other is None or (self.shortfall, self.worth) < (other.shortfall, other.worth)


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """What is to be planned: all that a search reads and never changes.

    A certificate has at most `certificate_days`; its last look may be tried so often, with what earlier looks cost.
    """

    scenario: Scenario
    objective: str
    table: ShiftTable
    theory: Theory
    caps: Caps
    certificate_days: int
    certificate_tries: float = CERTIFICATES

    @property
    def by_level(self) -> bool:
        """Whether plans are simulated by level; by person unless the scenario says so."""
        return self.scenario.staffing is not None and self.scenario.staffing.mode == "by_level"

    def staffing(self, numbers: Ints) -> StaffingPlan:
        """A plan as the simulation takes it."""
        mode = self.scenario.staffing.mode if self.scenario.staffing else None
        return StaffingPlan(mode=mode, shifts=self.table.counts(numbers))

    def worth(self, numbers: Ints) -> Worth:
        """The objective, and what decides between equals (see `planner.cover.price_of`)."""
        table = self.table
        if self.objective == "heads":
            return float(self.heads(numbers)), float(table.paid_h @ numbers)
        of = {"fte": table.fte, "hours": table.paid_h, "cost": table.cost}[self.objective]
        return round(float(of @ numbers), 9), float(numbers.sum())

    def allows(self, numbers: Ints) -> bool:
        """Whether a plan keeps what is fixed, and to the limits on heads and on shifts of a template in a day."""
        if self.caps.fixed is not None and (numbers < self.caps.fixed).any():
            return False
        if any((taken @ numbers).max(initial=0) > most for taken, most in self._capped):
            return False
        return all(numbers[shifts].sum() <= most for shifts, most in self.table.by_day(self.caps.per_day))

    @cached_property
    def contacts(self) -> float:
        """Expected in a day, one at least."""
        return max(contacts_expected(self.scenario), 1.0)

    @cached_property
    def _capped(self) -> list[tuple[Ints, int]]:
        """How often each shift takes a person of a group with a limit on heads, and the limit."""
        horizon, limits = self.scenario.horizon, enumerate(self.caps.heads)
        return [(taken_at_once(horizon, self.table, group), most) for group, most in limits if most is not None]

    def heads(self, numbers: Ints) -> int:
        """Least number of people who can work the shifts."""
        return sum(least_heads(self.scenario.horizon, self.table.counts(numbers)).values())


@dataclass(kw_only=True, eq=False)
class Search:
    """A search under way: what it knows, its `best` candidate with its `runs` on the tape, and the work it has done.

    `rows` is the requirement from which the best candidate came.
    """

    problem: Problem
    tape: Tape
    price: Callable[[Rows], Price]
    work_limit: int
    stop: Callable[[], bool]
    tell: Callable[[Progress], None]
    best: Candidate | None = None
    runs: Runs | None = None
    rows: Rows | None = None
    model: Cover | None = None
    simulated: int = 0
    solves: int = 0
    phase: str = "search"
    bound: float | None = None
    mixture: float | None = None
    caution: list[Floats] = field(default_factory=list)
    aims: list[Floats] = field(default_factory=list)
    bias: list[Floats] = field(default_factory=list)
    _seen: dict[bytes, Candidate] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for goal in self.problem.theory.goals:
            windows = int(windows_of(self.problem.scenario, goal)[-1]) + 1
            self.caution.append(np.full(windows, CAUTION))
            self.aims.append(np.full(windows, float(goal.scale(goal.level))))
            self.bias.append(np.zeros(self.problem.scenario.horizon.intervals))

    # ------------------------------------------------------------------------------------------------- candidates

    def evaluate(self, numbers: Ints) -> Candidate:
        """Simulate a plan on the tape; OutOfWork or `Stopped` where that is no longer wanted."""
        known = self._seen.get(numbers.tobytes())
        if known is not None:
            return known
        runs = self.simulate(self.problem.staffing(numbers))
        scores = tuple(score(self.problem.scenario, goal, runs) for goal in self.problem.theory.goals)
        found = self.judged(numbers, scores)
        self._seen[numbers.tobytes()] = found
        if found.better_than(self.best):
            self.best, self.runs = found, runs
        self.report()
        return found

    def simulate(self, plan: StaffingPlan, tape: Tape | None = None) -> Runs:
        """Simulate any staffing on the tape, or on another, within the work allowed; the first always.

        Only what targets are read from is counted.
        """
        tape = tape or self.tape
        if self.simulated and self.simulated + tape.days > self.work_limit:
            raise OutOfWork
        runs = tape.runs(plan, promised_only=True, stop=self.stop)
        self.simulated += tape.days
        return runs

    @cached_property
    def short_tape(self) -> Tape:
        """The first days of the tape: enough for differences between plans, which share their customers."""
        enough = max(FEWEST, math.ceil(SHORT_CONTACTS / self.problem.contacts))
        return replace(self.tape, days=min(self.tape.days, enough, max(SHORTEST, self.tape.days // 3)))

    def judged(self, numbers: Ints, scores: tuple[Score, ...]) -> Candidate:
        """A candidate by the margins of today."""
        wanted = self.wanted(scores)
        lacking = (
            float(one.lacking(want).sum()) / room(one) for one, want in zip(scores, wanted, strict=True)
        )
        return Candidate(
            numbers=numbers, worth=self.problem.worth(numbers), shortfall=sum(lacking), scores=scores
        )

    def wanted(self, scores: tuple[Score, ...]) -> list[Floats]:
        """What every window's value must reach."""
        n, days = comparisons_of(scores, self.problem.certificate_tries), self.problem.certificate_days
        return [one.wanted(days, n, caution) for one, caution in zip(scores, self.caution, strict=True)]

    def warned(self, fresh: Runs, uncertified: dict[int, Ints]) -> None:
        """A certificate was refused: ask for a larger margin in these windows, judge all that was seen anew, and learn.

        `uncertified` lists windows by target; `fresh` are the certificate's runs, to be learnt from like a tape.
        """
        assert self.best is not None
        for g, windows in uncertified.items():
            self.caution[g][windows] += 1.0
        scores = tuple(score(self.problem.scenario, goal, fresh) for goal in self.problem.theory.goals)
        self.learn(self.judged(self.best.numbers, scores), 1.0)
        self._seen = {key: self.judged(seen.numbers, seen.scores) for key, seen in self._seen.items()}
        self.best = min(self._seen.values(), key=lambda seen: (seen.shortfall, seen.worth))
        self.runs = None

    def least(self, key: Callable[[Candidate], float]) -> Candidate:
        """Of all candidates the one that is least in something."""
        return min(self._seen.values(), key=key)

    def report(self) -> None:
        """Tell where the search is."""
        best = self.best
        self.tell(
            Progress(
                phase=self.phase,
                heads=self.problem.heads(best.numbers) if best else None,
                worth=best.worth[0] if best else None,
                holds=best is not None and best.holds,
                simulated_days=self.simulated,
                solves=self.solves,
                bound=self.bound,
            )
        )

    # ----------------------------------------------------------------------------------------------------- rounds

    def run(self) -> None:
        """Rounds until what is aimed at settles on a plan that holds; then some more while none does.

        A desk with several groups leaves after few rounds for the trust region, which knows who helps whom.
        """
        single = len(self.problem.table.groups) == 1
        for round_ in range(ROUNDS + REPAIRS):
            if round_ >= (ROUNDS if single else FEW_ROUNDS) and (not single or (self.best and self.best.holds)):
                return
            found = self.round()
            change = self.learn(found, 1.0 if round_ < 3 else 0.6)
            if found.holds and change < SETTLED:
                return

    def round(self) -> Candidate:
        """One requirement, covered and simulated."""
        return self.covered(self.problem.theory.requirement(self._levels()))

    def covered(self, rows: Rows) -> Candidate:
        """A requirement covered and simulated."""
        problem = self.problem
        start = None if self.model is None else self.model.numbers
        self.model = cover(
            problem.scenario.horizon,
            problem.table,
            rows,
            self.price(rows),
            problem.caps,
            limits=ROUND_LIMITS,
            start=start,
            stop=self.stop,
        )
        self.solves += 1
        found = self.evaluate(self.model.numbers)
        if found is self.best:
            self.rows = rows
        return found

    def _levels(self) -> Floats:
        """What formulas are asked for in every interval: what is aimed at, less what experience has taught."""
        goals = self.problem.theory.goals
        asked = [
            goal.unscale(aim[windows_of(self.problem.scenario, goal)] - bias)
            for goal, aim, bias in zip(goals, self.aims, self.bias, strict=True)
        ]
        return np.array(asked).reshape(len(goals), -1)

    def learn(self, found: Candidate, pace: float) -> float:
        """Correct bias and aims by what a candidate got; the greatest change of an aim, in log odds.

        An interval's bias is what it got beyond what formulas predict for its agents. A window of many intervals
        moves as a whole by what it lacks, so its biases only tell its intervals apart.
        """
        predicted = self.problem.theory.predicted(self.problem.table.supply(found.numbers))
        change = 0.0
        for g, (one, want) in enumerate(zip(found.scores, self.wanted(found.scores), strict=True)):
            goal = one.goal
            shift = _experience(one, predicted[g])
            if goal.target.per == "interval" and goal.target.in_days is None:
                target = goal.scale(_within_reach(one, want))
            else:
                shift -= _window_means(shift, one)
                step = goal.scale(_within_reach(one, want)) - goal.scale(one.value)
                target = self.aims[g] + pace * np.clip(np.nan_to_num(step), -1.5, 1.5)
            self.bias[g] = np.clip(self.bias[g] + pace * (shift - self.bias[g]), -FARTHEST, FARTHEST)
            change = max(change, float(np.abs(target - self.aims[g]).max()))
            self.aims[g] = np.clip(target, -8.0, 8.0)
        return change


def lot(number: int) -> int:
    """How many of a shift are moved at a time: one of a shift that few people work, a hundred where 1,600 do."""
    return max(1, int(number) // LOT)


def room(one: Score) -> float:
    """The distance from a target's level to the end of its scale."""
    goal = one.goal
    if not goal.is_share:
        return max(goal.level, 1.0)
    return (1.0 - goal.level if goal.sign > 0 else goal.level) + 0.01


def _within_reach(one: Score, want: Floats) -> Floats:
    """What is wanted, at most a good part of the way from the level to what is perfect."""
    goal = one.goal
    if goal.sign > 0:
        return np.minimum(want, goal.level + 0.7 * (1.0 - goal.level))
    return np.maximum(want, 0.3 * goal.level)


def _experience(one: Score, predicted: Floats) -> Floats:
    """Observed less predicted on the goal's scale, [interval]; with few observations near 0, without any 0."""
    formula = np.nan_to_num(predicted, nan=one.goal.level)
    observed = np.where(one.weight > 0, one.observed, formula)
    blended = (observed * one.weight + formula * FEW) / (one.weight + FEW)
    return one.goal.scale(blended) - one.goal.scale(formula)


def _window_means(shift: Floats, one: Score) -> Floats:
    """Mean of each interval's window, by observations."""
    total = np.bincount(one.window, weights=one.weight)
    mean = np.bincount(one.window, weights=shift * one.weight) / np.maximum(total, 1e-9)
    return np.asarray(mean[one.window])


__all__ = ["Candidate", "OutOfWork", "Problem", "Progress", "Search", "Stopped", "lot", "room"]
