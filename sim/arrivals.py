"""When contacts come: a scenario's rates, events and busyness, as expected contacts by minute and as drawn instants.

Rates go by local label: where a clock is put forward the missing hour is left out, where it is put back the doubled
hour uses its rate twice. Everything here is per contact type, in order of `scenario.contact_types`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.clock import Horizon, held, knots, parse_moment
from sim.distributions import gamma_factor
from sim.remembered import remembered
from sim.scenario import Arrivals, Event, Scenario
from sim.streams import Quantity, stream
from sim.units import to_ms

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

MINUTE_MS = 60_000
DAY_MINUTES = 1440
STRATA = 16


# ------------------------------------------------------------------------------------------------------------ traffic


@dataclass(frozen=True, kw_only=True, eq=False)
class Traffic:
    """What a scenario says of one contact type by minute of arrival, on days of busyness 1; all of shape [minute].

    `expected` contacts, the share that meets the bot first, the factor by which events lengthen talk.
    """

    expected: Floats
    bot_share: Floats
    talk_factor: Floats


@remembered
def traffic(scenario: Scenario) -> tuple[Traffic, ...]:
    """Expected traffic of each contact type; a type that the trace names comes from the trace alone."""
    horizon, traced = scenario.horizon, trace(scenario)
    minutes = horizon.length_ms // MINUTE_MS
    shapes = {name: event_shape(event, horizon) for name, event in scenario.events.items()}
    found = []
    for name, kind in scenario.contact_types.items():
        expected, talk_factor = np.zeros(minutes), np.ones(minutes)
        bot_share = np.full(minutes, kind.bot.share if kind.bot else 0.0)
        if name not in traced and kind.arrivals is not None:
            expected = scenario.volume * _expected_by_minute(kind.arrivals, horizon)
        for event, shape in ((event, shapes[n]) for n, event in scenario.events.items() if _touches(event, name)):
            expected *= 1 + (event.peak_factor * event.mix.get(name, 1.0) - 1) * shape
            talk_factor *= 1 + (event.talk_factor - 1) * shape
            if kind.bot and event.bot_share is not None:
                bot_share += (event.bot_share - bot_share) * shape
        if name in traced:
            expected = np.bincount(traced[name].arrival_ms // MINUTE_MS, minlength=minutes).astype(np.float64)
        found.append(Traffic(expected=expected, bot_share=bot_share, talk_factor=talk_factor))
    return tuple(found)


def _touches(event: Event, contact_type: str) -> bool:
    return event.contact_types == "all" or contact_type in event.contact_types


def event_shape(event: Event, horizon: Horizon) -> Floats:
    """Mean height of an event's trapezium in each minute of the horizon, shape [minute]."""
    day, clock = parse_moment(event.start)
    assert day is not None, "an event has a date"
    since = np.arange(0, horizon.length_ms + 1, MINUTE_MS) / 1000 - horizon.first_instant(day, clock) / 1000
    rising = np.clip(since, 0, event.onset)
    level = np.clip(since - event.onset, 0, event.plateau)
    falling = np.clip(since - event.onset - event.plateau, 0, event.decay)
    area = level + falling
    if event.onset:
        area += rising**2 / (2 * event.onset)
    if event.decay:
        area -= falling**2 / (2 * event.decay)
    return np.diff(area) / 60


def _expected_by_minute(arrivals: Arrivals, horizon: Horizon) -> Floats:
    """Expected contacts of each minute, before events and busyness."""
    wall, linear = horizon.wall_minutes, arrivals.shape == "linear"
    if arrivals.per_hour is not None:
        return held(arrivals.per_hour, wall, linear=linear) / 60
    if arrivals.counts is not None:
        return _spread_counts(arrivals.counts, horizon)
    assert arrivals.profile is not None, "arrivals have one of three forms"
    assert arrivals.per_day is not None, "a profile has a volume"
    weight = held(arrivals.profile, wall, linear=linear)
    one_day = held(arrivals.profile, np.arange(DAY_MINUTES) + 10 * DAY_MINUTES, linear=linear).mean()
    mean = one_day or weight.mean()
    return weight * (arrivals.per_day / DAY_MINUTES / mean) if mean else weight


def _spread_counts(counts: dict[str, float], horizon: Horizon) -> Floats:
    """Counts by label, each in the interval in which its label lies, spread evenly over it."""
    wall, length = horizon.wall_minutes, horizon.interval_ms // MINUTE_MS
    known = {minute: count for (minute, _), count in knots(counts, wall).items()}
    by_minute = np.array([known.get(minute, 0.0) for minute in wall.tolist()])
    return np.repeat(by_minute.reshape(-1, length).sum(axis=1) / length, length)


# ---------------------------------------------------------------------------------------------------------- busyness


