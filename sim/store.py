"""The run store: one line for each run in a small SQLite file, so that runs can be found and run again.

It only helps to find runs: what a run came to is in its folder. A file that is damaged, of a newer version or not ours
is left as it is.
"""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path

HOME = "PEAKDESK_HOME"
FILE = "runs.sqlite"
VERSION = 1
BUSY_S = 30
"""Seconds to wait for another process that is writing."""
_OURS = 0x7065616B
"""`application_id` of the file: "peak"."""
_TABLE = """
CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time TEXT NOT NULL,
    command TEXT NOT NULL,
    scenario TEXT NOT NULL,
    hash TEXT NOT NULL,
    seed INTEGER NOT NULL,
    first INTEGER NOT NULL,
    replications INTEGER NOT NULL,
    engine TEXT NOT NULL,
    versions TEXT NOT NULL,
    headline TEXT NOT NULL,
    folder TEXT NOT NULL
) STRICT
"""


class StoreError(Exception):
    """The run store cannot be read or written; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """A run as the store knows it; `time` in ISO 8601, `versions` of the packages that it depended on."""

    time: str
    command: str
    scenario: str
    hash: str
    seed: int
    first: int
    replications: int
    engine: str
    versions: dict[str, str]
    headline: str
    folder: Path
    id: int = 0


_COLUMNS = tuple(field.name for field in fields(Line))


class Store:
    """The lines of one store file, which appears with the first."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, line: Line) -> int:
        """Append a line: its id, which no other run has had before."""
        values = asdict(line) | {"versions": json.dumps(line.versions), "folder": self._from_here(line.folder)}
        names = _COLUMNS[:-1]
        with self._open(write=True) as database:
            places = ", ".join(f":{name}" for name in names)
            added = database.execute(f"INSERT INTO runs ({', '.join(names)}) VALUES ({places})", values)
            return int(added.lastrowid or 0)

    def add_once(self, line: Line) -> int:
        """The same, unless the newest line of this folder is of the same run: then its id."""
        for known in self.lines():
            if known.folder.absolute() == line.folder.absolute():
                if (known.command, known.hash, known.seed) == (line.command, line.hash, line.seed):
                    return known.id
                break
        return self.add(line)

    def lines(self) -> list[Line]:
        """All lines, the newest first."""
        return self._found("ORDER BY id DESC")

    def line(self, run: int) -> Line:
        """The line of one run; StoreError where there is none."""
        found = self._found("WHERE id = ?", run)
        if not found:
            raise StoreError(f"there is no run {run}: `peakdesk runs` lists those there are")
        return found[0]

    def delete(self, run: int) -> Line:
        """Take a line out and return it; StoreError where there is none."""
        line = self.line(run)
        with self._open(write=True) as database:
            database.execute("DELETE FROM runs WHERE id = ?", (run,))
        return line

    def _found(self, which: str, *values: int) -> list[Line]:
        if not self.path.exists() or not self.path.stat().st_size:
            return []
        with self._open() as database:
            rows = database.execute(f"SELECT {', '.join(_COLUMNS)} FROM runs {which}", values).fetchall()
        return [self._line(dict(zip(_COLUMNS, row, strict=True))) for row in rows]

    def _line(self, row: dict[str, object]) -> Line:
        try:
            versions = json.loads(str(row["versions"]))
        except ValueError as error:
            raise self._wrong(f"is damaged ({error})") from None
        return Line(**row | {"versions": versions, "folder": self._root / str(row["folder"])})  # type: ignore[arg-type]

    @property
    def _root(self) -> Path:
        """The folder that holds the store's; runs below it are known by their place in it, so that it can be moved."""
        return self.path.absolute().parent.parent

    def _from_here(self, folder: Path) -> str:
        folder = folder.absolute()
        return folder.relative_to(self._root).as_posix() if folder.is_relative_to(self._root) else str(folder)

    @contextmanager
    def _open(self, *, write: bool = False) -> Iterator[sqlite3.Connection]:
        """The file in a transaction of its own, of a single writer, that is whole or not at all."""
        try:
            if write:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            database = sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise self._wrong(f"cannot be opened ({error})") from None
        try:
            database.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            self._inspect(database, write)
            yield database
            database.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            raise self._wrong(_plainly(error)) from None
        finally:
            database.close()

    def _inspect(self, database: sqlite3.Connection, write: bool) -> None:
        """Make an empty file a store; refuse what is none, what is newer, and what is damaged."""
        found = {name: database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")}
        if found == {"application_id": 0, "user_version": 0} and self._is_empty(database):
            if write:
                database.execute(_TABLE)
                database.execute(f"PRAGMA application_id = {_OURS}")
                database.execute(f"PRAGMA user_version = {VERSION}")
                return
            raise self._wrong("is empty")
        if found["application_id"] != _OURS:
            raise self._wrong("is not a run store")
        if found["user_version"] != VERSION:
            raise self._wrong(f"is of version {found['user_version']}, and this peakdesk reads version {VERSION}")
        if (health := database.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise self._wrong(f"is damaged ({health})")

    @staticmethod
    def _is_empty(database: sqlite3.Connection) -> bool:
        return database.execute("SELECT 1 FROM sqlite_master").fetchone() is None

    def _wrong(self, what: str) -> StoreError:
        fix = f"it is left as it is; move it away for a new one to begin, or set {HOME} to another folder"
        return StoreError(f"the run store {self.path} {what}: {fix}")


def _plainly(error: sqlite3.DatabaseError) -> str:
    if isinstance(error, sqlite3.OperationalError):
        return f"cannot be used ({error})"
    return f"is damaged or no store ({error})"


def store() -> Store:
    """The store of this folder, .peakdesk/runs.sqlite beside runs/, or that in the folder PEAKDESK_HOME."""
    home = os.environ.get(HOME)
    return Store(Path(home or ".peakdesk") / FILE)
