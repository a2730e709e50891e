"""The command line: what it prints, what it writes, and with which code it leaves."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import cli

HOME = Path(cli.__file__).parent
HEAVY = ("numpy", "scipy", "numba", "pulp", "simpy", "matplotlib", "pydantic")

DESK = """\
name: desk
horizon: {start: "2026-03-02 08:00", length: 2 h}
channels: {phone: {}}
contact_types:
  orders:
    channel: phone
    arrivals: {per_hour: 30}
    talk: {family: exponential, mean: 2 min}
    patience: {family: exponential, mean: 5 min}
agent_groups:
  service: {skills: [orders], cost_per_hour: 30}
staffing:
  shifts:
    - {group: service, start: "08:00", length: 2 h, number: 3}
"""
TEMPLATES = """\
shift_templates:
  whole: {starts: ["08:00"], lengths: [2 h]}
  half: {starts: ["08:00", "09:00"], lengths: [1 h]}
"""
EASY = "targets: [{measure: service_level, at_least: 10 %}]\n"
HARD = "targets: [{measure: service_level, threshold: 1 s, at_least: 99.9 %}]\n"
CLOSE = "targets: [{measure: service_level, at_least: 93 %}]\n"


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has a folder of its own, with a small desk in it."""
    monkeypatch.chdir(tmp_path)
    return write("desk.yaml", DESK)


def write(name: str, text: str) -> Path:
    path = Path(name)
    path.write_text(text, encoding="utf-8")
    return path


def peakdesk(*words: str, **more: Any) -> Result:
    """Run a command in this process; what it did not foresee is raised."""
    return CliRunner().invoke(cli.app, list(words), catch_exceptions=False, **more)


def simulate(*words: str) -> Result:
    return peakdesk("simulate", "desk.yaml", "-n", "3", "--engine", "reference", *words)


def everything() -> list[str]:
    return sorted(str(path) for path in Path().rglob("*"))


# --------------------------------------------------------------------------------------------------------------- help


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys, cli\nsys.argv = ['peakdesk', '--help']\n"
        "try:\n    cli.main()\nexcept SystemExit as left:\n    assert not left.code\n"
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=HOME, capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert all(command in done.stdout for command in ("init", "check", "simulate", "plan", "report", "schema"))


@pytest.mark.parametrize("command", ["init", "check", "simulate", "plan", "report", "schema"])
def test_every_command_explains_itself(command: str) -> None:
    done = peakdesk(command, "--help")
    assert done.exit_code == cli.Exit.DONE
    assert "--json" in done.stdout


def test_contacts_may_be_booked_by_the_answer() -> None:
    """In all the same contacts; in an interval others. Said in the scenario that is written beside the figures."""
    peakdesk("simulate", "desk.yaml", "--replications", "2", "--by", "answer", "--out", "by")
    peakdesk("simulate", "desk.yaml", "--replications", "2", "--out", "asked")
    found = [json.loads(Path(name, "result.json").read_text(encoding="utf-8")) for name in ("by", "asked")]
    one, two = ([r["mean"] for r in of["estimates"] if r["measure"] == "answered" and not r["by"]] for of in found)
    assert one == two
    assert "booking: answer" in Path("by", "scenario.yaml").read_text(encoding="utf-8")


def test_an_unknown_option_is_the_users_mistake() -> None:
    assert simulate("--replication", "3").exit_code == cli.Exit.BAD_INPUT
    assert simulate("--replications", "0").exit_code == cli.Exit.BAD_INPUT


# --------------------------------------------------------------------------------------------------------------- init


def test_init_writes_an_example_that_passes_its_own_check() -> None:
    done = peakdesk("init", "mine", "--example", "double-eleven-small")
    assert done.exit_code == cli.Exit.DONE
    assert {path.suffix for path in Path("mine").iterdir()} == {".yaml", ".csv"}
    checked = peakdesk("check", "mine/double-eleven-small.yaml")
    assert checked.exit_code == cli.Exit.DONE
    assert "nothing wrong" in checked.stdout


def test_init_takes_the_base_of_a_what_if_along() -> None:
    assert json.loads(peakdesk("init", "mine", "--example", "bot-better", "--json").stdout)["files"][:2] == [
        "bot-better.yaml",
        "double-eleven-small.yaml",
    ]


