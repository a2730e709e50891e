"""Local labels and engine time: days of 23 and 25 hours, hours that come twice or never."""

from datetime import date, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sim.clock import Horizon, format_moment, held, parse_moment

HOUR_MS = 3_600_000


def horizon(start: str = "2026-11-10 00:00", **parts: Any) -> Horizon:
    return Horizon.model_validate({"start": start, "length": "24 h", "interval": "15 min"} | parts)


@pytest.mark.parametrize(("day", "quarters"), [("2026-03-29", 92), ("2026-06-01", 96), ("2026-10-25", 100)])
def test_a_local_day_has_92_96_or_100_quarter_hours(day: str, quarters: int) -> None:
    length = f"{quarters * 15} min"
    desk = horizon(f"{day} 00:00", zone="Europe/Berlin", length=length)
    assert desk.intervals == quarters
    assert len(desk.days) == 1
    assert desk.local(desk.length_ms).hour == 0


def test_labels_skip_the_hour_that_never_was_and_repeat_the_one_that_was_twice() -> None:
    spring = horizon("2026-03-29 01:00", zone="Europe/Berlin", length="2 h", interval="30 min")
    assert spring.labels == ("01:00", "01:30", "03:00", "03:30")
    autumn = horizon("2026-10-25 01:30", zone="Europe/Berlin", length="3 h", interval="30 min")
    assert autumn.labels == ("01:30", "02:00", "02:30", "02:00", "02:30", "03:00")


def test_a_local_time_has_no_one_or_two_instants() -> None:
    desk = horizon("2026-10-25 00:00", zone="Europe/Berlin")
    assert desk.instants(date(2026, 10, 25), 60) == [HOUR_MS]
    assert desk.instants(date(2026, 10, 25), 150) == [2.5 * HOUR_MS, 3.5 * HOUR_MS]
    assert desk.instants(date(2026, 3, 29), 150) == []
    assert desk.instants(date(2026, 10, 25), 1440) == [25 * HOUR_MS]


def test_a_shift_starts_when_the_clock_first_shows_its_time_or_jumps_over_it() -> None:
    spring = horizon("2026-03-29 00:00", zone="Europe/Berlin")
    assert spring.first_instant(date(2026, 3, 29), 150) == 2 * HOUR_MS
    autumn = horizon("2026-10-25 00:00", zone="Europe/Berlin")
    assert autumn.first_instant(date(2026, 10, 25), 150) == 2.5 * HOUR_MS


def test_even_a_day_that_an_island_left_out_has_an_instant() -> None:
    desk = horizon("2011-12-29 00:00", zone="Pacific/Apia")
    assert desk.instants(date(2011, 12, 30), 600) == []
    assert desk.first_instant(date(2011, 12, 30), 600) == 24 * HOUR_MS


def test_intervals_know_their_day() -> None:
    desk = horizon("2026-11-10 18:00", zone="Asia/Shanghai", length="30 h", interval="60 min")
    assert desk.days == (date(2026, 11, 10), date(2026, 11, 11))
    assert desk.day_of_interval.tolist() == [0] * 6 + [1] * 24
    assert desk.interval_starts[6].isoformat() == "2026-11-11T00:00:00+08:00"


def test_horizons_are_equal_by_what_they_say_whatever_they_have_cached() -> None:
    one, other = horizon(), horizon()
    assert one.day_of_interval.shape == other.day_of_interval.shape == (96,)
    assert one.wall_minutes.shape == other.wall_minutes.shape
    assert one == other
    assert hash(one) == hash(other)
    assert one != horizon(length="12 h")
    assert one != "24 h"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"start": "2026-03-29 02:30", "zone": "Europe/Berlin"}, "does not exist in Europe/Berlin"),
        ({"start": "2026-10-25 02:30", "zone": "Europe/Berlin"}, "exists twice in Europe/Berlin"),
        ({"start": "2026-11-10 00:07"}, "border of an interval"),
        ({"start": "tomorrow"}, "a local date and time"),
        ({"start": 1762732800}, "a local date and time"),
        ({"start": "0001-01-01 00:00"}, "between 1900 and 2200"),
        ({"zone": "Mars/Olympus"}, "no IANA time zone"),
        ({"zone": "../etc/passwd"}, "no IANA time zone"),
        ({"interval": "7 min"}, "it must be 5, 10, 15, 30 or 60 min"),
        ({"length": "100 min", "interval": "30 min"}, "a multiple of 30 min"),
        ({"length": "1e9 d"}, "more than a year"),
        ({"repeats": "week"}, "needs a length of one week"),
        ({"lenght": "24 h"}, "lenght"),
    ],
)
def test_nonsense_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        horizon(**wrong)


def test_an_offset_tells_twice_hours_apart() -> None:
    first = horizon("2026-10-25 02:30+02:00", zone="Europe/Berlin")
    second = horizon("2026-10-25 02:30+01:00", zone="Europe/Berlin")
    assert second.local(0) - first.local(0).astimezone(timezone(timedelta(hours=2))) == timedelta(hours=1)
    assert first.labels[0] == second.labels[0] == "02:30"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("8:15", (None, 495)),
        ("08:15:00", (None, 495)),
        ("24:00", (None, 1440)),
        ("2026-11-10 08:15", (date(2026, 11, 10), 495)),
        ("2026-11-10T08:15", (date(2026, 11, 10), 495)),
    ],
)
def test_labels_are_read(text: str, moment: tuple[date | None, int]) -> None:
    assert parse_moment(text) == moment
    assert parse_moment(format_moment(moment)) == moment


NO_LABELS = ("", "8", "8h15", "24:15", "08:5", "08:60", "-1:30", "08:15:30")
NO_DAYS = ("2026-02-30 08:00", "10.11.2026 08:00", "0001-01-01 00:00")


@pytest.mark.parametrize("text", [*NO_LABELS, *NO_DAYS])
def test_what_is_no_label_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no label"):
        parse_moment(text)


@given(
    st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    st.integers(0, 1439),
    st.sampled_from(["Europe/Berlin", "Australia/Lord_Howe", "UTC"]),
)
def test_a_local_time_is_one_of_its_own_instants(day: date, minutes: int, zone: str) -> None:
    desk = horizon("2025-06-01 00:00", zone=zone)
    for ms in desk.instants(day, minutes):
        shown = desk.local(ms)
        assert (shown.date(), shown.hour * 60 + shown.minute) == (day, minutes)


def test_a_series_holds_from_label_to_label() -> None:
    desk = horizon("2026-11-10 07:00", length="4 h", interval="60 min")
    by_minute = held({"08:00": 2.0, "10:00": 5.0, "2026-11-10 09:00": 7.0}, desk.wall_minutes)
    assert np.unique(by_minute.reshape(4, 60), axis=1).ravel().tolist() == [5.0, 2.0, 7.0, 5.0]
