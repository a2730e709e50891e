"""When contacts come: a scenario's rates and events, as expected contacts by minute and as drawn instants.

Rates go by local label: where a clock is put forward the missing hour is left out, where it is put back the doubled
hour uses its rate twice. Everything here is per contact type, in order of `scenario.contact_types`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.clock import Horizon, held, knots, parse_moment
from sim.forecast import Fan, Paths, fan
from sim.remembered import remembered
from sim.scenario import Arrivals, ContactType, Event, Forecast, Scenario, TraceRow, parse_quantile
from sim.units import to_ms

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

MINUTE_MS = 60_000
DAY_MINUTES = 1440
NOBODY = 1e-200
"""So few contacts that none ever comes: dividing by fewer has no result."""


# ------------------------------------------------------------------------------------------------------------ traffic


@dataclass(frozen=True, kw_only=True, eq=False)
class Traffic:
    """What a scenario says of one contact type by minute of arrival, on days of busyness 1; all of shape [minute].

    `expected` contacts, the share that meets the bot first, the factor by which events lengthen talk. Where the rates
    are known by a forecast only, `expected` is its mean.
    """

    expected: Floats
    bot_share: Floats
    talk_factor: Floats
    forecast: Fan | Paths | None


@remembered
def traffic(scenario: Scenario) -> tuple[Traffic, ...]:
    """Expected traffic of each contact type; what the trace or a forecast's paths name comes from there."""
    traced = trace(scenario)
    shapes = {name: event_shape(event, scenario.horizon) for name, event in scenario.events.items()}
    found = []
    for name, kind in scenario.contact_types.items():
        flow = _undisturbed(scenario, name)
        for event, shape in ((event, shapes[n]) for n, event in scenario.events.items() if _touches(event, name)):
            flow = _lifted(flow, event, shape, event.peak_factor * event.mix.get(name, 1.0) - 1)
        if kind.bot is None:
            flow = replace(flow, bot_share=np.zeros_like(flow.bot_share))
        if name in traced:
            came = np.bincount(traced[name].arrival_ms // MINUTE_MS, minlength=len(flow.expected))
            flow = replace(flow, expected=came.astype(np.float64))
        found.append(flow)
    return tuple(found)


def _undisturbed(scenario: Scenario, name: str) -> Traffic:
    """The traffic of a type without events."""
    kind, minutes = scenario.contact_types[name], scenario.horizon.length_ms // MINUTE_MS
    expected, forecast = _rates(scenario.contact_types, scenario.forecast, scenario.horizon)[name]
    if name in trace(scenario):
        expected, forecast = np.zeros(minutes), None
    return Traffic(
        expected=scenario.volume * expected,
        bot_share=np.full(minutes, kind.bot.share if kind.bot else 0.0),
        talk_factor=np.ones(minutes),
        forecast=forecast.times(scenario.volume) if forecast else None,
    )


# ------------------------------------------------------------------------------------------------------------- events


def _touches(event: Event, contact_type: str) -> bool:
    return event.contact_types == "all" or contact_type in event.contact_types


@dataclass(frozen=True, eq=False)
class Shape:
    """An event's height S in each minute: its mean, and that of its square; both [minute].

    What may happen or not, and at a time of its own, has a height by chance, which does not depend on other events.
    """

    mean: Floats
    square: Floats


def event_shape(event: Event, horizon: Horizon) -> Shape:
    """The height of an event's trapezium, itself taken as its mean in each minute."""
    shifts = max(1, round(event.within / 60))
    height = _trapezium(event, horizon, before=shifts - 1)
    if event.is_certain:
        return Shape(height, height**2)
    sums = [np.cumsum(np.append(0.0, power)) for power in (height, height**2)]
    mean, square = (event.chance * (total[shifts:] - total[:-shifts]) / shifts for total in sums)
    return Shape(mean, square)


def _trapezium(event: Event, horizon: Horizon, *, before: int) -> Floats:
    """The mean height in each minute, from so many minutes before the horizon on, if the event begins when it may."""
    day, clock = parse_moment(event.start)
    assert day is not None, "an event has a date"
    start_s = horizon.first_instant(day, clock) / 1000 + event.late_s
    since = np.arange(-before * MINUTE_MS, horizon.length_ms + 1, MINUTE_MS) / 1000 - start_s
    rising = np.clip(since, 0, event.onset)
    level = np.clip(since - event.onset, 0, event.plateau)
    falling = np.clip(since - event.onset - event.plateau, 0, event.decay)
    area = level + falling
    if event.onset:
        area += rising**2 / (2 * event.onset)
    if event.decay:
        area -= falling**2 / (2 * event.decay)
    return np.diff(area) / 60


def _lifted(flow: Traffic, event: Event, shape: Shape, more: float) -> Traffic:
    """The traffic with an event on: rates times 1 + more * S, and the share and the talk of the mean contact.

    Of contacts E[1 + a S] times as many come. Those who meet the bot are (1 + a S) ((1 - S) share + S b) times the
    usual rate, and talk is (1 + a S) (1 + c S) times the usual one: means of these, over that of the rate.
    """
    lift, longer = 1 + more * shape.mean, event.talk_factor - 1
    bot_share = flow.bot_share
    if event.is_certain:
        talk = flow.talk_factor * (1 + longer * shape.mean)
    else:
        talk = flow.talk_factor * _over(1 + (more + longer) * shape.mean + more * longer * shape.square, lift)
    if event.bot_share is not None:
        if event.is_certain:
            bot_share = bot_share + (event.bot_share - bot_share) * shape.mean
        else:
            moved = shape.mean + more * shape.square
            bot_share = _over(bot_share * (lift - moved) + event.bot_share * moved, lift)
    return Traffic(
        expected=flow.expected * lift,
        bot_share=bot_share,
        talk_factor=talk,
        forecast=flow.forecast.times(lift) if flow.forecast else None,
    )


def _over(mean: Floats, lift: Floats) -> Floats:
    """A mean over the rate's; 1 where nobody comes."""
    return np.divide(mean, lift, out=np.ones_like(mean), where=lift > 0)


# -------------------------------------------------------------------------------------------------------------- rates


@remembered
def _rates(
    kinds: dict[str, ContactType], paths: Forecast | None, horizon: Horizon
) -> dict[str, tuple[Floats, Fan | Paths | None]]:
    """Expected contacts of each type by minute, and the forecast of which this is the mean; no volume, no events."""
    found: dict[str, tuple[Floats, Fan | Paths | None]] = {}
    for name, kind in kinds.items():
        if paths is not None and name in paths.contact_types:
            courses = Paths(np.stack([_spread_counts(path[name], horizon) for path in paths.paths]))
            found[name] = courses.mean, courses
        elif kind.arrivals is None:
            found[name] = np.zeros(len(horizon.wall_minutes)), None
        elif kind.arrivals.forecast is None:
            found[name] = _expected_by_minute(kind.arrivals, horizon), None
        else:
            quantiles = _quantiles(kind.arrivals, kind.arrivals.forecast, horizon)
            found[name] = quantiles.mean, quantiles
    return found


def _quantiles(arrivals: Arrivals, forecast: dict[str, dict[str, float]], horizon: Horizon) -> Fan:
    """Rates by minute of which quantiles are known: of the day's volume with a profile, else of each interval."""
    quantiles = {parse_quantile(quantile): series for quantile, series in forecast.items()}
    if arrivals.profile is None:
        return fan({p: _spread_counts(series, horizon) for p, series in quantiles.items()})
    weight, mean = _profile(arrivals.profile, horizon.wall_minutes, linear=arrivals.shape == "linear")
    share = weight / DAY_MINUTES / mean if mean else weight
    return fan({p: share * held(series, horizon.wall_minutes) for p, series in quantiles.items()})


def _expected_by_minute(arrivals: Arrivals, horizon: Horizon) -> Floats:
    """Expected contacts of each minute, before events and busyness."""
    wall, linear = horizon.wall_minutes, arrivals.shape == "linear"
    if arrivals.per_hour is not None:
        return held(arrivals.per_hour, wall, linear=linear) / 60
    if arrivals.counts is not None:
        return _spread_counts(arrivals.counts, horizon)
    assert arrivals.profile is not None, "arrivals have one of three forms"
    assert arrivals.per_day is not None, "a profile has a volume"
    weight, mean = _profile(arrivals.profile, wall, linear=linear)
    return weight * (arrivals.per_day / DAY_MINUTES / mean) if mean else weight


def _profile(profile: dict[str, float], wall: Integers, *, linear: bool) -> tuple[Floats, float]:
    """The weight of each minute, and their mean over a day."""
    weight = held(profile, wall, linear=linear)
    one_day = held(profile, np.arange(DAY_MINUTES) + 10 * DAY_MINUTES, linear=linear).mean()
    return weight, float(one_day or weight.mean())


def _spread_counts(counts: dict[str, float], horizon: Horizon) -> Floats:
    """Counts by label, each in the interval in which its label lies, spread evenly over it."""
    wall, length = horizon.wall_minutes, horizon.interval_ms // MINUTE_MS
    known = {minute: count for (minute, _), count in knots(counts, wall).items()}
    by_minute = np.array([known.get(minute, 0.0) for minute in wall.tolist()])
    return np.repeat(by_minute.reshape(-1, length).sum(axis=1) / length, length)


# ------------------------------------------------------------------------------------------------------------- pieces


@dataclass(frozen=True, kw_only=True, eq=False)
class Pieces:
    """The expected contacts of one type in pieces of constant rate, none of which crosses an interval or a day.

    `edge_ms` and `border` (index among the edges of each interval's start and of the end) have one entry more than
    there are pieces or intervals; `expected` contacts, `day` and `interval` are of shape [piece]. A `forecast` has them
    in place of minutes.
    """

    edge_ms: Integers
    border: Integers
    expected: Floats
    day: Integers
    interval: Integers
    forecast: Fan | Paths | None

    @cached_property
    def width_ms(self) -> Integers:
        """How long each piece lasts."""
        return np.diff(self.edge_ms)


def pieces(flow: Traffic, horizon: Horizon) -> Pieces:
    """Expected contacts by minute, minutes of one rate put together."""
    expected, forecast = flow.expected, flow.forecast
    day = np.unique(horizon.wall_minutes // DAY_MINUTES, return_inverse=True)[1]
    length = horizon.interval_ms // MINUTE_MS
    starts = np.arange(len(expected)) % length == 0
    starts[1:] |= (np.diff(expected) != 0) | (np.diff(day) != 0)
    if forecast is not None:
        starts[1:] |= (np.diff(forecast.values, axis=1) != 0).any(axis=0)
    first = np.flatnonzero(starts)
    edge = np.append(first, len(expected))
    return Pieces(
        edge_ms=edge * MINUTE_MS,
        border=np.searchsorted(edge, np.arange(0, len(expected) + 1, length)),
        expected=expected[first] * np.diff(edge),
        day=day[first],
        interval=first // length,
        forecast=replace(forecast, values=forecast.values[:, first] * np.diff(edge)) if forecast else None,
    )


# ------------------------------------------------------------------------------------------------------- drawn instants


def poisson(dice: np.random.Generator, mass: Floats, border: Integers) -> Floats:  # noqa: ARG001  # one of the laws
    """Points of a Poisson process of rate 1 below the total mass, ascending.

    Read through the expected running total they are the arrivals of a process of any rate; a change of the rates after
    some instant leaves those before it where they are.
    """
    total = float(mass[-1])
    points = dice.standard_exponential(ample(total))
    points.cumsum(out=points)
    while points[-1] < total:
        points = np.concatenate((points, points[-1] + np.cumsum(dice.standard_exponential(len(points)))))
    return points[: points.searchsorted(total)]


def ample(total: float) -> int:
    """More than so many expected contacts will ever become: eight standard deviations."""
    return int(total + 8 * math.sqrt(total) + 16)


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


def draw(pieces: Pieces, law: str, expected: Floats, dice: np.random.Generator) -> Integers:
    """Instants of arrival in whole milliseconds, ascending, with so many contacts `expected` [piece] this time."""
    mass = np.zeros(len(expected) + 1)
    expected.cumsum(out=mass[1:])
    points = LAWS[law](dice, mass, pieces.border)
    ends, of_each = _by_point(points, mass)
    slope = np.divide(pieces.width_ms, expected, out=np.zeros(len(expected)), where=expected > NOBODY)
    points -= of_each(mass[:-1])
    points *= of_each(slope)
    instants: Integers = points.astype(np.int64)
    if len(instants) and (instants[ends - 1] >= pieces.width_ms).any():  # rounded up to the end: the last of a piece
        np.minimum(instants, of_each(pieces.width_ms - 1), out=instants)
    instants += of_each(pieces.edge_ms[:-1])
    return instants


def _by_point(points: Floats, mass: Floats) -> tuple[Integers, Callable[[npt.NDArray[Any]], npt.NDArray[Any]]]:
    """Where the points of each piece end, and what hands each point the value of its piece.

    Few points are looked up one by one, many counted by piece.
    """
    starts = points.searchsorted(mass)
    ends = starts[1:]
    if len(points) < 2 * len(mass):
        piece = mass.searchsorted(points, side="right") - 1
        return ends, lambda values: values[piece]
    counts = ends - starts[:-1]
    return ends, lambda values: values.repeat(counts)


# -------------------------------------------------------------------------------------------------------------- trace


@dataclass(frozen=True, kw_only=True, eq=False)
class Trace:
    """The contacts of one type in a trace, by arrival, then by line; NaN seconds are drawn."""

    arrival_ms: Integers
    talk_s: Floats
    patience_s: Floats


def trace(scenario: Scenario) -> dict[str, Trace]:
    """The trace by contact type; types without a row have no entry."""
    return _trace(scenario.trace, scenario.horizon) if scenario.trace else {}


@remembered
def _trace(listed: tuple[TraceRow, ...], horizon: Horizon) -> dict[str, Trace]:
    rows: dict[str, list[tuple[int, float, float]]] = {}
    last = horizon.length_ms - 1
    for row in listed:
        talk, patience = (np.nan if seconds is None else seconds for seconds in (row.talk, row.patience))
        rows.setdefault(row.contact_type, []).append((min(to_ms(row.arrival), last), talk, patience))
    found = {}
    for name, lines in rows.items():
        arrival_ms, talk_s, patience_s = (np.array(column) for column in zip(*lines, strict=True))
        order = np.argsort(arrival_ms, kind="stable")
        found[name] = Trace(arrival_ms=arrival_ms[order], talk_s=talk_s[order], patience_s=patience_s[order])
    return found