def test_init_leaves_an_existing_folder_alone() -> None:
    Path("mine").mkdir()
    done = peakdesk("init", "mine")
    assert done.exit_code == cli.Exit.BAD_INPUT
    assert "mine exists already" in done.stderr
    assert list(Path("mine").iterdir()) == []


def test_init_names_the_examples_there_are() -> None:
    done = peakdesk("init", "mine", "--example", "nothing")
    assert done.exit_code == cli.Exit.BAD_INPUT
    assert "one-queue" in done.stderr
    assert not Path("mine").exists()


# -------------------------------------------------------------------------------------------------------------- check


def test_check_tells_totals_per_day() -> None:
    done = peakdesk("check", "desk.yaml")
    assert done.exit_code == cli.Exit.DONE
    assert [line.split() for line in done.stdout.splitlines()[2:4]] == [["2026-03-02"], ["orders", "60"]]


def test_check_tells_all_problems_of_all_files_at_once() -> None:
    write("wrong.yaml", DESK.replace("channel: phone", "channel: fone").replace("{per_hour: 30}", "{per_hour: -1}"))
    done = peakdesk("check", "desk.yaml", "wrong.yaml")
    assert done.exit_code == cli.Exit.BAD_INPUT
    errors = [line for line in done.stdout.splitlines() if line.startswith("error: ")]
    assert [line.split(":")[2] for line in errors] == ["6", "7"]
    assert "wrong.yaml: 2 errors" in done.stdout


def test_check_as_json_is_one_list() -> None:
    found = json.loads(peakdesk("check", "desk.yaml", "nowhere.yaml", "--json").stdout)
    assert [(one["file"], one["good"], len(one["problems"])) for one in found] == [
        ("desk.yaml", True, 0),
        ("nowhere.yaml", False, 1),
    ]
    assert found[0]["expected_contacts"] == {"orders": {"2026-03-02": pytest.approx(60)}}


# ----------------------------------------------------------------------------------------------------------- simulate


@pytest.mark.parametrize(
    ("target", "accept", "code"),
    [
        ("", "certified", cli.Exit.DONE),
        (EASY, "certified", cli.Exit.DONE),
        (HARD, "certified", cli.Exit.NOT_CERTIFIED),
        (HARD, "estimate", cli.Exit.NOT_CERTIFIED),
        (CLOSE, "certified", cli.Exit.NOT_CERTIFIED),
        (CLOSE, "estimate", cli.Exit.DONE),
    ],
)
def test_the_exit_code_says_whether_targets_are_held(target: str, accept: str, code: int) -> None:
    write("desk.yaml", DESK + target)
    assert simulate("--accept", accept).exit_code == code


def test_a_run_says_what_came_of_it_where_it_is_and_what_to_do_next() -> None:
    write("desk.yaml", DESK + EASY)
    out = simulate().stdout
    for part in (
        "desk: 2 h from 2026-03-02 08:00 (UTC), 3 replications, seed 1, by person",
        "staffing: 3 heads, 3 shifts worked, 0.8 FTE, 6 paid hours, 180 EUR",
        "service level ≥ 10 %: all contact types",
        "service level (SL-4)",
        "The target is certified.",
        "Written to runs/desk-simulate-1",
        "Next: peakdesk report runs/desk-simulate-1",
    ):
        assert part in out
    assert "\x1b" not in out


def test_runs_are_numbered_on() -> None:
    for _ in range(2):
        simulate()
    assert sorted(path.name for path in Path("runs").iterdir()) == ["desk-simulate-1", "desk-simulate-2"]


def test_json_is_the_result_and_nothing_else() -> None:
    done = simulate("--json", "--out", "run")
    assert json.loads(done.stdout) == json.loads(Path("run/result.json").read_text(encoding="utf-8"))
    assert done.stderr == "Written to run\n"


def test_a_run_folder_alone_runs_again_to_the_same_figures() -> None:
    simulate("--out", "run", "--set", "contact_types.orders.arrivals.per_hour=40")
    again = peakdesk("simulate", "run/scenario.yaml", "-n", "3", "--engine", "reference", "--out", "again")
    assert again.exit_code == cli.Exit.DONE
    assert Path("again/estimates.csv").read_bytes() == Path("run/estimates.csv").read_bytes()


