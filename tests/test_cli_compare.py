"""`peakdesk compare` and `peakdesk sweep`: what they print, what they write, with which code they leave."""

import errno
import html
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import cli

HOME = Path(cli.__file__).parent
DESK = """\
name: desk
horizon: {start: "2026-03-02 08:00", length: 2 h}
channels: {phone: {}}
contact_types:
  orders:
    channel: phone
    arrivals: {per_hour: 40}
    talk: {family: exponential, mean: 3 min}
    patience: {family: exponential, mean: 5 min}
agent_groups:
  service: {skills: [orders], cost_per_hour: 30}
shift_templates:
  all: {starts: ["08:00"], lengths: [2 h]}
staffing:
  shifts:
    - {group: service, start: "08:00", length: 2 h, number: 3}
targets: [{measure: service_level, threshold: 20 s, at_least: 99 %}]
"""
TALK = "contact_types.orders.talk.mean"


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("desk.yaml").write_text(DESK, encoding="utf-8")
    Path("quick.yaml").write_text("contact_types: {orders: {talk: {mean: 1 min}}}\n", encoding="utf-8")


def peakdesk(*words: str, **more: Any) -> Result:
    """Run a command in this process; what it did not foresee is raised."""
    return CliRunner().invoke(cli.app, list(words), catch_exceptions=False, **more)


def compare(*words: str) -> Result:
    return peakdesk("compare", *words, "-n", "4", "--engine", "reference")


def sweep(*words: str) -> Result:
    return peakdesk("sweep", "desk.yaml", *words, "-n", "3", "--engine", "reference")


def everything() -> list[str]:
    return sorted(str(path) for path in Path().rglob("*"))


# ----------------------------------------------------------------------------------------------------------- compare


def test_a_comparison_is_printed_and_written() -> None:
    done = compare("desk.yaml", "quick.yaml", "agent_groups.service.cost_per_hour=40")
    assert done.exit_code == cli.Exit.NOT_CERTIFIED
    for said in (
        "Candidates",
        "Differences from the baseline",
        "What moved",
        "P(target met)",
        "+60",
        "(SL-4)",
        "quick",
    ):
        assert said.replace("(SL-4)", "SL-4") in done.stdout
    folder = Path("runs/desk-compare-1")
    assert f"Written to {folder}\nNext: peakdesk report {folder}\n" in done.stdout
    assert {path.name for path in folder.iterdir()} == {
        "result.json", "scenario.yaml", "estimates.csv", "differences.csv",
        "2-quick", "3-agent_groups.service.cost_per_hour-40",
    }  # fmt: skip
    result = json.loads((folder / "result.json").read_bytes())
    assert result["command"] == "compare"
    assert {one["candidate"] for one in result["differences"]} == {"quick", "agent_groups.service.cost_per_hour=40"}


def test_the_exit_code_is_that_of_all_targets() -> None:
    assert compare("desk.yaml", "quick.yaml", "--accept", "estimate").exit_code in (
        cli.Exit.DONE,
        cli.Exit.NOT_CERTIFIED,
    )
    Path("desk.yaml").write_text(DESK.partition("targets:")[0], encoding="utf-8")
    assert compare("desk.yaml", "quick.yaml").exit_code == cli.Exit.DONE


def test_json_is_the_result_and_nothing_else() -> None:
    done = compare("desk.yaml", "quick.yaml", "--json")
    assert json.loads(done.stdout) == json.loads(Path("runs/desk-compare-1/result.json").read_bytes())


