"""Tallies -> figures: the definition of every measure, as numerator and denominator, and how both are folded.

A figure is a ratio of expectations, or a mean over replications where it has no denominator. Numerator and
denominator are first added over the types, groups and intervals that are asked for; so days and types pool.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Literal

import numpy as np

from sim.estimates import (
    LEVEL,
    Controls,
    Estimate,
    Estimates,
    Numbers,
    Sample,
    estimates_of,
    mean_of,
    quantile_of,
    whole_blocks,
)
from sim.metrics import (
    BUCKETS,
    QUANTILES,
    Tally,
    Threshold,
    bucket_high,
    bucket_low,
    own_thresholds,
    short_thresholds,
)
from sim.scenario import Scenario

Axis = Literal["type", "channel", "group", "day", "interval"]
Part = Callable[[Tally], Numbers]

SERVICE_FORMULAS = ("SL-1", "SL-2", "SL-3", "SL-4", "SL-5", "SL-6")

FORMULAS: dict[str, str] = {
    "SL-1": "(A_T + B_T) / O: answered or abandoned within the threshold, of all offered",
    "SL-2": "A_T / A: answered within the threshold, of the answered",
    "SL-3": "A_T / O: answered within the threshold, of all offered",
    "SL-4": "A_T / (O - B_T): answered within the threshold, of the offered but for those who abandoned within it",
    "SL-5": "(A_T + B_s) / O: answered within the threshold or abandoned within the short limit, of all offered",
    "SL-6": "A_T / (O - B_s): answered within the threshold, of the offered but for short abandonments",
    "ASA-1": "mean wait, from asking for a person to the answer, of the answered",
    "WAIT-1": "mean wait of all offered, however it ended",
    "WAIT-2": "quantile of the wait of the answered",
    "WAIT-3": "longest wait of an answered contact, mean over replications",
    "QUEUE-1": "mean number waiting: integral of the queue over the window / its length; waits that outlast the "
    "horizon count in its last interval",
    "AB-1": "B / O: abandoned in the queue, of all offered",
    "AB-2": "(B - B_s) / (O - B_s): the same, net of short abandonments",
    "AB-3": "gave up in the bot, of all that arrived",
    "AHT-1": "(talk + after-contact work) / answered, as elapsed",
    "AHT-2": "talk / answered",
    "AHT-3": "after-contact work / answered",
    "BOT-1": "contained by the bot, resolved or not, of those who entered it",
    "BOT-2": "resolved by the bot, of those who entered it",
    "BOT-3": "handed off to a person, of those who entered the bot",
    "BOT-4": "gave up in the bot, of those who entered it",
    "OCC-1": "time with a contact in hand / staffed time, inside the horizon",
    "STAFF-1": "mean number of agents due at the desk by their hours or level, breaks taken out",
    "STAFF-2": "mean number of agents at the desk, those who finish late included",
    "STAFF-3": "time worked past the end of a spell; not in agent_cost",
    "STAFF-4": "shifts worked, each day's on its own",
    "STAFF-5": "least number of people who could work the shifts: one in 24 h, 11 h of rest; by level, its peaks",
    "STAFF-6": "full-time days: sum of the shifts' fte, by default paid hours / 8",
    "STAFF-7": "paid hours on paper: shifts less unpaid breaks, as elapsed",
    "STAFF-8": "sum of min(required, scheduled) / sum of scheduled agents, over groups and intervals",
    "STAFF-9": "agents required by the planner",
    "COST-1": "pay of the shifts on paper: the fixed cost of their template, or paid hours times the group's rate",
    "COST-2": "line cost: hours of waiting and talk times the line's rate",
    "COST-3": "bot cost: sessions times the price of one",
    "COST-4": "value lost with offered contacts that nobody answered",
    "COST-5": "agents, lines and bot together",
    "COST-6": "COST-5 / contacts answered or contained",
    "TM-1": "share of replications in which the target was held in each of its windows",
    "TM-2": "share of replications in which the target was held in that interval, of those with anything to judge",
    "SPREAD-1": "quantile over replications of the service level of one horizon, day or type",
    "N-1": "contacts that entered the desk",
    "N-2": "contacts that asked for a person while the desk was open",
    "N-3": "contacts answered by a person",
    "N-4": "contacts that hung up in the queue",
    "N-5": "contacts still waiting when cut off or when the run ended",
    "N-6": "contacts that found no line or place",
    "N-7": "contacts that found the desk closed",
    "N-8": "contacts that entered the bot",
    "N-9": "contacts resolved in the bot",
    "N-10": "contacts that the bot kept without resolving them",
    "N-11": "contacts that hung up in the bot",
}


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A measure: parts of shape [replication, row, interval], where rows are types or groups.

    `scale` turns the numerator's unit into the figure's; `over_time` divides by the length of the window (the
    numerator is then in milliseconds); `counts`: the denominator counts contacts; `on_paper`: exact where all
    replications agree.
    """

    measure: str
    formula: str
    unit: str
    numerator: Part
    denominator: Part | None = None
    rows: Literal["type", "group"] = "type"
    scale: float = 1.0
    over_time: bool = False
    counts: bool = True
    on_paper: bool = False


