"""Neutral records of who is planned to work: what plans, rosters, files and the simulation share.

A level table says how many heads a group has in each interval; a ShiftCount says how many people of a group work one
and the same shift. Both are plans on paper: who really comes is decided in `sim.attendance`.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sim.clock import Horizon
from sim.units import Clock, PositiveSeconds, Seconds

Heads = Annotated[int, Field(ge=0)]
Levels = dict[str, dict[str, Heads]]
"""Heads by group and by label: they hold from there to the next label ("HH:MM" or "YYYY-MM-DD HH:MM")."""


class BreakAt(BaseModel):
    """A break placed in a shift: from `after` its start, `length` long."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    after: Seconds
    length: PositiveSeconds
    paid: bool = False


class ShiftCount(BaseModel):
    """`number` people of `group` work one shift: from local `start` of `day` (None: of each day), breaks inside."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    template: str = ""
    group: str
    start: Clock
    length: PositiveSeconds
    day: date | None = None
    breaks: tuple[BreakAt, ...] = ()
    number: Heads = 1

    @model_validator(mode="after")
    def _breaks_inside(self) -> "ShiftCount":
        free = 0.0
        for pause in self.breaks:
            if pause.after <= free or pause.after + pause.length >= self.length:
                rule = "breaks must lie inside the shift, in order"
                raise ValueError(f"{rule}: give each some work before and after it")
            free = pause.after + pause.length
        return self


class StaffingPlan(BaseModel):
    """Who is to work: either heads by `levels` or counted `shifts`.

    `mode` says how it is simulated (MODEL §5); by default shifts are simulated by person, levels by level.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Literal["by_person", "by_level"] | None = None
    levels: Levels | None = None
    shifts: tuple[ShiftCount, ...] | None = None

    @model_validator(mode="after")
    def _one_form(self) -> "StaffingPlan":
        if (self.levels is None) == (self.shifts is None):
            raise ValueError("staffing needs either levels or shifts: give one, and take away with null the other")
        if self.levels is not None and self.mode == "by_person":
            raise ValueError("levels have no persons: leave mode out or write by_level")
        return self

    @property
    def by_person(self) -> bool:
        """Whether each agent keeps to hours of their own."""
        return self.levels is None and self.mode != "by_level"


# ---------------------------------------------------------------------------------------------- shifts in engine time

Spell = tuple[int, int]
"""An unbroken presence [on, off), milliseconds from the start of the horizon."""
DAY_MS = 86_400_000
REST_MS = 39_600_000
"""Eleven hours between two shifts of one person (Directive 2003/88/EC, article 3)."""


@dataclass(frozen=True)
class WorkedShift:
    """One working of a shift: its `spells` between breaks, and its paid time, as elapsed and not as shown by clocks."""

    spells: tuple[Spell, ...]
    paid_ms: int

    @property
    def on_ms(self) -> int:
        """Start of work."""
        return self.spells[0][0]

    @property
    def off_ms(self) -> int:
        """End of work."""
        return self.spells[-1][1]

    def later(self, ms: int) -> "WorkedShift":
        """The same work `ms` later."""
        return WorkedShift(tuple((on + ms, off + ms) for on, off in self.spells), self.paid_ms)


def workings(horizon: Horizon, shift: ShiftCount) -> list[WorkedShift]:
    """Each working of a shift that reaches into the horizon, in order; spells may begin before it and end after it.

    A shift of each day is also worked on the day before the horizon's first, if its end reaches into it. On a desk
    that repeats, all start inside the horizon; see `wrapped` for the ends that come round again.
    """
    first = horizon.days[0]
    days = [shift.day] if shift.day else [first - timedelta(days=1), *horizon.days]
    worked = [work for work in (_working(horizon, shift, day) for day in days) if work.spells]
    length = horizon.length_ms
    if horizon.repeats == "never":
        return [work for work in worked if work.on_ms < length and work.off_ms > 0]
    if shift.day:
        worked = [work.later(-(work.on_ms // length) * length) for work in worked]
    return [work for work in worked if 0 <= work.on_ms < length]


def wrapped(horizon: Horizon, work: WorkedShift) -> list[WorkedShift]:
    """A working, preceded on a desk that repeats by that of the period before if its end reaches into this one."""
    if horizon.repeats == "never":
        return [work]
    periods = -(-work.off_ms // horizon.length_ms)
    return [work.later(-k * horizon.length_ms) for k in range(periods - 1, -1, -1)]


def _working(horizon: Horizon, shift: ShiftCount, day: date) -> WorkedShift:
    def at(after_s: float) -> int:
        minutes, ms = divmod(round(after_s * 1000), 60_000)
        return horizon.first_instant(day, shift.start + minutes) + ms

    pauses = [(at(pause.after), at(pause.after + pause.length)) for pause in shift.breaks]
    borders = [at(0), *(instant for pause in pauses for instant in pause), at(shift.length)]
    unpaid = sum(end - begin for (begin, end), pause in zip(pauses, shift.breaks, strict=True) if not pause.paid)
    spells = tuple((on, off) for on, off in zip(borders[::2], borders[1::2], strict=True) if off > on)
    return WorkedShift(spells, borders[-1] - borders[0] - unpaid)


def free_again_ms(work: WorkedShift, rest_ms: int = REST_MS) -> int:
    """When the person may start the next shift: a day after this one's start, and rested since its end."""
    return max(work.on_ms + DAY_MS, work.off_ms + rest_ms)


def least_heads(horizon: Horizon, shifts: Iterable[ShiftCount], rest_ms: int = REST_MS) -> dict[str, int]:
    """Least number of people, by group, who can work all shifts with one shift per 24 h and rest between two.

    A working takes its person from its start until free again; as many people are needed as are taken at once, and
    that many suffice (Dilworth 1950, for intervals).
    """
    changes: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for shift in shifts:
        for work in workings(horizon, shift):
            taken = free_again_ms(work, rest_ms) - work.on_ms
            rounds = 1 if horizon.repeats == "never" else -(-(work.on_ms + taken) // horizon.length_ms)
            for on in (work.on_ms - k * horizon.length_ms for k in range(rounds)):
                changes[shift.group] += [(on, shift.number), (on + taken, -shift.number)]
    return {group: _highest(sorted(found)) for group, found in changes.items()}


def _highest(changes: list[tuple[int, int]]) -> int:
    level = highest = 0
    for _, change in changes:
        level += change
        highest = max(highest, level)
    return highest
