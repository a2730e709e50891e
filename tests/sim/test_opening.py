"""When deferred work is due, on the wall clock and on the desk's opening hours."""

from typing import Any

import numpy as np
import pytest
from centres import centre

from sim.mechanisms import NOT_EVER
from sim.opening import due_ms
from sim.scenario import Scenario

HOUR = 3_600_000
OFFICE = {"mon-fri": ["08:00-12:00", "13:00-18:00"]}


def desk(due: dict[str, Any] | None, opening: dict[str, Any] | None = None) -> Scenario:
    channels = {"mail": {"deferred": True, "opening": opening}}
    return centre({"mails": {"channel": "mail", "due": due}}, channels=channels, length="48 h")


@pytest.mark.parametrize(
    ("due", "opening", "hours"),
    [
        ({"within": "5 h"}, None, {0: 5, 30.5: 35.5, -3: 2}),
        ({"within": "5 h", "clock": "wall"}, OFFICE, {9: 14, 7: 13, 12.5: 18, 17: 22, 18: 37}),
        ({"within": "2 h"}, OFFICE, {7: 10, 9: 11, 11: 14, 12.5: 15, 17: 33, 18: 34}),
        ({"within": "9 h"}, OFFICE, {8: 18, 9: 33, 42: 66}),  # Monday to Tuesday; Tuesday 18:00 to Wednesday 18:00
        ({"within": "1 h"}, OFFICE, {-24: 9, -62: -61, -63: -62}),  # Sunday; Friday 10:00, 09:00
    ],
)
def test_due_on_opening_hours_or_the_wall_clock(
    due: dict[str, Any], opening: dict[str, Any] | None, hours: dict[float, float]
) -> None:
    """The desk starts on a Monday at midnight."""
    arrivals = np.array([round(at * HOUR) for at in hours])
    assert (due_ms(desk(due, opening), "mails", arrivals) / HOUR).tolist() == list(hours.values())


def test_allowances_longer_than_a_fortnight_are_run_off() -> None:
    """Eight hours a Monday: 80 of them take ten Mondays."""
    scenario = desk({"within": "80 h"}, {"mon": ["08:00-16:00"]})
    assert (due_ms(scenario, "mails", np.array([0])) / HOUR).tolist() == [9 * 168 + 16]


def test_without_an_allowance_nothing_is_ever_due() -> None:
    assert due_ms(desk(None), "mails", np.array([1, 2])).tolist() == [NOT_EVER, NOT_EVER]


def test_a_desk_that_never_opens_makes_nothing_due_for_a_year() -> None:
    assert due_ms(desk({"within": "1 h"}, {}), "mails", np.array([0]))[0] > 365 * 24 * HOUR