def _share(measure: str, formula: str, top: Part, bottom: Part) -> Figure:
    return Figure(measure=measure, formula=formula, unit="share", numerator=top, denominator=bottom)


def _seconds(measure: str, formula: str, top: Part, bottom: Part) -> Figure:
    return Figure(measure=measure, formula=formula, unit="s", numerator=top, denominator=bottom, scale=1e-3)


def _contacts(measure: str, formula: str, count: Part) -> Figure:
    return Figure(measure=measure, formula=formula, unit="contacts", numerator=count)


COUNTS = (
    _contacts("arrived", "N-1", lambda t: t.arrived),
    _contacts("offered", "N-2", lambda t: t.offered),
    _contacts("answered", "N-3", lambda t: t.answered),
    _contacts("abandoned", "N-4", lambda t: t.abandoned),
    _contacts("unserved", "N-5", lambda t: t.unserved),
    _contacts("blocked", "N-6", lambda t: t.blocked),
    _contacts("closed", "N-7", lambda t: t.closed),
)
ASA = _seconds("asa", "ASA-1", lambda t: t.wait_answered_ms, lambda t: t.answered)
ABANDONMENT = _share("abandonment", "AB-1", lambda t: t.abandoned, lambda t: t.offered)
QUEUE_LENGTH = Figure(
    measure="queue_length", formula="QUEUE-1", unit="contacts", numerator=lambda t: t.queue_ms, over_time=True
)
WAITS = (
    ASA,
    _seconds("wait_mean_offered", "WAIT-1", lambda t: t.wait_offered_ms, lambda t: t.offered),
    ABANDONMENT,
    _share(
        "abandonment_net",
        "AB-2",
        lambda t: t.abandoned - t.abandoned_short,
        lambda t: t.offered - t.abandoned_short,
    ),
    QUEUE_LENGTH,
)
HANDLING = (
    _seconds("aht", "AHT-1", lambda t: t.talk_ms + t.after_ms, lambda t: t.answered),
    _seconds("talk", "AHT-2", lambda t: t.talk_ms, lambda t: t.answered),
    _seconds("acw", "AHT-3", lambda t: t.after_ms, lambda t: t.answered),
)
BOT = (
    _contacts("bot_entered", "N-8", lambda t: t.bot_entered),
    _contacts("bot_resolved", "N-9", lambda t: t.bot_resolved),
    _contacts("bot_contained_unresolved", "N-10", lambda t: t.bot_contained_unresolved),
    _contacts("bot_gave_up", "N-11", lambda t: t.bot_gave_up),
    _share("containment", "BOT-1", lambda t: t.bot_resolved + t.bot_contained_unresolved, lambda t: t.bot_entered),
    _share("resolved_containment", "BOT-2", lambda t: t.bot_resolved, lambda t: t.bot_entered),
    _share("hand_off", "BOT-3", lambda t: t.bot_handed_off, lambda t: t.bot_entered),
    _share("bot_give_up", "BOT-4", lambda t: t.bot_gave_up, lambda t: t.bot_entered),
    _share("abandonment_in_bot", "AB-3", lambda t: t.bot_gave_up, lambda t: t.arrived),
)
OCCUPANCY = Figure(
    measure="occupancy",
    formula="OCC-1",
    unit="share",
    numerator=lambda t: t.busy_ms,
    denominator=lambda t: t.staffed_ms,
    rows="group",
    counts=False,
)
SCHEDULED = Figure(
    measure="scheduled",
    formula="STAFF-1",
    unit="agents",
    numerator=lambda t: t.scheduled_ms,
    rows="group",
    over_time=True,
    on_paper=True,
)
POSITIONS = Figure(
    measure="positions",
    formula="STAFF-2",
    unit="agents",
    numerator=lambda t: t.staffed_ms,
    rows="group",
    over_time=True,
)
OVERTIME = Figure(
    measure="overtime_hours",
    formula="STAFF-3",
    unit="h",
    numerator=lambda t: t.overtime_ms[:, :, None],
    rows="group",
    scale=1 / 3.6e6,
)