def test_overlays_and_sets_are_laid_over_in_order() -> None:
    write("more.yaml", "contact_types: {orders: {arrivals: {per_hour: 45}}}\n")
    done = simulate("--overlay", "more.yaml", "--set", "name=what-if", "--json")
    document = json.loads(done.stdout)["scenario"]["document"]
    assert (document["name"], document["contact_types"]["orders"]["arrivals"]["per_hour"]) == (
        "what-if",
        {"00:00": 45.0},
    )


def test_staffing_by_level_is_said_in_the_result() -> None:
    assert json.loads(simulate("--staffing", "by-level", "--json").stdout)["staffing"] == "by_level"


def test_levels_have_no_persons() -> None:
    write("levels.csv", "time,service\n08:00,3\n")
    done = simulate("--plan", "levels.csv", "--staffing", "by-person")
    assert done.exit_code == cli.Exit.BAD_INPUT
    assert "needs shifts" in done.stderr


def test_a_plan_replaces_the_staffing() -> None:
    write("shifts.csv", "group,start,length,number\nservice,08:00,2 h,5\n")
    write("plan.yaml", "staffing: {levels: {service: {'08:00': 7}}, shifts: null}\n")
    heads = []
    for plan in ("shifts.csv", "plan.yaml"):
        estimates = json.loads(simulate("--plan", plan, "--json").stdout)["estimates"]
        heads.append(next(one["mean"] for one in estimates if one["measure"] == "heads"))
    assert heads == [5, 7]


def test_without_staffing_a_simulation_suggests_a_plan() -> None:
    done = simulate("--set", "staffing=null")
    assert done.exit_code == cli.Exit.BAD_INPUT
    assert "peakdesk plan desk.yaml" in done.stderr
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--set", "contact_types.order.talk.mean=3 min"), "did you mean 'orders'?"),
        (("--plan", "nowhere.csv"), "nowhere.csv: there is no plan here"),
        (("--overlay", "nowhere.yaml"), "nowhere.yaml: there is no such file"),
    ],
)
def test_a_mistake_is_one_clear_message_on_stderr(words: tuple[str, ...], said: str) -> None:
    done = simulate(*words)
    assert done.exit_code == cli.Exit.BAD_INPUT
    assert done.stderr.startswith("error: ")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert (done.stdout, everything()) == ("", ["desk.yaml"])


def test_a_scenario_that_does_not_exist_is_told_with_those_that_do() -> None:
    done = peakdesk("simulate", "one-quene")
    assert done.exit_code == cli.Exit.BAD_INPUT
    assert "did you mean 'one-queue'?" in done.stderr


def test_an_existing_folder_is_kept_unless_it_may_be_overwritten() -> None:
    assert simulate("--out", "run").exit_code == cli.Exit.DONE
    before = Path("run/result.json").read_bytes()
    refused = simulate("--out", "run", "--seed", "2")
    assert refused.exit_code == cli.Exit.BAD_INPUT
    assert "--overwrite" in refused.stderr
    assert Path("run/result.json").read_bytes() == before
    assert simulate("--out", "run", "--seed", "2", "--overwrite").exit_code == cli.Exit.DONE
    assert Path("run/result.json").read_bytes() != before


def test_a_folder_that_is_no_run_is_never_overwritten() -> None:
    Path("mine").mkdir()
    write("mine/thesis.txt", "years of work")
    done = simulate("--out", "mine", "--overwrite")
    assert done.exit_code == cli.Exit.BAD_INPUT
    assert Path("mine/thesis.txt").read_text(encoding="utf-8") == "years of work"


def test_a_folder_that_cannot_be_written_is_refused_before_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.experiment.chunks", lambda *_, **__: pytest.fail("it was simulated all the same"))
    write("file", "")
    done = simulate("--out", "file/run")
    assert done.exit_code == cli.Exit.BAD_INPUT
    assert "choose another folder" in done.stderr

    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", refused)
    done = simulate("--out", "run")
    assert done.exit_code == cli.Exit.BAD_INPUT
    assert "takes no folder (Read-only file system)" in done.stderr


def test_a_full_disk_leaves_nothing_behind_and_still_shows_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Path] = []

    def full(path: Path, content: bytes) -> int:
        if written:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        written.append(path)
        return len(content)

    monkeypatch.setattr(Path, "write_bytes", full)
    done = simulate("--out", "runs/full")
    assert done.exit_code == cli.Exit.BAD_INPUT
    assert "No space left on device" in done.stderr
    assert "service level (SL-4)" in done.stdout
    assert [name for name in everything() if name != "runs"] == ["desk.yaml"]


