"""`peakdesk runs` from end to end: what was run is listed, and is the same when it is run again."""

import errno
import json
import os
import signal
import sqlite3
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import cli
from sim.store import Store

HOME = Path(cli.__file__).parent
STORE = Path(".peakdesk/runs.sqlite")
DESK = """\
name: desk
horizon: {start: "2026-03-02 08:00", length: 2 h}
channels: {phone: {}}
contact_types:
  orders: {channel: phone, arrivals: {per_hour: 30}, talk: {family: exponential, mean: 2 min}}
agent_groups: {service: {skills: [orders]}}
staffing: {levels: {service: {"08:00": 2}}}
targets: [{measure: service_level, at_least: 10 %}]
"""
TEMPLATES = 'shift_templates: {s: {starts: ["08:00"], lengths: [2 h]}}'


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test has a folder of its own, with a small desk in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PEAKDESK_HOME", raising=False)
    Path("desk.yaml").write_text(DESK, encoding="utf-8")


def peakdesk(*words: str) -> Result:
    """Run a command in this process; what it did not foresee is raised."""
    return CliRunner().invoke(cli.app, list(words), catch_exceptions=False)


def simulate(*words: str) -> Result:
    return peakdesk("simulate", "desk.yaml", "-n", "3", "--engine", "reference", *words)


def listed() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(peakdesk("runs", "--json").stdout)
    return found


def figures(folder: str) -> Any:
    return json.loads(Path(folder, "result.json").read_text(encoding="utf-8"))["estimates"]


def touch(scenario: Path) -> None:
    """One contact an hour more."""
    text = scenario.read_text(encoding="utf-8")
    changed = text.replace('"00:00": 30.0', '"00:00": 31.0')
    assert changed != text
    scenario.write_text(changed, encoding="utf-8")


def test_runs_are_listed_the_newest_first() -> None:
    assert peakdesk("runs").stdout == "No runs yet.\n"
    assert not STORE.exists()
    for seed in ("1", "2"):
        assert simulate("--seed", seed).exit_code == cli.Exit.DONE
    newest, oldest = listed()
    assert (newest["id"], newest["seed"], newest["scenario"], newest["replications"]) == (2, 2, "desk", 3)
    assert newest["time"] >= oldest["time"]
    assert "service level" in newest["headline"]
    assert Path(newest["folder"]) == Path("runs/desk-simulate-2").absolute()
    assert "desk-simulate-2" in peakdesk("runs").stdout.splitlines()[3]


def test_a_run_is_shown() -> None:
    simulate()
    shown = peakdesk("runs", "show", "1")
    assert f"hash {listed()[0]['hash']}" in shown.stdout
    assert "numpy" in shown.stdout
    assert "The target is certified." in shown.stdout
    assert json.loads(peakdesk("runs", "show", "1", "--json").stdout)[0]["id"] == 1
    missing = peakdesk("runs", "show", "7")
    assert missing.exit_code == cli.Exit.BAD_INPUT
    assert "there is no run 7" in missing.stderr


def test_a_run_is_the_same_again_though_the_desk_has_changed() -> None:
    simulate("--seed", "5", "--first", "2")
    Path("desk.yaml").write_text(DESK.replace("30}", "90}"), encoding="utf-8")
    done = peakdesk("runs", "again", "1")
    assert done.exit_code == cli.Exit.DONE
    assert "The same run: every figure is what it was." in done.stderr
    assert figures("runs/desk-simulate-2") == figures("runs/desk-simulate-1")
    assert [line["hash"] for line in listed()] == [listed()[0]["hash"]] * 2


def test_a_plain_run_and_one_to_a_goal_are_the_same_again() -> None:
    simulate("--plain")
    simulate("--until", "occupancy ± 20pp", "--max-replications", "32")
    for run in ("1", "2"):
        assert "The same run" in peakdesk("runs", "again", run).stderr


def test_the_proof_of_a_plan_is_run_again() -> None:
    text = DESK.replace('staffing: {levels: {service: {"08:00": 2}}}', TEMPLATES)
    Path("desk.yaml").write_text(text, encoding="utf-8")
    planned = peakdesk("plan", "desk.yaml", "-n", "16", "--engine", "reference")
    assert planned.exit_code in (cli.Exit.DONE, cli.Exit.NOT_CERTIFIED), planned.output
    assert "The same run" in peakdesk("runs", "again", "1").stderr


