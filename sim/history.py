"""Past runs: their line in the store, and the same run once more from its frozen scenario.

A run is the same again where its scenario file was not touched and NumPy, which draws the customers, is of the same
version; else `again` refuses.
"""

import hashlib
import json
import math
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import mkdtemp

from pydantic import ValidationError

from sim.candidates import Candidate
from sim.comparison import compare, results_of, write_comparison
from sim.experiment import Progress
from sim.report.records import Records, share
from sim.report.tables import Table, staffing_line, verdict
from sim.results import (
    RESULT_FILE,
    SCENARIO_FILE,
    Record,
    Result,
    SweepRecord,
    read_result,
    versions,
    whole_folder,
    write_files,
    write_run,
)
from sim.scenario import Scenario
from sim.scenario_file import dump, load
from sim.staffing import StaffingPlan
from sim.store import Line, Store
from sim.summary import digested, result_of, tables
from sim.sweep import SWEEP_FILE, points_of, read_sweep, sweep


class NotAgain(ValueError):
    """A run cannot be run again: its folder is gone, was changed, or holds another run."""


class OtherCustomers(Exception):
    """NumPy has another version than when the run was made: it would be the same law, not the same customers."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Again:
    """A run of the past, how it came out this time, and what writes its folder."""

    past: Result | SweepRecord
    result: Result | SweepRecord
    write: Callable[[Path, bool], Path]
    """`write(folder, overwrite)` gives the folder that it was written to."""

    @property
    def changed(self) -> list[str]:
        """The figures that came out differently: none where it is the same run on the same software."""
        then, now = (dict(_figures(one)) for one in (self.past, self.result))
        return [key for key, value in then.items() if key in now and not _same(value, now[key])]

    @property
    def sentence(self) -> str:
        """Whether it came out the same."""
        if not self.changed:
            return "The same run: every figure is what it was."
        return f"Not the same run: {len(self.changed)} of {len(dict(_figures(self.result)))} figures have changed."


def _figures(of: Result | SweepRecord) -> Iterator[tuple[str, Record]]:
    """All estimates, and differences, by what they are of."""
    if isinstance(of, SweepRecord):
        for number, point in enumerate(of.points):
            yield from ((f"{number} {_key(one)}", one) for one in point.estimates)
        return
    yield from ((str(_key(one)), one) for one in of.estimates)
    yield from ((f"{one.candidate} {_key(one)}", one) for one in of.differences)


def _same(one: Record, other: Record) -> bool:
    """Whether two records say the same, to ten digits: more are not promised when replications come in other pieces."""
    values = ((getattr(one, name), getattr(other, name)) for name in ("mean", "low", "high"))
    close = (
        a == b or (a is not None and b is not None and math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9))
        for a, b in values
    )
    return all(close) and (one.method, one.n, one.unit) == (other.method, other.n, other.unit)


def line_of(result: Result, folder: Path, time: str) -> Line:
    """The line of a run in the store."""
    return Line(
        time=time,
        command=result.command,
        scenario=result.scenario.name,
        hash=result.scenario.hash,
        seed=result.seed,
        first=result.first,
        replications=result.replications,
        engine=result.engine,
        versions=result.versions,
        headline=headline(result),
        folder=folder,
    )


def line_of_sweep(whole: SweepRecord, folder: Path, time: str) -> Line:
    """The line of a sweep; its hash is that of all its desks."""
    hashes = " ".join(point.scenario_hash for point in whole.points)
    return Line(
        time=time,
        command=whole.command,
        scenario=whole.scenario,
        hash=hashlib.sha256(hashes.encode()).hexdigest()[:16],
        seed=whole.seed,
        first=whole.points[0].first,
        replications=whole.replications,
        engine="any",
        versions=whole.versions,
        headline=f"{len(whole.points)} points over {', '.join(whole.axes)}",
        folder=folder,
    )


def headline(result: Result) -> str:
    """What a run came to, in a few words."""
    level = Records(result.estimates).mean("service_level")
    served = [] if level is None else [f"service level {share(level)}"]
    worst = verdict(result.targets).status
    return "; ".join([*served, staffing_line(result).partition(": ")[2].partition(",")[0], *([worst] if worst else [])])


def history_table(lines: list[Line]) -> Table:
    """The runs of a store, for people."""
    head = ("id", "time", "command", "scenario", "seed", "replications", "result", "folder")
    rows = tuple(
        (str(one.id), one.time[:16].replace("T", " "), one.command, one.scenario, str(one.seed),
         str(one.replications), one.headline, _shown(one.folder))
        for one in lines
    )  # fmt: skip
    return Table("runs", head, rows, left=len(head))


def _shown(folder: Path) -> str:
    """A folder as people would type it here."""
    near = folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
    return f"{near}{'' if folder.exists() else ' (gone)'}"


def facts(line: Line) -> list[str]:
    """A run's line in full."""
    packages = ", ".join(f"{name} {version}" for name, version in line.versions.items())
    return [
        f"run {line.id}: {line.command} at {line.time}, in {_shown(line.folder)}",
        f"scenario {line.scenario}, hash {line.hash}",
        f"made with {packages}",
    ]


def as_objects(lines: list[Line]) -> str:
    """Lines as JSON."""
    return json.dumps([asdict(line) | {"folder": str(line.folder)} for line in lines], ensure_ascii=False, indent=2)


def differing(then: Mapping[str, str]) -> list[str]:
    """Packages that have another version than they had."""
    now = versions()
    return [f"{name} was {then.get(name, 'absent')} and is {now.get(name, 'absent')}"
            for name in dict.fromkeys((*then, *now)) if then.get(name) != now.get(name)]  # fmt: skip