def test_the_page_of_a_comparison_shows_it_and_how_to_run_it_again() -> None:
    compare("desk.yaml", "quick.yaml", "--out", "out")
    assert peakdesk("report", "out").exit_code == cli.Exit.DONE
    page = Path("out/report.html").read_text(encoding="utf-8")
    assert "<h2>Differences from the baseline</h2>" in page
    assert "Differences by contact type" in page
    assert "peakdesk compare scenario.yaml 2-quick/scenario.yaml --replications 4 --seed 1" in page
    first = {path.name: path.read_bytes() for path in Path("out/figures").iterdir()}
    assert {"difference-by-type.svg", "difference-over-the-day.svg"} <= first.keys()
    peakdesk("report", "out")
    assert {path.name: path.read_bytes() for path in Path("out/figures").iterdir()} == first


def test_the_command_on_the_page_gives_the_same_differences(monkeypatch: pytest.MonkeyPatch) -> None:
    compare("desk.yaml", "quick.yaml", "--out", "out")
    monkeypatch.chdir("out")
    compare("scenario.yaml", "2-quick/scenario.yaml", "--out", "again")
    mine, theirs = (json.loads(Path(name).read_bytes()) for name in ("again/result.json", "result.json"))
    for found in (mine, theirs):
        for one in found["differences"]:
            del one["baseline"], one["candidate"]
    assert mine["differences"] == theirs["differences"]


def test_one_alone_cannot_be_compared() -> None:
    done = compare("desk.yaml")
    assert done.exit_code == cli.Exit.BAD_INPUT
    assert "nothing to compare with" in done.stderr
    assert not Path("runs").exists()


def test_runs_whose_inputs_changed_are_refused_by_name() -> None:
    for name in ("one", "two"):
        peakdesk("simulate", "desk.yaml", "-n", "2", "--engine", "reference", "--out", name)
    assert compare("one", "two").exit_code == cli.Exit.NOT_CERTIFIED
    scenario = Path("two/scenario.yaml")
    scenario.write_text(scenario.read_text(encoding="utf-8").replace("3 min", "4 min"), encoding="utf-8")
    done = compare("one", "two")
    assert done.exit_code == cli.Exit.BAD_INPUT
    assert done.stderr.startswith("error: two/scenario.yaml: the scenario changed since this run (hash ")
    assert done.stderr.count("error:") == 1
    assert compare("one", "two", "--allow-changed").exit_code == cli.Exit.NOT_CERTIFIED


def test_a_plan_is_compared_on_its_desk() -> None:
    made = peakdesk("plan", "desk.yaml", "-n", "8", "--work-limit", "64", "--engine", "reference", "--out", "planned")
    assert Path("planned/plan.json").exists(), made.stderr
    assert compare("desk.yaml", "planned", "--out", "first").exit_code in (cli.Exit.DONE, cli.Exit.NOT_CERTIFIED)
    names = [one["name"] for one in json.loads(Path("first/result.json").read_bytes())["candidates"]]
    assert names == ["desk", "planned"]
    assert compare("planned", "desk.yaml", "planned/plan.json", "--out", "second").exit_code != cli.Exit.BAD_INPUT
    Path("desk.yaml").write_text(DESK.replace("3 min", "4 min"), encoding="utf-8")
    done = compare("desk.yaml", "planned")
    assert done.exit_code == cli.Exit.BAD_INPUT
    assert "error: planned: this plan was made for another desk, or the desk changed since" in done.stderr