def busyness(scenario: Scenario, seed: int, replication: int) -> Floats:
    """Factor on the rates of each local day, shape [day], in order of `day_of_minute`.

    Mean 1, gamma. Sixteen replications in a row are one stratified sample: replication r takes stratum r mod 16 of a
    random permutation made for its block r // 16 and the day, so it is the same however many are run.
    """
    days = np.unique(scenario.horizon.wall_minutes // DAY_MINUTES)
    cv = scenario.busyness.cv
    if cv == 0:
        return np.ones(len(days))
    block, turn = divmod(replication, STRATA)
    quantile = np.empty(len(days))
    for i, day in enumerate(days.tolist()):
        dice = stream(seed, block, day, Quantity.BUSYNESS)
        quantile[i] = (dice.permutation(STRATA)[turn] + dice.random(STRATA)[turn]) / STRATA
    return gamma_factor(cv, quantile)


# ------------------------------------------------------------------------------------------------------------- pieces


@dataclass(frozen=True, kw_only=True, eq=False)
class Pieces:
    """The expected contacts of one type in pieces of constant rate, none of which crosses an interval or a day.

    `edge_ms` and `border` (index among the edges of each interval's start and of the end) have one entry more than
    there are pieces or intervals; `expected` contacts and `day` are of shape [piece].
    """

    edge_ms: Integers
    border: Integers
    expected: Floats
    day: Integers


def pieces(expected: Floats, horizon: Horizon) -> Pieces:
    """Expected contacts by minute, minutes of one rate put together."""
    day = np.unique(horizon.wall_minutes // DAY_MINUTES, return_inverse=True)[1]
    length = horizon.interval_ms // MINUTE_MS
    starts = np.arange(len(expected)) % length == 0
    starts[1:] |= (np.diff(expected) != 0) | (np.diff(day) != 0)
    first = np.flatnonzero(starts)
    edge = np.append(first, len(expected))
    return Pieces(
        edge_ms=edge * MINUTE_MS,
        border=np.searchsorted(edge, np.arange(0, len(expected) + 1, length)),
        expected=expected[first] * np.diff(edge),
        day=day[first],
    )


# ------------------------------------------------------------------------------------------------------- drawn instants


def poisson(dice: np.random.Generator, mass: Floats, border: Integers) -> Floats:  # noqa: ARG001  # one of the laws
    """Points of a Poisson process of rate 1 below the total mass, ascending.

    Read through the expected running total they are the arrivals of a process of any rate; a change of the rates after
    some instant leaves those before it where they are.
    """
    total = mass[-1]
    points = dice.standard_exponential(int(total + 8 * np.sqrt(total) + 16))
    np.cumsum(points, out=points)
    while points[-1] < total:
        points = np.concatenate((points, points[-1] + np.cumsum(dice.standard_exponential(len(points)))))
    return points[: np.searchsorted(points, total)]


def fixed(dice: np.random.Generator, mass: Floats, border: Integers) -> Floats:
    """As many points in each interval as the rounded running totals grow there, uniform in expected contacts."""
    totals = mass[border]
    rounded = np.floor(totals + 0.5 + 1e-9).astype(np.int64)
    counts = rounded[1:] - rounded[:-1]
    points: Floats = np.repeat(totals[:-1], counts) + dice.random(counts.sum()) * np.repeat(np.diff(totals), counts)
    points.sort()
    np.minimum(points, np.nextafter(mass[-1], 0), out=points)
    return points


LAWS: dict[str, Callable[[np.random.Generator, Floats, Integers], Floats]] = {"poisson": poisson, "fixed": fixed}


def draw(pieces: Pieces, law: str, factor: Floats, dice: np.random.Generator) -> Integers:
    """Instants of arrival in whole milliseconds, ascending, with rates times `factor` [day]."""
    expected = pieces.expected * factor[pieces.day]
    mass = np.concatenate(([0.0], np.cumsum(expected)))
    points = LAWS[law](dice, mass, pieces.border)
    of_each = _by_point(points, mass)
    width: Integers = np.diff(pieces.edge_ms)
    slope = np.divide(width, expected, out=np.zeros(len(width)), where=expected > 0)
    points -= of_each(mass[:-1])
    points *= of_each(slope)
    instants: Integers = points.astype(np.int64)
    np.minimum(instants, of_each(width - 1), out=instants)
    instants += of_each(pieces.edge_ms[:-1])
    return instants


def _by_point(points: Floats, mass: Floats) -> Callable[[npt.NDArray[Any]], npt.NDArray[Any]]:
    """What hands each point the value of its piece: few points are looked up one by one, many counted by piece."""
    if len(points) < 2 * len(mass):
        piece = np.searchsorted(mass, points, side="right") - 1
        return lambda values: values[piece]
    counts = np.diff(np.searchsorted(points, mass))
    return lambda values: np.repeat(values, counts)


# -------------------------------------------------------------------------------------------------------------- trace


@dataclass(frozen=True, kw_only=True, eq=False)
class Trace:
    """The contacts of one type in a trace, by arrival, then by line; NaN seconds are drawn."""

    arrival_ms: Integers
    talk_s: Floats
    patience_s: Floats


@remembered
def trace(scenario: Scenario) -> dict[str, Trace]:
    """The trace by contact type; types without a row have no entry."""
    rows: dict[str, list[tuple[int, float, float]]] = {}
    last = scenario.horizon.length_ms - 1
    for row in scenario.trace or ():
        talk, patience = (np.nan if seconds is None else seconds for seconds in (row.talk, row.patience))
        rows.setdefault(row.contact_type, []).append((min(to_ms(row.arrival), last), talk, patience))
    found = {}
    for name, lines in rows.items():
        arrival_ms, talk_s, patience_s = (np.array(column) for column in zip(*lines, strict=True))
        order = np.argsort(arrival_ms, kind="stable")
        found[name] = Trace(arrival_ms=arrival_ms[order], talk_s=talk_s[order], patience_s=patience_s[order])
    return found
