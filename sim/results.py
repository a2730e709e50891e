"""result.json and the run folder: what a run says to people and programs, and how it is put on disk.

`Result` is a contract: what `result_schema` publishes keeps its meaning until `schema_version` changes. A folder is
written whole or not at all.
"""

import csv
import errno
import io
import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator
from typing_extensions import TypedDict

from sim.estimates import Estimate
from sim.scenario import Scenario
from sim.staffing import ShiftCount, StaffingPlan

Row = Mapping[str, Any]
RESULT_FILE = "result.json"
SCENARIO_FILE = "scenario.yaml"
PACKAGES = ("peakdesk", "numpy", "scipy", "simpy", "numba", "pulp", "highspy")


class Contract(BaseModel):
    """What all parts of a result share: no unknown keys, no NaN."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, json_schema_serialization_defaults_required=True
    )


class IntervalKey(TypedDict):
    """One interval of the horizon; `start` in ISO 8601 with its offset."""

    index: int
    start: str
    length_s: float


class By(TypedDict, total=False):
    """What an estimate is of; a key that is absent means all."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]

    type: str
    channel: str
    group: str
    day: str
    interval: IntervalKey
    segment: str


class Record(Contract):
    """One estimate. `mean` is null where nothing was there to be measured, the interval where it is unknown."""

    measure: str
    formula: str
    by: By
    mean: float | None
    low: float | None
    high: float | None
    half_width: float | None
    level: float
    method: str
    replications: int
    n: int
    unit: str


class WindowRecord(Contract):
    """One window of a target."""

    by: By
    status: Literal["certified", "met", "missed"]
    mean: float | None
    low: float | None
    high: float | None


class TargetRecord(Contract):
    """A target and how it fared: `estimate` is that of its worst window, null where nothing was offered.

    Each end of the intervals holds with `confidence`, for all `comparisons` (windows of all targets) at once.
    """

    measure: str
    formula: str
    contact_types: tuple[str, ...] | Literal["all"]
    agent_groups: tuple[str, ...] | Literal["all"]
    threshold_s: float | None = Field(description="null: that of each contact type")
    strict: bool
    at_least: float | None
    at_most: float | None
    per: Literal["interval", "day", "horizon"] | float = Field(description="a number: blocks of so many seconds")
    in_days: float | None = Field(None, description="to hold on this share of days, which is what is estimated")
    confidence: float
    unit: str
    status: Literal["certified", "met", "missed"]
    comparisons: int
    estimate: Record | None
    windows: tuple[WindowRecord, ...]


class PlanRecord(Contract):
    """A proposed plan: what it takes, and how good it is known to be.

    `gap` is (worth - bound) / bound, both in the objective.
    """

    heads: int
    shifts_worked: int
    fte: float
    paid_hours: float
    cost: float
    objective: str
    status: str
    bound: float | None
    bound_class: str
    gap: float | None
    shifts: tuple[ShiftCount, ...]
    details: dict[str, JsonValue] = Field({}, description="how it was found; free to change")


class DifferenceRecord(Record):
    """The figure of `candidate` less that of `baseline`, on the same customers."""

    baseline: str
    candidate: str


class MovedRecord(Contract):
    """The differences that are real: all `comparisons` hold at once with `level`; the clearest comes first."""

    level: float
    method: Literal["bonferroni"]
    comparisons: int
    differences: tuple[DifferenceRecord, ...]


class CandidateRecord(Contract):
    """One of those that were compared: figures over the whole horizon, and its targets.

    Among `estimates` are `target_met`, the share of days on which a target was held, as segments "target 1" and so on.
    """

    name: str
    given: str = Field(description="what was asked for")
    folder: str = Field(description="where its own run lies in the comparison's folder")
    scenario: str
    scenario_hash: str
    staffing: Literal["by_person", "by_level"]
    estimates: tuple[Record, ...]
    targets: tuple[TargetRecord, ...]


class SavedRecord(Contract):
    """What variance reduction was worth to one figure of the whole desk.

    `factor`: how many times more plain replications would be needed for the same interval; `equivalent` so many.
    """

    measure: str
    formula: str
    factor: float
    equivalent: int


class VarianceReductionRecord(Contract):
    """Why intervals are shorter than those of as many independent replications."""

    strata: Literal["blocks of 16"] | None = Field(description="of busyness; null where it does not vary")
    controls: tuple[str, ...] = Field(description="control variates; empty where there are none")
    saved: tuple[SavedRecord, ...]


class LookRecord(Contract):
    """One look of a sequential experiment: the level of its intervals, and the goals still missed by then."""

    replications: int
    level: float
    missed: tuple[str, ...]


class GoalRecord(Contract):
    """A goal at the last look, in the unit of its estimate."""

    goal: str
    half_width: float = Field(description="wanted at most")
    reached: bool
    estimate: Record


