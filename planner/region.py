"""The trust region: what one agent more or fewer would do, simulated, and a model that trades them for cost.

Formulas know little of who helps whom at a desk with several skills. So the gains and losses of single agents, by
group and time, are simulated around the present plan, and a MILP finds the cheapest shifts whose changes make up what
targets lack, as long as the changes are small enough to be believed.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pulp

from planner.cover import ShiftModel
from planner.effects import Differences, Effects, believed, differences, runs_for
from planner.search import Candidate, Search, lot, room
from planner.solver import Limits
from planner.verdict import Score
from sim.experiment import Stopped

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

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
POOLED, LOOK_CONTACTS = 4, 1_000_000
"""So many of the first pieces of the tape are believed together. No look at effects has more days, nor more than have
so many contacts: of a large desk several shorter looks say as much, and it may get on after the first. Where even the
shortest look has more, it is few days, which differ by more than their customers' luck: looks get longer as ever.
"""
MENDS, MENDED = 6, 20
"""Single shifts tried when a little is still lacking, and how many may be added at most."""
AFTERWARDS = 25
"""Plans that may still be tried when the last effects were simulated: corrections, single shifts, local search."""
REGION_LIMITS = Limits(gap=0.02, nodes=1, near=200)
PENALTY, MANY = 2.0, 10
"""A shortfall of 1 weighs as much as so many times the plan; on the way less, where there are more windows than so."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Centre:
    """Where a model is made: agents [group, interval], how targets fare with them, what they cost; the plan, if any."""

    supply: Ints
    scores: tuple[Score, ...]
    worth: float
    numbers: Ints | None = None


def improve(
    search: Search, base: Candidate | None = None, *, steps: int = STEPS, solves: int | None = None, fine: bool = False
) -> list[Effects]:
    """Steps from a candidate, the best: a success enlarges the region, a failure corrects the model, then shrinks it.

    Effects come from a few days of the tape while that is good enough to get on, and from twice as many after a step
    that failed at first; `fine`: from many at once. What is still lacking at the end is made up by single shifts more.
    The effects found last are handed back.
    """
    base, size, share = base or search.best, SIZE, SHARE
    if base is None:
        return []
    pieces, already, errors = _Pieces(search, fine), search.solves, _none(base)
    effects = pieces.seen(base)
    most = solves or min(max(SHIFTS_SOLVED // max(len(search.problem.table), 1), FEWEST_SOLVES), MOST_SOLVES)
    made = 0
    while made < steps and search.solves - already < most:
        before = search.solves
        found, promised_too_much = _step(search, base, effects, Region(size, share), errors)
        if found is not None:
            base, size, share = found, size * 1.25, min(share * 2, 1.0)
            errors = [LEARNT * error for error in promised_too_much]
            if search.solves > before + 1:
                pieces.lengthen()
        elif size / 2 >= SIZE or share / 3 >= LEAST_SHARE:
            share = Region(size, share).reach(search.problem.table.supply(base.numbers)) / 3
            size, errors = max(size / 2, SIZE), [error / 2 for error in errors]
            continue
        elif pieces.lengthen():
            size, share, errors = SIZE, SHARE, _none(base)
        else:
            break
        if not pieces.affordable:
            break
        effects, made = pieces.seen(base), made + 1
    for _ in range(MENDED):
        better = None if base.holds else _mended(search, base, effects)
        if better is None:
            break
        base = better
    return effects


class _Pieces:
    """Effects from one piece of the tape after the other, some together, and from longer pieces as steps get smaller.

    A step changes little of what single agents do, and each piece has customers of its own.
    """

    def __init__(self, search: Search, fine: bool) -> None:
        self.search = search
        short, enough = search.short_tape.days, round(LOOK_CONTACTS / search.problem.contacts)
        self.most = min(search.tape.days, POOLED * short)
        self.longest = min(self.most, enough) if enough >= short else self.most
        self.days = self.longest
        if not fine or not self.affordable:
            self.days = short
        self.turn, self.seen_before = 0, list[Differences]()
        self.base: Candidate | None = None
        self.around = 0

    def lengthen(self) -> bool:
        """Twice as many days from now on, or one look more around where the last ones were; False: there is no more."""
        if self.days == self.longest:
            return max(self.around, 1) * self.days < self.most
        self.days = min(2 * self.days, self.longest)
        return True

    @property
    def affordable(self) -> bool:
        """Whether the work allowed is enough for one more look, and for what comes after it."""
        search = self.search
        needed = runs_for(len(search.problem.table.groups)) * self.days + AFTERWARDS * search.tape.days
        return search.simulated + needed <= search.work_limit

    def seen(self, base: Candidate) -> list[Effects]:
        """Effects around a candidate."""
        search = self.search
        supply = search.problem.table.supply(base.numbers)
        first = search.tape.first + self.turn % (search.tape.days // self.days) * self.days
        self.turn += 1
        self.around = self.around + 1 if base is self.base else 1
        self.base = base
        look = differences(search, supply, replace(search.tape, first=first, days=self.days))
        together = max(1, self.most // self.days)
        self.seen_before = [*self.seen_before, look][-together:]
        return believed(search.problem, self.seen_before)


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
        numbers[s] += lot(numbers[s])
        if problem.allows(numbers):
            best = min(best, search.evaluate(numbers), key=merit)
    return None if best is base else best


def merit(candidate: Candidate) -> float:
    """The objective and what lacks, in one number."""
    return _worth_with(candidate, PENALTY)


def leaning(candidate: Candidate) -> float:
    """The same on the way: of many windows each may lack a little, which the next step makes up, or a shift more."""
    windows = sum(int(np.isfinite(one.value).sum()) for one in candidate.scores)
    return _worth_with(candidate, PENALTY / windows if windows > MANY else PENALTY)


def _worth_with(candidate: Candidate, penalty: float) -> float:
    return candidate.worth[0] * (1.0 + penalty * candidate.shortfall)


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

    def reach(self, supply: Ints) -> float:
        """The part of all agents' intervals that may change, at most as much as all of them may together."""
        return min(self.share, float(self.most(supply).sum()) / max(float(supply.sum()), 1.0))


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
        if leaning(found) < leaning(base) - 1e-9:
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
    if search.stop():
        raise Stopped(None)
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
