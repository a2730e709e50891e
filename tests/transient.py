"""A short day of one queue, M/M/n+M from an empty desk, solved exactly: what a coverage study compares with.

The mean time spent in each state, by the matrix exponential; what a contact that finds k others can expect, from the
race of those ahead of it against its own patience (Palm's birth and death process). Nothing is simulated.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.linalg import expm
from scipy.optimize import brentq
from scipy.special import roots_genlaguerre

from sim.scenario import Scenario

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Day:
    """Rates per hour; `cv` of a gamma factor on the arrival rate of each day."""

    rate: float
    handle_s: float
    patience_s: float
    agents: int
    hours: float
    cv: float = 0.0
    most: int = 60

    def scenario(self) -> Scenario:
        return Scenario.model_validate(
            {
                "horizon": {"start": "2026-03-02 00:00", "length": f"{self.hours} h", "interval": "60 min"},
                "channels": {"phone": {}},
                "contact_types": {
                    "a": {
                        "channel": "phone",
                        "arrivals": {"per_hour": self.rate},
                        "talk": {"family": "exponential", "mean": f"{self.handle_s} s"},
                        "patience": {"family": "exponential", "mean": f"{self.patience_s} s"},
                        "threshold": "20 s",
                    }
                },
                "agent_groups": {"s": {"skills": ["a"]}},
                "staffing": {"levels": {"s": {"00:00": self.agents}}},
                "busyness": {"cv": self.cv},
            }
        )

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
        if self.cv == 0:
            return [(1.0, 1.0)]
        nodes, weights = roots_genlaguerre(12, self.cv**-2 - 1)
        return list(zip(weights / weights.sum(), nodes * self.cv**2, strict=True))

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
