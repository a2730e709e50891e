"""Local time and engine time: a horizon, its intervals, their labels.

Engines count whole milliseconds from the horizon's start; people read local labels. All that knows of time zones
and of clocks that are put forward or back is here.
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from functools import cached_property
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from sim.units import PositiveSeconds, format_clock

INTERVAL_MINUTES = (5, 10, 15, 30, 60)
DAY_S = 86400
LONGEST_S = 366 * DAY_S
YEARS = range(1900, 2201)
"""Outside these the calendar itself runs out, or the zones do."""
Moment = tuple[date | None, int]  # local date (None: every day) and minutes after midnight
_MOMENT = re.compile(r"(?:([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]+)?([0-9]{1,2}):([0-5][0-9])(?::00)?")


def _parse_start(value: Any) -> Any:
    try:
        return value if isinstance(value, datetime) else datetime.fromisoformat(value.strip())
    except (AttributeError, ValueError):
        raise ValueError('a start is a local date and time: write for example "2026-11-10 18:00"') from None


class Horizon(BaseModel):
    """The time that a run covers.

    `start` is local (no offset, unless that hour exists twice); `length` is elapsed time; intervals are of equal
    elapsed length, so a day has 92, 96 or 100 quarter-hours when the clock is put forward, left alone or put back.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: Annotated[
        datetime,
        BeforeValidator(_parse_start, json_schema_input_type=Annotated[str, Field(examples=["2026-11-10 18:00"])]),
    ]
    zone: str = "UTC"
    length: PositiveSeconds
    interval: PositiveSeconds = 1800.0
    repeats: Literal["never", "day", "week"] = "never"

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError):
            near = get_close_matches(zone, available_timezones(), n=1)
            hint = f"did you mean {near[0]!r}?" if near else "write for example Europe/Berlin"
            raise ValueError(f"{zone!r} is no IANA time zone: {hint}") from None
        return zone

    @model_validator(mode="after")
    def _fits_together(self) -> "Horizon":
        if self.interval / 60 not in INTERVAL_MINUTES:
            raise ValueError(f"interval is {self.interval / 60:g} min: it must be 5, 10, 15, 30 or 60 min")
        if self.length > LONGEST_S:
            raise ValueError("length is more than a year: a horizon has hours, days or weeks")
        if self.length % self.interval:
            step = f"{self.interval / 60:g} min"
            raise ValueError(f"length must be a whole number of intervals: give a multiple of {step}")
        if self.repeats != "never" and self.length != {"day": DAY_S, "week": 7 * DAY_S}[self.repeats]:
            raise ValueError(f"a desk that repeats each {self.repeats} needs a length of one {self.repeats}")
        if self.start.year not in YEARS:
            raise ValueError(f"start is in the year {self.start.year}: it must lie between 1900 and 2200")
        if self.start.second or self.start.microsecond or self.start.minute * 60 % self.interval:
            raise ValueError("start must lie on the border of an interval")
        try:
            instants_of_local(self.start, ZoneInfo(self.zone), refuse=True)
        except ValueError as error:
            raise ValueError(f"start {error}") from None
        return self

    def __eq__(self, other: object) -> bool:
        # what is cached in a horizon, arrays too, is no part of what it says
        return isinstance(other, Horizon) and self._said == other._said

    def __hash__(self) -> int:
        return hash(self._said)

    @property
    def _said(self) -> tuple[Any, ...]:
        return tuple(getattr(self, field) for field in Horizon.model_fields)

    @property
    def length_ms(self) -> int:
        """Milliseconds from the first instant to the last."""
        return round(self.length * 1000)

    @property
    def interval_ms(self) -> int:
        """Milliseconds in one interval."""
        return round(self.interval * 1000)

    @property
    def intervals(self) -> int:
        """How many intervals the horizon has."""
        return self.length_ms // self.interval_ms

    @cached_property
    def _start_utc(self) -> datetime:
        return instants_of_local(self.start, ZoneInfo(self.zone), refuse=True)[0]

    def local(self, ms: int) -> datetime:
        """The local time, with its offset, of an instant in milliseconds from the start."""
        return (self._start_utc + timedelta(milliseconds=int(ms))).astimezone(ZoneInfo(self.zone))

    @cached_property
    def interval_starts(self) -> tuple[datetime, ...]:
        """Local start, with offset, of each interval."""
        return tuple(self.local(i * self.interval_ms) for i in range(self.intervals))

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """"HH:MM" of each interval's local start."""
        return tuple(f"{at:%H:%M}" for at in self.interval_starts)

    @cached_property
    def days(self) -> tuple[date, ...]:
        """The local dates that the horizon touches, in order."""
        return tuple(dict.fromkeys(at.date() for at in self.interval_starts))

    @cached_property
    def day_of_interval(self) -> npt.NDArray[np.int64]:
        """Index into `days` of each interval, by its local start."""
        index = {day: i for i, day in enumerate(self.days)}
        return np.array([index[at.date()] for at in self.interval_starts], dtype=np.int64)

    def window_of_interval(self, per: str | float) -> npt.NDArray[np.int64]:
        """The window of each interval, counted from 0: each "interval", "day", block of `per` seconds, or "horizon"."""
        if per == "day":
            return self.day_of_interval
        every = np.arange(self.intervals, dtype=np.int64)
        if isinstance(per, str):
            return every if per == "interval" else np.zeros_like(every)
        return every // round(per / self.interval)

    @cached_property
    def wall_minutes(self) -> npt.NDArray[np.int64]:
        """What a local clock shows at each minute of the horizon, shape [minute]: 1440 * date.toordinal() + minutes."""
        shown = (self.local(ms) for ms in range(0, self.length_ms, 60_000))
        return np.array([1440 * at.toordinal() + 60 * at.hour + at.minute for at in shown], dtype=np.int64)

    def instants(self, day: date, minutes: int) -> list[int]:
        """Milliseconds at which a local clock shows `minutes` after midnight of `day`: none, one or two.

        1440 minutes is midnight of the day after. Instants outside the horizon are given too.
        """
        at = datetime(day.year, day.month, day.day) + timedelta(minutes=minutes)
        return [
            round((utc - self._start_utc).total_seconds() * 1000)
            for utc in instants_of_local(at, ZoneInfo(self.zone), refuse=False)
        ]

    def first_instant(self, day: date, minutes: int) -> int:
        """The one instant meant by a local shift or opening time.

        Where that time exists twice it is the first, where the clock jumps over it the instant of the jump's end.
        """
        for later in range(minutes, minutes + 1441):
            if found := self.instants(day, later):
                return found[0]
        raise AssertionError("no zone has ever jumped by more than a day")