def service_level(scenario: Scenario, formula: str = "SL-4") -> Figure:
    """Service level by each type's own threshold."""
    parts = service_parts(scenario, formula, own_thresholds(scenario))
    return _share("service_level", formula, lambda t: parts(t)[0], lambda t: parts(t)[1])


def service_parts(
    scenario: Scenario, formula: str, thresholds: Sequence[Threshold]
) -> Callable[[Tally], tuple[Numbers, Numbers]]:
    """Numerator and denominator of a service level, [replication, threshold, interval], one type per threshold.

    T is the threshold, s the short-abandonment limit; where the thresholds are strict, so is s.
    """
    types = [k for k, _, _ in thresholds]
    strict = bool(thresholds) and thresholds[0][2]

    def parts(tally: Tally) -> tuple[Numbers, Numbers]:
        rows = tally.threshold_rows(thresholds)
        in_time, gone_in_time = tally.answered_in_time[:, rows], tally.abandoned_in_time[:, rows]
        offered = tally.offered[:, types]
        if formula in ("SL-5", "SL-6") and strict:
            short = tally.abandoned_in_time[:, tally.threshold_rows(short_thresholds(scenario, types))]
        else:
            short = tally.abandoned_short[:, types]
        of: dict[str, tuple[Numbers, Numbers]] = {
            "SL-1": (in_time + gone_in_time, offered),
            "SL-2": (in_time, tally.answered[:, types]),
            "SL-3": (in_time, offered),
            "SL-4": (in_time, offered - gone_in_time),
            "SL-5": (in_time + short, offered),
            "SL-6": (in_time, offered - short),
        }
        return of[formula]

    return parts


def money(scenario: Scenario) -> tuple[Figure, ...]:
    """Costs by type, in the scenario's currency; `line`, `bot` and lost value."""
    kinds = scenario.contact_types.values()
    session = [scenario.bots[kind.bot.uses].cost_per_session if kind.bot else 0.0 for kind in kinds]
    per_session, lost = (np.array(prices)[:, None] for prices in (session, [kind.lost_value for kind in kinds]))
    per_ms = scenario.costs.line_per_hour / 3.6e6
    parts: tuple[tuple[str, str, Part], ...] = (
        ("line_cost", "COST-2", lambda t: per_ms * (t.wait_offered_ms + t.talk_ms)),
        ("bot_cost", "COST-3", lambda t: per_session * t.bot_entered),
        ("lost_value", "COST-4", lambda t: lost * (t.offered - t.answered)),
    )
    return tuple(Figure(measure=m, formula=f, unit=scenario.costs.currency, numerator=part) for m, f, part in parts)


# ------------------------------------------------------------------------------------------------------- folding


def fold(values: Numbers, scenario: Scenario, rows: Literal["type", "group"], by: Sequence[Axis]) -> Numbers:
    """Add [replication, row, interval] over all but the axes `by`: [replication, row?, time?]."""
    values = np.asarray(values)
    if "channel" in by:
        channels = list(scenario.channels)
        of_type = [channels.index(kind.channel) for kind in scenario.contact_types.values()]
        values = np.stack(
            [values[:, np.flatnonzero(np.equal(of_type, i))].sum(axis=1) for i in range(len(channels))], axis=1
        )
    if "day" in by:
        first = np.unique(scenario.horizon.day_of_interval, return_index=True)[1]
        values = np.add.reduceat(values, first, axis=2)
    if not {"day", "interval"} & set(by):
        values = values.sum(axis=2)
    return values if {"channel", rows} & set(by) else values.sum(axis=1)