def test_ctrl_c_in_a_simulation_leaves_nothing_and_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def pressed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sim.experiment.chunks", pressed)
    done = simulate()
    assert done.exit_code == cli.Exit.INTERRUPTED
    assert everything() == ["desk.yaml"]


# --------------------------------------------------------------------------------------------------------------- plan


TO_PLAN = DESK + TEMPLATES + EASY.replace("10 %", "60 %")


def plan(*words: str) -> Result:
    return peakdesk("plan", "desk.yaml", "-n", "20", *words)


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """A run folder of a plan, and what was printed; made once, for tests that only read it."""
    folder = tmp_path_factory.mktemp("planned")
    (folder / "desk.yaml").write_text(TO_PLAN, encoding="utf-8")
    words = ["plan", str(folder / "desk.yaml"), "-n", "20", "--objective", "cost", "--out", str(folder / "plan")]
    return folder / "plan", peakdesk(*words)


def test_a_plan_is_proposed_proved_and_shown_beside_a_baseline(planned: tuple[Path, Result]) -> None:
    folder, done = planned
    assert done.exit_code == cli.Exit.DONE
    for part in ("objective: least cost", "Erlang C + cover", "The target is certified."):
        assert part in done.stdout
    assert {path.name for path in folder.iterdir()} >= {
        "result.json", "scenario.yaml", "plan.json", "plan.csv", "estimates.csv",
    }  # fmt: skip


@pytest.mark.parametrize("file", [".", "plan.json", "plan.csv"])
def test_the_plan_that_was_written_is_simulated_again_with_the_same_shifts(
    planned: tuple[Path, Result], file: str
) -> None:
    proposed = json.loads((planned[0] / "result.json").read_text(encoding="utf-8"))["plan"]
    again = json.loads(simulate("--plan", str(planned[0] / file), "--json").stdout)
    found = {one["measure"]: one["mean"] for one in again["estimates"] if not one["by"]}
    assert (found["heads"], found["paid_hours"], found["agent_cost"]) == (
        proposed["heads"],
        proposed["paid_hours"],
        proposed["cost"],
    )


def test_the_proof_of_a_plan_can_be_repeated_as_its_report_says(
    planned: tuple[Path, Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    from sim.report.page import run_again
    from sim.results import read_result

    proof, again = read_result(planned[0]), Path("again").absolute()
    monkeypatch.chdir(planned[0])
    peakdesk(*run_again(proof).split()[1:], "--out", str(again))
    assert [one.estimate.mean for one in read_result(again).targets] == [one.estimate.mean for one in proof.targets]


def test_a_plan_has_a_report_with_its_shifts(planned: tuple[Path, Result]) -> None:
    assert peakdesk("report", str(planned[0])).exit_code == cli.Exit.DONE
    page = (planned[0] / "report.html").read_text(encoding="utf-8")
    for part in ("Requirement against coverage", "Erlang C + cover", "<summary>Shifts", "--plan plan.json"):
        assert part in page


@pytest.fixture
def to_plan(desk: Path) -> Path:
    """The small desk with shifts to choose from and a target that some of them can meet."""
    return write("desk.yaml", TO_PLAN)


def test_what_cannot_be_met_leaves_with_4_and_says_why(to_plan: Path) -> None:
    write(
        "desk.yaml",
        DESK + TEMPLATES.replace('["08:00"]', '["09:00"]').replace('"08:00", ', "") + EASY.replace("10 %", "90 %"),
    )
    done = plan()
    assert done.exit_code == cli.Exit.INFEASIBLE
    assert "cannot be met: " in done.stdout
    assert Path("runs/desk-plan-1/plan.json").exists()


@pytest.mark.parametrize("limit", [("--work-limit", "1"), ("--time-limit", "1 ms")])
def test_a_plan_stopped_by_a_limit_is_written_and_leaves_with_5(to_plan: Path, limit: tuple[str, str]) -> None:
    """Unless its first plan already passes."""
    done = plan(*limit, "--out", "plan")
    status = json.loads(Path("plan/plan.json").read_text(encoding="utf-8"))["status"]
    assert (done.exit_code, status) in ((cli.Exit.LIMIT, "limit"), (cli.Exit.DONE, "certified"))
    assert status == "limit" or limit[0] == "--work-limit"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (DESK + TEMPLATES, "has no targets"),
        (DESK + EASY, "has no shift_templates"),
    ],
)
def test_nothing_to_plan_is_the_users_mistake(text: str, said: str) -> None:
    write("desk.yaml", text)
    done = plan()
    assert done.exit_code == cli.Exit.BAD_INPUT
    assert said in done.stderr
    assert everything() == ["desk.yaml"]


