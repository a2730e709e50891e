"""Who is at the desk, and when: level tables, shifts with breaks, nights, days of 23 and 25 hours, repeating desks."""

from datetime import date
from typing import Any

import numpy as np
import pytest
from centres import centre

from sim.attendance import Staffing, attend, levels_of
from sim.scenario import Scenario
from sim.staffing import StaffingPlan

HOUR = 3_600_000
TWO_GROUPS = {"first": {"skills": ["contact"]}, "second": {"skills": ["contact"]}}


def desk(**horizon: str) -> Scenario:
    return centre({"contact": {}}, agent_groups=TWO_GROUPS, **horizon)


def shift(**changes: Any) -> dict[str, Any]:
    return {"template": "early", "group": "first", "start": "08:00", "length": "8 h"} | changes


def by_person(world: Scenario, *shifts: dict[str, Any]) -> Staffing:
    return attend(world, StaffingPlan.model_validate({"shifts": shifts}), 1, 0)


def hours(staffing: Staffing) -> list[tuple[int, float, float]]:
    """(agent, on, off) in hours."""
    columns = (staffing.spell_agent, staffing.spell_on_ms / HOUR, staffing.spell_off_ms / HOUR)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def heads(world: Scenario, levels: dict[str, dict[str, int]]) -> list[list[int]]:
    return levels_of(world, StaffingPlan.model_validate({"levels": levels})).T.tolist()


# -------------------------------------------------------------------------------------------------------- level tables


def test_a_level_holds_to_the_next_label_and_over_midnight() -> None:
    world = desk(start="2026-03-02 06:00", length="4 h", interval="60 min")
    table = {"first": {"07:00": 3, "09:00": 5, "22:00": 1}, "second": {"08:00": 2}}
    assert heads(world, table) == [[1, 3, 3, 5], [2, 2, 2, 2]]


def test_dated_levels_begin_with_nobody_and_come_once() -> None:
    world = desk(length="48 h", interval="60 min")
    assert heads(world, {"first": {"2026-03-02 01:00": 4, "2026-03-03 01:00": 0}}) == [
        [0] + [4] * 24 + [0] * 23,
        [0] * 48,
    ]


def test_levels_go_by_the_clock_that_people_see() -> None:
    world = desk(start="2026-10-25 00:00", zone="Europe/Berlin", length="5 h", interval="60 min")
    assert heads(world, {"first": {"00:00": 0, "02:00": 1, "03:00": 2}})[0] == [0, 0, 1, 1, 2]


def test_a_table_is_simulated_by_level() -> None:
    world = desk(length="1 h")
    staffing = attend(world, StaffingPlan.model_validate({"levels": {"second": {"00:00": 2}}}), 1, 0)
    assert not staffing.by_person
    assert staffing.heads.tolist() == [[0, 2], [0, 2]]
    assert staffing.heads.dtype == np.int32
    assert len(staffing.agent_group) == 0


# -------------------------------------------------------------------------------------------------------------- shifts


def test_breaks_split_a_shift_into_spells() -> None:
    lunch = [{"after": "4 h", "length": "30 min"}, {"after": "6 h", "length": "15 min", "paid": True}]
    staffing = by_person(desk(), shift(breaks=lunch, number=2))
    assert hours(staffing) == [(a, *spell) for a in (0, 1) for spell in ((8, 12), (12.5, 14), (14.25, 16))]
    assert staffing.by_person
    assert not staffing.keeps_length.any()


def test_agents_are_numbered_by_group_line_day_and_ordinal() -> None:
    late = shift(template="late", start="14:00")
    staffing = by_person(desk(length="48 h"), shift(group="second"), late, shift(number=2, day=date(2026, 3, 3)))
    assert staffing.agent_name == (
        "first/late/2026-03-02 14:00/1",
        "first/late/2026-03-03 14:00/1",
        "first/early/2026-03-03 08:00/1",
        "first/early/2026-03-03 08:00/2",
        "second/early/2026-03-02 08:00/1",
        "second/early/2026-03-03 08:00/1",
    )
    assert staffing.agent_group.tolist() == [0, 0, 0, 0, 1, 1]
    assert staffing.spell_agent.tolist() == [0, 1, 2, 3, 4, 5]


def test_lines_of_one_name_go_on_counting() -> None:
    staffing = by_person(desk(), shift(number=2), shift(length="4 h"))
    assert staffing.agent_name[-1] == "first/early/2026-03-02 08:00/3"


def test_a_night_shift_of_each_day_is_there_from_the_day_before() -> None:
    staffing = by_person(desk(), shift(start="22:00"))
    assert hours(staffing) == [(0, 0, 6), (1, 22, 30)]
    assert staffing.agent_name == ("first/early/2026-03-01 22:00/1", "first/early/2026-03-02 22:00/1")


