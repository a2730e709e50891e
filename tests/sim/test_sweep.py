"""Sweeps: what the grid is, what is kept of it when somebody pulls the plug, and what is not run again."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from sim import sweep as sweeps
from sim.scenario_problems import ScenarioErrors
from sim.sweep import PointRecord, SweepRecord, axis, grid, missing, sweep

HOME = Path(__file__).resolve().parents[2]
DESK = """\
name: desk
horizon: {start: "2026-03-02 08:00", length: 2 h, interval: 30 min}
channels: {phone: {}}
contact_types:
  orders:
    channel: phone
    arrivals: {per_hour: 40}
    talk: {family: exponential, mean: 3 min}
    patience: {family: exponential, mean: 4 min}
agent_groups:
  service: {skills: [orders], cost_per_hour: 30}
targets: [{measure: service_level, at_least: 80 %}]
staffing:
  levels: {service: {"08:00": 3}}
"""
TALK = "contact_types.orders.talk.mean"
HEADS = 'staffing.levels.service={"08:00":2},{"08:00":3},{"08:00":4}'


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("desk.yaml").write_text(DESK, encoding="utf-8")


def run(*over: str, folder: str = "swept", **more: Any) -> SweepRecord:
    points = grid("desk.yaml", [axis(text) for text in over])
    return sweep(points, Path(folder), **{"replications": 3, "seed": 1, "engine": "reference"} | more)


def contents(folder: str = "swept") -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(Path(folder).rglob("*")) if path.is_file()}


# -------------------------------------------------------------------------------------------------------------- grid


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a.b=1,2,3", ("1", "2", "3")),
        ("a=0.3..0.6:0.1", ("0.3", "0.4", "0.5", "0.6")),
        ("a=0.3..0.35:0.02", ("0.3", "0.32", "0.34")),
        ("a=30 %..60 %:15 %", ("30 %", "45 %", "60 %")),
        ("a=90 s..30 s:-30 s", ("90 s", "60 s", "30 s")),
        ("a=100..300:100", ("100", "200", "300")),
        ("a=1", ("1",)),
        ('a={"08:00": 1, "09:00": 2},{"08:00": 2}', ('{"08:00": 1, "09:00": 2}', '{"08:00": 2}')),
        ("a=2026-11-10 20:00,2026-11-10 21:00", ("2026-11-10 20:00", "2026-11-10 21:00")),
    ],
)
def test_values_are_listed_or_a_range(text: str, values: tuple[str, ...]) -> None:
    assert axis(text).values == values


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("a", "names no values"),
        ("a=1,,2", "a value is empty"),
        ("a=1,1", "a value is given twice"),
        ("a=1..2", "this is no range"),
        ("a=1..2:0", "never reach the end"),
        ("a=1..2:-1", "never reach the end"),
        ("a=0..1:0.00001", "more than 10000 values"),
        ("a=1..2..3:4", "this is no range"),
        ("a=1.2.3..2:1", "this is no range"),
    ],
)
def test_values_that_make_no_sense_are_refused(text: str, rule: str) -> None:
    with pytest.raises(ScenarioErrors, match=rule):
        axis(text)


def test_several_paths_make_a_grid_whose_last_path_moves_fastest() -> None:
    points = grid("desk.yaml", [axis(f"{TALK}=2 min,3 min"), axis("busyness.cv=0,0.1")])
    assert [[value for _, value in point.settings] for point in points] == [
        ["2 min", "0"], ["2 min", "0.1"], ["3 min", "0"], ["3 min", "0.1"],
    ]  # fmt: skip
    assert len({point.scenario.hash for point in points}) == 4


def test_all_that_is_wrong_with_any_point_is_told_before_anything_is_run() -> None:
    with pytest.raises(ScenarioErrors) as wrong:
        grid("desk.yaml", [axis("busyness.cv=0.1,-1"), axis("agent_groups.servise.cost_per_hour=1,2")])
    assert "did you mean 'service'" in str(wrong.value)
    with pytest.raises(ScenarioErrors, match="given twice"):
        grid("desk.yaml", [axis("busyness.cv=0.1"), axis("busyness.cv=0.2")])
    with pytest.raises(ScenarioErrors, match="at most 10000"):
        grid("desk.yaml", [axis("a=1..200:1"), axis("b=1..200:1")])


# ------------------------------------------------------------------------------------------------------------ results


def test_every_point_meets_the_same_customers() -> None:
    whole = run(HEADS)
    arrived = {one.mean for point in whole.points for one in point.estimates if one.measure == "arrived" and not one.by}
    service = [
        next(one.mean for one in point.estimates if one.measure == "service_level" and not one.by)
        for point in whole.points
    ]
    assert len(arrived) == 1
    assert service == sorted(service)


def test_the_table_is_tidy() -> None:
    whole = run(f"{TALK}=2 min,3 min", "busyness.cv=0,0.1")
    with Path("swept/sweep.csv").open(encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert list(table[0])[:4] == ["point", TALK, "busyness.cv", "measure"]
    assert {(row[TALK], row["busyness.cv"]) for row in table} == {
        (talk, cv) for talk in ("2 min", "3 min") for cv in ("0", "0.1")
    }
    assert len(table) == sum(len(point.estimates) for point in whole.points)
    assert SweepRecord.model_validate_json(Path("swept/sweep.json").read_bytes()) == whole
    with Path("swept/targets.csv").open(encoding="utf-8") as file:
        assert {row["status"] for row in csv.DictReader(file)} <= {"certified", "met", "missed"}


def test_each_point_may_be_planned_anew() -> None:
    from sim.staffing import StaffingPlan

    def replan(scenario: Any) -> StaffingPlan:
        shift = {"group": "service", "start": "08:00", "length": "2 h", "number": 5}
        return StaffingPlan.model_validate({"shifts": [shift]})

    run(f"{TALK}=2 min")
    whole = run(f"{TALK}=2 min", replan=replan)
    assert whole.points[0].shifts is not None
    assert whole.points[0].shifts[0].number == 5
    assert len(list(Path("swept/points").iterdir())) == 2


def test_without_staffing_there_is_nothing_to_run() -> None:
    Path("desk.yaml").write_text(DESK.partition("staffing:")[0], encoding="utf-8")
    with pytest.raises(ScenarioErrors, match="no staffing"):
        run(f"{TALK}=2 min")


# ----------------------------------------------------------------------------------------------- interrupted, resumed


def counting(monkeypatch: pytest.MonkeyPatch, stop_before: int = 99) -> list[str]:
    """Names of the points that are run; the plug is pulled before one of them."""
    ran: list[str] = []
    real = sweeps.digested

    def digested(scenario: Any, *arguments: Any, **more: Any) -> Any:
        if len(ran) == stop_before:
            raise KeyboardInterrupt
        ran.append(scenario.hash)
        return real(scenario, *arguments, **more)

    monkeypatch.setattr(sweeps, "digested", digested)
    return ran


def test_what_is_there_is_not_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = counting(monkeypatch)
    first = run(HEADS)
    before = contents()
    assert len(ran) == 3
    assert run(HEADS) == first
    assert len(ran) == 3
    assert contents() == before
    run(f'{HEADS},{{"08:00":5}}')
    assert len(ran) == 4
    run(HEADS, seed=2)
    run(HEADS, replications=4)
    assert len(ran) == 10


def test_an_interrupted_sweep_goes_on_and_ends_as_if_nothing_had_been(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run(HEADS, folder="uninterrupted")
    with monkeypatch.context() as patch:
        counting(patch, stop_before=2)
        with pytest.raises(KeyboardInterrupt):
            run(HEADS)
    assert len(list(Path("swept/points").iterdir())) == 2
    points = grid("desk.yaml", [axis(HEADS)])
    assert missing(points, Path("swept"), replications=3, seed=1) == 1
    ran = counting(monkeypatch)
    assert run(HEADS) == whole
    assert len(ran) == 1
    assert [*contents().values()] == [*contents("uninterrupted").values()]


def test_a_damaged_or_foreign_point_is_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run(HEADS)
    one, two, _ = sorted(Path("swept/points").iterdir())
    one.write_bytes(one.read_bytes()[:1000])
    kept = PointRecord.model_validate_json(two.read_bytes())
    other = kept.model_copy(update={"versions": kept.versions | {"numpy": "1.0"}})
    two.write_text(other.model_dump_json(), encoding="utf-8")
    ran = counting(monkeypatch)
    assert run(HEADS) == whole
    assert len(ran) == 2


LONG = f"""
import sys
from pathlib import Path
from sim.sweep import axis, grid, sweep
points = grid("desk.yaml", [axis("{TALK}=60 s..210 s:5 s")])
sweep(points, Path("swept"), replications=4, seed=1, engine="reference")
"""


def started(script: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONPATH": str(HOME)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def until_points(process: subprocess.Popen[bytes], wanted: int) -> None:
    """Wait until the sweep has kept so many points."""
    deadline = time.monotonic() + 60
    while len(list(Path("swept").glob("points/*.json"))) < wanted:
        assert process.poll() is None, process.stderr.read().decode() if process.stderr else ""
        assert time.monotonic() < deadline, "the sweep does not come on"
        time.sleep(0.005)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_sigkill_in_mid_sweep_loses_no_finished_point() -> None:
    """Killed three times in mid-run: all that was kept is whole, and is not run again."""
    kept: dict[str, bytes] = {}
    for wanted in (3, 6, 9):
        process = started(LONG)
        try:
            until_points(process, wanted)
        finally:
            process.kill()
            process.communicate()
        found = {path.name: path.read_bytes() for path in Path("swept/points").glob("*.json")}
        assert len(found) >= wanted
        assert {name: found[name] for name in kept} == kept
        for content in found.values():
            PointRecord.model_validate_json(content)
        kept = found
    assert not Path("swept/sweep.csv").exists()
    before = {path.name: path.stat().st_mtime_ns for path in Path("swept/points").glob("*.json")}
    done = started(LONG)
    _, said = done.communicate(timeout=120)
    assert done.returncode == 0, said.decode()
    after = {path.name: path.stat().st_mtime_ns for path in Path("swept/points").glob("*")}
    assert {name: after[name] for name in before} == before
    assert len(after) == 31
    assert not [name for name in after if name.endswith(".part")]


FULL = f"""
import errno, resource, signal, sys
from pathlib import Path
from sim.sweep import axis, grid, sweep
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
points = grid("desk.yaml", [axis("{TALK}=60 s..90 s:5 s")])
try:
    sweep(points, Path("swept"), replications=4, seed=1, engine="reference")
