"""How busy one replication is: random factors on rates by type, day and interval, from (scenario, seed, replication).

Whatever makes whole days differ is drawn as normal scores that do not depend on one another, each stratified over
blocks of 16 replications, and then mixed (Gaussian copula) and given its law. A replication's scores are thus exactly
normal with the stated correlations, while a block is a Latin hypercube: what is nearly a sum of effects of single
scores, as how many contacts come, hardly varies between blocks (Stein 1987, Technometrics 29, 143-151).
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.arrivals import DAY_MINUTES, Pieces
from sim.clock import Horizon
from sim.distributions import gamma_factor
from sim.forecast import Fan, Paths
from sim.remembered import remembered
from sim.scenario import Busyness, Scenario, Swings, paired, triangular
from sim.streams import Quantity, name_key, stream

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

STRATA = 16


@dataclass(frozen=True, kw_only=True, eq=False)
class Levels:
    """Factors on the rates of one replication: `day` [type, day], `interval` [type, interval] (None: all 1).

    Where rates are forecast, `standing` [type, day] in (0, 1) tells where days lie between the quantiles, and `path` in
    [0, 1) which path they take.
    """

    day: Floats
    interval: Floats | None
    standing: Floats
    path: float

    def expected(self, kind: int | Integers, pieces: Pieces) -> Floats:
        """Contacts of a type, or each piece's, expected in each of its pieces on these days, [piece]."""
        found = self._rates(kind, pieces)
        return found if self.interval is None else found * self.interval[kind, pieces.interval]

    def _rates(self, kind: int | Integers, pieces: Pieces) -> Floats:
        """Without the factors of intervals."""
        if isinstance(pieces.forecast, Fan):
            from scipy.special import ndtri

            return pieces.forecast.at(ndtri(self.standing[kind])[pieces.day])
        if isinstance(pieces.forecast, Paths):
            course = pieces.forecast.values[int(self.path * len(pieces.forecast.values))]
            return np.asarray(course * self.day[kind, pieces.day])
        return np.asarray(pieces.expected * self.day[kind, pieces.day])


def levels(scenario: Scenario, seed: int, replication: int) -> Levels:
    """Those of one replication: the same however many are run."""
    names, busyness = list(scenario.contact_types), scenario.busyness
    days = _days(scenario.horizon)
    swings = busyness.intervals
    standing = _standings(scenario, names, [(seed, replication, day) for day in days])
    return Levels(
        day=_factors(busyness, names, standing),
        standing=standing,
        path=stratified(seed, replication, Quantity.PATH) if scenario.forecast else 0.0,
        interval=None if swings is None else _swings(swings, names, scenario.horizon.intervals, seed, replication),
    )


def stratified(seed: int, replication: int, *key: int) -> float:
    """A uniform number of a key; in sixteen replications in a row each sixteenth of [0, 1) has one.

    Replication r takes stratum r mod 16 of a random permutation made for its block r // 16.
    """
    block, turn = divmod(replication, STRATA)
    dice = stream(seed, block, *key)
    return float((dice.permutation(STRATA)[turn] + dice.random(STRATA)[turn]) / STRATA)


# --------------------------------------------------------------------------------------------------------------- days


Days = list[tuple[int, int, int]]
"""Seed, replication and number of each day."""


@remembered
def _days(horizon: Horizon) -> list[int]:
    """Numbers of the days that a horizon touches."""
    days: list[int] = np.unique(horizon.wall_minutes // DAY_MINUTES).tolist()
    return days


def _factors(busyness: Busyness, names: list[str], standing: Floats) -> Floats:
    """The factor of each type and day, gamma with mean 1, [type, day]."""
    if not busyness.varies:
        return np.ones_like(standing)
    spreads = [busyness.by_type.get(name, busyness.cv) for name in names]
    if busyness.correlation == 1:
        of = {cv: gamma_factor(cv, standing[0]) for cv in set(spreads)}
        return np.stack([of[cv] for cv in spreads])
    return np.stack([gamma_factor(cv, u) for cv, u in zip(spreads, standing, strict=True)])


def _standings(scenario: Scenario, names: list[str], days: Days) -> Floats:
    """Where each type's days stand among all its days, in (0, 1), [type, day]; 1/2 where none differs."""
    busyness = scenario.busyness
    if not (busyness.varies or scenario.forecasts):
        return np.full((len(names), len(days)), 0.5)
    if busyness.correlation == 1:
        return np.broadcast_to(_uniform(days), (len(names), len(days)))
    from scipy.special import ndtri

    own = {name: ndtri(_uniform(days, name_key(name))) for name in names}
    if isinstance(busyness.correlation, float):
        rho = busyness.correlation
        common = ndtri(_uniform(days))
        return np.stack([_standing(math.sqrt(rho) * common + math.sqrt(1 - rho) * own[name]) for name in names])
    together, matrix = paired(busyness.correlation)
    mixture = triangular(matrix)
    assert mixture is not None, "held by the model"
    if together:
        own |= dict(zip(together, mixture @ np.array([own[name] for name in together]), strict=True))
    return np.stack([_standing(own[name]) for name in names])


def _uniform(days: Days, *key: int) -> Floats:
    return np.array([stratified(*at, *key, Quantity.BUSYNESS) for at in days])


# ---------------------------------------------------------------------------------------------------------- intervals


def _swings(swings: Swings, names: list[str], intervals: int, seed: int, replication: int) -> Floats:
    """The factor of each type and interval, mean 1, [type, interval]."""
    keys = [name_key(name) for name in names] if swings.by_type else [0]
    scores = np.stack([stream(seed, replication, key, Quantity.SWING).standard_normal(intervals) for key in keys])
    shock = math.sqrt(1 - swings.correlation**2)
    for i in range(1, intervals):
        scores[:, i] = swings.correlation * scores[:, i - 1] + shock * scores[:, i]
    return np.broadcast_to(_factor(swings, scores), (len(names), intervals))


def _factor(swings: Swings, scores: Floats) -> Floats:
    """What a normal score stands for."""
    if swings.law == "lognormal":
        variance = math.log1p(swings.cv**2)
        return np.asarray(np.exp(math.sqrt(variance) * scores - variance / 2))
    return gamma_factor(swings.cv, _standing(scores))


def _standing(scores: Floats) -> Floats:
    """The share of all days that a normal score is above; below 1, where laws have no end."""
    from scipy.special import ndtr

    return np.asarray(np.minimum(ndtr(scores), 1 - 2**-53))
