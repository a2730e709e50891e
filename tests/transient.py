"""A short day of one queue, M/M/n+M from an empty desk, solved exactly: what a coverage study compares with.

The mean time spent in each state, by the matrix exponential; what a contact that finds k others can expect, from the
race of those ahead of it against its own patience (Palm's birth and death process). Nothing is simulated.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
import numpy.typing as npt
from numpy.polynomial.hermite_e import hermegauss
from scipy.linalg import expm
from scipy.optimize import brentq
from scipy.special import gammaincinv, ndtr, roots_genlaguerre

from sim.scenario import Scenario

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Day:
    """Rates per hour; `cv` of a gamma factor on the arrival rate of each day.

    With a `correlation` contacts are of two types, alike but for their rates: one and two thirds. Each has a factor of
    its own, and their normal scores have that correlation. With `paths` the rate is
    that of a forecast: times one of them.
    """

    rate: float
    handle_s: float
    patience_s: float
    agents: int
    hours: float
    cv: float = 0.0
    most: int = 60
    correlation: float | None = None
    paths: tuple[float, ...] = ()

    def scenario(self) -> Scenario:
        parts = {"a": self.rate} if self.correlation is None else {"a": self.rate / 3, "b": self.rate * 2 / 3}
        busyness: dict[str, float] = {"cv": self.cv}
        if self.correlation is not None:
            busyness["correlation"] = self.correlation
        return Scenario.model_validate(
            {
                "horizon": {"start": "2026-03-02 00:00", "length": f"{self.hours} h", "interval": "60 min"},
                "channels": {"phone": {}},
                "contact_types": {
                    name: {
                        "channel": "phone",
                        "arrivals": {"per_hour": rate},
                        "talk": {"family": "exponential", "mean": f"{self.handle_s} s"},
                        "patience": {"family": "exponential", "mean": f"{self.patience_s} s"},
                        "threshold": "20 s",
                    }
                    for name, rate in parts.items()
                },
                "agent_groups": {"s": {"skills": list(parts)}},
                "routing": "fcfs",
                "staffing": {"levels": {"s": {"00:00": self.agents}}},
                "busyness": busyness,
                "forecast": {"paths": self._paths()} if self.paths else None,
            }
        )

    def _paths(self) -> list[dict[str, dict[str, float]]]:
        hours = [f"{hour:02d}:00" for hour in range(int(self.hours))]
        return [{"a": dict.fromkeys(hours, self.rate * path)} for path in self.paths]

    @cached_property
    def _found(self) -> tuple[float, Floats]:
        """Expected contacts, and how many of them find k others, [k]; over days of all factors."""
        total, found = 0.0, np.zeros(self.most + 1)
        for weight, factor in self._factors():
            rate = self.rate / 3600 * factor
            total += weight * rate * self.hours * 3600
            found += weight * rate * self._time_in_state(rate)
        return total, found

    def _factors(self) -> list[tuple[float, float]]:
        if self.paths:
            return [(1 / len(self.paths), path) for path in self.paths]
        if self.cv == 0:
            return [(1.0, 1.0)]
        if self.correlation is not None:
            return self._mixed_factors(self.correlation)
        nodes, weights = roots_genlaguerre(12, self.cv**-2 - 1)
        return list(zip(weights / weights.sum(), nodes * self.cv**2, strict=True))

    def _mixed_factors(self, correlation: float) -> list[tuple[float, float]]:
        """The common factor of all contacts of two types, by quadrature over both normal scores."""
        nodes, weights = hermegauss(10)
        found = []
        for (x, p), (y, q) in product(zip(nodes, weights / weights.sum(), strict=True), repeat=2):
            z = correlation * x + (1 - correlation**2) ** 0.5 * y
            a, b = (gammaincinv(self.cv**-2, ndtr(score)) * self.cv**2 for score in (x, z))
            found.append((p * q, (a + 2 * b) / 3))
        return found

    def _time_in_state(self, rate: float) -> Floats:
        """Mean seconds of the day with k contacts present, from 0 on, [k]."""
        size, k = self.most + 1, np.arange(self.most + 1)
        down = np.minimum(k, self.agents) / self.handle_s + np.maximum(k - self.agents, 0) / self.patience_s
        generator = np.diag(np.full(size - 1, rate), 1) + np.diag(down[1:], -1)
        generator -= np.diag(generator.sum(axis=1))
        both = np.zeros((2 * size, 2 * size))
        both[:size, :size], both[:size, size:] = generator, np.eye(size)
        return np.asarray(expm(both * self.hours * 3600)[0, size:])

    def _answered_within(self, seconds: float) -> Floats:
        """Chance of being answered within so long for one that finds k others, [k]."""
        queue = self.most - self.agents + 1
        leave = 1 / self.patience_s
        ahead = self.agents / self.handle_s + np.arange(queue) * leave
        race = np.zeros((queue + 2, queue + 2))  # row j: j ahead in the queue; then answered, then gone
        race[np.arange(queue), np.r_[queue, np.arange(queue - 1)]] = ahead
        race[np.arange(queue), queue + 1] = leave
        race[np.arange(queue), np.arange(queue)] = -(ahead + leave)
        waits = expm(race * seconds)[:queue, queue]
        return np.concatenate((np.ones(self.agents), waits))

    def answered(self, within: float = 1e5) -> float:
        """Expected contacts answered within so many seconds."""
        return float(self._found[1] @ self._answered_within(within))

    @property
    def offered(self) -> float:
        return self._found[0]

    @property
    def service_level(self) -> float:
        """SL-3, 20 s."""
        return self.answered(20) / self.offered

    @property
    def abandonment(self) -> float:
        return 1 - self.answered() / self.offered

    def quantile(self, p: float) -> float:
        """Of the wait of the answered, in seconds."""
        whole = self.answered()
        return float(brentq(lambda x: self.answered(x) / whole - p, 1e-6, 3600, xtol=1e-6))