except OSError as error:
    sys.exit(7 if error.errno == errno.EFBIG else 8)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limits on files")
def test_a_disk_that_is_full_leaves_nothing_half_written() -> None:
    """The system refuses to write on in the middle of a file: first of the tables at the end, then of a point."""
    run(f"{TALK}=60 s..90 s:5 s", folder="swept", replications=4)
    whole = contents()
    sizes = {name: len(content) for name, content in whole.items()}
    largest = max(size for name, size in sizes.items() if "points" in name)
    for limit, kept in ((largest + 10, 7), (largest // 2, 0)):
        for path in whole:
            Path(path).unlink(missing_ok=True)
        done = subprocess.run(
            [sys.executable, "-c", FULL, str(limit)], env=os.environ | {"PYTHONPATH": str(HOME)}, check=False
        )
        assert done.returncode == 7
        left = contents()
        assert {name: whole[name] for name in left} == left
        assert sum("points" in name for name in left) == kept
    run(f"{TALK}=60 s..90 s:5 s", folder="swept", replications=4)
    assert contents() == whole


def test_points_are_json_that_says_what_it_is_of() -> None:
    run(f"{TALK}=2 min")
    (file,) = Path("swept/points").iterdir()
    point = json.loads(file.read_bytes())
    assert point["settings"] == {TALK: "2 min"}
    assert point["scenario_hash"] in file.name
    assert (point["seed"], point["replications"]) == (1, 3)