def test_other_customers_are_refused_unless_allowed() -> None:
    simulate()
    with sqlite3.connect(STORE) as database:
        database.execute("UPDATE runs SET versions = json_set(versions, '$.numpy', '1.0')")
    database.close()
    result = Path("runs/desk-simulate-1/result.json")
    found = json.loads(result.read_text(encoding="utf-8"))
    found["versions"]["numpy"] = "1.0"
    result.write_text(json.dumps(found), encoding="utf-8")
    refused = peakdesk("runs", "again", "1")
    assert refused.exit_code == cli.Exit.NOT_CERTIFIED
    assert "the same law, not the same customers" in refused.stderr
    assert not Path("runs/desk-simulate-2").exists()
    allowed = peakdesk("runs", "again", "1", "--allow")
    assert allowed.exit_code == cli.Exit.DONE
    assert "warning: numpy was 1.0" in allowed.stderr


def test_a_touched_scenario_is_not_run_again() -> None:
    simulate()
    frozen = Path("runs/desk-simulate-1/scenario.yaml")
    frozen.write_text(
        frozen.read_text(encoding="utf-8").replace('per_hour: {"00:00": 30.0}', 'per_hour: {"00:00": 31.0}'),
        encoding="utf-8",
    )
    done = peakdesk("runs", "again", "1")
    assert done.exit_code == cli.Exit.BAD_INPUT
    assert "was changed since run 1" in done.stderr


@pytest.mark.parametrize("command", ["show", "again"])
def test_a_folder_that_is_gone_or_another_is_told(command: str) -> None:
    simulate("--out", "one")
    simulate("--out", "one", "--overwrite", "--seed", "2")
    assert "one was written anew since run 1" in peakdesk("runs", command, "1").stderr
    Path("one/result.json").write_text("{}")
    assert "result.json of run 2 is damaged" in peakdesk("runs", command, "2").stderr
    Path("one/result.json").unlink()
    gone = peakdesk("runs", command, "2")
    assert gone.exit_code == cli.Exit.BAD_INPUT
    assert "cannot be read" in gone.stderr


def test_a_comparison_is_the_same_again_though_the_desk_has_changed() -> None:
    first = peakdesk("compare", "desk.yaml", "contact_types.orders.talk.mean=1 min", "-n", "3")
    Path("desk.yaml").write_text(DESK.replace("30}", "90}"), encoding="utf-8")
    again = peakdesk("runs", "again", "1", "-q")
    assert "The same run: every figure is what it was." in again.stderr
    assert again.exit_code == first.exit_code
    one, other = (json.loads(Path(f"runs/desk-compare-{k}/result.json").read_bytes()) for k in (1, 2))
    assert one == other
    inner = next(path for path in Path("runs/desk-compare-1").iterdir() if path.is_dir() and path.name.startswith("2-"))
    scenario = inner / "scenario.yaml"
    touch(scenario)
    refused = peakdesk("runs", "again", "1")
    assert refused.exit_code == cli.Exit.BAD_INPUT
    assert "changed since run 1" in refused.stderr


def test_a_sweep_is_listed_once_shown_and_the_same_again() -> None:
    words = ["sweep", "desk.yaml", "-n", "3", "--over", "contact_types.orders.talk.mean=1 min,2 min"]
    peakdesk(*words)
    peakdesk(*words)  # runs nothing
    (line,) = listed()
    assert (line["command"], line["headline"]) == ("sweep", "2 points over contact_types.orders.talk.mean")
    shown = peakdesk("runs", "show", "1")
    assert "Sweep of desk" in shown.stdout
    Path("desk.yaml").write_text(DESK.replace("30}", "90}"), encoding="utf-8")
    again = peakdesk("runs", "again", "1", "-q")
    assert again.exit_code == cli.Exit.DONE
    assert "The same run: every figure is what it was." in again.stderr
    folder = Path(line["folder"])
    assert Path("runs/desk-sweep-1/sweep.csv").read_bytes() == (folder / "sweep.csv").read_bytes()
    frozen = folder / "scenario.yaml"
    touch(frozen)
    assert "no longer the desk that was swept" in peakdesk("runs", "again", "1").stderr


def test_a_run_is_deleted_and_its_folder_if_asked() -> None:
    simulate()
    simulate()
    assert "stays" in peakdesk("runs", "delete", "1").stdout
    assert Path("runs/desk-simulate-1").exists()
    peakdesk("runs", "delete", "2", "--files")
    assert not Path("runs/desk-simulate-2").exists()
    assert listed() == []
    assert peakdesk("runs", "delete", "2").exit_code == cli.Exit.BAD_INPUT