class StoppingRecord(Contract):
    """How an experiment decided when it had seen enough; the intervals of all goals at all looks hold at once."""

    rule: str
    level: float
    reached: bool = Field(description="false: stopped at the maximum")
    maximum: int
    looks: tuple[LookRecord, ...]
    goals: tuple[GoalRecord, ...]


class ScenarioRecord(Contract):
    """The scenario that was run, units written out; a trace is left to the run folder's scenario file."""

    name: str
    hash: str
    document: dict[str, JsonValue]


class Result(Contract):
    """What one command came to."""

    schema_version: Literal[1] = 1
    command: str
    scenario: ScenarioRecord
    staffing: Literal["by_person", "by_level"] = Field(description="how the plan was simulated")
    engine: str
    seed: int
    first: int = Field(description="number of the first replication")
    replications: int
    versions: dict[str, str]
    estimates: tuple[Record, ...]
    targets: tuple[TargetRecord, ...] = ()
    plan: PlanRecord | None = None
    candidates: tuple[CandidateRecord, ...] = Field((), description="of a comparison, the baseline first")
    differences: tuple[DifferenceRecord, ...] = ()
    moved: MovedRecord | None = None
    variance_reduction: VarianceReductionRecord | None = Field(None, description="null: switched off")
    stopping: StoppingRecord | None = None
    warnings: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _estimates_are_unique(self) -> "Result":
        seen: set[tuple[str, str, str]] = set()
        for record in self.estimates:
            key = (record.measure, record.formula, json.dumps(record.by, sort_keys=True))
            if key in seen:
                raise ValueError(f"two estimates of {record.measure}, {record.formula}, by {record.by}")
            seen.add(key)
        return self


class PointRecord(Contract):
    """What came of one point: all figures but those by interval, its targets, its shifts where it was planned anew."""

    schema_version: Literal[1] = 1
    settings: dict[str, str]
    scenario: str
    scenario_hash: str
    staffing: Literal["by_person", "by_level"]
    seed: int
    first: int
    replications: int
    versions: dict[str, str]
    estimates: tuple[Record, ...]
    targets: tuple[TargetRecord, ...]
    shifts: tuple[ShiftCount, ...] | None = None


class SweepRecord(Contract):
    """All points of a sweep, in the order of the grid: the last path moves fastest."""

    schema_version: Literal[1] = 1
    command: Literal["sweep"] = "sweep"
    scenario: str
    axes: dict[str, tuple[str, ...]]
    seed: int
    replications: int
    versions: dict[str, str]
    points: tuple[PointRecord, ...]


def record(measure: str, unit: str, by: By, estimate: Estimate) -> Record:
    """An estimate as it stands in a result."""
    return Record(
        measure=measure,
        formula=estimate.formula,
        by=by,
        mean=estimate.mean,
        low=estimate.low,
        high=estimate.high,
        half_width=estimate.half_width,
        level=estimate.level,
        method=estimate.method,
        replications=estimate.replications,
        n=estimate.n,
        unit=unit,
    )


def scenario_record(scenario: Scenario) -> ScenarioRecord:
    """The echo of a scenario: what differs from the defaults."""
    document = scenario.model_dump(mode="json", exclude_defaults=True, exclude={"trace"})
    return ScenarioRecord(name=scenario.name, hash=scenario.hash, document=document)


def staffing_mode(plan: StaffingPlan) -> Literal["by_person", "by_level"]:
    """How a plan is simulated."""
    return "by_person" if plan.by_person else "by_level"


