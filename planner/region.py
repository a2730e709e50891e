"""The trust region: what one agent more or fewer would do, simulated, and a model that trades them for cost.

Formulas know little of who helps whom at a desk with several skills. So the gains and losses of single agents, by
group and time, are simulated around the present plan, and a MILP finds the cheapest shifts whose changes make up what
targets lack, as long as the changes are small enough to be believed.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pulp

from planner.cover import ShiftModel
from planner.search import Candidate, Problem, Search, room
from planner.solver import Limits
from planner.verdict import Score, score
from sim.experiment import Tape
from sim.staffing import StaffingPlan

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

BLOCK_S = 1800.0
"""Agents are added and taken away for so long at a time, or for one interval if that is longer."""
APART = 3
"""Every third block is changed in one run; a change is credited with what happens until the next one."""
STEPS = 8
FEWEST_SOLVES, MOST_SOLVES = 18, 30
SHIFTS_SOLVED = 12_000
"""No further step is begun when the models solved had so many shifts together, within these numbers of models."""
CORRECTIONS = 3
SIZE = 1.0
"""Agents by which the first model may change an interval."""
SHARE, LEAST_SHARE = 0.2, 0.02
"""Part of all agents' intervals that the first model may change, and that below which no further one is made.

What single agents do adds up while few are changed; small groups changed everywhere at once are another desk.
"""
LEARNT = 0.5
"""So much of the error of a step is expected of the next one too."""
CHANGE = 0.03
"""Part of a group by which it is changed, one agent at least: in large groups a single one is lost in the noise."""
MENDS = 6
"""Single shifts tried when a little is still lacking."""
REGION_LIMITS = Limits(gap=0.02, nodes=1, near=200)
PENALTY = 2.0
"""A shortfall of 1 weighs as much as so many times the plan."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Effects:
    """What a target gains and loses, on its good side, by an agent more or fewer: [window, group, interval] each."""

    gain: Floats
    loss: Floats

    def predicted(self, change: Ints, most: Floats) -> Floats:
        """Gain of the windows by a change of supply [group, interval]; what is added beyond `most` gains nothing."""
        up, down = np.clip(change, 0, most), np.clip(-change, 0, None)
        return np.asarray((self.gain * up - self.loss * down).sum(axis=(1, 2)))


@dataclass(frozen=True, kw_only=True, eq=False)
class Centre:
    """Where a model is made: agents [group, interval], how targets fare with them, what they cost; the plan, if any."""

    supply: Ints
    scores: tuple[Score, ...]
    worth: float
    numbers: Ints | None = None


