"""What planners write, read into numbers: durations, shares, clock times.

Text with a unit goes in ("90 s", "35 %", "08:30"), seconds, fractions and minutes after midnight come out;
the same types write themselves back as text, so that a frozen scenario reads like the file it came from.
"""

import math
import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer

_SECONDS = {
    "ms": 0.001, "s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0,
    "min": 60.0, "minute": 60.0, "minutes": 60.0,
    "h": 3600.0, "hour": 3600.0, "hours": 3600.0,
    "d": 86400.0, "day": 86400.0, "days": 86400.0,
    "week": 604800.0, "weeks": 604800.0,
}  # fmt: skip
_DURATION = re.compile(r"\s*([+-]?[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)\s*([a-zA-Z]+)\s*")
_PER_CENT = re.compile(r"([+-]?[0-9]*\.?[0-9]+)\s*%")
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})")


def parse_duration(value: Any) -> float:
    """Seconds in a text such as "90 s", "5 min", "1.5 h"; a bare 0 needs no unit."""
    if value == 0 and not isinstance(value, bool):
        return 0.0
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None or match[2].lower() not in _SECONDS or not math.isfinite(float(match[1])):
        raise ValueError('a duration is a number with a unit: write for example "90 s", "5 min" or "1.5 h"')
    return float(match[1]) * _SECONDS[match[2].lower()]


def format_duration(seconds: float) -> str:
    """The shortest of hours, minutes, seconds that says `seconds` exactly."""
    for unit, size in (("h", 3600.0), ("min", 60.0)):
        if seconds and seconds % size == 0 and seconds < 1e15:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds) if seconds == int(seconds) else repr(seconds)} s"


def parse_share(value: Any) -> float:
    """A number, or a text in per cent: "35 %" is 0.35."""
    if isinstance(value, str) and (match := _PER_CENT.fullmatch(value.strip())):
        return float(match[1]) / 100.0
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    raise ValueError('a share is a number from 0 to 1 or a percentage: write for example 0.35 or "35 %"')


def parse_clock(value: Any) -> int:
    """Minutes after midnight in a text "HH:MM"; "24:00" is the end of the day."""
    match = _CLOCK.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or int(match[2]) > 59 or int(match[1]) * 60 + int(match[2]) > 1440:
        raise ValueError('a clock time is text from "00:00" to "24:00": write for example "08:30", with the quotes')
    return int(match[1]) * 60 + int(match[2])


def format_clock(minutes: int) -> str:
    """"HH:MM" of minutes after midnight."""
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def parse_window(value: Any) -> Any:
    """A stretch of time by name, or the seconds in the length of a block."""
    if value in ("interval", "day", "horizon"):
        return value
    try:
        seconds = parse_duration(value)
    except ValueError:
        seconds = 0.0
    if seconds <= 0:
        raise ValueError('a window is interval, day or horizon, or the length of blocks: write for example "4 h"')
    return seconds


def to_ms(seconds: float) -> int:
    """Whole milliseconds, half up; what is positive stays at least 1 (MODEL §1)."""
    return max(1, int(seconds * 1000.0 + 0.5)) if seconds > 0 else 0


_text = PlainSerializer(format_duration, return_type=str, when_used="json")

# What an editor's JSON Schema lets people write: the texts as well as the numbers.
DurationText = (
    Annotated[str, Field(pattern=r"^\s*[+-]?[0-9]*\.?[0-9]+([eE][+-]?[0-9]+)?\s*[a-zA-Z]+\s*$", examples=["5 min"])]
    | Literal[0]
)
ShareText = float | Annotated[str, Field(pattern=r"^\s*[+-]?[0-9]*\.?[0-9]+\s*%\s*$", examples=["35 %"])]
ClockText = Annotated[str, Field(pattern=r"^\s*[0-9]{1,2}:[0-9]{2}\s*$", examples=["08:30"])]

_duration = BeforeValidator(parse_duration, json_schema_input_type=DurationText)
_share = BeforeValidator(parse_share, json_schema_input_type=ShareText)
_clock = BeforeValidator(parse_clock, json_schema_input_type=ClockText)

Seconds = Annotated[float, _duration, Field(ge=0), _text]
PositiveSeconds = Annotated[float, _duration, Field(gt=0), _text]
SignedSeconds = Annotated[float, _duration, _text]
Share = Annotated[float, _share, Field(ge=0, le=1)]
Factor = Annotated[float, _share, Field(gt=0)]
WindowName = Literal["interval", "day", "horizon"]
Window = Annotated[
    WindowName | Annotated[float, _text],
    BeforeValidator(parse_window, json_schema_input_type=WindowName | DurationText),
]
Clock = Annotated[int, _clock, PlainSerializer(format_clock, return_type=str, when_used="json")]
