"""Many queues in equilibrium at once: `sim.theory.Queue` for whole arrays, ten to thirty times faster than one by one.

A planner asks for thousands of queues, one for each set of contact types and interval. Where a contact has patience
and somebody is there the formulas run over all cells together; the other cells are few and go to `Queue`.
"""

import math
from collections.abc import Callable
from functools import cached_property

import numpy as np
import numpy.typing as npt

from sim.theory import MOST_AGENTS, Floats, Formula, Queue, erlang_b

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

SMALLEST = 1e-17
"""Terms of a series below that part of its sum do not change it."""


class Queues:
    """M/M/n+M for arrays of one shape [cell]: see `sim.theory.Queue`, whose names and units these are."""

    def __init__(self, rate: Floats, handle_s: Floats, agents: Floats, patience_s: Floats) -> None:
        self.rate, self.handle_s, self.agents, self.patience_s = rate, handle_s, agents, patience_s
        self.load = rate * handle_s
        self.usual = (self.load > 0) & (agents > 0) & np.isfinite(patience_s)
        self._tails: dict[float, tuple[Floats, Floats]] = {}

    def _filled(self, usual: Callable[[], Floats], one: Callable[[Queue], float]) -> Floats:
        """Figures of the usual cells together, of the others one by one."""
        values = np.empty(len(self.rate))
        if self.usual.any():
            values[self.usual] = usual()
        for i in np.flatnonzero(~self.usual):
            cell = Queue(*(float(x[i]) for x in (self.rate, self.handle_s, self.agents, self.patience_s)))
            values[i] = one(cell)
        return values

    # -------------------------------------------------------------------------------- the usual cells: shape [usual]

    @cached_property
    def _own(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Load, agents, patience and handle time of the usual cells."""
        return self.load[self.usual], self.agents[self.usual], self.patience_s[self.usual], self.handle_s[self.usual]

    @cached_property
    def _arguments(self) -> tuple[Floats, Floats]:
        """Arguments of Palm's function, as in `Queue`."""
        load, agents, patience, handle = self._own
        return agents * patience / handle, load / handle * patience

    @cached_property
    def _palm(self) -> Floats:
        return log_palm(*self._arguments)

    @cached_property
    def _p_wait(self) -> Floats:
        load, agents, _, _ = self._own
        return 1.0 / (1.0 + (inverse_b(agents, load) - 1.0) * np.exp(-self._palm))

    @cached_property
    def _p_abandon(self) -> Floats:
        load, agents, _, _ = self._own
        return self._p_wait * np.maximum(0.0, np.exp(-self._palm) * agents / load + 1.0 - agents / load)

    def _tail(self, t: float) -> tuple[Floats, Floats]:
        if t not in self._tails:
            _, agents, patience, handle = self._own
            x, y = self._arguments
            rest = y * np.exp(-t / patience)
            at_t = y - rest - agents * t / handle - self._palm
            beyond = np.exp(at_t + log_palm(x, rest))
            self._tails[t] = beyond, beyond - np.exp(at_t)
        return self._tails[t]

    def _answered_in(self, t: float) -> Floats:
        load, agents, _, _ = self._own
        served = 1.0 - np.exp(-self._palm) - self._tail(t)[1]
        return np.maximum(0.0, 1.0 - self._p_wait + self._p_wait * served * agents / load)

    def _abandoned_in(self, t: float) -> Floats:
        longer = self._p_wait * self._tail(t)[0] * np.exp(-t / self._own[2])
        return np.maximum(0.0, 1.0 - self._answered_in(t) - longer)

    def _service_level(self, threshold_s: float, formula: Formula, short_s: float) -> Floats:
        good = self._answered_in(threshold_s)
        if formula == "SL-1":
            return good + self._abandoned_in(threshold_s)
        if formula == "SL-2":
            all_answered = 1.0 - self._p_abandon
            return np.where(all_answered > 0, good / np.where(all_answered > 0, all_answered, 1.0), 0.0)
        if formula == "SL-3":
            return good
        if formula == "SL-5":
            return good + self._abandoned_in(short_s)
        left = 1.0 - self._abandoned_in(threshold_s if formula == "SL-4" else short_s)
        return np.where(left > 0, good / np.where(left > 0, left, 1.0), 0.0)

    # ------------------------------------------------------------------------------------------- figures, shape [cell]

    @cached_property
    def p_abandon(self) -> Floats:
        """Share that hangs up waiting."""
        return self._filled(lambda: self._p_abandon, lambda queue: queue.p_abandon)

    @cached_property
    def occupancy(self) -> Floats:
        """Share of time that an agent is busy."""
        return self._filled(
            lambda: np.minimum(1.0, self._own[0] * (1.0 - self._p_abandon) / self._own[1]),
            lambda queue: queue.occupancy,
        )

    @cached_property
    def asa_s(self) -> Floats:
        """Mean wait of the answered: an integral, one by one."""
        return np.array([Queue(*(float(x) for x in cell)).asa_s for cell in self._cells()])

    def _cells(self) -> "zip[tuple[float, float, float, float]]":
        return zip(self.rate, self.handle_s, self.agents, self.patience_s, strict=True)

    def service_level(self, threshold_s: float, formula: Formula = "SL-4", short_s: float = 5.0) -> Floats:
        """Service level by the formula of that number."""
        return self._filled(
            lambda: self._service_level(threshold_s, formula, short_s),
            lambda queue: queue.service_level(threshold_s, formula, short_s),
        )


def log_palm(x: Floats, y: Floats) -> Floats:
    """Logarithms of Palm's function A(x, y) = 1 + sum over j >= 1 of y^j / ((x + 1) ... (x + j)), for each pair."""
    most = np.maximum(y - x, 0.0) + 9.0 * np.sqrt(np.maximum(x, y)) + 50
    ratios = y[:, None] / (x[:, None] + np.arange(1, int(most.max(initial=0)) + 1))
    with np.errstate(over="ignore", under="ignore"):
        total = np.asarray(1.0 + np.cumprod(ratios, axis=1).sum(axis=1))
    logs = np.log(np.where(np.isfinite(total), total, 1.0))
    for i in np.flatnonzero(~np.isfinite(total)):
        own = np.cumsum(np.log(ratios[i]))
        logs[i] = own.max() + math.log(float(np.exp(own - own.max()).sum()))
    return np.asarray(logs)


def inverse_b(agents: Floats, load: Floats) -> Floats:
    """1/B of Erlang's loss formula for each pair: 1 + n/load + n(n - 1)/load^2 + ..., as many terms as n has ones.

    `agents` may be fractional: what the part below one adds matters at few agents only, and these go one by one.
    """
    whole = np.floor(agents)
    enough = np.minimum(whole, np.maximum(agents - load, 0.0) + 9.0 * np.sqrt(load) + 20)
    factors = np.maximum(agents[:, None] - np.arange(int(enough.max(initial=0))), 0.0) / load[:, None]
    factors[np.arange(factors.shape[1]) >= whole[:, None]] = 0.0
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        terms = np.cumprod(factors, axis=1)
        total = np.asarray(1.0 + terms.sum(axis=1))
    total[np.isnan(total)] = math.inf  # beyond all numbers, times 0
    last = whole.astype(np.int64) - 1
    for i in np.flatnonzero((agents != whole) & (last < factors.shape[1])):
        end = float(terms[i, last[i]]) if last[i] >= 0 else 1.0
        if not math.isfinite(total[i]) or end > SMALLEST * total[i]:
            blocked = erlang_b(float(agents[i]), float(load[i]))
            total[i] = 1.0 / blocked if blocked else math.inf
    return total


def least_in_each(holds: Callable[[Ints, Ints], Bools], guess: Ints) -> Ints:
    """For each cell the smallest whole number of agents, 0 included, for which `holds(cells, agents)`.

    `least_agents` for many: it must stay true once it is. Looks near the guess first. OverflowError when not even 10
    million agents will do.
    """
    low, high = np.full(len(guess), -1), np.full(len(guess), MOST_AGENTS)
    at, step = np.maximum(guess, 0), np.ones(len(guess), dtype=np.int64)
    open_ = np.arange(len(guess))
    while len(open_):
        good = holds(open_, at[open_])
        high[open_[good]], low[open_[~good]] = at[open_[good]], at[open_[~good]]
        if (low >= MOST_AGENTS - 1).any():
            raise OverflowError("no number of agents is enough")
        middle = (low + high) // 2
        up, down = np.minimum(low + step, MOST_AGENTS - 1), np.maximum(high - step, 0)
        at = np.where(high == MOST_AGENTS, up, np.where(low == -1, down, middle))
        step *= 2
        open_ = np.flatnonzero(high - low > 1)
    return high
