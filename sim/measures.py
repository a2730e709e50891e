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
    clopper_pearson,
    estimates_from,
    mean_of,
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
from sim.moments import Correction, Moments
from sim.quantiles import Quantile, quantile_from, quantile_of
from sim.scenario import Scenario

Axis = Literal["type", "channel", "group", "day", "interval"]
Part = Callable[[Tally], Numbers]

SERVICE_FORMULAS = ("SL-1", "SL-2", "SL-3", "SL-4", "SL-5", "SL-6")
VIRTUAL = "SL-V"
"""By virtual wait; only tallies of full runs have it."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A measure: parts of shape [replication, row, interval], where rows are types or groups.

    `scale` turns the numerator's unit into the figure's; `over_time` divides by the length of the window (the
    numerator is then in milliseconds); `counts`: the denominator counts contacts; `on_paper`: exact where all
    replications agree; `root`: the figure is the square root of the ratio; `signed`: it may lie below 0; `segment`:
    what it is of, where that is neither type nor group nor time.
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
    root: bool = False
    signed: bool = False
    segment: str = ""


def share(measure: str, formula: str, top: Part, bottom: Part) -> Figure:
    """A share of contacts, or of customers."""
    return Figure(measure=measure, formula=formula, unit="share", numerator=top, denominator=bottom)


def seconds(measure: str, formula: str, top: Part, bottom: Part) -> Figure:
    """A mean time of contacts, from milliseconds."""
    return Figure(measure=measure, formula=formula, unit="s", numerator=top, denominator=bottom, scale=1e-3)


def contacts(measure: str, formula: str, count: Part) -> Figure:
    """A number of contacts."""
    return Figure(measure=measure, formula=formula, unit="contacts", numerator=count)


def entered(tally: Tally) -> Numbers:
    """Contacts that entered the desk: drawn, and follow-ups."""
    more = tally.endings
    return tally.arrived if more is None else tally.arrived + more.follow_ups


def talks(tally: Tally) -> Numbers:
    """Talks of agents, those called back and carried in included."""
    return tally.answered if tally.in_hand is None else tally.in_hand.talks


COUNTS = (
    contacts("arrived", "N-1", entered),
    contacts("offered", "N-2", lambda t: t.offered),
    contacts("answered", "N-3", lambda t: t.answered),
    contacts("abandoned", "N-4", lambda t: t.abandoned),
    contacts("unserved", "N-5", lambda t: t.unserved),
    contacts("blocked", "N-6", lambda t: t.blocked),
    contacts("closed", "N-7", lambda t: t.closed),
)
ASA = seconds("asa", "ASA-1", lambda t: t.wait_answered_ms, lambda t: t.answered)
ABANDONMENT = share("abandonment", "AB-1", lambda t: t.abandoned, lambda t: t.offered)
QUEUE_LENGTH = Figure(
    measure="queue_length", formula="QUEUE-1", unit="contacts", numerator=lambda t: t.queue_ms, over_time=True
)
WAITS = (
    ASA,
    seconds("wait_mean_offered", "WAIT-1", lambda t: t.wait_offered_ms, lambda t: t.offered),
    ABANDONMENT,
    share(
        "abandonment_net",
        "AB-2",
        lambda t: t.abandoned - t.abandoned_short,
        lambda t: t.offered - t.abandoned_short,
    ),
    QUEUE_LENGTH,
)
HANDLING = (
    seconds("aht", "AHT-1", lambda t: t.talk_ms + t.after_ms, talks),
    seconds("talk", "AHT-2", lambda t: t.talk_ms, talks),
    seconds("acw", "AHT-3", lambda t: t.after_ms, talks),
)
BOT = (
    contacts("bot_entered", "N-8", lambda t: t.bot_entered),
    contacts("bot_resolved", "N-9", lambda t: t.bot_resolved),
    contacts("bot_contained_unresolved", "N-10", lambda t: t.bot_contained_unresolved),
    contacts("bot_gave_up", "N-11", lambda t: t.bot_gave_up),
    share("containment", "BOT-1", lambda t: t.bot_resolved + t.bot_contained_unresolved, lambda t: t.bot_entered),
    share("resolved_containment", "BOT-2", lambda t: t.bot_resolved, lambda t: t.bot_entered),
    share("hand_off", "BOT-3", lambda t: t.bot_handed_off, lambda t: t.bot_entered),
    share("bot_give_up", "BOT-4", lambda t: t.bot_gave_up, lambda t: t.bot_entered),
    share("abandonment_in_bot", "AB-3", lambda t: t.bot_gave_up, entered),
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
    return share("service_level", formula, lambda t: parts(t)[0], lambda t: parts(t)[1])


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
        if formula == VIRTUAL:
            if tally.endings is None:
                raise ValueError("a plain run is not counted by virtual waits")
            return tally.endings.virtual_in_time[:, rows], offered
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
    """The whole blocks over which days are stratified, for `sim.estimates`; None without any."""
    return whole_blocks(first, replications) if scenario.in_blocks else None


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
    blocks = blocks_of(scenario, first, tally.replications)
    of = sample_of(figure, scenario, tally, by).moments(blocks, controls)
    return figure_from(figure, of, level=level, correction=controls.correction if controls else None)


def figure_from(
    figure: Figure, of: Moments, *, level: float = LEVEL, correction: Correction | None = None
) -> Estimates:
    """The same from the moments of its sample."""
    found = estimates_from(of, level=level, by=correction, counts=figure.counts, formula=figure.formula)
    if figure.on_paper and not of.cross.any():
        value = of.mean[0]
        return replace(found, mean=value, low=value, high=value, method="exact")
    if of.count > 1:
        found = _without_variation(found, of, counts=figure.unit == "share" and figure.counts)
    least, most = -np.inf if figure.signed else 0.0, 1.0 if figure.unit == "share" else np.inf
    found = replace(found, low=np.clip(found.low, least, most), high=np.clip(found.high, least, most))
    return _rooted(found) if figure.root else found


def _rooted(found: Estimates) -> Estimates:
    return replace(found, mean=np.sqrt(found.mean), low=np.sqrt(found.low), high=np.sqrt(found.high))


def _without_variation(found: Estimates, of: Moments, *, counts: bool) -> Estimates:
    """Where all replications agree an interval of no length would claim too much.

    Shares of contacts get the bounds by contacts (Clopper & Pearson), others none: nothing says how far off they are.
    """
    still = np.asarray(found.low == found.high)
    if len(of.mean) == 1:  # what controls know exactly varies all the same
        still &= of.cross[0, 0] == 0
    if not still.any():
        return found
    low = high = np.full(found.mean.shape, np.nan)
    if counts:
        low, high = clopper_pearson(np.rint(of.mean[0] * of.count), found.n, found.level)
    method = np.where(still, "clopper-pearson" if counts else "nothing varied", found.method)
    return replace(
        found, low=np.where(still, low, found.low), high=np.where(still, high, found.high), methods=method
    )


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


def wait_from(
    measure: str, of: Moments, pooled: Numbers, *, level: float = LEVEL, correction: Correction | None = None
) -> Quantile:
    """A quantile of the wait from the moments of running totals and the pooled histogram of the answered."""
    bounds = _LOWEST_S, _HIGHEST_S
    return quantile_from(of, pooled, QUANTILES[measure], *bounds, level=level, by=correction, formula="WAIT-2")