def test_a_comparison_on_a_full_disk_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    before = everything()
    real, written = Path.write_bytes, []

    def full(path: Path, content: bytes) -> int:
        written.append(path)
        if len(written) > 3:
            real(path, content[:10])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return real(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    done = compare("desk.yaml", "quick.yaml")
    assert done.exit_code == cli.Exit.BAD_INPUT
    assert "No space left on device" in done.stderr
    assert "What moved" in done.stdout
    assert [path for path in everything() if path != "runs"] == before


# ------------------------------------------------------------------------------------------------------------- sweep


def test_a_sweep_is_printed_and_written() -> None:
    done = sweep("--over", f"{TALK}=2 min,4 min", "--over", "agent_groups.service.cost_per_hour=20..40:10")
    assert done.exit_code == cli.Exit.DONE
    assert "Sweep of desk" in done.stdout
    assert "talk.mean  service.cost_per_hour  service level (SL-4)" in done.stdout
    (folder,) = Path("runs").iterdir()
    assert folder.name.startswith("desk-sweep-")
    files = {"points", "figures", "scenario.yaml", "sweep.csv", "sweep.json", "targets.csv"}
    assert {path.name for path in folder.iterdir()} == files
    assert {path.name for path in (folder / "figures").iterdir()} >= {"lines.svg", "heat-map.svg", "frontier.png"}
    assert len(list((folder / "points").iterdir())) == 6


def test_the_same_sweep_again_goes_into_the_same_folder_and_runs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    first = sweep("--over", f"{TALK}=2 min,4 min")
    files = {path: path.read_bytes() for path in Path("runs").rglob("*") if path.is_file()}
    monkeypatch.setattr("sim.sweep.digested", lambda *_, **__: pytest.fail("it was simulated again"))
    again = sweep("--over", f"{TALK}=2 min,4 min")
    assert again.stdout == first.stdout
    assert {path: path.read_bytes() for path in Path("runs").rglob("*") if path.is_file()} == files


def test_json_of_a_sweep_is_its_file() -> None:
    done = sweep("--over", f"{TALK}=2 min,4 min", "--json", "--out", "swept")
    assert json.loads(done.stdout) == json.loads(Path("swept/sweep.json").read_bytes())


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ("talk", "--over talk: this names no values"),
        ("contact_types.orders.talk.men=1 min,2 min", "no such key"),
        (f"{TALK}=1 min,-1 min", "error: --set"),
        (f"{TALK}=1..2:0", "never reach the end"),
    ],
)
def test_a_bad_grid_is_told_before_anything_is_run(over: str, said: str) -> None:
    done = sweep("--over", over)
    assert done.exit_code == cli.Exit.BAD_INPUT
    assert said in done.stderr
    assert not Path("runs").exists()


def test_other_folders_are_left_alone() -> None:
    Path("mine").mkdir()
    Path("mine/precious.txt").write_text("mine", encoding="utf-8")
    done = sweep("--over", f"{TALK}=1 min", "--out", "mine")
    assert done.exit_code == cli.Exit.BAD_INPUT
    assert "holds no sweep" in done.stderr
    assert everything() == ["desk.yaml", "mine", "mine/precious.txt", "quick.yaml"]


def test_each_point_can_be_planned_anew() -> None:
    done = sweep("--over", f"{TALK}=2 min", "--plan", "--json", "--out", "swept")
    assert done.exit_code == cli.Exit.DONE, done.stderr
    (point,) = json.loads(done.stdout)["points"]
    assert sum(shift["number"] for shift in point["shifts"]) > 0


