"""result.json is a contract, and a run folder is there whole or not at all."""

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from sim.estimates import Estimate, exact
from sim.results import (
    By,
    Record,
    Result,
    ScenarioRecord,
    csv_text,
    estimate_rows,
    read_result,
    record,
    refuse_unwritable,
    result_schema,
    to_json,
    versions,
    write_run,
)

INTERVAL = {"index": 3, "start": "2026-11-11T09:30:00+08:00", "length_s": 1800.0}


def estimate(mean: float | None = 0.8, half: float | None = 0.1) -> Estimate:
    low, high = (None, None) if mean is None or half is None else (mean - half, mean + half)
    return Estimate(mean=mean, low=low, high=high, level=0.95, method="delta", replications=9, n=99, formula="SL-4")


def service(mean: float | None = 0.8, half: float | None = 0.1, **by: Any) -> Record:
    return record("service_level", "share", By(**by), estimate(mean, half))


def result(*estimates: Record, **more: Any) -> Result:
    given: dict[str, Any] = {
        "command": "simulate",
        "scenario": ScenarioRecord(name="desk", hash="0" * 16, document={}),
        "staffing": "by_person",
        "engine": "reference",
        "seed": 1,
        "first": 0,
        "replications": 9,
        "versions": versions(),
        "estimates": estimates,
    }
    return Result(**(given | more))


# ----------------------------------------------------------------------------------------------------- the contract


def test_an_estimate_is_one_flat_record_whose_absent_keys_mean_all() -> None:
    told = json.loads(to_json(result(service(), service(interval=INTERVAL))))["estimates"]
    assert told[0] == {
        "measure": "service_level", "formula": "SL-4", "by": {}, "mean": 0.8, "low": pytest.approx(0.7),
        "high": pytest.approx(0.9), "half_width": pytest.approx(0.1), "level": 0.95, "method": "delta",
        "replications": 9, "n": 99, "unit": "share",
    }  # fmt: skip
    assert told[1]["by"] == {"interval": INTERVAL}


def test_what_is_unknown_is_null() -> None:
    told = json.loads(to_json(result(service(None), service(half=None, type="a"))))["estimates"]
    assert [told[0][key] for key in ("mean", "low", "high", "half_width")] == [None] * 4
    assert [told[1][key] for key in ("mean", "low", "high", "half_width")] == [0.8, None, None, None]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_nan_and_infinity_never_get_in(value: float) -> None:
    with pytest.raises(ValidationError, match="finite"):
        record("asa", "s", {}, exact(value))


def test_measure_formula_and_by_are_unique() -> None:
    with pytest.raises(ValidationError, match=r"two estimates of service_level, SL-4, by \{'type': 'a'\}"):
        result(service(type="a"), service(0.7, type="a"))
    result(service(type="a"), service(type="b"), service())


def test_unknown_keys_are_refused() -> None:
    with pytest.raises(ValidationError, match="tpye"):
        service(tpye="a")
    with pytest.raises(ValidationError, match="colour"):
        result(colour="red")


def test_the_schema_is_published_and_names_its_version() -> None:
    schema = result_schema()
    assert schema["properties"]["schema_version"]["const"] == 1
    assert {"estimates", "targets", "plan", "warnings"} <= set(schema["required"])
    assert set(schema["$defs"]["By"]["properties"]) == {"type", "channel", "group", "day", "interval", "segment"}
    json.dumps(schema, allow_nan=False)


def test_versions_are_those_of_what_is_installed() -> None:
    assert {"numpy", "scipy", "simpy"} <= set(versions())


def test_estimates_as_a_table_have_one_column_for_each_part_of_by() -> None:
    rows = list(
        csv.DictReader(io.StringIO(csv_text(estimate_rows([service(interval=INTERVAL), service(None, type="a")]))))
    )
    assert (rows[0]["interval_index"], rows[0]["interval_start"], rows[0]["type"]) == ("3", INTERVAL["start"], "")
    assert (rows[1]["mean"], rows[1]["type"], rows[1]["unit"]) == ("", "a", "share")
    assert csv_text([]) == ""


# ------------------------------------------------------------------------------------------------------- the folder


def write(folder: Path, **more: Any) -> Path:
    return write_run(folder, result(service()), **({"scenario_text": "name: desk\n"} | more))


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_run_folder_can_be_read_back(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "run"
    write(folder, tables={"intervals": [{"interval": 0, "asa": None}]}, files={"figures/a.svg": b"<svg/>"})
    assert names(folder) == {"result.json", "scenario.yaml", "estimates.csv", "intervals.csv", "figures/a.svg"}
    assert read_result(folder) == read_result(folder / "result.json") == result(service())
    assert (folder / "intervals.csv").read_text() == "interval,asa\n0,\n"


def test_an_existing_folder_is_refused_unless_it_may_be_overwritten(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    write(folder, files={"old.txt": "old"})
    with pytest.raises(FileExistsError, match="exists already"):
        write(folder)
    write(folder, overwrite=True)
    assert "old.txt" not in names(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_run_whose_name_was_taken_meanwhile_lands_beside_it(tmp_path: Path) -> None:
    for name, beside in (("run", "run-2"), ("desk-simulate-3", "desk-simulate-4")):
        folder = tmp_path / name
        write(folder, files={"mine.txt": "first"})
        assert write(folder, beside=True, files={"mine.txt": "second"}) == tmp_path / beside
        assert [(tmp_path / one / "mine.txt").read_text() for one in (name, beside)] == ["first", "second"]
    assert write(tmp_path / "run", beside=True) == tmp_path / "run-3"
    assert all(not path.name.startswith(".") for path in tmp_path.iterdir())


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="no /proc here")
def test_a_place_that_takes_no_folder_is_told_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="/proc takes no folder"):
        refuse_unwritable(Path("/proc/x"))
    refuse_unwritable(tmp_path / "deep" / "run")
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_run_folder_is_never_overwritten(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    write(home, overwrite=True)
    (home / "result.json").rename(home / "letter.txt")
    with pytest.raises(FileExistsError, match="no run folder"):
        write(home, overwrite=True)
    with pytest.raises(FileExistsError, match="no run folder"):
        write(home / "letter.txt", overwrite=True)
    assert "letter.txt" in names(home)


@pytest.mark.parametrize("fault", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("before", [False, True])
def test_a_fault_leaves_nothing_behind_and_what_was_there_unharmed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: BaseException, before: bool
) -> None:
    folder = tmp_path / "run"
    if before:
        write(folder, files={"old.txt": "old"})
    plain = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if path.name == "estimates.csv":
            raise fault
        return plain(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(type(fault)):
        write(folder, overwrite=before)
    assert [path.name for path in tmp_path.iterdir()] == ["run"] * before
    assert not before or "old.txt" in names(folder)


def test_a_fault_in_the_last_step_puts_the_old_folder_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "run"
    write(folder, files={"old.txt": "old"})
    plain = Path.rename

    def refuses(path: Path, target: Path) -> Path:
        if path.name.endswith(".part"):
            raise PermissionError(path)
        return plain(path, target)

    monkeypatch.setattr(Path, "rename", refuses)
    with pytest.raises(PermissionError):
        write(folder, overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert "old.txt" in names(folder)


@pytest.mark.parametrize("name", ["../out.txt", "/etc/out.txt", "a/../../out.txt"])
def test_files_stay_inside_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="does not lie in the run folder"):
        write(tmp_path / "run", files={name: "x"})
    assert list(tmp_path.iterdir()) == []