def improve(
    search: Search, base: Candidate | None = None, *, steps: int = STEPS, solves: int | None = None
) -> list[Effects]:
    """Steps from a candidate, the best: a success enlarges the region, a failure corrects the model, then shrinks it.

    Effects come from a shorter tape while that is good enough to get on, then from the whole one: the model picks
    changes that are lucky on their days. What is still lacking at the end is made up by single shifts more.
    The effects found last are handed back.
    """
    base, size, share = base or search.best, SIZE, SHARE
    if base is None:
        return []
    tape, already, errors = search.short_tape, search.solves, _none(base)
    effects = simulated(search, base, tape)
    most = solves or min(max(SHIFTS_SOLVED // max(len(search.problem.table), 1), FEWEST_SOLVES), MOST_SOLVES)
    made = 0
    while made < steps and search.solves - already < most:
        found, promised_too_much = _step(search, base, effects, Region(size, share), errors)
        if found is not None:
            base, size, share = found, size * 1.25, min(share * 2, 1.0)
            errors = [LEARNT * error for error in promised_too_much]
        elif size / 2 >= SIZE or share / 3 >= LEAST_SHARE:
            size, share, errors = max(size / 2, SIZE), share / 3, [error / 2 for error in errors]
            continue
        elif tape is search.short_tape:
            tape, size, share, errors = search.tape, SIZE, SHARE, _none(base)
        else:
            break
        effects, made = simulated(search, base, tape), made + 1
    while not base.holds:
        found = _mended(search, base, effects)
        if found is None:
            break
        base = found
    return effects


def _mended(search: Search, base: Candidate, effects: list[Effects]) -> Candidate | None:
    """The best of a few plans with one shift more, of much gain for its price; None: none is better."""
    problem, table = search.problem, search.problem.table
    gain = np.zeros(len(table))
    for one, want, effect in zip(base.scores, search.wanted(base.scores), effects, strict=True):
        lacking = one.lacking(want)
        for w in np.flatnonzero(lacking):
            gain += np.minimum((effect.gain[w][table.group] * table.covers).sum(axis=1), lacking[w]) / room(one)
    promising = np.argsort(-gain / table.weight, kind="stable")[:MENDS]
    best = base
    for s in promising[gain[promising] > 0]:
        numbers = base.numbers.copy()
        numbers[s] += 1
        if problem.allows(numbers):
            best = min(best, search.evaluate(numbers), key=merit)
    return None if best is base else best


def merit(candidate: Candidate) -> float:
    """The objective and what lacks, in one number."""
    return candidate.worth[0] * (1.0 + PENALTY * candidate.shortfall)


def _none(base: Candidate) -> list[Floats]:
    """No errors, [window] of each target."""
    return [np.zeros(len(one.value)) for one in base.scores]


@dataclass(frozen=True)
class Region:
    """Agents by which an interval may change, or a twentieth of a large group; the part of all that may."""

    size: float
    share: float

    def most(self, supply: Ints) -> Floats:
        """Agents by which each group and interval may change."""
        return np.asarray(np.maximum(np.floor(self.size), np.floor(self.size / 20 * supply)))


def _step(
    search: Search, base: Candidate, effects: list[Effects], region: Region, errors: list[Floats]
) -> tuple[Candidate | None, list[Floats]]:
    """A better candidate inside the region, and by how much the model erred there; None when it finds none.

    `errors` are what the model is corrected by from the start.
    """
    table = search.problem.table
    supply = table.supply(base.numbers)
    centre = Centre(supply=supply, scores=base.scores, worth=base.worth[0], numbers=base.numbers)
    most = region.most(supply)
    for _ in range(CORRECTIONS):
        numbers = solved(search, centre, effects, region, errors, below=merit(base))
        if numbers is None or (numbers == base.numbers).all():
            return None, errors
        found = search.evaluate(numbers)
        change = table.supply(numbers) - supply
        errors = [
            np.maximum(effect.predicted(change, most) - gained(before, after), 0.0)
            for effect, before, after in zip(effects, base.scores, found.scores, strict=True)
        ]
        if merit(found) < merit(base) - 1e-9:
            return found, errors
    return None, errors


def gained(before: Score, after: Score) -> Floats:
    """What windows won on their good side."""
    return np.asarray(np.nan_to_num(before.goal.sign * (after.value - before.value)))


def solved(
    search: Search,
    centre: Centre,
    effects: list[Effects],
    region: Region,
    errors: list[Floats],
    *,
    below: float = math.inf,
) -> Ints | None:
    """The model's plan: shifts whose change of supply makes up what every window lacks.

    None: the model has none, or expects none with a merit `below` that.
    """
    problem, rows = search.problem, search.rows
    assert rows is not None
    model = ShiftModel(problem.scenario.horizon, problem.table, search.price(rows), problem.caps)
    up, down = _changes(model, centre.supply, region.most(centre.supply))
    changes = pulp.LpAffineExpression([(v, 1.0) for grid in (up, down) for v in grid.values()])
    moves = 4.0 * float(problem.table.covers.sum(axis=1).max())  # two shifts away, and two others in their place
    model.problem.addConstraint(changes <= max(region.share * float(centre.supply.sum()), moves))
    wanted = search.wanted(centre.scores)
    for g, (one, effect) in enumerate(zip(centre.scores, effects, strict=True)):
        for w in np.flatnonzero(np.isfinite(one.value)):
            terms = [(up[at], float(effect.gain[w][at])) for at in _cells(effect.gain[w])]
            terms += [(down[at], -float(effect.loss[w][at])) for at in _cells(effect.loss[w])]
            price = PENALTY * max(centre.worth, 1.0) / room(one)
            short = model.amount(f"short_{g}_{w}", price)
            lacking = float(one.goal.sign * (wanted[g][w] - one.value[w]) + errors[g][w])
            model.problem.addConstraint(pulp.LpAffineExpression([*terms, (short, 1.0)]) >= lacking)
    found = model.optimum(REGION_LIMITS, centre.numbers, search.stop)
    search.solves += 1
    return None if found.objective is None or found.objective >= below else model.numbers(found)


Grid = dict[tuple[int, int], pulp.LpVariable]


def _changes(model: ShiftModel, supply: Ints, most: Floats) -> tuple[Grid, Grid]:
    """Agents more and fewer in each (group, interval), tied to the shifts; more than `most` more are free and idle."""
    table = model.table
    up, down = {}, {}
    for g, i in np.ndindex(supply.shape):
        there = np.flatnonzero(table.covers[:, i] & (table.group == g))
        if not len(there):
            continue
        up[g, i] = model.amount(f"up_{g}_{i}", most=float(most[g, i]))
        down[g, i] = model.amount(f"down_{g}_{i}", most=float(min(most[g, i], supply[g, i])))
        idle = model.amount(f"idle_{g}_{i}")
        terms = [(model.x[s], 1.0) for s in there]
        terms += [(up[g, i], -1.0), (idle, -1.0), (down[g, i], 1.0)]
        model.problem.addConstraint(pulp.LpAffineExpression(terms) == float(supply[g, i]))
    return up, down


def _cells(effect: Floats) -> list[tuple[int, int]]:
    return [(int(g), int(i)) for g, i in np.argwhere(effect)]


# ------------------------------------------------------------------------------------------------- simulated effects


def simulated(search: Search, base: Candidate, tape: Tape | None = None) -> list[Effects]:
    """Effects of single agents around a plan, one for each target, from runs by level on the short tape or another."""
    return effects_around(search, search.problem.table.supply(base.numbers), tape or search.short_tape)


def effects_around(search: Search, supply: Ints, tape: Tape) -> list[Effects]:
    """The same around any agents, [group, interval]."""
    return _Differences(search, supply, tape).effects()


class _Differences:
    """Parallel finite differences: one run changes a group in every third block, by an agent or a few in a hundred."""

    def __init__(self, search: Search, supply: Ints, tape: Tape) -> None:
        self.search, self.tape, self.supply = search, tape, supply
        self.table = search.problem.table
        interval_s = search.problem.scenario.horizon.interval
        self.block = np.arange(self.table.intervals) // max(1, round(BLOCK_S / interval_s))
        self.reachable = self.table.reachable()
        self.step = np.maximum(np.round(CHANGE * self.supply), 1).astype(np.int64)
        self.base = self._scores(self.supply)

    def effects(self) -> list[Effects]:
        """For each target; a change is not believed to help by leaving, nor to gain more than it loses."""
        shapes = [(len(one.value), *self.supply.shape) for one in self.base]
        gains, losses = [np.zeros(shape) for shape in shapes], [np.zeros(shape) for shape in shapes]
        for group in range(len(self.supply)):
            for phase in range(APART):
                self._difference(group, phase, 1, gains)
                self._difference(group, phase, -1, losses)
        return [
            Effects(gain=np.clip(gain, 0, None), loss=np.maximum(-loss, np.clip(gain, 0, None)))
            for gain, loss in zip(gains, losses, strict=True)
        ]

    def _difference(self, group: int, phase: int, sign: int, into: list[Floats]) -> None:
        """Change a group in the blocks of a phase, and credit each block, for each agent, with what follows."""
        chosen = (self.block % APART == phase) & self.reachable[group]
        supply = self.supply.copy()
        supply[group, chosen] = np.maximum(supply[group, chosen] + sign * self.step[group, chosen], 0)
        if (supply == self.supply).all():
            return
        for g, (before, after) in enumerate(zip(self.base, self._scores(supply), strict=True)):
            change = _contributions(before, after)
            for block in np.unique(self.block[supply[group] != self.supply[group]]):
                credited = (self.block >= block) & (self.block < block + APART)
                effect = np.bincount(before.window[credited], change[credited], minlength=len(before.value))
                mine = np.flatnonzero((self.block == block) & (supply[group] != self.supply[group]))
                changed = np.abs(supply[group, mine] - self.supply[group, mine]).sum()
                into[g][:, group, mine] = (effect / changed)[:, None]

    def _scores(self, supply: Ints) -> list[Score]:
        search, problem = self.search, self.search.problem
        runs = search.simulate(by_level(problem, supply), self.tape)
        return [score(problem.scenario, goal, runs) for goal in problem.theory.goals]


def _contributions(before: Score, after: Score) -> Floats:
    """What each interval adds to the change of its window's value, on the good side."""
    top = np.nan_to_num(after.observed) * after.weight - np.nan_to_num(before.observed) * before.weight
    total = np.bincount(before.window, before.weight, minlength=len(before.value))[before.window]
    value = np.nan_to_num(before.value)[before.window]
    change = (top - value * (after.weight - before.weight)) / np.maximum(total, 1e-9)
    return np.asarray(before.goal.sign * change)


def by_level(problem: Problem, supply: Ints) -> StaffingPlan:
    """A plan of so many agents of each group in each interval."""
    labels = [f"{at:%Y-%m-%d %H:%M}" for at in problem.scenario.horizon.interval_starts]
    levels = {
        group: dict(zip(labels, line.tolist(), strict=True))
        for group, line in zip(problem.table.groups, supply, strict=True)
    }
    return StaffingPlan.model_construct(mode="by_level", levels=levels, shifts=None)