def instants_of_local(at: datetime, zone: ZoneInfo, *, refuse: bool) -> list[datetime]:
    """UTC instants whose local time in `zone` is `at`; with `refuse`, anything but exactly one is a ValueError."""
    if at.tzinfo is not None:
        return [at.astimezone(UTC)]
    found = {
        utc
        for fold in (0, 1)
        for utc in [at.replace(tzinfo=zone, fold=fold).astimezone(UTC)]
        if utc.astimezone(zone).replace(tzinfo=None) == at
    }
    if refuse and len(found) != 1:
        word = "does not exist" if not found else "exists twice"
        raise ValueError(f"{at:%Y-%m-%d %H:%M} {word} in {zone.key} (clock change): give it with its UTC offset")
    return sorted(found)


def parse_moment(text: str) -> Moment:
    """A label "HH:MM" or "YYYY-MM-DD HH:MM" as (date or None, minutes after midnight)."""
    found = _MOMENT.fullmatch(text.strip())
    if found is None or int(found[2]) * 60 + int(found[3]) > 1440:
        raise ValueError(f'{text!r} is no label: write "HH:MM" or "YYYY-MM-DD HH:MM"')
    try:
        return parse_day(found[1]) if found[1] else None, int(found[2]) * 60 + int(found[3])
    except ValueError as error:
        raise ValueError(f"{text!r} is no label: {error}") from None


def parse_day(text: str) -> date:
    """The day of a text "YYYY-MM-DD"."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"there is no day {text}") from None
    if day.year not in YEARS:
        raise ValueError(f"the year {day.year} does not lie between 1900 and 2200")
    return day


def held(series: Mapping[str, float], wall: npt.NDArray[np.int64], *, linear: bool = False) -> npt.NDArray[np.float64]:
    """Value of a series by label at each wall-clock minute of `wall` (see `Horizon.wall_minutes`), same shape.

    A label holds to the next one: "HH:MM" comes each day, a dated one once, in place of the same time of each day.
    Before the first label the value is 0. `linear`: straight lines from label to label, each minute taken at its
    middle; a line that ends at midnight with a jump ends in "24:00".
    """
    if not series:
        return np.zeros(len(wall))
    found = knots(series, wall)
    at, value = np.array([minute for minute, _ in found]), np.array(list(found.values()), dtype=np.float64)
    following = np.searchsorted(at, wall, side="right")
    past, coming = following - 1, np.minimum(following, len(at) - 1)
    level = value[past]
    if linear:
        level += (value[coming] - level) * (wall + 0.5 - at[past]) / np.maximum(at[coming] - at[past], 1)
    return np.where(following == 0, 0.0, level)


def knots(series: Mapping[str, float], wall: npt.NDArray[np.int64]) -> dict[tuple[int, bool], float]:
    """Values by (wall-clock minute, False for "24:00"), ascending, from the day before `wall` to the day after."""
    found: dict[tuple[int, bool], float] = {}
    days = range(int(wall.min()) // 1440 - 1, int(wall.max()) // 1440 + 2)
    moments = sorted(((*parse_moment(label), value) for label, value in series.items()), key=lambda m: m[0] is not None)
    for day, minutes, value in moments:
        for number in days if day is None else [day.toordinal()]:
            found[1440 * number + minutes, minutes < 1440] = value
    return dict(sorted(found.items()))


def format_moment(moment: Moment) -> str:
    """The label that `parse_moment` reads."""
    day, minutes = moment
    return (f"{day.isoformat()} " if day else "") + format_clock(minutes)


__all__ = [
    "YEARS",
    "Horizon",
    "Moment",
    "format_moment",
    "held",
    "instants_of_local",
    "knots",
    "parse_day",
    "parse_moment",
]
