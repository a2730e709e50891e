"""The run store: finds runs, takes two writers at once, and never harms a file that it does not understand."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from sim.store import Line, Store, StoreError, store

HOME = Path(__file__).resolve().parents[2]


def a_line(folder: Path, name: str = "desk") -> Line:
    return Line(
        time="2026-11-11T08:00:00+08:00",
        command="simulate",
        scenario=name,
        hash="ab12",
        seed=1,
        first=0,
        replications=20,
        engine="compiled",
        versions={"numpy": "2.4.6"},
        headline="desk: 20 replications",
        folder=folder,
    )


@pytest.fixture
def past(tmp_path: Path) -> Store:
    return Store(tmp_path / ".peakdesk" / "runs.sqlite")


def test_lines_come_back_the_newest_first(past: Store, tmp_path: Path) -> None:
    assert past.lines() == []
    assert not past.path.exists()
    assert [past.add(a_line(tmp_path / name, name)) for name in ("one", "two")] == [1, 2]
    newest, oldest = past.lines()
    assert newest == past.line(2)
    assert (oldest.id, oldest.scenario, oldest.versions) == (1, "one", {"numpy": "2.4.6"})
    assert oldest.folder == tmp_path / "one"


def test_an_id_is_never_given_twice(past: Store, tmp_path: Path) -> None:
    past.add(a_line(tmp_path))
    assert past.delete(1).scenario == "desk"
    assert past.add(a_line(tmp_path)) == 2
    for ask in (past.line, past.delete):
        with pytest.raises(StoreError, match="no run 1: "):
            ask(1)


def test_a_project_can_be_moved_with_its_runs(past: Store, tmp_path: Path) -> None:
    past.add(a_line(tmp_path / "runs" / "one"))
    past.add(a_line(Path("/elsewhere/two")))
    moved = tmp_path / "moved"
    moved.mkdir()
    past.path.parent.rename(moved / ".peakdesk")
    far, near = Store(moved / ".peakdesk" / "runs.sqlite").lines()
    assert near.folder == moved / "runs" / "one"
    assert far.folder == Path("/elsewhere/two")


def test_the_store_lies_beside_the_runs_or_where_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PEAKDESK_HOME", raising=False)
    assert store().path == Path(".peakdesk/runs.sqlite")
    monkeypatch.setenv("PEAKDESK_HOME", "/somewhere")
    assert store().path == Path("/somewhere/runs.sqlite")


WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from test_store import a_line
from sim.store import Store
past = Store(Path(sys.argv[1]))
for number in range(50):
    past.add(a_line(Path(sys.argv[2]), f"{sys.argv[2]}-{number}"))
"""


def test_two_processes_may_write_at_once(past: Store) -> None:
    """Both begin the file as well: no line is lost, each has an id of its own."""
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(past.path), name, str(Path(__file__).parent)], cwd=HOME)
        for name in ("left", "right")
    ]
    assert [writer.wait(120) for writer in writers] == [0, 0]
    lines = past.lines()
    assert {line.scenario for line in lines} == {f"{name}-{n}" for name in ("left", "right") for n in range(50)}
    assert [line.id for line in lines] == list(range(100, 0, -1))


def refused(past: Store, why: str) -> None:
    """Both reading and writing are refused, and the file stays as it is."""
    before = past.path.read_bytes()
    for ask in (past.lines, lambda: past.add(a_line(Path("x")))):
        with pytest.raises(StoreError, match=why) as wrong:
            ask()
        assert str(past.path) in str(wrong.value)
    assert past.path.read_bytes() == before


def test_a_newer_store_is_left_alone(past: Store, tmp_path: Path) -> None:
    past.add(a_line(tmp_path))
    with sqlite3.connect(past.path) as database:
        database.execute("PRAGMA user_version = 2")
    database.close()
    refused(past, "is of version 2, and this peakdesk reads version 1: it is left as it is")


def test_what_is_no_store_is_left_alone(past: Store) -> None:
    past.path.parent.mkdir()
    past.path.write_text("my shopping list, " * 100)
    refused(past, "is damaged or no store")
    past.path.unlink()
    with sqlite3.connect(past.path) as database:
        database.execute("CREATE TABLE recipes (name TEXT)")
    database.close()
    refused(past, "is not a run store")


@pytest.mark.parametrize("harm", ["cut", "garbled"])
def test_a_damaged_store_is_left_alone(harm: str, past: Store, tmp_path: Path) -> None:
    for number in range(200):
        past.add(a_line(tmp_path, f"desk {number}"))
    whole = past.path.read_bytes()
    cut = len(whole) // 2
    past.path.write_bytes(whole[:cut] if harm == "cut" else whole[:cut] + bytes(len(whole) - cut))
    refused(past, "is damaged")


def test_a_writer_that_dies_leaves_nothing_half_written(past: Store, tmp_path: Path) -> None:
    past.add(a_line(tmp_path, "before"))
    code = (
        "import os, signal, sqlite3, sys\n"
        "database = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "database.execute('BEGIN IMMEDIATE')\n"
        "database.execute(\"UPDATE runs SET scenario = 'half'\")\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, str(past.path)], check=False).returncode == -9
    assert [line.scenario for line in past.lines()] == ["before"]
    assert past.add(a_line(tmp_path, "after")) == 2


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be opened"):
        Store(tmp_path / "file" / "runs.sqlite").add(a_line(tmp_path))
