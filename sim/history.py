"""Past runs: their line in the store, and the same run once more from its frozen scenario.

A run is the same again where its scenario file was not touched and NumPy, which draws the customers, is of the same
version; else `again` refuses.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import ValidationError

from sim.digest import Digest
from sim.experiment import Progress
from sim.report.records import Records, share
from sim.report.tables import Table, staffing_line, verdict
from sim.results import RESULT_FILE, SCENARIO_FILE, Record, Result, read_result, versions, write_run
from sim.scenario import Scenario
from sim.scenario_file import dump, load
from sim.staffing import StaffingPlan
from sim.store import Line, Store
from sim.summary import digested, result_of, tables

REPEATABLE = ("simulate", "plan")


class NotAgain(ValueError):
    """A run cannot be run again: its folder is gone or was changed, or its command is none that can be repeated."""


class OtherCustomers(Exception):
    """NumPy has another version than when the run was made: it would be the same law, not the same customers."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Again:
    """A run of the past, its scenario, and how it came out this time."""

    past: Result
    scenario: Scenario
    runs: Digest
    result: Result

    @property
    def changed(self) -> list[Record]:
        """The figures that came out differently: none where it is the same run on the same software."""
        found = {_key(record): record for record in self.result.estimates}
        return [found[_key(old)] for old in self.past.estimates if found.get(_key(old), old) != old]

    @property
    def sentence(self) -> str:
        """Whether it came out the same."""
        if not self.changed:
            return "The same run: every figure is what it was."
        return f"Not the same run: {len(self.changed)} of {len(self.result.estimates)} figures have changed."

    def write(self, folder: Path, *, overwrite: bool = False) -> None:
        """Write a run folder of it."""
        figures = tables(self.runs)
        text = dump(self.scenario)
        write_run(folder, self.result, scenario_text=text, tables=figures, overwrite=overwrite)


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
    if line.command not in REPEATABLE:
        raise NotAgain(f"run {line.id} is a {line.command}: give that command again; the store has no options of it")
    past, scenario = found(line), load(line.folder / SCENARIO_FILE)
    if scenario.hash != line.hash:
        raise NotAgain(f"{line.folder / SCENARIO_FILE} was changed since run {line.id}: it is another desk now")
    then, now = past.versions.get("numpy"), versions().get("numpy")
    if then != now and not allow:
        raise OtherCustomers(f"NumPy was {then} and is {now}: the same law, not the same customers")
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
    return Again(past=past, scenario=scenario, runs=runs, result=result)


def found(line: Line) -> Result:
    """The result in a run's folder; NotAgain where it is gone, or is that of another run."""
    try:
        past = read_result(line.folder)
    except OSError as error:
        raise NotAgain(f"the folder {line.folder} of run {line.id} cannot be read: {error.strerror}") from None
    except ValidationError:
        raise NotAgain(f"{line.folder / RESULT_FILE} of run {line.id} is damaged") from None
    here = (past.command, past.scenario.hash, past.seed, past.first, past.replications)
    if here != (line.command, line.hash, line.seed, line.first, line.replications):
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
    "history_table", "line_of",
]  # fmt: skip
