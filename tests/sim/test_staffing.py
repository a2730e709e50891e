"""Shifts in engine time, and how few people can work them."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sim.clock import Horizon
from sim.staffing import BreakAt, ShiftCount, StaffingPlan, least_heads, workings, wrapped

HOUR = 3_600_000
DAY_OF_30 = Horizon(start="2026-11-10 18:00", zone="Asia/Shanghai", length="30 h", interval="15 min")


def shift(start: str, length: str, *, day: date | None = None, number: int = 1, group: str = "a") -> ShiftCount:
    return ShiftCount(group=group, start=start, length=length, day=day, number=number)


def spells(horizon: Horizon, count: ShiftCount) -> list[list[tuple[float, float]]]:
    return [[(on / HOUR, off / HOUR) for on, off in work.spells] for work in workings(horizon, count)]


def test_a_shift_of_each_day_is_worked_whenever_it_reaches_into_the_horizon():
    assert spells(DAY_OF_30, shift("14:00", "8 h")) == [[(-4, 4)], [(20, 28)]]
    assert spells(DAY_OF_30, shift("08:00", "8 h")) == [[(14, 22)]]
    assert spells(DAY_OF_30, shift("22:00", "8 h")) == [[(4, 12)], [(28, 36)]]


def test_a_dated_shift_is_worked_once_or_not_at_all():
    assert spells(DAY_OF_30, shift("08:00", "8 h", day=date(2026, 11, 11))) == [[(14, 22)]]
    assert spells(DAY_OF_30, shift("08:00", "8 h", day=date(2026, 11, 12))) == []


def test_breaks_part_a_shift_into_spells():
    pause = BreakAt(after="3 h", length="60 min")
    count = ShiftCount(group="a", start="08:00", length="8 h", breaks=(pause,))
    (work,) = workings(DAY_OF_30, count)
    assert work.spells == ((14 * HOUR, 17 * HOUR), (18 * HOUR, 22 * HOUR))
    assert work.paid_ms == 7 * HOUR
    with pytest.raises(ValidationError, match="breaks must lie inside"):
        ShiftCount(group="a", start="08:00", length="3 h", breaks=(pause,))


def test_on_a_desk_that_repeats_the_end_of_the_night_comes_first():
    desk = Horizon(start="2026-03-02 05:00", length="24 h", repeats="day")
    (work,) = workings(desk, shift("23:00", "8 h"))
    assert [turn.spells[0] for turn in wrapped(desk, work)] == [(-6 * HOUR, 2 * HOUR), (18 * HOUR, 26 * HOUR)]


def test_up_to_a_day_heads_are_shifts():
    desk = Horizon(start="2026-03-02 00:00", length="24 h")
    assert least_heads(desk, [shift("00:00", "4 h", number=3), shift("20:00", "4 h", number=2)]) == {"a": 5}


def test_a_day_later_and_rested_the_same_people_come_again():
    first, second = date(2026, 11, 10), date(2026, 11, 11)
    evening = shift("18:00", "6 h", day=first, number=4)
    assert least_heads(DAY_OF_30, [evening, shift("18:00", "6 h", day=second, number=3)]) == {"a": 4}
    assert least_heads(DAY_OF_30, [evening, shift("17:00", "6 h", day=second, number=3)]) == {"a": 7}
    assert least_heads(DAY_OF_30, [evening, shift("18:00", "6 h", day=second, number=3, group="b")]) == {"a": 4, "b": 3}


def test_rest_counts_from_the_end_of_long_shifts():
    """From 18:00 for 14 h to 08:00, rested at 19:00: a shift at 18:00 on the next day is too early."""
    long = shift("18:00", "14 h", day=date(2026, 11, 10))
    assert least_heads(DAY_OF_30, [long, shift("18:00", "5 h", day=date(2026, 11, 11))]) == {"a": 2}
    assert least_heads(DAY_OF_30, [long, shift("19:00", "5 h", day=date(2026, 11, 11))]) == {"a": 1}


@given(st.lists(st.tuples(st.integers(0, 23), st.integers(1, 12), st.integers(2, 4)), max_size=8))
def test_people_assigned_one_after_another_are_no_fewer(drawn):
    """Greedy assignment, first free first, is exact for intervals; it must need just as many heads."""
    horizon = Horizon(start="2026-03-02 00:00", length="72 h")
    shifts = [shift(f"{at:02d}:00", f"{hours} h", day=date(2026, 3, day)) for at, hours, day in drawn]
    free: list[int] = []
    for on, off in sorted((work.on_ms, work.off_ms) for count in shifts for work in workings(horizon, count)):
        rested = [ready for ready in free if ready <= on]
        if rested:
            free.remove(min(rested))
        free.append(max(on + 24 * HOUR, off + 11 * HOUR))
    assert least_heads(horizon, shifts).get("a", 0) == len(free)


def test_a_plan_has_one_form():
    with pytest.raises(ValidationError, match="either levels or shifts"):
        StaffingPlan()
    assert StaffingPlan(shifts=()).by_person
    assert not StaffingPlan(mode="by_level", shifts=()).by_person
    assert not StaffingPlan(levels={"a": {"00:00": 3}}).by_person
