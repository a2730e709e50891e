"""Every contact, spell and interval of some replications as tables: what researchers plot and model from.

The columns carry names, not indices; instants are milliseconds from the start of the horizon (`_ms`), masked where
they never were. Files are CSV, or Parquet with the extra `parquet`.
"""

import csv
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from sim import attendance, routing
from sim import engine as engines
from sim.attendance import Staffing
from sim.digest import Digest
from sim.experiment import Runs, plan_of
from sim.full_tally import tally_run
from sim.metrics import own_thresholds
from sim.outcome import NEVER, Cause, OutcomeTable, Status
from sim.scenario import Scenario
from sim.staffing import StaffingPlan
from sim.start import started
from sim.workload import contacts_expected

Column = np.ma.MaskedArray[Any, Any]
Columns = dict[str, Column]
Form = Literal["csv", "parquet"]
Write = Callable[[Columns], None]

_BY_TYPE = (
    "arrived", "offered", "answered", "abandoned", "abandoned_short", "unserved", "blocked", "closed", "bot_entered",
    "bot_resolved", "bot_contained_unresolved", "bot_gave_up", "bot_handed_off", "wait_answered_ms", "wait_offered_ms",
    "talk_ms", "after_ms", "queue_ms",
)  # fmt: skip
_BY_GROUP = ("scheduled_ms", "staffed_ms", "busy_ms")


class NoParquet(RuntimeError):
    """Parquet was asked for, and pyarrow is not installed."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Tables:
    """Columns by name, each table with a column `replication`.

    `contacts`: type, cause (follow-ups: "type/rule"), status, agent and group by name; `root` and `parent` are ids of
    `contact` in the same replication. `spells`: when each agent came, was to leave and left. `intervals` of each type:
    counts, and sums of times, booked as in docs/model.md; `answered_in_time` is by the type's own threshold.
    `group_intervals`: agent time.
    """

    contacts: Columns
    spells: Columns
    intervals: Columns
    group_intervals: Columns


NAMES = tuple(field.name for field in fields(Tables))


def observe(
    scenario: Scenario,
    plan: StaffingPlan | None = None,
    *,
    replications: int = 1,
    seed: int,
    first: int = 0,
    engine: str = "auto",
) -> Tables:
    """The tables of some replications, one after another, of `plan` or the scenario's own staffing."""
    found = list(each(scenario, plan, replications=replications, seed=seed, first=first, engine=engine))
    return Tables(**{name: _joined([getattr(one, name) for one in found]) for name in NAMES})


def each(
    scenario: Scenario,
    plan: StaffingPlan | None = None,
    *,
    replications: int = 1,
    seed: int,
    first: int = 0,
    engine: str = "auto",
) -> Iterator[Tables]:
    """The tables of each replication."""
    chosen, rules = plan_of(scenario, plan), routing.rules(scenario)
    simulate = engines.choose(engine, contacts_expected(scenario) * replications, scenario.horizon.length_ms)
    for replication in range(first, first + replications):
        staffing = attendance.attend(scenario, chosen, seed, replication)
        came = engines.sample(scenario, seed, replication, simulate)
        outcome, _ = started(scenario, staffing, rules, came, simulate)
        yield tables(outcome, scenario, staffing, replication)


def tables(outcome: OutcomeTable, scenario: Scenario, staffing: Staffing, replication: int = 0) -> Tables:
    """The tables of one outcome; `staffing` is what it was run with."""
    counted = tally_run(outcome, scenario, staffing, routing.rules(scenario))
    own = counted.threshold_rows(own_thresholds(scenario))
    by_type = {name: getattr(counted, name) for name in _BY_TYPE}
    by_type |= {name: getattr(counted, name)[own] for name in ("answered_in_time", "abandoned_in_time")}
    by_group = {name: getattr(counted, name) for name in _BY_GROUP}
    if counted.endings is not None and counted.in_hand is not None:
        by_type |= {name: values for name, values in vars(counted.endings).items() if name != "virtual_in_time"}
        by_type |= {name: getattr(counted.in_hand, name) for name in ("talks", "work_ms")}
        by_group |= {name: getattr(counted.in_hand, name) for name in ("contact_ms", "slot_ms", "slots_staffed_ms")}
    return Tables(
        contacts=_numbered(replication, _contacts(outcome, scenario, staffing)),
        spells=_numbered(replication, _spells(outcome, scenario, staffing)),
        intervals=_numbered(replication, _series("type", tuple(scenario.contact_types), scenario, by_type)),
        group_intervals=_numbered(replication, _series("group", tuple(scenario.agent_groups), scenario, by_group)),
    )


def _contacts(outcome: OutcomeTable, scenario: Scenario, staffing: Staffing) -> Columns:
    rows = outcome.contacts
    nobody = rows.agent < 0
    agent = np.where(nobody, 0, rows.agent)
    who, group = _agents(outcome, scenario, staffing)
    return {
        "contact": _whole(np.arange(len(rows.type))),
        "type": _named(tuple(scenario.contact_types), rows.type),
        "arrival_ms": _instant(rows.arrival),
        "root": _whole(rows.root),
        "parent": np.ma.array(rows.parent.astype(np.int64), mask=rows.parent < 0),
        "cause": _named(_causes(scenario), rows.cause - min(Cause)),
        "status": _named(tuple(status.name.lower() for status in Status), rows.status),
        "queued_ms": _instant(rows.queued),
        "answered_ms": _instant(rows.answered),
        "ended_ms": _instant(rows.ended),
        "released_ms": _instant(rows.released),
        "work_ms": _whole(rows.work),
        "resolved": np.ma.array(rows.resolved, mask=rows.answered == NEVER),
        "predicted_ms": _instant(rows.predicted),
        "agent": np.ma.array(who[agent], mask=nobody),
        "group": np.ma.array(group[agent], mask=nobody),
    }