def versions() -> dict[str, str]:
    """Versions of this package and of those that results depend on, where they are installed."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def result_schema() -> dict[str, Any]:
    """JSON Schema of result.json."""
    return Result.model_json_schema(mode="serialization") | {"$schema": "https://json-schema.org/draft/2020-12/schema"}


def to_json(result: Result) -> str:
    """The text of result.json."""
    return result.model_dump_json(indent=2) + "\n"


# -------------------------------------------------------------------------------------------------------- tables

_BY = ("type", "channel", "group", "day", "interval_index", "interval_start", "interval_length_s", "segment")
_VALUES = ("mean", "low", "high", "half_width", "level", "method", "replications", "n", "unit")


def estimate_rows(records: Iterable[Record]) -> Iterator[Row]:
    """Estimates as flat rows: one column for each part of `by`."""
    for one in records:
        by: dict[str, Any] = {**one.by}
        by |= {f"interval_{key}": value for key, value in by.pop("interval", {}).items()}
        values = {name: getattr(one, name) for name in _VALUES}
        yield {"measure": one.measure, "formula": one.formula, **{key: by.get(key) for key in _BY}, **values}


def csv_text(rows: Iterable[Row]) -> str:
    """Rows as CSV with the keys of the first as header; None is empty."""
    rows = list(rows)
    if not rows:
        return ""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


# -------------------------------------------------------------------------------------------------------- folder


def write_run(
    folder: Path,
    result: Result,
    *,
    scenario_text: str,
    tables: Mapping[str, Sequence[Row]] | None = None,
    files: Mapping[str, str | bytes] | None = None,
    more: Callable[[Path], object] | None = None,
    overwrite: bool = False,
    beside: bool = False,
) -> Path:
    """Write a run folder: result.json, scenario.yaml, estimates.csv, NAME.csv for each table, and other files by path.

    `more` writes what is too long to be held in memory into the folder that it is given. Raises FileExistsError where
    something is there already, unless it may be overwritten; with `beside` the next name that is free is taken instead,
    for a run that was promised the folder and found it taken when its work was done. Whatever goes wrong, nothing
    half-written stays and what was there before is still there. Returns where it is.
    """
    contents: dict[str, str | bytes] = {RESULT_FILE: to_json(result), SCENARIO_FILE: scenario_text}
    contents["estimates.csv"] = csv_text(estimate_rows(result.estimates))
    contents |= {f"{name}.csv": csv_text(rows) for name, rows in (tables or {}).items()}
    with whole_folder(folder, overwrite=overwrite, beside=beside) as made:
        for name, content in (contents | dict(files or {})).items():
            _write(made.path / _inside(name), content)
        if more is not None:
            more(made.path)
    return made.landed


def _inside(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"{name!r} does not lie in the run folder")
    return path


def _write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


@dataclass
class Making:
    """A folder that is being written at `path` and has `landed` where it belongs when all went well."""

    path: Path
    landed: Path


@contextmanager
def whole_folder(folder: Path, *, overwrite: bool = False, beside: bool = False) -> Iterator[Making]:
    """A new folder beside `folder` to write into, that takes its place when all went well and else disappears.

    Where somebody was quicker and has taken its place, it is refused, or with `beside` lands beside that one.
    """
    given, folder = folder, folder.resolve()
    if not beside or overwrite:
        refuse_to_replace(folder, overwrite=overwrite)
    folder.parent.mkdir(parents=True, exist_ok=True)
    token = secrets.token_hex(4)
    made, old = (folder.with_name(f".{folder.name}.{token}.{kind}") for kind in ("part", "old"))
    made.mkdir()
    making = Making(made, given)
    try:
        yield making
        if overwrite or not beside:
            refuse_to_replace(folder, overwrite=overwrite)
        if overwrite and folder.exists():
            folder.rename(old)
        _land(making)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        if old.exists() and not folder.exists():
            old.rename(folder)
        raise
    finally:
        if folder.exists():
            shutil.rmtree(old, ignore_errors=True)


def _land(making: Making) -> None:
    """Give a folder its name, or the next one that is free."""
    while True:
        if not os.path.lexists(making.landed):
            try:
                making.path.rename(making.landed)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
            else:
                return
        making.landed = _next_name(making.landed)


def _next_name(folder: Path) -> Path:
    stem, dash, number = folder.name.rpartition("-")
    if dash and number.isdigit():
        return folder.with_name(f"{stem}-{int(number) + 1}")
    return folder.with_name(f"{folder.name}-2")


def next_folder(parent: Path, scenario: str, command: str) -> Path:
    """The first of SCENARIO-COMMAND-1, -2, … in `parent` that comes after all there are."""
    slug = re.sub(r"[^\w.-]+", "-", scenario).strip("-.") or "scenario"
    taken = (re.fullmatch(rf"{re.escape(slug)}-{command}-(\d+)", path.name) for path in parent.glob("*"))
    return parent / f"{slug}-{command}-{max((int(match[1]) for match in taken if match), default=0) + 1}"


def refuse_unwritable(folder: Path, *, overwrite: bool = False) -> None:
    """Raise OSError where `write_run` could not write this folder, before any work is done for it."""
    refuse_to_replace(folder, overwrite=overwrite)
    above = next(parent for parent in folder.absolute().parents if parent.exists())
    probe = above / f".peakdesk.{secrets.token_hex(4)}.probe"
    try:
        probe.mkdir()
        probe.rmdir()
    except OSError as error:
        raise OSError(f"{above} takes no folder ({error.strerror}): choose another folder") from None


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Put further files into a folder, each of them whole or not at all."""
    for name, content in files.items():
        path = folder / _inside(name)
        path.parent.mkdir(exist_ok=True)
        part = path.with_name(f".{path.name}.part")
        try:
            part.write_bytes(content)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


def refuse_to_replace(folder: Path, *, overwrite: bool = False) -> None:
    """Raise FileExistsError where a folder is there that may not be replaced."""
    if not folder.exists():
        return
    if not overwrite:
        raise FileExistsError(f"{folder} exists already: choose another folder")
    if not folder.is_dir() or (any(folder.iterdir()) and not (folder / RESULT_FILE).exists()):
        raise FileExistsError(f"{folder} is no run folder and is not overwritten: choose another folder")


def read_result(folder: Path) -> Result:
    """The result of a run folder, or of a result.json."""
    path = folder / RESULT_FILE if folder.is_dir() else folder
    return Result.model_validate_json(path.read_bytes())
