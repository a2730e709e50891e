"""A Table as lines of text: aligned, also where names are Chinese, and fitted to a screen."""

import textwrap
import unicodedata
from collections.abc import Callable, Iterator

from sim.report.tables import Table

GAP = "  "
LEAST = 24
"""Columns of words are never cut below this."""
Cells = tuple[str, ...]


def lines(table: Table, width: int | None = None, paint: Callable[[str, str], str] | None = None) -> Iterator[str]:
    """Title, header, rows and note; `paint(cell, padded)` may colour a cell.

    On a screen of `width` the widest column of words gives way; figures that find no room follow below in a block of
    their own.
    """
    if table.title:
        yield table.title
    for block in _blocks(_fitted(table, width), width):
        yield from _block(block, paint)
    if table.note:
        yield from [table.note] if width is None else textwrap.wrap(table.note, width)


def cells_wide(text: str) -> int:
    """Columns of a screen that a text takes: wide characters take two."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def _widths(table: Table) -> list[int]:
    return [max(map(cells_wide, column)) for column in zip(table.head, *table.rows, strict=True)]


def _table_width(widths: list[int]) -> int:
    return sum(widths) + len(GAP) * (len(widths) - 1)


def _block(table: Table, paint: Callable[[str, str], str] | None) -> Iterator[str]:
    widths = _widths(table)
    for i, row in enumerate((table.head, *table.rows)):
        if not any(row):
            continue
        padded = [_padded(cell, wide, k < table.left) for k, (cell, wide) in enumerate(zip(row, widths, strict=True))]
        painted = [paint(cell, text) for cell, text in zip(row, padded, strict=True)] if paint and i else padded
        yield GAP.join(painted).rstrip()


def _padded(text: str, wide: int, left: bool) -> str:
    room = " " * (wide - cells_wide(text))
    return text + room if left else room + text


def _fitted(table: Table, width: int | None) -> Table:
    """The table with its widest column of words cut by as much as it is too wide."""
    widths = _widths(table)
    over = 0 if width is None else _table_width(widths) - width
    if over <= 0 or not table.left:
        return table
    longest = max(range(table.left), key=widths.__getitem__)
    room = max(LEAST, widths[longest] - over)
    head, *rows = (
        tuple(_cut(cell, room) if k == longest else cell for k, cell in enumerate(row))
        for row in (table.head, *table.rows)
    )
    return table._replace(head=head, rows=tuple(rows))


def _cut(text: str, room: int) -> str:
    if cells_wide(text) <= room:
        return text
    while cells_wide(text) > room - 1:
        text = text[:-1]
    return f"{text}…"


def _blocks(table: Table, width: int | None) -> Iterator[Table]:
    """Parts of a table that fit, each beginning with the columns of words; at least one column of figures each."""
    words = list(range(table.left))
    widths = _widths(table)
    kept = list(words)
    for k in range(table.left, len(table.head)):
        if width is not None and len(kept) > len(words) and _table_width([widths[j] for j in (*kept, k)]) > width:
            yield _part(table, kept)
            kept = list(words)
        kept.append(k)
    yield _part(table, kept)


def _part(table: Table, columns: list[int]) -> Table:
    head, *rows = (tuple(row[k] for k in columns) for row in (table.head, *table.rows))
    return table._replace(head=head, rows=tuple(rows))
