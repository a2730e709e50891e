"""Templates become shifts: which there are, when their agents are there, what they cost."""

import numpy as np
import pytest
from worlds_to_plan import morning

from planner.shifts import enumerate_shifts, placements
from sim.scenario import ShiftTemplate

LUNCH = {"length": "60 min", "earliest": "2 h", "latest": "4 h", "step": "60 min"}


def day(templates, **horizon):
    """A whole day by the hour."""
    base = {"start": "2026-03-02 00:00", "length": "24 h", "interval": "60 min"}
    return morning(shift_templates=templates, horizon=base | horizon)


def hours(covers):
    return np.flatnonzero(covers).tolist()


def test_one_shift_for_each_start_length_and_placing_of_breaks():
    full = {"starts": {"first": "08:00", "last": "10:00", "step": "60 min"}, "lengths": ["8 h"], "breaks": [LUNCH]}
    table = enumerate_shifts(day({"full": full}))
    assert len(table) == 3 * 3
    assert hours(table.covers[0]) == [8, 9, 11, 12, 13, 14, 15]
    assert set(table.paid_h) == {7.0}
    assert set(table.fte) == {7 / 8}


def test_a_paid_break_is_paid_and_not_worked():
    paid = {"starts": ["08:00"], "lengths": ["8 h"], "breaks": [LUNCH | {"paid": True, "latest": "2 h"}]}
    table = enumerate_shifts(day({"full": paid}))
    assert (len(table), table.paid_h[0], table.covers.sum()) == (1, 8.0, 7)


def test_breaks_keep_their_order_and_the_work_between_them():
    template = ShiftTemplate.model_validate({
        "starts": ["08:00"], "lengths": ["8 h"], "between_breaks": "2 h",
        "breaks": [
            {"length": "15 min", "earliest": "1 h", "latest": "3 h", "step": "60 min"},
            {"length": "30 min", "earliest": "4 h", "latest": "5 h", "step": "60 min"},
        ],
    })  # fmt: skip
    afters = [tuple(pause.after / 3600 for pause in way) for way in placements(template, 8 * 3600)]
    assert afters == [(1, 4), (1, 5), (2, 5)]  # (2, 4) leaves 1 h 45 min between, (3, 5) too


def test_a_shift_counts_where_its_agent_is_there_throughout():
    table = enumerate_shifts(day({"odd": {"starts": ["08:30"], "lengths": ["3 h"]}}))
    assert hours(table.covers[0]) == [9, 10]


def test_on_a_day_that_repeats_a_night_shift_comes_round():
    table = enumerate_shifts(day({"night": {"starts": ["22:00"], "lengths": ["6 h"]}}, repeats="day"))
    assert len(table) == 1
    assert hours(table.covers[0]) == [0, 1, 2, 3, 22, 23]
    assert table.shifts[0].count.day is None


def test_shifts_that_began_on_the_day_before_are_there_too():
    table = enumerate_shifts(day({"night": {"starts": ["22:00"], "lengths": ["6 h"]}}))
    assert [hours(covers) for covers in table.covers] == [[0, 1, 2, 3], [22, 23]]
    assert [str(shift.count.day) for shift in table.shifts] == ["2026-03-01", "2026-03-02"]
    assert set(table.paid_h) == {6.0}


@pytest.mark.parametrize(("date", "length", "paid", "there"), [
    ("2026-03-28", "23 h", 7.0, [10, 11, 12, 13, 14, 15, 16]),  # clocks go forward in the night of the 29th
    ("2026-10-24", "25 h", 9.0, [10, 11, 12, 13, 14, 15, 16, 17, 18]),
])  # fmt: skip
def test_the_night_in_which_the_clock_changes_is_paid_as_it_passes(date, length, paid, there):
    night = {"night": {"starts": ["22:00"], "lengths": ["8 h"], "days": [date]}}
    table = enumerate_shifts(day(night, start=f"{date} 12:00", length=length, zone="Europe/Berlin"))
    assert hours(table.covers[0]) == there
    assert table.paid_h[0] == paid


def test_days_of_the_week_and_groups_are_kept_to():
    templates = {
        "weekend": {"starts": ["08:00"], "lengths": ["4 h"], "days": ["sat-sun"]},
        "monday": {"starts": ["08:00"], "lengths": ["4 h"], "days": ["mon"], "groups": ["seniors"]},
    }
    groups = {"agents": {"skills": ["calls"]}, "seniors": {"skills": ["calls"]}}
    base = {"start": "2026-03-02 00:00", "length": "24 h", "interval": "60 min"}  # a Monday
    table = enumerate_shifts(morning(shift_templates=templates, agent_groups=groups, horizon=base))
    assert [(shift.count.template, shift.count.group) for shift in table.shifts] == [("monday", "seniors")]
    assert table.reachable().sum(axis=1).tolist() == [0, 4]


def test_a_shift_costs_its_own_price_or_its_hours():
    templates = {
        "fixed": {"starts": ["08:00"], "lengths": ["4 h"], "cost": 100},
        "hourly": {"starts": ["08:00"], "lengths": ["4 h"]},
    }
    groups = {"agents": {"skills": ["calls"], "cost_per_hour": 20, "cost_factor": 1.5}}
    table = enumerate_shifts(morning(shift_templates=templates, agent_groups=groups))
    assert table.cost.tolist() == [150.0, 80.0]


def test_shifts_alike_in_every_way_are_kept_once():
    """A break that may start at any minute of an hour in which the agent does not count anyway."""
    pause = {"length": "15 min", "earliest": "60 min", "latest": "105 min", "step": "15 min"}
    table = enumerate_shifts(day({"one": {"starts": ["08:00"], "lengths": ["4 h"], "breaks": [pause]}}))
    assert len(table) == 1


def test_with_too_many_shifts_fewer_placings_are_tried():
    full = {"starts": {"first": "00:00", "last": "15:00", "step": "60 min"}, "lengths": ["8 h"], "breaks": [LUNCH]}
    table = enumerate_shifts(day({"full": full}), most=32)
    assert table.thinned
    assert 16 <= len(table) <= 48


def test_intervals_covered_by_the_same_shifts_are_one_block():
    table = enumerate_shifts(day({"half": {"starts": ["00:00", "04:00"], "lengths": ["8 h"]}}, length="12 h"))
    block = table.blocks()
    assert len(set(block[:4])) == len(set(block[4:8])) == len(set(block[8:])) == 1
    assert len(set(block)) == 3
