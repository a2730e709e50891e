"""Figures of full runs: the backlog over the day, who comes again, how content customers are, what a bot saves."""

from collections.abc import Callable

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MultipleLocator

from sim.parts import AGES
from sim.report.figures import (
    BLACK,
    BLUE,
    DASHES,
    GREEN,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    Drawing,
    Floats,
    band,
    blank,
    clock_axis,
    column,
    extremes,
    house_style,
    legend,
    line_style,
    points,
    steps,
)
from sim.report.flow_figures import flow
from sim.report.records import Records, by_unit, number

AGE_COLOURS = dict(zip(AGES, ("#cfe3f1", "#8fbfe0", BLUE, ORANGE, VERMILION), strict=True))
AGE_HATCHES = dict(zip(AGES, ("", "", "", "///", "xxx"), strict=True))
AGE_NAMES = dict(zip(AGES, ("under 1 h", "1 to 4 h", "4 to 24 h", "1 to 3 days", "over 3 days"), strict=True))

ROUND_STEPS_S = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800)


def draw(records: Records) -> dict[str, Drawing]:
    """All figures that these records have data for, by file name."""
    drawings: dict[str, Callable[[], Drawing | None]] = {
        "backlog": lambda: backlog(records),
        "flow": lambda: flow(records),
        "follow-ups": lambda: follow_ups(records),
        "first-response": lambda: first_response(records),
        "satisfaction": lambda: satisfaction(records),
        "satisfaction-by-type": lambda: satisfaction_by_type(records),
        "bot-saving": lambda: bot_saving(records),
    }
    with mpl.rc_context(house_style()):
        drawn = {name: function() for name, function in drawings.items()}
    return {name: drawing for name, drawing in drawn.items() if drawing is not None}


def backlog(records: Records) -> Drawing | None:
    """Deferred contacts that lie open at the end of each interval, by age; the overdue as a line."""
    total = records.over_the_day("backlog")
    if not total or not np.nansum(column(total, "mean")):
        return None
    figure = blank(3.6)
    axes = figure.add_subplot()
    below = np.zeros(len(total))
    for age in AGES:
        values = np.nan_to_num(column(records.over_the_day("backlog", segment=f"age {age}"), "mean"))
        if len(values) and values.any():
            _layer(axes, below, below + values, age)
            below = below + values
    overdue = column(records.over_the_day("overdue"), "mean")
    if len(overdue) and np.nansum(overdue):
        steps(axes, overdue, color=BLACK, linestyle=DASHES[1], linewidth=1.5, label="overdue")
    axes.set_ylim(bottom=0)
    axes.set_ylabel("open contacts")
    clock_axis(axes, records)
    legend(axes)
    values = column(total, "mean")
    return Drawing(
        title="Backlog over the day",
        description="Deferred contacts open at the end of each interval, by age, "
        f"{extremes(records, values, 'contacts')}.",
        figure=figure,
    )


def _layer(axes: Axes, low: Floats, high: Floats, age: str) -> None:
    edges, bottom, top = np.arange(len(low) + 1), np.append(low, low[-1:]), np.append(high, high[-1:])
    axes.fill_between(edges, bottom, top, step="post", facecolor=AGE_COLOURS[age], hatch=AGE_HATCHES[age],
                      edgecolor="white", linewidth=0, label=AGE_NAMES[age])  # fmt: skip


FOLLOW_UPS = {
    "redials": ("redials", VERMILION),
    "repeats": ("repeats", ORANGE),
    "transfers": ("transfers", BLUE),
    "asked_elsewhere": ("asked elsewhere", PURPLE),
}


def follow_ups(records: Records) -> Drawing | None:
    """Contacts that follow others, by kind, in each interval."""
    lines = {name: column(records.over_the_day(name), "mean") for name in FOLLOW_UPS}
    lines = {name: line for name, line in lines.items() if len(line) and np.nansum(line)}
    if not lines:
        return None
    figure = blank(3.2)
    axes = figure.add_subplot()
    for i, (name, line) in enumerate(lines.items()):
        label, colour = FOLLOW_UPS[name]
        steps(axes, line, **(line_style(i) | {"color": colour}), label=label)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("contacts in an interval")
    clock_axis(axes, records)
    legend(axes)
    said = ", ".join(f"{FOLLOW_UPS[name][0]} {number(records.mean(name) or 0.0)}" for name in lines)
    return Drawing(title="Follow-ups over the day", description=f"In a replication: {said}.", figure=figure)