def test_a_folder_that_holds_something_else_is_not_deleted() -> None:
    simulate("--out", "one")
    Path("one/result.json").unlink()
    assert peakdesk("runs", "delete", "1", "--files").exit_code == cli.Exit.BAD_INPUT
    assert Path("one/scenario.yaml").exists()
    assert len(listed()) == 1


def test_a_store_that_fails_does_not_lose_the_run() -> None:
    STORE.parent.mkdir()
    STORE.write_text("no store at all")
    done = simulate("--out", "one")
    assert done.exit_code == cli.Exit.DONE
    assert "warning: the run is written, but not noted: the run store" in done.stderr
    assert Path("one/result.json").exists()
    assert STORE.read_text() == "no store at all"
    listing = peakdesk("runs")
    assert listing.exit_code == cli.Exit.BAD_INPUT
    assert "left as it is" in listing.stderr


def test_the_store_can_be_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEAKDESK_HOME", "home")
    simulate()
    assert [line.scenario for line in Store(Path("home/runs.sqlite")).lines()] == ["desk"]
    assert not STORE.exists()


# --------------------------------------------------------------------------------- where it runs, and what it writes


@pytest.mark.parametrize("where", [["--workers", "2"], ["--processes", "2"]], ids=["threads", "processes"])
def test_the_same_figures_wherever_it_runs(where: list[str]) -> None:
    simulate("--out", "here")
    assert simulate("--out", "there", *where).exit_code == cli.Exit.DONE
    assert figures("here") == figures("there")


@pytest.mark.skipif(find_spec("distributed") is None, reason="the extra `cluster` is not installed")
def test_a_cluster_is_warned_of_and_gives_the_same() -> None:
    from distributed import LocalCluster

    simulate("--out", "here")
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster:
        done = simulate("--out", "there", "--cluster", cluster.scheduler_address)
    assert done.exit_code == cli.Exit.DONE
    assert "warning: without TLS" in done.stderr
    assert figures("here") == figures("there")


def test_a_cluster_that_is_not_there_is_the_users_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.executors.PATIENCE_S", 1)
    done = simulate("--cluster", "tcp://127.0.0.1:9")
    assert done.exit_code == cli.Exit.BAD_INPUT
    assert done.stderr.startswith("error: ")
    assert simulate("--cluster", "tcp://127.0.0.1:9", "--processes", "2").exit_code == cli.Exit.BAD_INPUT
    assert not Path("runs").exists()


def test_every_row_is_written_if_asked() -> None:
    assert simulate("--out", "one", "--tables", "csv").exit_code == cli.Exit.DONE
    files = ["contacts.csv", "group_intervals.csv", "intervals.csv", "spells.csv"]
    assert sorted(path.name for path in Path("one/tables").iterdir()) == files
    arrived = next(one for one in figures("one") if one["measure"] == "arrived" and not one["by"])
    rows = Path("one/tables/contacts.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert {row.split(",")[0] for row in rows} == {"0", "1", "2"}
    assert arrived["replications"] == 3
    assert simulate("--out", "two", "--tables", "xlsx").exit_code == cli.Exit.BAD_INPUT


LITTLE = 100_000
FULL = f"""
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({LITTLE}, {LITTLE}))
import cli
cli.main()
"""


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="no limits on files here")
def test_a_full_disk_leaves_nothing_behind() -> None:
    """A file may grow to 100 kB only: the tables do not fit. The result is shown, nothing half written stays."""
    done = subprocess.run(
        [sys.executable, "-c", FULL, "simulate", "desk.yaml", "-n", "60", "--engine", "reference", "--tables", "csv"],
        env=os.environ | {"PYTHONPATH": str(HOME), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == cli.Exit.BAD_INPUT, done.stderr
    assert os.strerror(errno.EFBIG) in done.stderr
    assert "nothing was left behind" in done.stderr
    assert "service level" in done.stdout
    assert [path.name for path in Path().iterdir() if path.name != "desk.yaml"] in ([], ["runs"])
    assert list(Path().rglob("runs/*")) == []
    assert not STORE.exists()


def test_a_disk_that_is_full_for_the_store_only_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("sim.store.sqlite3.connect", full)
    done = simulate("--out", "one")
    assert done.exit_code == cli.Exit.DONE
    assert "database or disk is full" in done.stderr
    assert Path("one/result.json").exists()
