"""Charts of a sweep: lines with bands along its first path, the frontier of heads or cost, a heat map of two paths."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from sim.report.deflection import Kept, deflection, planned
from sim.report.figures import (
    COLOURS,
    DASHES,
    GREY,
    VERMILION,
    Drawing,
    Floats,
    blank,
    column,
    house_style,
    legend,
    line_style,
    png,
    svg,
)
from sim.report.records import Records, by_unit, measure_name, share
from sim.report.sweep import short_paths
from sim.results import PointRecord, Record, SweepRecord
from sim.units import parse_duration

LINES = ("service_level", "asa", "abandonment", "cost")
MARKERS = "osD^v<>"


def draw(whole: SweepRecord) -> dict[str, Drawing]:
    """The charts that these points make sense in, by file name."""
    drawings: dict[str, Callable[[], Drawing | None]] = {
        "lines": lambda: lines(whole),
        "frontier": lambda: frontier(whole),
        "heat-map": lambda: heat_map(whole),
        "deflection": lambda: saved(whole),
    }
    with mpl.rc_context(house_style()):
        drawn = {name: function() for name, function in drawings.items()}
    return {name: drawing for name, drawing in drawn.items() if drawing is not None}


def charts(whole: SweepRecord) -> dict[str, bytes]:
    """All charts as files, SVG and PNG."""
    found = {f"figures/{name}": drawing for name, drawing in draw(whole).items()}
    return {f"{name}.svg": svg(one) for name, one in found.items()} | {
        f"{name}.png": png(one) for name, one in found.items()
    }


# -------------------------------------------------------------------------------------------------------------- axes

_SHARE = re.compile(r"([-+]?[\d.]+)\s*%")


def as_numbers(values: Sequence[str]) -> tuple[Floats, str] | None:
    """Values as numbers with the unit that they share ("", "%", "s"); None where they are words."""
    for unit, read in (("", float), ("%", _percent), ("s", parse_duration)):
        try:
            return np.array([float(read(value)) for value in values]), unit
        except (ValueError, TypeError):
            continue
    return None


def _percent(text: str) -> float:
    found = _SHARE.fullmatch(text.strip())
    if found is None:
        raise ValueError(text)
    return float(found[1])


def _places(values: Sequence[str]) -> tuple[Floats, str]:
    """Where values stand on an axis, and the unit for its label; words stand one after another."""
    return as_numbers(values) or (np.arange(len(values), dtype=np.float64), "")


def _label_axis(axes: Axes, path: str, values: Sequence[str]) -> None:
    places, unit = _places(values)
    if as_numbers(values) is None or len(values) <= 8:
        axes.set_xticks(places, [value.removesuffix("%").strip() for value in values] if unit == "%" else list(values))
    axes.set_xlabel(f"{path}, {unit}" if unit == "%" else path)


def _lines_of(whole: SweepRecord) -> list[tuple[str, list[PointRecord]]]:
    """The points along the first path: one line for each setting of the other paths."""
    _, *others = short_paths(list(whole.axes)).items()
    found: dict[str, list[PointRecord]] = {}
    for point in whole.points:
        name = ", ".join(f"{short} {point.settings[path]}" for path, short in others)
        found.setdefault(name, []).append(point)
    return list(found.items())


# ------------------------------------------------------------------------------------------------------------ charts


def lines(whole: SweepRecord) -> Drawing | None:
    """Service level, ASA, abandonment and cost along the first path, intervals as bands; None for a single value."""
    path, values = next(iter(whole.axes.items()))
    courses = _lines_of(whole)
    if len(values) < 2 or len(courses) > len(COLOURS):
        return None
    places, _ = _places(values)
    order = np.argsort(places)
    figure = blank(5.2)
    grid = figure.subplots(2, 2, sharex=True)
    for axes, measure in zip(grid.flat, LINES, strict=True):
        for i, (name, course) in enumerate(courses):
            found = [Records(course[k].estimates).get(measure) for k in order]
            _course(axes, places[order], found, i, name)
        _measure_axis(axes, whole, measure)
    for axes in grid[1]:
        _label_axis(axes, short_paths(list(whole.axes))[path], values)
    if len(courses) > 1:
        legend(grid[0, 1])
    return Drawing(
        title=f"Along {path}",
        description=f"Bands are 95 % intervals. Service level: {_ends(whole, courses)}.",
        figure=figure,
    )


def _measure_axis(axes: Axes, whole: SweepRecord, measure: str) -> None:
    found = Records(whole.points[0].estimates).get(measure)
    unit = found.unit if found is not None else ""
    if unit == "share":
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_title(measure_name(measure) + ("" if unit in ("share", "") else f", {unit}"))


def _ends(whole: SweepRecord, courses: Sequence[tuple[str, Sequence[PointRecord]]]) -> str:
    path = next(iter(whole.axes))
    return "; ".join(
        f"{f'{name}: ' if name else ''}{_service(course[0])} at {course[0].settings[path]}, "
        f"{_service(course[-1])} at {course[-1].settings[path]}"
        for name, course in courses
    )


def _service(point: PointRecord) -> str:
    return by_unit(Records(point.estimates).mean("service_level"), "share")


def frontier(whole: SweepRecord) -> Drawing | None:
    """Service level against heads, or against cost where heads stay the same; None where both do."""
    of = [Records(point.estimates) for point in whole.points]
    measure = next((m for m in ("heads", "cost") if len({records.mean(m) for records in of}) > 1), None)
    if measure is None:
        return None
    price = column([records.get(measure) for records in of], "mean")
    service = [records.get("service_level") for records in of]
    mean, low, high = (column(service, key) for key in ("mean", "low", "high"))
    figure = blank(3.8)
    axes = figure.add_subplot()
    bars = np.nan_to_num(np.clip(np.stack([mean - low, high - mean]), 0, None))
    axes.errorbar(price, mean, yerr=bars, fmt="o", color=COLOURS[0], markersize=4.5, linewidth=1)
    best = efficient(price, mean)
    axes.plot(price[best], mean[best], color=VERMILION, linestyle=DASHES[1], linewidth=1.4, drawstyle="steps-post")
    for point, x, y in list(zip(whole.points, price, mean, strict=True))[:40]:
        text = ", ".join(point.settings.values())
        axes.annotate(text, (x, y), xytext=(5, -3), textcoords="offset points", fontsize=7, color=GREY, va="top")
    unit = of[0].get(measure)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel(f"{measure}, {unit.unit}" if unit is not None and measure == "cost" else measure)
    axes.set_ylabel("service level")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    said = "; ".join(f"{price[k]:,.0f} {measure}: {share(mean[k])}" for k in best)
    return Drawing(
        title=f"Frontier of {measure} against service level",
        description=f"Points on the dashed line are beaten by none that takes less. {said}.",
        figure=figure,
    )


def efficient(price: Floats, gain: Floats) -> list[int]:
    """Indices of the points that no other beats in both, in the order of their price."""
    best, found = -np.inf, []
    for k in sorted(range(len(price)), key=lambda k: (price[k], -gain[k])):
        if gain[k] > best:
            best = gain[k]
            found.append(k)
    return found


def heat_map(whole: SweepRecord) -> Drawing | None:
    """Service level over two paths, in colour and in figures; None unless there are two."""
    if len(whole.axes) != 2 or min(map(len, whole.axes.values())) < 2:
        return None
    (down, rows), (across, columns) = whole.axes.items()
    names = short_paths([down, across])
    means = column([Records(point.estimates).get("service_level") for point in whole.points], "mean")
    table = means.reshape(len(rows), len(columns))
    figure = blank(1.4 + 0.42 * len(rows))
    axes = figure.add_subplot()
    image: Any = axes.imshow(table, cmap="cividis", aspect="auto")
    middle = (np.nanmin(table) + np.nanmax(table)) / 2
    for (i, j), value in np.ndenumerate(table):
        colour = "black" if value > middle else "white"
        axes.text(j, i, share(value) if np.isfinite(value) else "–", ha="center", va="center", color=colour)
    axes.set_xticks(range(len(columns)), list(columns))
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set_xlabel(names[across])
    axes.set_ylabel(names[down])
    axes.grid(visible=False)
    figure.colorbar(image, ax=axes, format=PercentFormatter(1.0), label="service level")
    low, high = int(np.nanargmin(means)), int(np.nanargmax(means))
    said = (f"{which} {_service(whole.points[k])} at {', '.join(whole.points[k].settings.values())}"
            for which, k in (("lowest", low), ("highest", high)))  # fmt: skip
    return Drawing(
        title=f"Service level by {names[down]} and {names[across]}",
        description=f"Brighter is better: {'; '.join(said)}.",
        figure=figure,
    )


def saved(whole: SweepRecord) -> Drawing | None:
    """Hours of work that the bot saves, and heads or waits, against containment; None unless one path changes it."""
    kept = sorted(deflection(whole), key=lambda one: one.of("containment").mean or 0.0)
    if not kept or len(whole.axes) > 1:
        return None
    figure = blank(3.6)
    work, effect = figure.subplots(1, 2)
    at = column([one.of("containment") for one in kept], "mean")
    for i, (measure, name) in enumerate((("bot_work_saved_naive", "naively"), ("bot_work_saved", "really"))):
        _course(work, at, [one.of(measure) for one in kept], i, name)
    work.set_title("work saved, h")
    work.set_ylim(bottom=0)
    legend(work)
    if planned(kept):
        by_rule = np.array([one.heads_by_rule for one in kept], dtype=np.float64)
        own = np.array([one.heads for one in kept], dtype=np.float64)
        for i, (name, heads) in enumerate((("by rule of three", by_rule), ("planned", own))):
            effect.plot(at, heads, **line_style(i), marker=MARKERS[i], markersize=3.5, label=name)
        effect.set_title("heads")
        legend(effect)
    else:
        _course(effect, at, [one.records.get("asa") for one in kept], 1, "ASA")
        effect.set_title("ASA, s")
    effect.set_ylim(bottom=0)
    for axes in (work, effect):
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.set_xlabel("containment")
    return Drawing(title="What the bot saves", description=_savings(kept[0], kept[-1]), figure=figure)


def _course(axes: Axes, at: Floats, found: Sequence[Record | None], i: int, name: str) -> None:
    """Estimates with their intervals as a band."""
    style = line_style(i)
    axes.fill_between(at, column(found, "low"), column(found, "high"), color=style["color"], alpha=0.2, linewidth=0)
    axes.plot(at, column(found, "mean"), **style, marker=MARKERS[i], markersize=3.5, label=name)


def _savings(first: Kept, last: Kept) -> str:
    naive, real = (
        (last.of(measure).mean or 0.0) - (first.of(measure).mean or 0.0)
        for measure in ("bot_work_saved_naive", "bot_work_saved")
    )
    low, high = (by_unit(one.of("containment").mean, "share") for one in (first, last))
    said = f"From {low} to {high} containment: {real:,.0f} h of work saved, naively {naive:,.0f} h"
    if planned((first, last)):
        said += f"; {first.heads:,.0f} heads become {last.heads:,.0f}, by rule of three {last.heads_by_rule:,.0f}"
    return f"{said}."