def again(line: Line, *, allow: bool = False, workers: int = 1, progress: Progress | None = None) -> Again:
    """Run what a line tells of once more; of a plan its proof, that is its shifts on the same days.

    Raises NotAgain, ScenarioErrors, and OtherCustomers unless that is allowed.
    """
    past = found(line)
    then, now = past.versions.get("numpy"), versions().get("numpy")
    if then != now and not allow:
        raise OtherCustomers(f"NumPy was {then} and is {now}: the same law, not the same customers")
    if isinstance(past, SweepRecord):
        return _swept(line, past, workers, progress)
    return _compared(past, line, workers, progress) if past.candidates else _simulated(past, line, workers, progress)


def _frozen(folder: Path, expected: str, run: int) -> Scenario:
    """The scenario of a run folder; NotAgain where it was changed."""
    scenario = load(folder / SCENARIO_FILE)
    if scenario.hash != expected:
        raise NotAgain(f"{folder / SCENARIO_FILE} was changed since run {run}: it is another desk now")
    return scenario


def _simulated(past: Result, line: Line, workers: int, progress: Progress | None) -> Again:
    scenario = _frozen(line.folder, line.hash, line.id)
    runs = digested(
        scenario,
        _plan(past, scenario),
        replications=past.replications,
        seed=past.seed,
        first=past.first,
        engine=past.engine,
        workers=workers,
        progress=progress,
        plain=past.variance_reduction is None,
    )
    result = result_of(runs, command=past.command, plan=past.plan, stopping=past.stopping)

    def write(folder: Path, overwrite: bool) -> Path:
        text, means = dump(scenario), tables(runs)
        return write_run(folder, result, scenario_text=text, tables=means, overwrite=overwrite, beside=True)

    return Again(past=past, result=result, write=write)


def _compared(past: Result, line: Line, workers: int, progress: Progress | None) -> Again:
    """All candidates of a comparison, from the scenarios in its folder."""
    candidates = [
        Candidate(
            name=one.name, given=one.given, scenario=_frozen(line.folder / one.folder, one.scenario_hash, line.id)
        )
        for one in past.candidates
    ]
    runs = compare(
        candidates,
        replications=past.replications,
        seed=past.seed,
        first=past.first,
        engine=past.engine,
        workers=workers,
        progress=progress,
        plain=past.variance_reduction is None,
    )
    results = results_of(runs)

    def write(folder: Path, overwrite: bool) -> Path:
        return write_comparison(folder, runs, results, overwrite=overwrite, beside=True)

    return Again(past=past, result=results[0], write=write)


def _swept(line: Line, past: SweepRecord, workers: int, progress: Progress | None) -> Again:
    """All points of a sweep, anew; those that were planned with the shifts that were found then."""
    points, found = points_of(past, line.folder), past.points
    shifts = {point.scenario_hash: point for point in found if point.shifts is not None}

    def planned(desk: Scenario) -> StaffingPlan:
        point = shifts[desk.hash]
        return StaffingPlan(shifts=point.shifts, mode=point.staffing)

    def tell(number: int, of: int, done: int, days: int) -> None:
        if progress is not None:
            progress(number * days + done, of * days)

    folder = Path(mkdtemp(prefix="peakdesk-"))
    try:
        whole = sweep(
            points,
            folder / "sweep",
            replications=past.replications,
            seed=past.seed,
            first=found[0].first,
            workers=workers,
            replan=planned if shifts else None,
            progress=tell,
        )
        kept = {file.relative_to(folder / "sweep").as_posix(): file.read_bytes()
                for file in (folder / "sweep").rglob("*") if file.is_file()}  # fmt: skip
    finally:
        shutil.rmtree(folder, ignore_errors=True)

    def write(wanted: Path, overwrite: bool) -> Path:
        with whole_folder(wanted, overwrite=overwrite, beside=True) as made:
            write_files(made.path, kept)
        return made.landed

    return Again(past=past, result=whole, write=write)


def found(line: Line) -> Result | SweepRecord:
    """The result in a run's folder; NotAgain where it is gone, or is that of another run."""
    name = SWEEP_FILE if line.command == "sweep" else RESULT_FILE
    try:
        past = read_sweep(line.folder) if line.command == "sweep" else read_result(line.folder)
    except OSError as error:
        raise NotAgain(f"the folder {line.folder} of run {line.id} cannot be read: {error.strerror}") from None
    except ValidationError:
        raise NotAgain(f"{line.folder / name} of run {line.id} is damaged") from None
    here = line_of_sweep(past, line.folder, "") if isinstance(past, SweepRecord) else line_of(past, line.folder, "")
    same = ("command", "hash", "seed", "first", "replications")
    if any(getattr(here, name) != getattr(line, name) for name in same):
        raise NotAgain(f"{line.folder} was written anew since run {line.id}: it holds another run")
    return past


def delete(store: Store, run: int, *, files: bool = False) -> Line:
    """Take a run out of the store, with its folder if that still holds the run."""
    line = store.line(run)
    if files and line.folder.exists():
        found(line)
        shutil.rmtree(line.folder)
    return store.delete(run)


def _plan(past: Result, scenario: Scenario) -> StaffingPlan | None:
    if past.plan is None:
        return scenario.staffing
    return StaffingPlan(shifts=past.plan.shifts, mode=past.staffing)


def _key(record: Record) -> tuple[str, str, str]:
    return record.measure, record.formula, repr(sorted(record.by.items()))


__all__ = [
    "Again", "NotAgain", "OtherCustomers", "again", "as_objects", "delete", "differing", "facts", "found", "headline",
    "history_table", "line_of", "line_of_sweep",
]  # fmt: skip