def test_a_shift_is_cut_at_the_start_of_the_horizon_only() -> None:
    world = desk(start="2026-03-02 12:00", length="4 h")
    pause = [{"after": "3 h", "length": "30 min"}]
    assert hours(by_person(world, shift(breaks=pause))) == [(0, 0, 4)]
    assert hours(by_person(world, shift(start="15:00"))) == [(0, 3, 11)]
    assert hours(by_person(world, shift(start="16:00"), shift(length="4 h"))) == []


def test_a_dated_shift_is_worked_on_its_day() -> None:
    world = desk(length="72 h")
    assert hours(by_person(world, shift(day=date(2026, 3, 3)))) == [(0, 32, 40)]
    assert hours(by_person(world, shift(day=date(2026, 3, 1), start="20:00"))) == [(0, 0, 4)]
    assert hours(by_person(world, shift(day=date(2026, 3, 9)))) == []


def test_on_a_desk_that_repeats_the_night_comes_round_again() -> None:
    pause = [{"after": "4 h", "length": "30 min"}]
    staffing = by_person(desk(repeats="day"), shift(start="22:00", breaks=pause))
    assert hours(staffing) == [(0, 0, 2), (0, 2.5, 6), (0, 22, 26), (0, 26.5, 30)]
    assert len(staffing.agent_name) == 1


def test_a_week_that_repeats_has_its_last_night_first() -> None:
    staffing = by_person(desk(length="168 h", repeats="week"), shift(start="22:00", day=date(2026, 3, 8)))
    assert hours(staffing) == [(0, 0, 6), (0, 166, 174)]


def test_nobody_planned_is_nobody_there() -> None:
    staffing = by_person(desk(), shift(number=0))
    assert (len(staffing.agent_group), len(staffing.spell_agent), staffing.by_person) == (0, 0, True)


def test_an_unknown_group_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no agent group 'frist': did you mean 'first'"):
        by_person(desk(), shift(group="frist"))
    with pytest.raises(ValueError, match="there is no agent group"):
        heads(desk(), {"third": {"00:00": 1}})


# ------------------------------------------------------------------------------------------------------- clock changes


def test_a_night_shift_is_an_hour_shorter_in_spring_and_longer_in_autumn() -> None:
    night = shift(start="22:00")
    spring = desk(start="2026-03-28 12:00", zone="Europe/Berlin", length="23 h")
    autumn = desk(start="2026-10-24 12:00", zone="Europe/Berlin", length="25 h")
    assert hours(by_person(spring, night)) == [(0, 10, 17)]
    assert hours(by_person(autumn, night)) == [(0, 10, 19)]


def test_a_break_that_the_clock_jumps_over_is_none() -> None:
    spring = desk(start="2026-03-29 00:00", zone="Europe/Berlin", length="23 h")
    pause = [{"after": "2 h", "length": "1 h"}]
    assert hours(by_person(spring, shift(start="00:00", breaks=pause))) == [(0, 0, 7)]


def test_a_shift_that_the_clock_jumps_over_is_none() -> None:
    spring = desk(start="2026-03-29 00:00", zone="Europe/Berlin", length="23 h")
    assert hours(by_person(spring, shift(start="02:00", length="1 h"))) == []


# ---------------------------------------------------------------------------------------------------- shifts by level


def by_level(world: Scenario, *shifts: dict[str, Any]) -> list[list[int]]:
    return levels_of(world, StaffingPlan.model_validate({"mode": "by_level", "shifts": shifts})).T.tolist()


def test_an_agent_counts_in_the_intervals_that_they_are_there_throughout() -> None:
    pause = [{"after": "2 h", "length": "15 min"}]
    world = desk(start="2026-03-02 08:00", length="5 h")
    late = shift(group="second", start="09:15", length="2 h")
    assert by_level(world, shift(breaks=pause, length="4 h", number=3), late) == [
        [3, 3, 3, 3, 0, 3, 3, 3, 0, 0],
        [0, 0, 0, 1, 1, 1, 0, 0, 0, 0],
    ]


def test_by_level_the_repeating_night_counts_at_both_ends() -> None:
    assert by_level(desk(repeats="day", interval="60 min"), shift(start="22:00"))[0] == [1] * 6 + [0] * 16 + [1] * 2


def test_shifts_may_be_simulated_by_level() -> None:
    plan = StaffingPlan.model_validate({"mode": "by_level", "shifts": [shift()]})
    staffing = attend(desk(), plan, 1, 0)
    assert not staffing.by_person
    assert staffing.heads[:, 0].sum() == 16
