"""What planners write, read into numbers, and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.units import format_clock, format_duration, parse_clock, parse_duration, parse_share, to_ms


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90 s", 90), ("5 min", 300), ("1.5 h", 5400), ("250 ms", 0.25), ("2 d", 172800), ("5MIN", 300)],
)
def test_a_duration_has_a_unit(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


def test_a_week_has_seven_days() -> None:
    assert parse_duration("1 week") == parse_duration("7 days")


def test_zero_needs_no_unit() -> None:
    assert parse_duration(0) == 0


@pytest.mark.parametrize("value", [90, "90", "5 minits", "h", "", None, True, False, [90], "1e999 h", "nan s"])
def test_anything_else_is_no_duration(value: object) -> None:
    with pytest.raises(ValueError, match="a number with a unit"):
        parse_duration(value)


@given(st.floats(0, 1e300) | st.integers(0, 10**7).map(float) | st.integers(0, 10**5).map(lambda n: n * 3600.0))
def test_a_duration_is_written_exactly(seconds: float) -> None:
    assert parse_duration(format_duration(seconds)) == seconds


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (45, "45 s"), (90, "90 s"), (300, "5 min"), (7200, "2 h"), (0.25, "0.25 s")]
)
def test_a_duration_is_written_short(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(("value", "share"), [(0.35, 0.35), ("35 %", 0.35), ("35%", 0.35), (" 0.5 % ", 0.005), (1, 1)])
def test_a_share_is_a_number_or_a_percentage(value: object, share: float) -> None:
    assert parse_share(value) == share


@pytest.mark.parametrize("value", ["0.35", "nan %", "inf %", float("nan"), float("inf"), True, None, "a %", "% 35"])
def test_anything_else_is_no_share(value: object) -> None:
    with pytest.raises(ValueError, match="a share is a number"):
        parse_share(value)


@pytest.mark.parametrize(("text", "minutes"), [("00:00", 0), ("8:30", 510), ("08:30", 510), ("24:00", 1440)])
def test_a_clock_time_is_minutes_after_midnight(text: str, minutes: int) -> None:
    assert parse_clock(text) == minutes


@pytest.mark.parametrize("value", ["24:01", "25:00", "8:60", "8:5", "8", "-1:00", 510, 8.5, None, "08:30:00"])
def test_anything_else_is_no_clock_time(value: object) -> None:
    with pytest.raises(ValueError, match="a clock time is text"):
        parse_clock(value)


@given(st.integers(0, 1440))
def test_a_clock_time_is_written_as_it_is_read(minutes: int) -> None:
    assert parse_clock(format_clock(minutes)) == minutes


def test_milliseconds_are_whole_and_positive_stays_positive() -> None:
    assert [to_ms(s) for s in (0, 1e-9, 0.0004, 0.0015, 1.2344, 1.2346)] == [0, 1, 1, 2, 1234, 1235]
