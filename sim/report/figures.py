"""Figures of a result: one figure is one function from a result's records to a Drawing, or None without data.

All that knows matplotlib is here. Figures are Figure objects, never pyplot; the same records give the same bytes.
Colours are those of Okabe and Ito (2008), told apart by dashes as well.
"""

import io
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator, PercentFormatter

from sim.report.records import Records, by_unit, shortened, target_text
from sim.results import Record, TargetRecord
from sim.units import format_duration

BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000",
)  # fmt: skip
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)), (0, (3, 1, 1, 1, 1, 1)))
GREY = "#6b6b6b"
HAN_FONTS = ("Noto Sans CJK SC", "Source Han Sans SC", "PingFang SC", "Microsoft YaHei", "WenQuanYi Zen Hei")
STYLE: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": "medium",
    "figure.dpi": 100,
    "font.size": 9,
    "grid.alpha": 0.35,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "peakdesk",
}
WIDTH = 8.4
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A figure with a title and a description in words, for those who do not see it."""

    title: str
    description: str
    figure: Figure


# ----------------------------------------------------------------------------------------------------------- drawing


def house_style() -> Any:
    """The settings of matplotlib, with the Han fonts that this machine has."""
    known = set(font_manager.get_font_names())
    return STYLE | {"font.family": ["DejaVu Sans", *(font for font in HAN_FONTS if font in known), "sans-serif"]}


def blank(height: float) -> Figure:
    """An empty figure, as wide as all of them; inches."""
    return Figure(figsize=(WIDTH, height), layout="constrained")


def line_style(i: int) -> dict[str, Any]:
    """The i-th colour with its dashes."""
    return {"color": COLOURS[i % len(COLOURS)], "linestyle": DASHES[i % len(DASHES)], "linewidth": 1.6}


def column(line: Sequence[Record | None], key: str) -> Floats:
    """One key of the records, NaN where there is none."""
    values = [None if record is None else getattr(record, key) for record in line]
    return np.array([np.nan if v is None else v for v in values], dtype=np.float64)


def steps(axes: Axes, values: Floats, **style: Any) -> None:
    """A line that holds through each interval."""
    axes.step(np.arange(len(values) + 1), np.append(values, values[-1:]), where="post", **style)


def band(axes: Axes, line: Sequence[Record | None], colour: str) -> None:
    """The interval of each estimate, as a band."""
    low, high = (np.append(column(line, key), column(line, key)[-1:]) for key in ("low", "high"))
    axes.fill_between(np.arange(len(low)), low, high, step="post", color=colour, alpha=0.2, linewidth=0)


def clock_axis(axes: Axes, records: Records, most: int = 12) -> None:
    """Local clock labels at round hours, at most so many; the date where a day begins."""
    starts = [datetime.fromisoformat(records.intervals[i]["start"]) for i in sorted(records.intervals)]
    hours = len(starts) * records.intervals[0]["length_s"] / 3600
    every = next((h for h in (1, 2, 3, 4, 6, 12, 24) if hours / h <= most), 24)
    at = [i for i, start in enumerate(starts) if start.minute == 0 and start.hour % every == 0] or [0]
    several = starts[0].date() != starts[-1].date()
    first_of_day = {next(i for i in at if starts[i].date() == day) for day in {starts[i].date() for i in at}}
    labels = [f"{starts[i]:%H:%M}" + (f"\n{starts[i]:%d %b}" if several and i in first_of_day else "") for i in at]
    axes.set_xticks(at, labels)
    axes.set_xlim(0, len(starts))


def _clock(records: Records, index: int) -> str:
    return f"{datetime.fromisoformat(records.intervals[index]['start']):%H:%M}"


def extremes(records: Records, values: Floats, unit: str) -> str:
    """Lowest and highest value of a line with their times, in words."""
    if np.isnan(values).all():
        return "no values"
    low, high = int(np.nanargmin(values)), int(np.nanargmax(values))
    return (
        f"lowest {by_unit(float(values[low]), unit)} at {_clock(records, low)}, "
        f"highest {by_unit(float(values[high]), unit)} at {_clock(records, high)}"
    )


_ROUND_WAITS = (10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 28800, 86400)


def _wait_axis(axes: Axes, longest: float) -> None:
    """Seconds from 0 in a line up to 10 s, logarithmic from there on, labels at round waits."""
    axes.set_xscale("symlog", linthresh=10.0, linscale=0.6)
    top = next((wait for wait in _ROUND_WAITS if wait >= longest), longest)
    at = [0, *(wait for wait in _ROUND_WAITS if wait <= top)]
    axes.set_xticks(at, [format_duration(wait) for wait in at], minor=False)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlim(0, top * 1.02)


# ----------------------------------------------------------------------------------------------------------- figures


def service_level(records: Records, targets: Sequence[TargetRecord]) -> Drawing | None:
    """Service level by interval, its interval as a band: of each target with its level, else of all contacts."""
    courses = [(i, target) for i, target in enumerate(targets) if target.measure == "service_level"]
    panels = [(_promise(target), records.over_the_day("service_level", segment=f"target {i + 1}"), target.at_least)
              for i, target in courses]  # fmt: skip
    panels = [panel for panel in panels if panel[1]] or [("all contacts", records.over_the_day("service_level"), None)]
    if not panels[0][1]:
        return None
    figure, grid = _panels(len(panels), 2, 2.1)
    for axes, (name, line, level) in zip(grid, panels, strict=True):
        band(axes, line, BLUE)
        steps(axes, column(line, "mean"), color=BLUE, linewidth=1.4)
        if level is not None:
            axes.axhline(level, color=VERMILION, linestyle=DASHES[1], linewidth=1.3)
        axes.set_title(shortened(name, 52 if len(panels) > 1 else 110))
        clock_axis(axes, records, 6 if len(panels) > 1 else 12)
    _share_axis(grid, "service level")
    said = [f"{shortened(name, 40)} {extremes(records, column(line, 'mean'), 'share')}" for name, line, _ in panels]
    return Drawing(
        title="Service level by interval",
        description=f"Share answered in time; the target is the dashed line. {'; '.join(said)}.",
        figure=figure,
    )


def _promise(target: TargetRecord) -> str:
    return target_text(target).removeprefix("service level ")


def queue_length(records: Records) -> Drawing | None:
    """Mean number waiting in each interval: all contacts with a band, and the types with the longest queues."""
    total = records.over_the_day("queue_length")
    if not total:
        return None
    figure = blank(3.6)
    axes = figure.add_subplot()
    values = column(total, "mean")
    band(axes, total, GREY)
    steps(axes, values, color=BLACK, linewidth=1.8, label="all")
    for i, (name, line) in enumerate(_longest(records)):
        steps(axes, line, **line_style(i), label=name)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("contacts waiting (mean)")
    clock_axis(axes, records)
    legend(axes)
    return Drawing(
        title="Queue length over the day",
        description=f"Mean number of contacts waiting, {extremes(records, values, 'contacts')}.",
        figure=figure,
    )


def _longest(records: Records, most: int = 6) -> list[tuple[str, Floats]]:
    """The contact types with the longest queues, in their order; none where there is only one."""
    lines = {name: column(records.over_the_day("queue_length", type=name), "mean") for name in records.names("type")}
    kept = sorted((name for name in lines if len(lines[name])), key=lambda name: -float(np.nanmax(lines[name])))[:most]
    return [(name, lines[name]) for name in lines if name in kept] if len(lines) > 1 else []


def legend(axes: Axes) -> None:
    """To the right of the plot, where it hides nothing."""
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.02), borderaxespad=0.2)


def waits(records: Records) -> Drawing | None:
    """Wait quantiles of the answered contacts, a row for each type."""
    measures = ("wait_p50", "wait_p80", "wait_p95", "wait_p99")
    rows: list[tuple[str, dict[str, str]]] = [("all", {})] + [(name, {"type": name}) for name in records.names("type")]
    rows = [(name, by) for name, by in rows if records.mean("wait_p50", **by) is not None]
    if not rows:
        return None
    figure = blank(1.4 + 0.32 * len(rows))
    axes = figure.add_subplot()
    for i, (measure, marker) in enumerate(zip(measures, "osD^", strict=True)):
        found = [records.get(measure, **by) for _, by in rows]
        points(axes, found, 0.16 * (i - 1.5), fmt=marker, color=COLOURS[i], label=f"P{measure[-2:]}")
    axes.set_yticks(range(len(rows)), [name for name, _ in rows])
    axes.invert_yaxis()
    highest = [records.get(measure, **by) for measure in measures for _, by in rows]
    _wait_axis(axes, float(np.nanmax([column(highest, "mean"), column(highest, "high")])))
    axes.set_xlabel("wait of answered contacts")
    legend(axes)
    worst = max(rows, key=lambda row: records.mean("wait_p95", **row[1]) or 0.0)
    said = [f"{name}: median {_said(records, 'wait_p50', by)}, P95 {_said(records, 'wait_p95', by)}"
            for name, by in (rows[0], worst)]  # fmt: skip
    return Drawing(
        title="Waits by contact type",
        description=f"Quantiles of the wait of answered contacts; in all and longest: {'; '.join(said)}.",
        figure=figure,
    )


def points(axes: Axes, found: Sequence[Record | None], lift: float, **style: Any) -> None:
    """Estimates as points on rows 0, 1, … (lifted a little), their intervals as bars."""
    mean, low, high = (column(found, key) for key in ("mean", "low", "high"))
    rows = np.arange(len(found)) + lift
    bars = np.nan_to_num(np.clip(np.stack([mean - low, high - mean]), 0, None))
    axes.errorbar(mean, rows, xerr=bars, markersize=4.5, linewidth=1, **style)


def _said(records: Records, measure: str, by: dict[str, str]) -> str:
    record = records.get(measure, **by)
    return "–" if record is None else by_unit(record.mean, record.unit)


def occupancy(records: Records) -> Drawing | None:
    """Occupancy of each agent group over the day."""
    lines = [(name, records.over_the_day("occupancy", group=name)) for name in records.names("group")]
    lines = [(name, line) for name, line in lines if line]
    if not lines:
        return None
    figure, grid = _panels(len(lines), 3, 1.75)
    for axes, (name, line) in zip(grid, lines, strict=True):
        band(axes, line, BLUE)
        steps(axes, column(line, "mean"), color=BLUE, linewidth=1.4)
        axes.set_title(f"{name}, {_said(records, 'occupancy', {'group': name})} in all")
        clock_axis(axes, records, 12 // min(3, len(lines)))
    _share_axis(grid, "occupancy")
    said = "; ".join(f"{name} {_said(records, 'occupancy', {'group': name})}" for name, _ in lines)
    return Drawing(title="Occupancy by agent group", description=f"Over the whole horizon: {said}.", figure=figure)


def _panels(n: int, most_columns: int, height: float) -> tuple[Figure, list[Axes]]:
    """A figure of n panels that share their axes, row by row."""
    columns = min(most_columns, n)
    rows = -(-n // columns)
    figure = blank(height * rows + (1.2 if n == 1 else 0.6))
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for i, axes in enumerate(grid.flat):
        axes.set_visible(i < n)
        axes.tick_params(labelbottom=i + columns >= n)
    return figure, list(grid.flat[:n])


def _share_axis(grid: Sequence[Axes], label: str) -> None:
    grid[0].set_ylim(0, 1.02)
    grid[0].yaxis.set_major_formatter(PercentFormatter(1.0))
    for axes in grid:
        axes.set_xlabel("")
        if axes.get_subplotspec().is_first_col():  # type: ignore[union-attr]
            axes.set_ylabel(label)


def coverage(records: Records) -> Drawing | None:
    """Agents required and agents scheduled in each interval: in all, and by agent group."""
    total = records.over_the_day("scheduled")
    if not total:
        return None
    groups = [name for name in records.names("group") if records.over_the_day("scheduled", group=name)]
    groups = groups if len(groups) > 1 else []
    columns = 3
    rows = -(-len(groups) // columns)
    figure = blank(3.0 + 1.7 * rows)
    grid = figure.add_gridspec(1 + rows, columns, height_ratios=[1.5, *[1.0] * rows])
    axes = figure.add_subplot(grid[0, :])
    _cover(axes, records, {})
    axes.set_title("all groups")
    clock_axis(axes, records, 12)
    legend(axes)
    for i, name in enumerate(groups):
        panel = figure.add_subplot(grid[1 + i // columns, i % columns])
        _cover(panel, records, {"group": name})
        panel.set_title(name)
        clock_axis(panel, records, 4)
    return Drawing(
        title="Requirement against coverage" if records.over_the_day("required") else "Agents scheduled",
        description=f"Agents due at the desk, {extremes(records, column(total, 'mean'), 'agents')}.",
        figure=figure,
    )


def _cover(axes: Axes, records: Records, by: dict[str, str]) -> None:
    scheduled, required = (column(records.over_the_day(m, **by), "mean") for m in ("scheduled", "required"))
    steps(axes, scheduled, color=BLUE, linewidth=1.6, label="scheduled")
    if len(required):
        steps(axes, required, color=VERMILION, linewidth=1.4, linestyle=DASHES[1], label="required")
        edges = np.arange(len(scheduled) + 1)
        need, have = (np.append(v, v[-1:]) for v in (required, scheduled))
        axes.fill_between(edges, need, have, where=have >= need, step="post", color=SKY, alpha=0.3, label="over")
        axes.fill_between(edges, need, have, where=have < need, step="post", color=ORANGE, alpha=0.6, hatch="///",
                          linewidth=0, label="under")  # fmt: skip
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.set_ylabel("agents")


# -------------------------------------------------------------------------------------------------------------- files


def draw(records: Records, targets: Sequence[TargetRecord]) -> dict[str, Drawing]:
    """All figures that these records have data for, by file name."""
    drawings: dict[str, Callable[[], Drawing | None]] = {
        "coverage": lambda: coverage(records),
        "service-level": lambda: service_level(records, targets),
        "queue-length": lambda: queue_length(records),
        "waits": lambda: waits(records),
        "occupancy": lambda: occupancy(records),
    }
    with mpl.rc_context(house_style()):
        drawn = {name: function() for name, function in drawings.items()}
    return {name: drawing for name, drawing in drawn.items() if drawing is not None}


def svg(drawing: Drawing) -> bytes:
    """The figure as SVG with title and description; equal drawings give equal bytes."""
    text = _saved(drawing, "svg", {"Date": None, "Title": drawing.title}).decode()
    described = f"</title>\n <desc>{_escaped(drawing.description)}</desc>"
    text = text.replace("</title>", described, 1).replace("<svg ", '<svg role="img" ', 1)
    return text.encode()


def png(drawing: Drawing) -> bytes:
    """The figure as PNG."""
    return _saved(drawing, "png", {"Title": drawing.title, "Software": None})


def _saved(drawing: Drawing, form: str, metadata: dict[str, str | None]) -> bytes:
    file = io.BytesIO()
    with mpl.rc_context(house_style()), warnings.catch_warnings():
        # a PNG without a Han font shows boxes; an SVG is drawn with the reader's fonts
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        drawing.figure.savefig(file, format=form, metadata=metadata, dpi=150)
        drawing.figure.set_layout_engine("none")  # what is laid out once stays as it is
    return file.getvalue()


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
