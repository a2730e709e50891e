"""References to tables in the tree of a scenario become the values themselves, each with the file and line it is from.

`{file: arrivals.csv, column: presale}` is a series, `{family: empirical, file: talk.csv}` a distribution; traces,
levels and shifts are tables too. Everything is put in as each file is read, before files are laid over one another.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from sim.clock import YEARS, Horizon, instants_of_local
from sim.scenario_problems import Problem, did_you_mean, file_problem, problem, split
from sim.scenario_schema import TABLE_KEYS
from sim.scenario_tables import (
    BACKLOG_COLUMNS,
    SHIFT_COLUMNS,
    TRACE_COLUMNS,
    NoTable,
    Row,
    Table,
    beside,
    parse_label,
    parse_table,
    read_table,
)
from sim.scenario_tree import Node, Origin, Place, Scalar, find, mappings, put

SERIES = (
    "profiles.*",
    *(f"contact_types.*.arrivals.{form}" for form in ("per_hour", "profile", "counts", "forecast.*")),
    "contact_types.*.bot.drift",
    "bots.*.capacity",
)
_BREAK = re.compile(r"\s*(?P<after>[^+]+?)\s*\+\s*(?P<length>.+?)\s*(?P<paid>\bpaid)?\s*")
_TIME_OF_DAY = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d(?:\.\d+)?))?")


class Inliner:
    """Puts tables into trees; what is wrong is gathered in `problems`, and something harmless put in instead."""

    def __init__(self, *, allow_path: bool) -> None:
        self.problems: list[Problem] = []
        self._allow_path = allow_path
        self._read: dict[Path, tuple[Table, list[Problem]]] = {}

    def inline(self, tree: Node) -> Node:
        """The tree with each reference to a table replaced by what is in it."""
        readings: list[tuple[Place, Node, Callable[[Node, Place], Node]]] = [
            (place, node, self._series) for form in SERIES for place, node in find(tree, form) if _refers(node)
        ]
        readings += [
            (place, node, self._empirical)
            for place, node in mappings(tree)
            if _refers(node) and (family := node.child("family")) and family.text == "empirical"
        ]
        tables = {
            "trace": self._trace,
            "backlog": self._backlog,
            "contact_types.*.arrivals.forecast": self._columns,
            "forecast.paths": self._paths,
            "staffing.levels": self._columns,
            "staffing.shifts": self._shifts,
        }
        for pattern, reader in tables.items():
            readings += [(place, node, reader) for place, node in find(tree, pattern) if _refers(node) or node.text]
        for place, node, read in readings:
            found = self._or_nothing(node, place, read)
            tree = put(tree, place, found) if found is not None else put(tree, place[:-1], None)
        return tree

    def _or_nothing(self, node: Node, place: Place, read: Callable[[Node, Place], Node]) -> Node | None:
        """What is read, or something harmless; None where nothing harmless can stand there."""
        try:
            return read(node, place)
        except NoTable as none:
            self.problems.append(none.why)
        harmless: dict[Place, dict[str, Node] | list[Node]] = {
            ("trace",): [],
            ("backlog",): {},
            ("staffing", "levels"): {},
            ("staffing", "shifts"): [],
        }
        if place in (("forecast", "paths"), ("contact_types", *place[1:2], "arrivals", "forecast")):
            return None
        series = {"00:00": Node(1, node.origin)}
        default = _exponential(node.origin) if read == self._empirical else series
        return Node(harmless.get(place, default), node.origin, whole=True)

    def _table(self, node: Node, place: Place, *also: str) -> Table:
        """The table that a node refers to."""
        for key in node.entries:
            if key not in (*TABLE_KEYS, *also):
                rule = f"a reference to a table has the keys {', '.join(TABLE_KEYS)}, and no {key}"
                raise NoTable(problem(Node({}, node.entries[key].origin), place, rule))
        text, name = node.child("table"), node.child("file") or node
        if text is not None:
            table, uneven = parse_table(text.text, text.origin)
        else:
            path, origin = beside(name, name.text, place, allow_path=self._allow_path)
            if path not in self._read:
                self._read[path] = read_table(path, origin)
            table, uneven = self._read[path]
        self.problems += uneven
        return table

    def _column(self, table: Table, node: Node, place: Place, default: str) -> int:
        column = node.child("column")
        name = column.text if column else default
        for i, known in enumerate(table.header):
            if known.casefold() == name.casefold():
                return i
        values = [i for i in range(len(table.header)) if i != table.label_column() or len(table.header) == 1]
        if column is None and len(values) == 1:
            return values[0]
        rule = f"{Path(table.origin.file).name} has no column {name!r}"
        raise NoTable(problem(Node({}, (column or node).origin), place, rule, did_you_mean(name, table.header)))

    def _number(self, table: Table, row: Row, column: int, place: Place) -> Node | None:
        cell = row.cells[column]
        number = table.number(cell)
        if number is None:
            wrong = problem(Node(cell or None, row.origin), place, "must be a number" if cell else "is empty")
            self.problems.append(wrong)
        return None if number is None else Node(number, row.origin)

    def _by_label(self, table: Table, column: int, place: Place) -> Node:
        """One column of a table, by the label of each row."""
        found: dict[str, Node] = {}
        for row in table.rows:
            written = row.cells[table.label_column()]
            try:
                label = parse_label(written)
            except ValueError as error:
                self.problems.append(file_problem(row.origin, *split(str(error))))
                continue
            number = self._number(table, row, column, (*place, label))
            if label in found:
                twice = f"is given twice (first in line {found[label].origin.line})"
                self.problems.append(problem(Node({}, row.origin), (*place, label), twice))
            elif number is not None:
                found[label] = number
        return Node(found or {"00:00": Node(1, table.origin)}, table.origin, whole=True)

    def _series(self, node: Node, place: Place) -> Node:
        table = self._table(node, place)
        return self._by_label(table, self._column(table, node, place, default=str(place[1])), place)

    def _columns(self, node: Node, place: Place) -> Node:
        """All columns of a table, each by the label of its rows: heads of groups, quantiles of a forecast."""
        table = self._table(node, place)
        columns = [(i, name) for i, name in enumerate(table.header) if i != table.label_column()]
        return Node({name: self._by_label(table, i, (*place, name)) for i, name in columns}, table.origin, whole=True)

    def _paths(self, node: Node, place: Place) -> Node:
        """The paths of a forecast: rows by what stands in the column `path`, in order of first mention."""
        table = self._table(node, place)
        for name in ("path", "start"):
            if name not in table.header:
                raise NoTable(file_problem(table.origin, f"the column {name} is missing"))
        at = table.header.index("path")
        rows: dict[str, list[Row]] = {}
        for row in table.rows:
            rows.setdefault(row.cells[at], []).append(row)
        types = [(i, name) for i, name in enumerate(table.header) if name not in ("path", "start")]
        found = []
        for number, of_path in enumerate(rows.values()):
            part = replace(table, rows=tuple(of_path), origin=of_path[0].origin)
            columns = {name: self._by_label(part, i, (*place, number, name)) for i, name in types}
            found.append(Node(columns, part.origin, whole=True))
        return Node(found, table.origin, whole=True)

    def _empirical(self, node: Node, place: Place) -> Node:
        table = self._table(node, place, "family")
        column = self._column(table, node, place, default="seconds")
        values = [self._number(table, row, column, (*place, "values", i)) for i, row in enumerate(table.rows)]
        seconds = [value for value in values if value is not None] or [Node(1, node.origin)]
        return Node({"family": node.entries["family"], "values": Node(list(seconds), table.origin)}, node.origin)

    def _trace(self, node: Node, place: Place) -> Node:
        table = self._table(node, place)
        names = ["contact_type" if name == "type" else name for name in table.header]
        self._check_columns(table, names, TRACE_COLUMNS, needed=("arrival", "contact_type"))
        rows = (zip(names, row.cells, strict=True) for row in table.rows)
        filled = [
            {name: cell if name == "contact_type" else _seconds(table, cell) for name, cell in row if cell}
            for row in rows
        ]
        return Node([_record(row, table.rows[i].origin) for i, row in enumerate(filled)], table.origin, whole=True)

    def _backlog(self, node: Node, place: Place) -> Node:
        table = self._table(node, place)
        names = ["contact_type" if name == "type" else name for name in table.header]
        self._check_columns(table, names, BACKLOG_COLUMNS, needed=BACKLOG_COLUMNS)
        ages: dict[str, list[Node]] = {}
        for row in table.rows:
            cells = dict(zip(names, row.cells, strict=True))
            ages.setdefault(cells["contact_type"], []).append(Node(_seconds(table, cells["age"]), row.origin))
        found = {name: Node({"ages": Node(list(of), of[0].origin)}, of[0].origin) for name, of in ages.items()}
        return Node(found, table.origin, whole=True)

    def _shifts(self, node: Node, place: Place) -> Node:
        table = self._table(node, place)
        self._check_columns(table, table.header, SHIFT_COLUMNS, needed=("group", "start", "length"))
        shifts: list[Node] = []
        for row in table.rows:
            cells = {name: cell for name, cell in zip(table.header, row.cells, strict=True) if cell}
            breaks = cells.pop("breaks", "")
            shift = _record({**cells, **self._counted(table, cells)}, row.origin).entries
            shifts.append(Node({**shift, **self._breaks(breaks, row, (*place, len(shifts)))}, row.origin))
        return Node(shifts, table.origin, whole=True)

    def _counted(self, table: Table, cells: dict[str, str]) -> dict[str, Scalar]:
        number = table.number(cells.get("number", ""))
        return {} if number is None else {"number": number}

    def _breaks(self, cell: str, row: Row, place: Place) -> dict[str, Node]:
        found = []
        for part in filter(str.strip, cell.split(";")):
            match = _BREAK.fullmatch(part)
            if match is None:
                fix = 'write "3 h+60 min; 6 h+15 min paid": after the start, length'
                self.problems.append(problem(Node(part, row.origin), (*place, "breaks"), "this is no break", fix))
                continue
            fields = {"after": match["after"], "length": match["length"], "paid": match["paid"] is not None}
            found.append(_record(fields, row.origin))
        return {"breaks": Node(list(found), row.origin)} if found else {}

    def _check_columns(self, table: Table, names: Iterable[str], known: Iterable[str], needed: Iterable[str]) -> None:
        named = tuple(names)
        for name in named:
            if name not in known:
                raise NoTable(file_problem(table.origin, f"no such column: {name}", did_you_mean(name, known)))
        for name in needed:
            if name not in named:
                raise NoTable(file_problem(table.origin, f"the column {name} is missing"))

    # ------------------------------------------------------------------------------------- times of a trace

    def local_arrivals(self, tree: Node) -> Node:
        """The tree with local times of arrival in its trace replaced by seconds from the start of the horizon."""
        rows = (tree.child("trace") or tree).items
        try:
            horizon = Horizon.model_validate((tree.child("horizon") or tree).plain())
        except ValidationError:
            return put(tree, ("trace",), None)
        placed = replace(tree.entries["trace"], value=self._placed(rows, horizon)) if rows else None
        return put(tree, ("trace",), placed) if placed else tree

    def _placed(self, rows: list[Node], horizon: Horizon) -> list[Node]:
        placed = []
        for i, row in enumerate(rows):
            arrival = row.child("arrival")
            if arrival is None or ":" not in arrival.text:
                placed.append(row)
                continue
            try:
                seconds = f"{_since_start(arrival.text, horizon)!r} s"
                placed.append(put(row, ("arrival",), replace(arrival, value=seconds)))
            except ValueError as error:
                self.problems.append(problem(arrival, ("trace", i, "arrival"), *split(str(error))))
        return placed


def _refers(node: Node) -> bool:
    return "file" in node.entries or "table" in node.entries


def _record(fields: Mapping[str, Scalar], origin: Origin) -> Node:
    return Node({name: Node(value, origin) for name, value in fields.items()}, origin)


def _exponential(origin: Origin) -> dict[str, Node]:
    return _record({"family": "exponential", "mean": "1 s"}, origin).entries


def _seconds(table: Table, cell: str) -> str:
    number = table.number(cell)
    return cell if number is None else f"{number} s"


def _since_start(text: str, horizon: Horizon) -> float:
    """Seconds from the start of the horizon to a local time, given with its date or meant on the only day it fits."""
    if match := _TIME_OF_DAY.fullmatch(text.strip()):
        minutes, seconds = int(match[1]) * 60 + int(match[2]), float(match[3] or 0)
        instants = [ms / 1000 + seconds for day in horizon.days for ms in horizon.instants(day, minutes)]
        inside = [since for since in instants if 0 <= since < horizon.length]
        if len(inside) != 1:
            if inside:
                raise ValueError(f"{text} comes more than once in the horizon: give it with its date")
            first, last = horizon.local(0), horizon.local(horizon.length_ms)
            raise ValueError(f"{text} lies outside the horizon ({first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M})")
        return inside[0]
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f'{text} is no time: write "18:30:05" or "2026-11-10 18:30:05"') from None
    if at.year not in YEARS:
        raise ValueError(f"{text} does not lie between 1900 and 2200")
    since = (instants_of_local(at, ZoneInfo(horizon.zone), refuse=True)[0] - horizon.local(0)).total_seconds()
    if since < 0:
        raise ValueError(f"{text} lies before the start of the horizon")
    return since