def first_response(records: Records) -> Drawing | None:
    """Mean time from arrival to the first word of a person, in each interval."""
    line = records.over_the_day("first_response")
    values = column(line, "mean")
    if not len(line) or np.isnan(values).all():
        return None
    figure = blank(2.8)
    axes = figure.add_subplot()
    band(axes, line, BLUE)
    steps(axes, values, color=BLUE, linewidth=1.6)
    axes.set_ylim(bottom=0)
    step = next((step for step in ROUND_STEPS_S if axes.get_ylim()[1] <= 6 * step), 86400)
    axes.yaxis.set_major_locator(MultipleLocator(step))
    axes.yaxis.set_major_formatter(lambda at, _: by_unit(at, "s"))
    axes.set_ylabel("first response (mean)")
    clock_axis(axes, records)
    return Drawing(
        title="First response over the day",
        description="From arrival, the bot included, to the first word of a person, by the clock: "
        f"{extremes(records, values, 's')}.",
        figure=figure,
    )


def satisfaction(records: Records) -> Drawing | None:
    """Mean score in each interval."""
    line = records.over_the_day("satisfaction")
    values = column(line, "mean")
    if not len(line) or np.isnan(values).all():
        return None
    figure = blank(2.8)
    axes = figure.add_subplot()
    band(axes, line, GREEN)
    steps(axes, values, color=GREEN, linewidth=1.6)
    axes.set_ylim(1, 5)
    axes.set_ylabel("score, 1 to 5 (mean)")
    clock_axis(axes, records)
    whole = records.get("satisfaction")
    return Drawing(
        title="Satisfaction over the day",
        description=f"Mean score {by_unit(whole.mean if whole else None, 'score')} in all, "
        f"{extremes(records, values, 'score')}.",
        figure=figure,
    )


def satisfaction_by_type(records: Records) -> Drawing | None:
    """Mean score of each contact type."""
    rows = [name for name in records.names("type") if records.mean("satisfaction", type=name) is not None]
    if len(rows) < 2:
        return None
    figure = blank(1.2 + 0.26 * len(rows))
    axes = figure.add_subplot()
    points(axes, [records.get("satisfaction", type=name) for name in rows], 0.0, fmt="o", color=GREEN)
    axes.set_yticks(range(len(rows)), rows)
    axes.invert_yaxis()
    axes.set_xlim(1, 5)
    axes.set_xlabel("score, 1 to 5 (mean)")
    worst = min(rows, key=lambda name: records.mean("satisfaction", type=name) or 0.0)
    return Drawing(
        title="Satisfaction by contact type",
        description=f"Lowest: {worst}, {by_unit(records.mean('satisfaction', type=worst), 'score')}.",
        figure=figure,
    )


def bot_saving(records: Records) -> Drawing | None:
    """Work that the bot really saves of each type, beside the naive figure."""
    rows = [name for name in records.names("type") if records.mean("bot_work_saved_naive", type=name)]
    if not rows:
        return None
    figure = blank(1.3 + 0.34 * len(rows))
    axes = figure.add_subplot()
    at = np.arange(len(rows))
    for lift, measure, colour, hatch, label in (
        (-0.19, "bot_work_saved_naive", SKY, "", "naive"),
        (0.19, "bot_work_saved", BLUE, "///", "really saved"),
    ):
        found = [records.get(measure, type=name) for name in rows]
        axes.barh(at + lift, column(found, "mean"), 0.36, color=colour, hatch=hatch, edgecolor="white", label=label)
        points(axes, found, lift, fmt="none", ecolor=BLACK)
    axes.set_yticks(at, rows)
    axes.invert_yaxis()
    axes.set_xlabel("hours of people's work")
    axes.axvline(0.0, color=BLACK, linewidth=0.8)
    legend(axes)
    real, naive = (by_unit(records.mean(m), "h") for m in ("bot_work_saved", "bot_work_saved_naive"))
    return Drawing(
        title="What the bot saves",
        description=f"In all {real} h of work saved, where contained contacts times the mean would say {naive} h: "
        "what a bot contains is easier, and some of it comes back.",
        figure=figure,
    )


__all__ = ["draw"]
