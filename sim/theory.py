"""Queueing formulas: where the planner starts from, and what the tests measure the engines against.

Rates per second, times in seconds, loads in erlangs; agents may be fractional, and thousands of them are no harder
than ten. A formula is a start and never a proof: a plan is proved by simulation.

Sources: A. K. Erlang (1917); C. Palm (1957); A. Mandelbaum & S. Zeltyn, "Service engineering in action: the Palm/
Erlang-A queue" (2007); S. Zeltyn & A. Mandelbaum, "Call centers with impatient customers: the M/M/n+G queue" (2005);
S. G. Eick, W. A. Massey & W. Whitt, "The physics of the M_t/G/inf queue" (1993); A. Cobham, "Priority assignment in
waiting line problems" (1954).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Formula = Literal["SL-1", "SL-2", "SL-3", "SL-4", "SL-5", "SL-6"]

MOST_AGENTS = 10_000_000
"""Nobody asks for more."""
FEW_TERMS = 100
"""Up to so many terms a series is summed one by one, beyond with numpy."""


# ------------------------------------------------------------------------------------------------------ Erlang B and C


def erlang_b(agents: float, load: float) -> float:
    """Share of contacts lost when `agents` lines carry `load` erlangs and nobody waits (Erlang 1917).

    Between whole numbers the analytic continuation 1/B = load * integral of exp(-load t) (1 + t)^agents dt.
    """
    return 0.0 if load <= 0 < agents else 1.0 / _inverse_b(agents, load)


def erlang_c(agents: float, load: float) -> float:
    """Share of contacts that wait when all wait as long as it takes; 1 where the load is too much (Erlang 1917)."""
    if load >= agents:
        return 1.0
    blocked = erlang_b(agents, load)
    return blocked / (1.0 - load / agents * (1.0 - blocked))


def _inverse_b(agents: float, load: float) -> float:
    """1/B by its recursion 1/B(n) = 1 + n/load * 1/B(n - 1), summed from n down to where terms vanish.

    Terms grow while n exceeds the load, then fall like a normal density of variance `load`: 9 deviations suffice.
    """
    if load <= 0:
        return 1.0 if agents <= 0 else math.inf
    whole = int(agents)
    if whole <= FEW_TERMS:
        inverse = _inverse_b_below_one(agents - whole, load)
        for n in range(whole):
            inverse = 1.0 + (agents - whole + n + 1) / load * inverse
        return inverse
    enough = min(whole, int(max(agents - load, 0.0) + 9.0 * math.sqrt(load)) + 20)
    with np.errstate(over="ignore"):
        terms = np.cumprod((agents - np.arange(enough)) / load)
        total = 1.0 + float(terms[:-1].sum()) if enough else 0.0
        last = float(terms[-1]) if enough else 1.0
    return total + last * (_inverse_b_below_one(agents - whole, load) if enough == whole else 1.0)


def _inverse_b_below_one(agents: float, load: float) -> float:
    """1/B for less than one agent: exp(load) load^-agents Gamma(agents + 1, load)."""
    if agents == 0:
        return 1.0
    if load < 30.0:
        from scipy.special import gamma, gammaincc

        upper = float(gamma(agents + 1.0)) * float(gammaincc(agents + 1.0, load))
        return float(math.exp(load) * load**-agents * upper)
    return load * _upper_gamma_fraction(agents + 1.0, load)


def _upper_gamma_fraction(s: float, x: float) -> float:
    """exp(x) x^-s Gamma(s, x) for x well above 1 (Legendre's continued fraction, evaluated from its tail)."""
    value = 0.0
    for k in range(60, 0, -1):
        value = k * (k - s) / (x + 2 * k + 1 - s - value)
    return 1.0 / (x + 1 - s - value)


# ------------------------------------------------------------------------------------------------------------ Erlang A


def _log_palm(x: float, y: float) -> float:
    """Logarithm of Palm's function A(x, y) = 1 + sum over j >= 1 of y^j / ((x + 1) ... (x + j))."""
    count = int(max(y - x, 0.0) + 9.0 * math.sqrt(max(x, y))) + 50
    if count <= 2 * FEW_TERMS:
        total = term = 1.0
        for j in range(1, count + 1):
            term *= y / (x + j)
            total += term
            if term < 1e-17 * total:
                break
        return math.log(total)
    ratios = y / (x + np.arange(1, count + 1))
    with np.errstate(over="ignore"):
        total = 1.0 + float(np.cumprod(ratios).sum())
    if math.isfinite(total):
        return math.log(total)
    logs = np.cumsum(np.log(ratios))
    top = float(logs.max())
    return top + math.log(float(np.exp(logs - top).sum()))


@dataclass(frozen=True)
class Queue:
    """One queue in equilibrium, M/M/n+M: Poisson contacts, exponential handle times and patience.

    Patience `inf` makes it Erlang C, else it is Erlang A (Palm; Zeltyn & Mandelbaum 2005 for the law of the wait).
    Without patience and with too few agents nobody is answered. Waits are of contacts that ask for a person.
    """

    rate: float
    handle_s: float
    agents: float
    patience_s: float = math.inf

    @property
    def load(self) -> float:
        """Offered load in erlangs."""
        return self.rate * self.handle_s

    @property
    def _patient(self) -> bool:
        return math.isinf(self.patience_s)

    @property
    def _idle(self) -> bool:
        return self.load <= 0

    @property
    def _drowns(self) -> bool:
        return self.agents <= 0 or (self._patient and self.load >= self.agents)

    @cached_property
    def _arguments(self) -> tuple[float, float]:
        """Arguments of Palm's function: x = agents * patience / handle, y = rate * patience."""
        return self.agents * self.patience_s / self.handle_s, self.rate * self.patience_s

    @cached_property
    def _palm(self) -> float:
        return _log_palm(*self._arguments)

    @cached_property
    def p_wait(self) -> float:
        """Share that must wait."""
        if self._idle or self._drowns:
            return float(not self._idle)
        if self._patient:
            return erlang_c(self.agents, self.load)
        return 1.0 / (1.0 + (_inverse_b(self.agents, self.load) - 1.0) * math.exp(-self._palm))

    @cached_property
    def p_abandon(self) -> float:
        """Share that hangs up waiting."""
        if self._idle or self._patient:
            return 0.0
        if self._drowns:
            return 1.0
        per_agent = self.load / self.agents
        return self.p_wait * max(0.0, math.exp(-self._palm) / per_agent + 1.0 - 1.0 / per_agent)

    @property
    def mean_wait_s(self) -> float:
        """Mean wait of all, those who hang up included."""
        if self._idle or not self._patient:
            return 0.0 if self._idle else self.p_abandon * self.patience_s
        return math.inf if self._drowns else self.p_wait * self.handle_s / (self.agents - self.load)

    @property
    def mean_queue(self) -> float:
        """Mean number waiting (Little)."""
        return self.rate * self.mean_wait_s

    @property
    def occupancy(self) -> float:
        """Share of time that an agent is busy."""
        return min(1.0, self.load * (1.0 - self.p_abandon) / self.agents) if self.agents > 0 else 1.0

    @cached_property
    def _tails(self) -> dict[float, tuple[float, float]]:
        return {}

    def _tail(self, t: float) -> tuple[float, float]:
        """Given that a patient contact must wait: its wait's P(> t), and the same less the density's part at t."""
        if t not in self._tails:
            self._tails[t] = self._tail_at(t)
        return self._tails[t]

    def _tail_at(self, t: float) -> tuple[float, float]:
        x, y = self._arguments
        rest = y * math.exp(-t / self.patience_s)
        at_t = y - rest - self.agents * t / self.handle_s - self._palm
        beyond = math.exp(at_t + _log_palm(x, rest))
        return beyond, beyond - math.exp(at_t)

    def longer_than(self, t: float) -> float:
        """Share that still waits `t` seconds after asking."""
        if self._idle or self._drowns:
            return 0.0 if self._idle else math.exp(-t / self.patience_s)
        if self._patient:
            return self.p_wait * math.exp(-(self.agents - self.load) * t / self.handle_s)
        return self.p_wait * self._tail(t)[0] * math.exp(-t / self.patience_s)

    def answered_in(self, t: float) -> float:
        """Share answered within `t` seconds, of all."""
        if self._idle or self._drowns:
            return float(self._idle)
        if self._patient:
            return 1.0 - self.longer_than(t)
        served = 1.0 - math.exp(-self._palm) - self._tail(t)[1]
        return max(0.0, 1.0 - self.p_wait + self.p_wait * served * self.agents / self.load)

    def abandoned_in(self, t: float) -> float:
        """Share that has hung up within `t` seconds, of all."""
        return 0.0 if self._patient else max(0.0, 1.0 - self.answered_in(t) - self.longer_than(t))

    @cached_property
    def asa_s(self) -> float:
        """Mean wait of the answered: integral over t of those answered later than t (Gauss-Legendre by panels)."""
        if self._idle or self._drowns:
            return 0.0 if self._idle else math.inf
        if self._patient:
            return self.mean_wait_s
        answered, area, start = 1.0 - self.p_abandon, 0.0, 0.0
        width = min(self.handle_s / self.agents, self.patience_s)
        points, weights = np.polynomial.legendre.leggauss(8)
        while answered - self.answered_in(start) > 1e-13 and width < 1e9:
            later = [answered - self.answered_in(start + width * (1.0 + p) / 2.0) for p in points]
            area += width / 2.0 * float(weights @ np.array(later))
            start, width = start + width, width * 1.25
        return area / answered

    def service_level(self, threshold_s: float, formula: Formula = "SL-4", short_s: float = 5.0) -> float:
        """Service level by the formula of that number (docs/model.md: what is measured)."""
        good, all_answered = self.answered_in(threshold_s), 1.0 - self.p_abandon
        if formula == "SL-1":
            return good + self.abandoned_in(threshold_s)
        if formula == "SL-2":
            return good / all_answered if all_answered > 0 else 0.0
        if formula == "SL-3":
            return good
        if formula == "SL-5":
            return good + self.abandoned_in(short_s)
        left_out = self.abandoned_in(threshold_s if formula == "SL-4" else short_s)
        return good / (1.0 - left_out) if left_out < 1.0 else 0.0


def least_agents(holds: Callable[[int], bool], start: int = 1) -> int:
    """Smallest whole number of agents, 0 included, for which `holds`: it must stay true once it is.

    Looks near the guess `start` first. OverflowError when not even 10 million agents will do.
    """
    low, high, step = -1, max(start, 0), 1
    if holds(high):
        while high > 0 and holds(max(high - step, 0)):
            high, step = max(high - step, 0), 2 * step
        low = max(high - step, -1)
    else:
        while not holds(high + step):
            if high > MOST_AGENTS:
                raise OverflowError("no number of agents is enough")
            high, step = high + step, 2 * step
        low, high = high, high + step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


# -------------------------------------------------------------------------------------------------------- finite queue


@dataclass(frozen=True)
class FiniteQueue:
    """Equilibrium of a birth and death process: `probabilities[n]` of n contacts in the system, and what follows."""

    probabilities: Floats
    p_block: float
    p_no_wait: float
    p_abandon: float
    mean_queue: float
    mean_number: float
    variance_number: float
    mean_wait_s: float


def finite_queue(rate: float, handle_s: float, agents: int, capacity: int, patience_s: float = math.inf) -> FiniteQueue:
    """M/M/n/K+M exactly: `capacity` contacts at most, waiting ones included; who finds it full is blocked.

    Shares and the mean wait are of all contacts that come (blocked ones: no wait).
    """
    n = np.arange(capacity + 1)
    waiting = np.maximum(n - agents, 0)
    deaths = np.minimum(n, agents) / handle_s + waiting / patience_s
    logs = np.concatenate([[0.0], np.cumsum(np.log(rate / deaths[1:]))])
    weights = np.exp(logs - logs.max())
    p = weights / weights.sum()
    queue, number = float(p @ waiting), float(p @ n)
    return FiniteQueue(
        probabilities=p,
        p_block=float(p[-1]),
        p_no_wait=float(p[:agents].sum()),
        p_abandon=queue / patience_s / rate,
        mean_queue=queue,
        mean_number=number,
        variance_number=float(p @ (n - number) ** 2),
        mean_wait_s=queue / rate,
    )


# --------------------------------------------------------------------------------------------------- time-varying load


def offered_load(
    rates: Floats, step_s: float, cdf: Callable[[Floats], Floats], *, per_step: int = 1, repeats: bool = False
) -> Floats:
    """M_t/G/inf: mean number of busy agents if nobody ever waited, m(t) = integral of rate(t - u) P(S > u) du.

    `rates[interval]` are contacts a second, constant over steps of `step_s`; `cdf` is the law of the handle time S.
    Gives m at `per_step` instants in each step and at the end, shape [len(rates) * per_step + 1]. The desk starts
    empty, or from itself if it `repeats`. Eick, Massey & Whitt (1993), equation 1.
    """
    fine = np.repeat(np.asarray(rates, dtype=np.float64), per_step)
    weights = _survival_by_step(step_s / per_step, len(fine), cdf)
    if not repeats:
        return np.concatenate([[0.0], np.convolve(fine, weights)[: len(fine)]])
    turns = [_survival_by_step(step_s / per_step, len(fine), cdf, skip=k * len(fine)) for k in range(1, 4)]
    once_round = weights + sum(turns)
    load = np.convolve(np.tile(fine, 2), once_round)[len(fine) - 1 : 2 * len(fine)]
    return np.asarray(load)


def _survival_by_step(step_s: float, steps: int, cdf: Callable[[Floats], Floats], skip: int = 0) -> Floats:
    """Integral of P(S > u) over each of `steps` steps after the first `skip` (Gauss-Legendre on 8 panels a step)."""
    points, weights = np.polynomial.legendre.leggauss(8)
    panels = (np.arange(8)[:, None] + (1.0 + points) / 2.0) / 8.0
    at = (skip + np.arange(steps)[:, None, None] + panels) * step_s
    lasts: Floats = 1.0 - cdf(at)
    return np.asarray((lasts @ weights).sum(axis=1) * step_s / 16.0)


# ------------------------------------------------------------------------------------------------------------ priority


def priority_waits(rates: Sequence[float], handle_s: Sequence[float], second_moments: Sequence[float] = ()) -> Floats:
    """Mean wait by class, first class first served, for one agent who finishes what is in hand (Cobham 1954).

    W_k = W_0 / ((1 - s_{k-1}) (1 - s_k)), W_0 = sum of rate * E[S^2] / 2, s_k = load of classes up to k. Without
    `second_moments` handle times are exponential. `inf` from the first class that the agent cannot keep up with.
    """
    rate, mean = np.asarray(rates, dtype=np.float64), np.asarray(handle_s, dtype=np.float64)
    squares = np.asarray(second_moments if len(second_moments) else 2.0 * mean**2, dtype=np.float64)
    loads = np.concatenate([[0.0], np.cumsum(rate * mean)])
    with np.errstate(divide="ignore"):
        waits = float(rate @ squares) / 2.0 / ((1.0 - loads[:-1]) * (1.0 - loads[1:]))
    return np.where(loads[1:] < 1.0, waits, math.inf)