def test_a_time_limit_is_a_duration(to_plan: Path) -> None:
    done = plan("--time-limit", "soon")
    assert done.exit_code == cli.Exit.BAD_INPUT
    assert "--time-limit soon" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_ctrl_c_in_a_plan_writes_the_best_so_far_and_leaves_with_130(
    to_plan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pty

    monkeypatch.delenv("CI", raising=False)
    ours, terminal = pty.openpty()
    words = [
        "plan",
        str(to_plan.absolute()),
        "-n",
        "100000",
        "--engine",
        "reference",
        "--out",
        str(Path("plan").absolute()),
    ]
    process = subprocess.Popen(
        [sys.executable, "-c", "import cli; cli.main()", *words],
        cwd=HOME, stdout=subprocess.DEVNULL, stderr=terminal, start_new_session=True,
    )  # fmt: skip
    said = b""
    while b"certify" not in said and process.poll() is None:
        said += os.read(ours, 4096)
    process.send_signal(signal.SIGINT)
    pressed = time.monotonic()
    process.wait(timeout=30)
    assert time.monotonic() - pressed < 10
    said += os.read(ours, 65536)
    assert process.returncode == cli.Exit.INTERRUPTED, said
    assert b"keeping the best plan" in said
    assert b"Traceback" not in said
    written = json.loads(Path("plan/plan.json").read_text(encoding="utf-8"))
    assert (written["status"], written["heads"] > 0) == ("interrupted", True)


# ------------------------------------------------------------------------------------------------------------- report


def test_a_report_is_put_into_the_run_folder() -> None:
    simulate("--out", "run")
    done = peakdesk("report", "run")
    assert done.exit_code == cli.Exit.DONE
    assert done.stdout == "Report: run/report.html\n"
    assert Path("run/report.html").stat().st_size > 10_000
    assert {path.suffix for path in Path("run/figures").iterdir()} == {".svg", ".png"}
    assert not list(Path("run").rglob("*.part"))


def test_a_report_needs_a_run() -> None:
    Path("empty").mkdir()
    write("result.json", '{"schema_version": 1}')
    for run in ("empty", "nowhere", "result.json", "desk.yaml"):
        done = peakdesk("report", run)
        assert done.exit_code == cli.Exit.BAD_INPUT
        assert f"{run} is no run folder" in done.stderr


def test_a_report_on_a_full_disk_keeps_the_old_one(monkeypatch: pytest.MonkeyPatch) -> None:
    simulate("--out", "run")
    write("run/report.html", "the old one")

    def full(path: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", full)
    done = peakdesk("report", "run")
    assert done.exit_code == cli.Exit.BAD_INPUT
    assert Path("run/report.html").read_text(encoding="utf-8") == "the old one"
    assert not list(Path("run").rglob("*.part"))


# ------------------------------------------------------------------------------------------------------------- schema


def test_the_schemas_are_json() -> None:
    both = json.loads(peakdesk("schema").stdout)
    assert set(both) == {"scenario", "result"}
    assert json.loads(peakdesk("schema", "result", "--json").stdout) == both["result"]
    assert "contact_types" in both["scenario"]["$defs"]["Scenario"]["properties"]


# ------------------------------------------------------------------------------------------------------------ explain


def test_a_plan_is_explained(planned: tuple[Path, Result], tmp_path: Path) -> None:
    folder = tmp_path / "plan"
    shutil.copytree(planned[0], folder)
    done = peakdesk("explain", str(folder), "-n", "8")
    assert done.exit_code == cli.Exit.DONE
    for part in ("What targets cost", "one more agent of service", "Risk", "Routing"):
        assert part in done.stdout
    assert json.loads((folder / "explain.json").read_text(encoding="utf-8"))["targets"]


def test_only_a_plan_is_explained() -> None:
    Path("empty").mkdir()
    done = peakdesk("explain", "empty")
    assert done.exit_code == cli.Exit.BAD_INPUT
    assert "empty is no run folder of a plan" in done.stderr
