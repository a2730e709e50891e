"""What a result holds: figures by what they are of, targets, warnings, tables."""

from typing import Any

import pytest
from outcomes import answered, gone, in_bot, runs, scenario, table
from worlds import levels

import sim
from sim.experiment import Runs
from sim.outcome import Status
from sim.results import Record, Result, to_json
from sim.scenario import Scenario
from sim.summary import required_records, result_of, summarise, tables

SPELLS = [(0, 0, 0, 900, 900), (1, 1, 0, 900, 930)]
DAY = [
    answered(0, talk=90),
    answered(10, wait=30, talk=90, type=1, agent=1),
    gone(Status.ABANDONED, 400, wait=10),
    in_bot(Status.RESOLVED_IN_BOT, 5),
]


def some_days(replications: int = 3, desk: Scenario | None = None, **given: Any) -> Runs:
    chosen = desk or scenario(types=2, groups=2, **given)
    return runs(chosen, [table(DAY, SPELLS)] * replications, levels((1, 1), (1, 1), (1, 1), interval=300))


def find(records: Any, measure: str, **by: Any) -> Record:
    return next(
        record
        for record in records
        if record.measure == measure and {k: v["index"] if k == "interval" else v for k, v in record.by.items()} == by
    )


def test_figures_come_in_all_by_type_group_and_interval_with_the_default_service_level_first() -> None:
    records = summarise(some_days())
    assert find(records, "service_level").formula == "SL-4"
    assert find(records, "service_level").mean == pytest.approx(1 / 2)
    assert find(records, "asa", type="b").mean == 30
    assert find(records, "occupancy", group="t").mean == pytest.approx(90 / 900)
    assert find(records, "offered", interval=1).mean == 1
    assert find(records, "queue_length", type="a", interval=1).mean == pytest.approx(10 / 300)
    assert find(records, "wait_max", type="b").mean == 30
    assert find(records, "overtime_hours", group="t").mean == pytest.approx(30 / 3600)
    formulas = {record.formula for record in records if record.measure == "service_level" and not record.by}
    assert formulas == {"SL-1", "SL-2", "SL-3", "SL-4", "SL-5", "SL-6"}


def test_bot_figures_channels_and_days_come_where_there_are_several() -> None:
    plain = {record.measure for record in summarise(some_days())}
    assert "containment" not in plain
    talk = {"family": "exponential", "mean": "3 min"}
    bot = {"uses": "bot", "duration": talk}
    kinds = {n: {"channel": c, "talk": talk, "bot": bot} for n, c in (("a", "voice"), ("b", "chat"))}
    desk = scenario(
        groups=2,
        contact_types=kinds,
        channels={"voice": {}, "chat": {}},
        agent_groups={team: {"skills": ["a", "b"]} for team in "st"},
        horizon={"start": "2026-11-11 23:50", "length": "15 min", "interval": "5 min"},
    )
    records = summarise(some_days(desk=desk))
    assert find(records, "containment", type="a").mean == 1
    assert find(records, "answered", channel="chat").mean == 1
    assert find(records, "offered", day="2026-11-12").mean == 0


def test_money_and_people_on_paper_are_in_it() -> None:
    records = summarise(some_days())
    assert find(records, "heads").mean == 4
    assert find(records, "heads", group="s").method == "exact"
    assert find(records, "paid_hours").mean == pytest.approx(4 * 0.25)
    assert find(records, "cost").mean == pytest.approx(4 * 0.25 * 30)
    assert find(records, "cost_per_contact").mean == pytest.approx(30 / 3)
    assert find(records, "scheduled", group="s", interval=0).mean == 1


def test_a_result_has_targets_and_can_be_written() -> None:
    found = result_of(some_days(40, targets=[{"at_least": "40 %"}, {"measure": "asa", "at_most": "10 s"}]), command="x")
    assert [target.status for target in found.targets] == ["met", "missed"]
    assert found.targets[0].estimate is not None
    assert found.targets[0].estimate.measure == "service_level"
    assert found.scenario.document["horizon"] == {  # type: ignore[comparison-overlap]
        "start": "2026-11-11T08:00:00", "length": "15 min", "interval": "5 min",
    }  # fmt: skip
    assert Result.model_validate_json(to_json(found)) == found


def test_a_single_replication_is_warned_of() -> None:
    found = result_of(some_days(1), command="simulate")
    assert "--replications" in found.warnings[0]
    assert find(found.estimates, "asa").low is None


def test_a_flattering_service_level_is_warned_of_when_many_abandon() -> None:
    promise = {"at_least": 0.5}
    assert "33.3% of all contacts abandon" in result_of(some_days(targets=[promise]), command="x").warnings[0]
    limit = {"measure": "abandonment", "at_most": 0.9}
    assert result_of(some_days(targets=[promise, limit]), command="x").warnings == ()
    assert result_of(some_days(targets=[promise | {"formula": "SL-3"}]), command="x").warnings == ()


def test_too_few_blocks_of_busyness_make_intervals_conservative() -> None:
    assert "8 whole blocks" in result_of(some_days(busyness={"cv": 0.1}), command="x").warnings[0]


def test_tables_have_one_row_per_type_or_group_and_interval() -> None:
    made = tables(some_days())
    assert len(made["intervals"]) == len(made["groups"]) == 6
    assert made["intervals"][1] | {"start": ""} == {
        "interval": 1, "start": "", "type": "a", "arrived": 1, "offered": 1, "answered": 0, "abandoned": 1,
        "unserved": 0, "blocked": 0, "closed": 0, "service_level": None, "asa": None, "abandonment": 1,
        "queue_length": pytest.approx(1 / 30),
    }  # fmt: skip


def test_a_planners_requirement_becomes_records() -> None:
    records = list(required_records(some_days(), [[1, 0, 0], [2, 1, 1]]))
    assert find(records, "required", interval=0).mean == 3
    assert find(records, "required", group="t", interval=2).mean == 1
    assert find(records, "schedule_efficiency").mean == pytest.approx(4 / 6)


def test_the_public_face_simulates_in_one_line() -> None:
    arrivals = {"per_hour": 60}
    talk = {"family": "exponential", "mean": "1 min"}
    desk = scenario(contact_types={"a": {"channel": "voice", "talk": talk, "arrivals": arrivals}})
    found = sim.simulate(desk, replications=4, seed=2, engine="reference")
    assert found.command == "simulate"
    assert (find(found.estimates, "arrived").mean or 0) > 0
    with pytest.raises(AttributeError, match="nothing"):
        sim.nothing  # noqa: B018
