"""Figures of a comparison: what differs by type and over the day from the baseline (zero); who keeps its promises."""

from collections.abc import Callable, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from sim.report.comparison import signed
from sim.report.figures import (
    BLACK,
    COLOURS,
    Drawing,
    band,
    blank,
    clock_axis,
    column,
    house_style,
    legend,
    line_style,
    points,
    steps,
)
from sim.report.records import Records, shortened, target_text
from sim.results import DifferenceRecord, Record, Result

MARKERS = "osD^v<>"
MOST_TARGETS = 4


def draw(result: Result) -> dict[str, Drawing]:
    """The figures that a comparison has data for, by file name; none for another result."""
    drawings: dict[str, Callable[[], Drawing | None]] = {
        "difference-by-type": lambda: by_type(result),
        "difference-over-the-day": lambda: over_the_day(result),
        "target-met": lambda: promises(result),
    }
    with mpl.rc_context(house_style()):
        drawn = {name: function() for name, function in drawings.items()} if result.candidates else {}
    return {name: drawing for name, drawing in drawn.items() if drawing is not None}


def _by_candidate(result: Result) -> list[tuple[str, Records]]:
    names = [one.name for one in result.candidates[1:]]
    return [(name, Records(one for one in result.differences if one.candidate == name)) for name in names]


def by_type(result: Result) -> Drawing | None:
    """Differences of service level and ASA, a row for each contact type."""
    found = _by_candidate(result)
    types = list(dict.fromkeys(name for _, records in found for name in records.names("type")))
    if not types:
        return None
    figure = blank(1.4 + 0.3 * len(types) * max(1.0, 0.4 * len(found)))
    panels = figure.subplots(1, 2, sharey=True)
    for axes, (measure, label) in zip(panels, (("service_level", "service level"), ("asa", "ASA, s")), strict=True):
        for i, (name, records) in enumerate(found):
            lift = 0.7 * ((i + 0.5) / len(found) - 0.5)
            line = [records.get(measure, type=kind) for kind in types]
            points(
                axes,
                line,
                lift,
                fmt=MARKERS[i % len(MARKERS)],
                color=COLOURS[i % len(COLOURS)],
                label=legible(name),
            )
        axes.axvline(0.0, color=BLACK, linewidth=1.0)
        axes.set_xlabel(f"difference in {label}")
    panels[0].xaxis.set_major_formatter(PercentFormatter(1.0))
    panels[0].set_yticks(range(len(types)), types)
    panels[0].invert_yaxis()
    legend(panels[1])
    return Drawing(
        title="Differences by contact type",
        description=f"Candidate less {result.candidates[0].name}, with intervals. Service level: {_said(found)}.",
        figure=figure,
    )


def over_the_day(result: Result) -> Drawing | None:
    """Differences of service level and queue length in each interval, their intervals as bands."""
    found = _by_candidate(result)
    measures = (("service_level", "service level"), ("queue_length", "contacts waiting"))
    if not any(records.over_the_day("service_level") for _, records in found):
        return None
    figure = blank(4.6)
    panels = figure.subplots(2, 1, sharex=True)
    for axes, (measure, label) in zip(panels, measures, strict=True):
        for i, (name, records) in enumerate(found):
            _course(axes, records.over_the_day(measure), i, name)
        axes.axhline(0.0, color=BLACK, linewidth=1.0)
        axes.set_ylabel(f"difference in\n{label}")
    panels[0].yaxis.set_major_formatter(PercentFormatter(1.0))
    clock_axis(panels[1], found[0][1])
    legend(panels[0])
    return Drawing(
        title="Differences over the day",
        description=f"Candidate less {result.candidates[0].name} in each interval, with intervals. "
        f"Service level in all: {_said(found)}.",
        figure=figure,
    )


def promises(result: Result) -> Drawing | None:
    """P(target met) in each interval, of each candidate; that of the first few targets."""
    base, others = Records(result.estimates), _by_candidate(result)
    shown = [number for number, _ in enumerate(result.targets, start=1)
             if base.over_the_day("target_met", segment=f"target {number}")][:MOST_TARGETS]  # fmt: skip
    if not shown:
        return None
    figure = blank(1.0 + 1.8 * len(shown))
    panels = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
    for axes, number in zip(panels, shown, strict=True):
        segment = f"target {number}"
        line = np.asarray(column(base.over_the_day("target_met", segment=segment), "mean"))
        steps(axes, line, **line_style(0), label=legible(result.candidates[0].name))
        for i, (name, records) in enumerate(others, start=1):
            change = np.asarray(column(records.over_the_day("target_met", segment=segment), "mean"))
            if len(change) == len(line):
                steps(axes, line + change, **line_style(i), label=legible(name))
        axes.set_ylim(-0.03, 1.03)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.set_title(shortened(target_text(result.targets[number - 1]), 90), loc="left")
    clock_axis(panels[-1], base)
    legend(panels[0])
    left = f" The first {len(shown)} targets; all are in differences.csv." if len(shown) < len(result.targets) else ""
    return Drawing(
        title="How likely a day holds a target, by interval",
        description=f"P(target met): share of simulated days on which the interval held the target by itself.{left}",
        figure=figure,
    )


def legible(name: str) -> str:
    """A name short enough for a legend; of a long path its end."""
    return name if len(name) <= 28 else f"…{name[-27:]}"


def _course(axes: Axes, line: Sequence[Record | None], i: int, name: str) -> None:
    if line:
        style: dict[str, Any] = line_style(i)
        band(axes, line, style["color"])
        steps(axes, np.asarray(column(line, "mean")), **style, label=legible(name))


def _said(found: Sequence[tuple[str, Records]]) -> str:
    overall = ((name, records.get("service_level")) for name, records in found)
    return "; ".join(f"{name} {signed(one if isinstance(one, DifferenceRecord) else None)}" for name, one in overall)
