"""Tables of a scenario, mostly CSV files beside it: read as planners have them, written as scenarios read them.

Delimiter `,` `;` tab or `|`, UTF-8 or GB18030, decimal commas where the delimiter is none, lines with # skipped.
`sim.scenario_inline` puts what is read here into the tree of a scenario.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from sim.clock import format_moment, parse_moment
from sim.scenario import Forecast, TraceRow
from sim.scenario_problems import Problem, did_you_mean, file_problem, problem
from sim.scenario_tree import Node, Origin, Place
from sim.staffing import ShiftCount
from sim.units import format_clock, format_duration

DELIMITERS = (",", ";", "\t", "|")
SHIFT_COLUMNS = ("template", "group", "start", "length", "day", "breaks", "number")
TRACE_COLUMNS = ("arrival", "contact_type", "talk", "patience")
BACKLOG_COLUMNS = ("contact_type", "age")


@dataclass(frozen=True)
class Row:
    """One line of a table, cells stripped."""

    origin: Origin
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A header and rows of as many cells; with `decimal_comma`, numbers may be written 12,5."""

    origin: Origin
    header: tuple[str, ...]
    rows: tuple[Row, ...]
    decimal_comma: bool

    def number(self, cell: str) -> int | float | None:
        """The number in a cell, None if it is none."""
        text = cell.replace(",", ".") if self.decimal_comma else cell
        try:
            return int(text) if re.fullmatch(r"[+-]?\d+", text) else float(text)
        except ValueError:
            return None

    def label_column(self) -> int:
        """The column called start or time, else the first."""
        names = [name.casefold() for name in self.header]
        return next((names.index(name) for name in ("start", "time") if name in names), 0)


class NoTable(Exception):
    """A table that cannot be read, and why."""

    def __init__(self, why: Problem) -> None:
        super().__init__(str(why))
        self.why = why


def beside(node: Node, name: str, place: Place, *, allow_path: bool) -> tuple[Path, Origin]:
    """The path of a file named in a scenario, and its origin; it must lie below the folder of the file naming it."""
    folder = node.origin.folder
    if folder is None:
        raise NoTable(problem(node, place, "text that is in no file has no files beside it"))
    path = folder / name
    if not allow_path and not path.resolve().is_relative_to(folder.resolve()):
        rule = "a file named in a scenario must lie in its folder or below"
        raise NoTable(problem(node, place, rule, "move it there, or allow it with --allow-path"))
    if not path.is_file():
        others = sorted(other.name for other in folder.glob(f"*{path.suffix}") if other.is_file())
        raise NoTable(problem(node, place, f"there is no file {name!r}", did_you_mean(name, others)))
    return path, Origin(str(Path(node.origin.file).parent / name), None, path.parent)


def read_table(path: Path, origin: Origin) -> tuple[Table, list[Problem]]:
    """A CSV file and what is wrong with its rows; raises NoTable if it is no table at all."""
    raw = path.read_bytes()
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return parse_table(raw.decode(encoding), origin)
        except UnicodeDecodeError:
            continue
    raise NoTable(file_problem(origin, "the file is neither UTF-8 nor GB18030", "save it as CSV in UTF-8"))


def parse_table(text: str, origin: Origin) -> tuple[Table, list[Problem]]:
    """The same of a text whose first line comes after line `origin.line` (none: 0) of its file."""
    header_line = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    delimiter = max(DELIMITERS, key=header_line.count) if any(d in header_line for d in DELIMITERS) else "\t"
    rows = list(_rows(text, delimiter, origin))
    if len(rows) < 2:
        raise NoTable(file_problem(origin, "the table is empty", "give it a header and rows"))
    header = rows[0].cells
    if twice := [name for i, name in enumerate(header) if name in header[:i]]:
        raise NoTable(file_problem(rows[0].origin, f"the column {twice[0]!r} comes twice"))
    whole = [replace(row, cells=_fitted(row.cells, len(header))) for row in rows[1:]]
    uneven = [
        file_problem(row.origin, f"the row has {len(row.cells)} cells, the header has {len(header)}")
        for row in whole
        if len(row.cells) != len(header)
    ]
    kept = tuple(row for row in whole if len(row.cells) == len(header))
    return Table(rows[0].origin, header, kept, delimiter != ","), uneven


def _rows(text: str, delimiter: str, origin: Origin) -> Iterator[Row]:
    reader, before = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), origin.line or 0
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells) and not cells[0].startswith("#"):
                yield Row(origin.at(before + reader.line_num), tuple(cell.strip() for cell in cells))
    except csv.Error as error:
        raise NoTable(file_problem(origin.at(before + reader.line_num), f"this is no CSV: {error}")) from None


def _fitted(cells: tuple[str, ...], width: int) -> tuple[str, ...]:
    return cells if any(cells[width:]) else cells[:width]


def parse_label(text: str) -> str:
    """A label as scenarios spell it: "8:15" is "08:15"."""
    return format_moment(parse_moment(text))


# --------------------------------------------------------------------------------------------------- out of records


def shifts_csv(shifts: Iterable[ShiftCount]) -> str:
    """Shifts as the table that `staffing.shifts: file.csv` reads."""
    return _csv(SHIFT_COLUMNS, (
        (s.template, s.group, format_clock(s.start), format_duration(s.length), s.day or "", _breaks_cell(s), s.number)
        for s in shifts
    ))  # fmt: skip


def _breaks_cell(shift: ShiftCount) -> str:
    return "; ".join(
        f"{format_duration(pause.after)}+{format_duration(pause.length)}{' paid' if pause.paid else ''}"
        for pause in shift.breaks
    )


def trace_csv(rows: Iterable[TraceRow]) -> str:
    """A trace as the table that `trace: {file: day.csv}` reads."""
    return _csv(TRACE_COLUMNS, (
        (row.arrival, row.contact_type, *("" if s is None else s for s in (row.talk, row.patience))) for row in rows
    ))  # fmt: skip


def paths_csv(forecast: Forecast) -> str:
    """The paths of a forecast as the table that `forecast: {paths: {file: paths.csv}}` reads."""
    names = forecast.contact_types
    return _csv(("path", "start", *names), (
        (number, label, *(path[name][label] for name in names))
        for number, path in enumerate(forecast.paths, 1) for label in path[names[0]]
    ))  # fmt: skip


def _csv(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()