def _causes(scenario: Scenario) -> tuple[str, ...]:
    """Carried in, arrival, and each follow-up rule as "type/rule"."""
    kinds = scenario.contact_types.items()
    return ("carried_in", "arrival", *(f"{name}/{rule}" for name, kind in kinds for rule in kind.follow_ups))


def _spells(outcome: OutcomeTable, scenario: Scenario, staffing: Staffing) -> Columns:
    rows = outcome.spells
    who, group = _agents(outcome, scenario, staffing)
    return {
        "agent": np.ma.array(who[rows.agent]),
        "group": np.ma.array(group[rows.agent]),
        "on_ms": _instant(rows.on),
        "off_ms": _instant(rows.off),
        "left_ms": _instant(rows.left),
    }


def _agents(outcome: OutcomeTable, scenario: Scenario, staffing: Staffing) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Id and group of each agent; by level an agent is "group/number"."""
    spells, groups = outcome.spells, tuple(scenario.agent_groups)
    count = max(int(spells.agent.max(initial=0)) + 1, len(staffing.agent_name))
    group_of = np.zeros(count, dtype=np.int64)
    group_of[spells.agent] = spells.group
    ids = staffing.agent_name or tuple(f"{groups[group]}/{agent}" for agent, group in enumerate(group_of.tolist()))
    return np.array(ids), np.array(groups)[group_of]


def _series(kind: str, names: tuple[str, ...], scenario: Scenario, sums: dict[str, npt.NDArray[Any]]) -> Columns:
    horizon = scenario.horizon
    index = np.arange(horizon.intervals)
    starts = [horizon.local(k * horizon.interval_ms).isoformat() for k in range(horizon.intervals)]
    return {
        kind: _named(names, np.repeat(np.arange(len(names)), len(index))),
        "interval": _whole(np.tile(index, len(names))),
        "start": _named(tuple(starts), np.tile(index, len(names))),
        "length_ms": _whole(np.full(len(index) * len(names), horizon.interval_ms)),
        **{name: _whole(values.ravel()) for name, values in sums.items()},
    }


def _numbered(replication: int, columns: Columns) -> Columns:
    length = len(next(iter(columns.values())))
    return {"replication": _whole(np.full(length, replication)), **columns}


def _named(names: tuple[str, ...], index: npt.NDArray[Any]) -> Column:
    return np.ma.array(np.array(names)[index])


def _whole(values: npt.NDArray[Any]) -> Column:
    return np.ma.array(values.astype(np.int64))


def _instant(values: npt.NDArray[np.int64]) -> Column:
    return np.ma.array(values, mask=values == NEVER)


def _joined(parts: list[Columns]) -> Columns:
    def joined(columns: list[Column]) -> Column:
        mask = np.concatenate([np.ma.getmaskarray(column) for column in columns])
        return np.ma.array(np.concatenate([column.data for column in columns]), mask=mask)

    return {name: joined([part[name] for part in parts]) for name in parts[0]}


# ------------------------------------------------------------------------------------------------------------ files


def write_tables(
    folder: Path | str,
    scenario: Scenario,
    plan: StaffingPlan | None = None,
    *,
    replications: int = 1,
    seed: int,
    first: int = 0,
    engine: str = "auto",
    form: Form = "csv",
) -> list[Path]:
    """Write each table to folder/NAME.csv or folder/NAME.parquet, replication by replication; returns the files.

    Raises NoParquet where Parquet cannot be written.
    """
    open_file = _parquet if form == "parquet" else _csv
    refuse(form)
    files = {name: Path(folder) / f"{name}.{form}" for name in NAMES}
    Path(folder).mkdir(parents=True, exist_ok=True)
    with ExitStack() as files_open:
        writers: dict[str, Write] = {}
        for one in each(scenario, plan, replications=replications, seed=seed, first=first, engine=engine):
            for name, file in files.items():
                columns: Columns = getattr(one, name)
                if name not in writers:
                    writers[name] = open_file(file, columns, files_open)
                writers[name](columns)
    return list(files.values())


def every_row(runs: Runs | Digest, form: Form | None) -> Callable[[Path], object] | None:
    """What writes the tables of these runs into `tables` in a folder; None where no form is wanted."""
    if form is None:
        return None
    numbers = {"replications": runs.replications, "first": runs.first, "seed": runs.seed}

    def write(folder: Path) -> object:
        return write_tables(folder / "tables", runs.scenario, runs.plan, **numbers, engine=runs.engine, form=form)

    return write


def refuse(form: Form | None) -> None:
    """Raise NoParquet where a form cannot be written."""
    if form == "parquet" and find_spec("pyarrow") is None:
        raise NoParquet("Parquet needs pyarrow: pip install 'peakdesk[parquet]', or write csv")


def _csv(path: Path, columns: Columns, closing: ExitStack) -> Write:
    writer = csv.writer(closing.enter_context(path.open("w", encoding="utf-8", newline="")), lineterminator="\n")
    writer.writerow(columns)

    def write(more: Columns) -> None:
        writer.writerows(zip(*(column.tolist() for column in more.values()), strict=True))

    return write


def _parquet(path: Path, columns: Columns, closing: ExitStack) -> Write:
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    def table(of: Columns) -> Any:
        return pa.table({name: pa.array(c.filled(), mask=np.ma.getmaskarray(c)) for name, c in of.items()})

    writer = closing.enter_context(ParquetWriter(path, table(columns).schema))

    def write(more: Columns) -> None:
        writer.write_table(table(more))

    return write


__all__ = ["NAMES", "Form", "NoParquet", "Tables", "each", "every_row", "observe", "refuse", "tables", "write_tables"]
