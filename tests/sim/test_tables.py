"""Tables for researchers: every contact by name, equal to the figures, the same in memory, CSV and Parquet."""

import csv
from importlib.util import find_spec
from pathlib import Path

import pytest
from worlds import customers, persons
from worlds import desk as routed

import sim
from sim.engine import reference
from sim.experiment import experiment
from sim.scenario import Scenario
from sim.tables import NAMES, NoParquet, Tables, observe, tables, write_tables

needs_pyarrow = pytest.mark.skipif(find_spec("pyarrow") is None, reason="the extra `parquet` is not installed")


def desk(shifts: bool = True, **parts: object) -> Scenario:
    """An hour of two types and two groups."""
    kind = {"channel": "voice", "talk": {"family": "exponential", "mean": "4 min"},
            "patience": {"family": "exponential", "mean": "1 min"}}  # fmt: skip
    hours = [{"group": g, "start": "08:00", "length": "1 h", "number": n} for g, n in (("new", 2), ("old", 1))]
    level = {"new": {"08:00": 2, "08:30": 1}, "old": {"08:00": 1}}
    return Scenario.model_validate(
        {
            "horizon": {"start": "2026-11-11 08:00", "length": "1 h", "interval": "30 min", "zone": "Asia/Shanghai"},
            "channels": {"voice": {}},
            "contact_types": {
                "orders": kind | {"arrivals": {"per_hour": 40}},
                "returns": kind | {"arrivals": {"per_hour": 20}},
            },
            "agent_groups": {"new": {"skills": ["orders"]}, "old": {"skills": ["orders", "returns"]}},
            "staffing": {"shifts": hours} if shifts else {"levels": level},
            **parts,
        }
    )


def test_a_contact_is_told_by_names() -> None:
    """One agent, two contacts at once: the second waits 10 s of its 30, hangs up, and never has an agent."""
    one = desk()
    staffing = persons((0, [(0, 1000)]), groups=2)
    demand = customers({"at": 5, "talk": 60}, {"at": 6, "talk": 60, "patience": 10}, types=2)
    outcome = reference.run(demand, staffing, routed([[0, 0], [0, 0]]))
    found = tables(outcome, one, staffing, replication=7).contacts
    assert {name: column.tolist() for name, column in found.items()} == {
        "replication": [7, 7],
        "contact": [0, 1],
        "type": ["orders", "orders"],
        "arrival_ms": [5_000, 6_000],
        "root": [0, 1],
        "parent": [None, None],
        "cause": ["arrival", "arrival"],
        "status": ["answered", "abandoned"],
        "queued_ms": [5_000, 6_000],
        "answered_ms": [5_000, None],
        "ended_ms": [65_000, 16_000],
        "released_ms": [65_000, None],
        "work_ms": [60_000, 0],
        "resolved": [True, None],
        "predicted_ms": [None, None],
        "agent": ["0", None],
        "group": ["new", None],
    }


def test_follow_ups_are_told_by_the_rule_that_made_them() -> None:
    kind = {"channel": "voice", "talk": {"family": "exponential", "mean": "4 min"}}
    rules = {"again": {"on": "unresolved", "chance": 1}, "redial": {"on": "abandoned", "chance": 1}}
    gone = {"patience": {"family": "deterministic", "value": "1 s"}, "arrivals": {"per_hour": 30}, "follow_ups": rules}
    one = desk(contact_types={"orders": kind, "returns": kind | gone}, backlog={})
    found = observe(one, seed=1, engine="reference")
    causes = set(found.contacts["cause"].tolist())
    assert causes == {"arrival", "returns/redial"}
    assert found.contacts["cause"].tolist().count("returns/redial") == int(found.intervals["redials"].sum())
    assert {"slot_ms", "contact_ms"} < set(found.group_intervals)


@pytest.mark.parametrize("shifts", [True, False], ids=["by person", "by level"])
def test_tables_and_figures_are_of_the_same_run(shifts: bool) -> None:
    one = desk(shifts)
    found = observe(one, replications=3, seed=4, first=2, engine="reference")
    tally = experiment(one, replications=3, seed=4, first=2, engine="reference").tallies
    contacts, intervals = found.contacts, found.intervals
    for k, name in enumerate(one.contact_types):
        of_type = contacts["type"] == name
        answered = of_type & (contacts["status"] == "answered")
        assert answered.sum() == tally.answered[:, k].sum() > 0
        wait = contacts["answered_ms"] - contacts["queued_ms"]
        assert wait[answered].sum() == tally.wait_answered_ms[:, k].sum()
        assert intervals["queue_ms"][intervals["type"] == name].sum() == tally.queue_ms[:, k].sum()
    assert set(contacts["replication"].tolist()) == {2, 3, 4}
    assert found.group_intervals["busy_ms"].sum() == tally.busy_ms.sum()
    assert intervals["start"][:2].tolist() == ["2026-11-11T08:00:00+08:00", "2026-11-11T08:30:00+08:00"]
    assert set(found.spells["group"].tolist()) == {"new", "old"}


def test_agents_are_ids_that_spells_share() -> None:
    for shifts in (True, False):
        found = observe(desk(shifts), seed=1, engine="reference")
        known = dict(zip(found.spells["agent"].tolist(), found.spells["group"].tolist(), strict=True))
        served = found.contacts["agent"].compressed().tolist()
        groups = found.contacts["group"].compressed().tolist()
        assert all(known[agent] == group for agent, group in zip(served, groups, strict=True))
        assert len(known) == 3


def read_csv(path: Path) -> dict[str, list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    return {name: [row[k] for row in rows] for k, name in enumerate(head)}


def as_text(found: Tables, name: str) -> dict[str, list[str]]:
    columns = getattr(found, name)
    return {key: ["" if cell is None else str(cell) for cell in column.tolist()] for key, column in columns.items()}


def test_files_say_what_memory_says(tmp_path: Path) -> None:
    one = desk()
    written = write_tables(tmp_path, one, replications=2, seed=9, engine="reference")
    assert [path.name for path in written] == [f"{name}.csv" for name in NAMES]
    found = observe(one, replications=2, seed=9, engine="reference")
    for path, name in zip(written, NAMES, strict=True):
        assert read_csv(path) == as_text(found, name)


@needs_pyarrow
def test_parquet_keeps_kinds_and_gaps(tmp_path: Path) -> None:
    from pyarrow.parquet import read_table

    one = desk()
    write_tables(tmp_path, one, replications=2, seed=9, engine="reference", form="parquet")
    found = observe(one, replications=2, seed=9, engine="reference")
    for name in NAMES:
        table = read_table(tmp_path / f"{name}.parquet")
        assert table.to_pydict() == {key: column.tolist() for key, column in getattr(found, name).items()}
    contacts = read_table(tmp_path / "contacts.parquet")
    assert {str(contacts.schema.field(name).type) for name in ("answered_ms", "type")} == {"int64", "string"}


def test_parquet_needs_its_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sim.tables.find_spec", lambda _: None)
    with pytest.raises(NoParquet, match=r"peakdesk\[parquet\]"):
        write_tables(tmp_path / "new", desk(), seed=1, form="parquet")
    assert not (tmp_path / "new").exists()


def test_engines_write_the_same_tables() -> None:
    one, two = (sim.observe(desk(), replications=2, seed=3, engine=engine) for engine in ("reference", "compiled"))
    for name in NAMES:
        for key, column in getattr(one, name).items():
            assert column.tolist() == getattr(two, name)[key].tolist()
