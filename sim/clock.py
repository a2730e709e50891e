"""Local time and engine time: a horizon, its intervals, their labels.

Engines count whole milliseconds from the horizon's start; people read local labels. All that knows of time zones
and of clocks that are put forward or back is here.
"""

from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, BeforeValidator, ConfigDict, field_validator, model_validator

from sim.units import PositiveSeconds, format_clock

INTERVAL_MINUTES = (5, 10, 15, 30, 60)
DAY_S = 86400
Moment = tuple[date | None, int]  # local date (None: every day) and minutes after midnight


def _parse_start(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value.strip())
        except ValueError:
            raise ValueError('a start is a local date and time: write for example "2026-11-10 18:00"') from None
    return value


class Horizon(BaseModel):
    """The time that a run covers.

    `start` is local (no offset, unless that hour exists twice); `length` is elapsed time; intervals are of equal
    elapsed length, so a day has 92, 96 or 100 quarter-hours when the clock is put forward, left alone or put back.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: Annotated[datetime, BeforeValidator(_parse_start)]
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
            raise ValueError(f"{zone!r} is no IANA time zone: write for example Asia/Shanghai or Europe/Berlin") from None
        return zone

    @model_validator(mode="after")
    def _fits_together(self) -> "Horizon":
        if self.interval / 60 not in INTERVAL_MINUTES:
            raise ValueError(f"interval is {self.interval / 60:g} min: it must be 5, 10, 15, 30 or 60 min")
        if self.length % self.interval:
            raise ValueError("length must be a whole number of intervals")
        if self.repeats == "day" and self.length != DAY_S or self.repeats == "week" and self.length != 7 * DAY_S:
            raise ValueError(f"a desk that repeats each {self.repeats} needs a length of one {self.repeats}")
        if self.start.second or self.start.microsecond or self.start.minute * 60 % self.interval:
            raise ValueError("start must lie on the border of an interval")
        instants_of_local(self.start, ZoneInfo(self.zone), refuse=True)
        return self

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
        """The one instant meant by a local shift or opening time: the first where it exists twice; where the clock
        jumps over it, the instant of the jump's end."""
        for later in range(minutes, minutes + 181):
            if found := self.instants(day, later):
                return found[0]
        raise AssertionError("no zone jumps by more than three hours")


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
    day, _, clock = text.strip().rpartition(" ")
    if not day and "T" in clock:
        day, _, clock = clock.partition("T")
    try:
        hours, minutes = clock.split(":")[:2]
        total = int(hours) * 60 + int(minutes)
        if not 0 <= total <= 1440 or not 0 <= int(minutes) < 60:
            raise ValueError
        return (date.fromisoformat(day) if day else None, total)
    except ValueError:
        raise ValueError(f'{text!r} is no label: write "HH:MM" or "YYYY-MM-DD HH:MM"') from None


def format_moment(moment: Moment) -> str:
    """The label that `parse_moment` reads."""
    day, minutes = moment
    return (f"{day.isoformat()} " if day else "") + format_clock(minutes)


__all__ = ["Horizon", "Moment", "format_moment", "instants_of_local", "parse_moment"]
