"""The covering model: the cheapest shifts whose agents meet every requirement (a MILP).

Unknowns are whole numbers of each shift. Rows are requirements on sets of contact types: the agents of all groups
that serve some type of the set, each counted once, must be at least so many. Rows are elastic at a price above that
of any shift, so there is always a plan and a list of what is short, never a bare "infeasible".

Why rows on sets: splitting each agent's time over types (a variable for each type, group and interval) is, by Hall's
theorem, the same as asking every set of types for the *sum* of its types' requirements. Set rows can also say that
pooled types need less than that sum, and need no further variables.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pulp

from planner import solver
from planner.shifts import ShiftTable
from planner.solver import EXACT, Limits, SolveResult
from sim.clock import Horizon
from sim.scenario import Scenario

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

TIE_BREAK = 0.1
"""What all shifts of a plan weigh together in the second objective, in units of the cheapest in the first."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """What is to be covered: `worth[row, group]` of an agent of each group towards `agents[row, interval]`.

    A group that serves nothing of a row is worth 0, else 1, or more for fast agents.
    """

    worth: Floats
    agents: Floats

    def supplied(self, supply: Ints) -> Floats:
        """What `supply[group, interval]` agents are worth, shape [row, interval]."""
        return np.asarray(self.worth @ supply)

    def shortage(self, supply: Ints) -> Floats:
        """What is lacking, shape [row, interval]."""
        return np.maximum(self.agents - self.supplied(supply), 0.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Price:
    """What the model pays: for each shift worked, each head, each agent short or over in a row and interval."""

    shift: Floats
    short: float
    head: float = 0.0
    over: float = 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Caps:
    """Limits: `heads[group]` people, shifts of a template in a day, agents at once in any interval; None: no limit.

    `fixed[shift]` are worked in any case.
    """

    heads: tuple[int | None, ...]
    per_day: Mapping[str, int]
    at_once: int | None = None
    fixed: Ints | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Cover:
    """A solution: `numbers[shift]`, `shortage[row, interval]`, and what the solver knows of the model."""

    numbers: Ints
    shortage: Floats
    solved: SolveResult


def caps_of(scenario: Scenario) -> Caps:
    """The limits that a scenario sets."""
    return Caps(
        heads=tuple(group.max_heads for group in scenario.agent_groups.values()),
        per_day={n: t.max_number for n, t in scenario.shift_templates.items() if t.max_number is not None},
    )


def price_of(objective: str, table: ShiftTable, rows: Rows, interval_h: float) -> Price:
    """The named objective: heads (then hours), fte, hours or cost (each then with as few shifts as possible)."""
    if not len(table):
        return Price(shift=np.zeros(0), short=1.0)
    most_hours = 3.0 * float(rows.agents.sum()) * interval_h + float(table.paid_h.max())
    if objective == "heads":
        epsilon = TIE_BREAK / most_hours
        return Price(shift=epsilon * table.paid_h, head=1.0, short=10.0)
    first = {"fte": table.fte, "hours": table.paid_h, "cost": table.cost}[objective]
    most_shifts = most_hours / float(table.paid_h.min()) + 1.0
    smallest = float(first[first > 0].min(initial=1.0))
    return Price(shift=first + TIE_BREAK * smallest / most_shifts, short=10.0 * float(first.max(initial=0.0)) + 1.0)


def cover(
    horizon: Horizon,
    table: ShiftTable,
    rows: Rows,
    price: Price,
    caps: Caps,
    *,
    limits: Limits = EXACT,
    start: Ints | None = None,
    stop: Callable[[], bool] | None = None,
) -> Cover:
    """Solve the covering model; `start` is a plan to begin from. Without any solution in time, `start` is kept."""
    model = CoverModel(horizon, table, rows, price, caps)
    solved = model.optimum(limits, start, stop)
    if solved.solved:
        numbers = model.numbers(solved)
    else:
        numbers = np.zeros(len(table), dtype=np.int64) if start is None else start
    return Cover(numbers=numbers, shortage=rows.shortage(table.supply(numbers)), solved=solved)


class ShiftModel:
    """Whole numbers of shifts and heads by group, with their price and limits; what they must do is added to it."""

    def __init__(self, horizon: Horizon, table: ShiftTable, price: Price, caps: Caps) -> None:
        self.horizon, self.table, self.price, self.caps = horizon, table, price, caps
        self.problem = pulp.LpProblem("shifts", pulp.LpMinimize)
        kept = np.zeros(len(table), dtype=np.int64) if caps.fixed is None else caps.fixed
        self.x = [self._whole(f"x_{s}", low=int(kept[s])) for s in range(len(table))]
        self.heads = [self._whole(f"heads_{g}", most) for g, most in enumerate(caps.heads)]
        self.terms = [(variable, float(cost)) for variable, cost in zip(self.x, price.shift, strict=True)]
        self.terms += [(variable, price.head) for variable in self.heads]
        for row in (*self._people(), *self._limits()):
            self.problem.addConstraint(row)

    def _whole(self, name: str, most: int | None = None, low: int = 0) -> pulp.LpVariable:
        return self.problem.add_variable(name, low, most, pulp.LpInteger)

    def amount(self, name: str, price: float = 0.0, most: float | None = None) -> pulp.LpVariable:
        """A further variable from 0 up, with its price."""
        variable = self.problem.add_variable(name, 0, most)
        self.terms.append((variable, price))
        return variable

    def optimum(self, limits: Limits, start: Ints | None, stop: Callable[[], bool] | None) -> SolveResult:
        """Solve with the prices of all variables so far; `start` is a plan to begin from."""
        self.problem.setObjective(pulp.LpAffineExpression(self.terms))
        return solver.solve(self.problem, limits, start=None if start is None else self.point(start), stop=stop)

    def numbers(self, solved: SolveResult) -> Ints:
        """How many work each shift in a solution."""
        return np.array([round(solved.values[variable.name]) for variable in self.x], dtype=np.int64)

    def point(self, numbers: Ints) -> dict[str, float]:
        """The variables at a plan, by name."""
        values = {variable.name: float(n) for variable, n in zip(self.x, numbers, strict=True)}
        for group, head in enumerate(self.heads):
            taken = taken_at_once(self.horizon, self.table, group)
            values[head.name] = float((taken @ numbers).max(initial=0))
        return values

    def _people(self) -> Iterator[pulp.LpConstraint]:
        """As many heads of a group as are taken at once (see `sim.staffing.least_heads`)."""
        for group, head in enumerate(self.heads):
            if not self.price.head and self.caps.heads[group] is None:
                continue
            for taken in taken_at_once(self.horizon, self.table, group):
                terms = [(self.x[shift], -float(taken[shift])) for shift in np.flatnonzero(taken)]
                yield pulp.LpAffineExpression([(head, 1.0), *terms]) >= 0

    def _limits(self) -> Iterator[pulp.LpConstraint]:
        for shifts, most in self.table.by_day(self.caps.per_day):
            yield pulp.LpAffineExpression([(self.x[s], 1.0) for s in shifts]) <= most
        if self.caps.at_once is not None:
            for covers in self.table.covers.T:
                yield pulp.LpAffineExpression([(self.x[s], 1.0) for s in np.flatnonzero(covers)]) <= self.caps.at_once


class CoverModel(ShiftModel):
    """The covering MILP: agents short (and over) in each row and block, at a price.

    A block is all intervals that the same shifts cover: one row for its highest need says as much as one for each.
    Agents at work are not variables of their own: with them HiGHS spends ten times longer on cuts (1.15, instance of
    300 shifts and 8 rows in 32 intervals: 18 s against 1.5 s to a gap of 0.2 %).
    """

    def __init__(self, horizon: Horizon, table: ShiftTable, rows: Rows, price: Price, caps: Caps) -> None:
        super().__init__(horizon, table, price, caps)
        every = np.arange(table.intervals)
        self.block = every if price.over else table.blocks()
        self.first = np.unique(self.block, return_index=True)[1]  # one interval of each block
        needed = np.zeros((len(rows.agents), len(self.first)))
        np.maximum.at(needed.T, self.block, rows.agents.T)
        self.rows = Rows(worth=rows.worth, agents=needed)
        self.short = self._grid("short", price.short)
        self.over = self._grid("over", price.over) if price.over else []
        for name, row in self._coverage():
            self.problem.addConstraint(row, name)

    def _grid(self, name: str, price: float) -> list[list[pulp.LpVariable]]:
        rows, blocks = self.rows.agents.shape
        return [[self.amount(f"{name}_{k}_{b}", price) for b in range(blocks)] for k in range(rows)]

    def _coverage(self) -> Iterator[tuple[str, pulp.LpConstraint]]:
        """Name, which says row and block, and constraint of each requirement."""
        worth = self.rows.worth[:, self.table.group]
        for row, block in np.ndindex(self.rows.agents.shape):
            needed = float(self.rows.agents[row, block])
            if needed <= 0 and not self.over:
                continue
            there = np.flatnonzero(self.table.covers[:, self.first[block]] & (worth[row] > 0))
            terms = [(self.x[s], float(worth[row, s])) for s in there]
            terms.append((self.short[row][block], 1.0))
            name = f"need_{row}_{block}"
            if self.over:
                yield name, pulp.LpAffineExpression([*terms, (self.over[row][block], -1.0)]) == needed
            else:
                yield name, pulp.LpAffineExpression(terms) >= needed

    def point(self, numbers: Ints) -> dict[str, float]:
        values = super().point(numbers)
        gap = self.rows.agents - self.rows.supplied(self.table.supply(numbers)[:, self.first])
        for lines, grid in ((self.short, np.maximum(gap, 0)), (self.over, np.maximum(-gap, 0))):
            values |= {v.name: float(grid[k, i]) for k, line in enumerate(lines) for i, v in enumerate(line)}
        return values


def taken_at_once(horizon: Horizon, table: ShiftTable, group: int) -> Ints:
    """How often each shift takes a person of the group at each instant that matters, shape [instant, shift].

    A shift takes its agent from its start until free again; most are taken just before somebody is free again, so
    only the last starts before such an instant are looked at. On a desk that repeats, earlier periods' shifts count.
    """
    own = table.group == group
    on, free = table.on_ms[own], table.free_ms[own]
    length = horizon.length_ms if horizon.repeats != "never" else None
    ends = np.unique(free if length is None else free % length)
    starts = np.unique(on)
    last = np.searchsorted(starts, np.append(ends, np.iinfo(np.int64).max), side="left") - 1
    at = starts[np.unique(last[last >= 0]), None]
    if length is None:
        turns = ((on <= at) & (at < free)).astype(np.int64)
    else:
        turns = np.maximum(-((at - free) // length), 0) - np.maximum(-((at - on) // length), 0)
    taken = np.zeros((len(turns), len(table)), dtype=np.int64)
    taken[:, own] = turns
    return np.unique(taken, axis=0)