def test_a_full_disk_says_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if len(list(Path("swept/points").glob("*.json"))) == 1:
            real(path, content[:10])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return real(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        done = sweep("--over", f"{TALK}=1 min,2 min", "--out", "swept")
    assert done.exit_code == cli.Exit.BAD_INPUT
    assert "No space left on device; the points that are done are kept in swept" in done.stderr
    assert len(list(Path("swept/points").iterdir())) == 1
    assert sweep("--over", f"{TALK}=1 min,2 min", "--out", "swept").exit_code == cli.Exit.DONE


@pytest.mark.skipif(sys.platform == "win32", reason="no signals of that kind")
@pytest.mark.parametrize("pulled", [signal.SIGKILL, signal.SIGINT])
def test_a_sweep_that_is_stopped_from_outside_goes_on(pulled: signal.Signals) -> None:
    """The command itself, in a process of its own, killed or interrupted in mid-run, then given once more."""
    words = [
        "sweep",
        "desk.yaml",
        "--over",
        f"{TALK}=60 s..160 s:5 s",
        "-n",
        "6",
        "--engine",
        "reference",
        "--out",
        "s",
    ]
    command = [sys.executable, "-c", "import cli; cli.main()", *words]
    environment = os.environ | {"PYTHONPATH": str(HOME)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 60
        while len(list(Path("s").glob("points/*.json"))) < 3:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.005)
    finally:
        process.send_signal(pulled)
        _, said = process.communicate(timeout=60)
    kept = {path.name: path.stat().st_mtime_ns for path in Path("s/points").glob("*.json")}
    assert len(kept) < 21
    if pulled is signal.SIGINT:
        assert process.returncode == cli.Exit.INTERRUPTED
        assert "interrupted: the points that are done are kept in s" in said
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    after = {path.name: path.stat().st_mtime_ns for path in Path("s/points").iterdir()}
    assert len(after) == 21
    assert {name: after[name] for name in kept} == kept


# --------------------------------------------------------------------------------------------------------- documents


# ------------------------------------------------------------------------------------------------ where they are run

COMPARED = ["compare", "desk.yaml", "quick.yaml", "-n", "20", "--engine", "compiled", "--json"]
SWEPT = ["sweep", "desk.yaml", "--over", f"{TALK}=2 min,4 min", "-n", "20", "--engine", "compiled", "--json"]


@pytest.mark.parametrize("words", [COMPARED, SWEPT], ids=["compare", "sweep"])
def test_processes_give_the_same(words: list[str]) -> None:
    here = peakdesk(*words, "--out", "here")
    there = peakdesk(*words, "--out", "there", "--processes", "2")
    assert json.loads(there.stdout) == json.loads(here.stdout)


@pytest.mark.skipif(find_spec("distributed") is None, reason="the extra `cluster` is not installed")
def test_a_cluster_gives_the_same() -> None:
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster:
        for words in (COMPARED, SWEPT):
            here, there = (
                peakdesk(*words, "--out", f"{words[0]}{len(more)}", *more)
                for more in ([], ["--cluster", cluster.scheduler_address])
            )
            assert json.loads(there.stdout) == json.loads(here.stdout)


def test_a_plan_says_where_it_can_be_sought() -> None:
    for more in (["--processes", "2"], ["--cluster", "tcp://nobody:1"]):
        done = peakdesk("plan", "desk.yaml", *more)
        assert done.exit_code == cli.Exit.BAD_INPUT
        assert "threads of this process (--workers)" in done.stderr


def test_the_page_of_a_sweep_shows_its_points_and_how_to_run_it_again() -> None:
    sweep("--over", f"{TALK}=2 min,4 min", "--out", "swept")
    done = peakdesk("report", "swept")
    assert done.exit_code == cli.Exit.DONE
    page = Path("swept/report.html").read_text(encoding="utf-8")
    assert "Sweep of desk" in page
    assert page.count("<tr>") > 6
    assert "data:image/svg+xml" in page
    command = html.unescape(re.search(r"<code>(peakdesk sweep .*?)</code>", page)[1])  # type: ignore[index]
    words = shlex.split(command)[1:]
    again = peakdesk(*(word.replace("scenario.yaml", "swept/scenario.yaml") for word in words), "--json")
    assert json.loads(again.stdout)["points"] == json.loads(Path("swept/sweep.json").read_bytes())["points"]


def test_the_commands_of_the_document_run() -> None:
    page = (HOME / "docs" / "compare.md").read_text(encoding="utf-8")
    for name, text in re.findall(r"^```yaml ([\w.-]+)\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
        Path(name).write_text(text, encoding="utf-8")
    commands = [shlex.split(text) for text in re.findall(r"^\$ peakdesk (.*)$", page.replace("\\\n", ""), re.MULTILINE)]
    assert [words[0] for words in commands] == ["compare", "sweep"]
    for words in commands:
        done = peakdesk(*words, "-n", "3")
        assert done.exit_code in (cli.Exit.DONE, cli.Exit.NOT_CERTIFIED), done.stderr
