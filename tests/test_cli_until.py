"""`simulate --until` and `--plain` from the command line."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import cli

DESK = """\
name: desk
horizon: {start: "2026-03-02 08:00", length: 1 h}
channels: {phone: {}}
contact_types:
  orders:
    channel: phone
    arrivals: {per_hour: 60}
    talk: {family: exponential, mean: 2 min}
    patience: {family: exponential, mean: 5 min}
agent_groups: {service: {skills: [orders]}}
staffing: {levels: {service: {"08:00": 3}}}
"""


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("desk.yaml").write_text(DESK, encoding="utf-8")


def simulate(*words: str) -> Result:
    command = ["simulate", "desk.yaml", "--engine", "reference", "--out", "run", *words]
    return CliRunner().invoke(cli.app, command, catch_exceptions=False)


def written() -> Any:
    return json.loads(Path("run/result.json").read_text(encoding="utf-8"))


def test_it_runs_until_the_goals_are_reached_and_says_so() -> None:
    done = simulate("--until", "service_level[orders] ± 5pp", "--until", "asa +- 20 s")
    result = written()
    assert done.exit_code == 0
    assert "service_level[orders] ± 5pp: reached (" in done.stdout
    assert result["stopping"]["reached"]
    assert result["replications"] == result["stopping"]["looks"][-1]["replications"]
    assert [goal["goal"] for goal in result["stopping"]["goals"]] == ["service_level[orders] ± 5pp", "asa +- 20 s"]
    assert result["variance_reduction"]["controls"][0] == "arrivals"
    worth = result["variance_reduction"]["saved"][0]["equivalent"]
    assert f"say as much as so many independent ones: service level {worth:,}" in done.stdout


def test_at_the_maximum_it_warns() -> None:
    done = simulate("--until", "asa ± 1 ms", "--max-replications", "40")
    assert "warning: asa ± 1 ms: not reached within 40 replications: give more with --max-replications" in done.stdout
    assert (written()["replications"], written()["stopping"]["reached"]) == (40, False)


def test_a_goal_that_cannot_be_read_is_one_line_and_nothing_is_run() -> None:
    done = simulate("--until", "service_level ± 0.5")
    assert done.exit_code == 2
    assert done.stderr.startswith("error: 'service_level ± 0.5': a share takes percentage points")
    assert done.stderr.count("\n") == 1
    assert not Path("run").exists()


def test_plain_figures_are_bare_means_of_the_days() -> None:
    assert "Variance reduction" not in simulate("--plain", "-n", "20").stdout
    result = written()
    assert (result["variance_reduction"], result["stopping"]) == (None, None)
    arrived = next(one for one in result["estimates"] if one["measure"] == "arrived" and not one["by"])
    assert arrived["method"] == "student"
    assert arrived["mean"] * 20 == pytest.approx(round(arrived["mean"] * 20))
    simulate("-n", "20", "--overwrite")
    assert next(one for one in written()["estimates"] if one["measure"] == "arrived")["mean"] == pytest.approx(60)