def cells(scenario: Scenario, by: Sequence[Axis]) -> list[dict[str, Any]]:
    """What each cell of `by` stands for, in the order in which estimates of that shape are listed."""
    horizon = scenario.horizon
    names: dict[Axis, Sequence[Any]] = {
        "type": list(scenario.contact_types),
        "channel": list(scenario.channels),
        "group": list(scenario.agent_groups),
        "day": [day.isoformat() for day in horizon.days],
        "interval": [
            {"index": i, "start": start.isoformat(), "length_s": horizon.interval}
            for i, start in enumerate(horizon.interval_starts)
        ],
    }
    axes = [axis for axis in names if axis in by]
    return [dict(zip(axes, cell, strict=True)) for cell in product(*(names[axis] for axis in axes))]


def window_ms(scenario: Scenario, by: Sequence[Axis]) -> Numbers:
    """Length of each window of time, in milliseconds: of the horizon, its days or its intervals."""
    horizon = scenario.horizon
    if "interval" in by:
        return np.full(horizon.intervals, float(horizon.interval_ms))
    if "day" in by:
        return float(horizon.interval_ms) * np.bincount(horizon.day_of_interval)
    return np.asarray(float(horizon.length_ms))


def sample_of(figure: Figure, scenario: Scenario, tally: Tally, by: Sequence[Axis] = ()) -> Sample:
    """What the replications gave for a figure, in each cell of `by`."""
    top = fold(figure.numerator(tally), scenario, figure.rows, by) * figure.scale
    if figure.over_time:
        top = top / window_ms(scenario, by)
    if figure.denominator is None:
        return Sample(top)
    return Sample(top, fold(figure.denominator(tally), scenario, figure.rows, by), figure.counts)


def blocks_of(scenario: Scenario, first: int, replications: int) -> slice | None:
    """The whole blocks over which busyness is stratified, for `sim.estimates`; None without any."""
    return whole_blocks(first, replications) if scenario.busyness.cv > 0 else None


def estimate_figure(
    figure: Figure,
    scenario: Scenario,
    tally: Tally,
    by: Sequence[Axis] = (),
    *,
    first: int = 0,
    level: float = LEVEL,
    controls: Controls | None = None,
) -> Estimates:
    """A figure with its interval in each cell of `by`; `first` is the number of the tally's first replication."""
    blocks, sample = blocks_of(scenario, first, tally.replications), sample_of(figure, scenario, tally, by)
    found = estimates_of(sample, level=level, blocks=blocks, controls=controls, formula=figure.formula)
    if figure.on_paper and np.all(sample.numerator == sample.numerator[:1]):
        value = np.asarray(sample.numerator[0], dtype=np.float64)
        return replace(found, mean=value, low=value, high=value, method="exact")
    most = 1.0 if figure.unit == "share" else np.inf
    return replace(found, low=np.clip(found.low, 0.0, most), high=np.clip(found.high, 0.0, most))


_LOWEST_S = bucket_low(np.arange(BUCKETS)) / 1e3
_HIGHEST_S = bucket_high(np.arange(BUCKETS)) / 1e3


def estimate_wait(
    measure: str,
    scenario: Scenario,
    tally: Tally,
    types: Sequence[int] | None = None,
    *,
    first: int = 0,
    level: float = LEVEL,
    controls: Controls | None = None,
) -> Estimate:
    """A quantile (`wait_p50` …) of the wait of the answered of these types, pooled, or their `wait_max`; seconds."""
    blocks = blocks_of(scenario, first, tally.replications)
    picked = slice(None) if types is None else list(types)
    if measure == "wait_max":
        longest = tally.wait_max_ms[:, picked].max(axis=1) / 1e3
        return mean_of(longest, level=level, blocks=blocks, controls=controls, formula="WAIT-3")
    return quantile_of(
        tally.wait_histogram[:, picked].sum(axis=1),
        QUANTILES[measure],
        _LOWEST_S,
        _HIGHEST_S,
        level=level,
        blocks=blocks,
        controls=controls,
        formula="WAIT-2",
    )
