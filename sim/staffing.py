"""Neutral records of who is planned to work: what plans, rosters, files and the simulation share.

A level table says how many heads a group has in each interval; a ShiftCount says how many people of a group work one
and the same shift. Both are plans on paper: who really comes is decided in `sim.attendance`.
"""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

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
    """`number` people of `group` work the same shift: from local `start` of `day` (None: of each day), breaks inside."""

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
                raise ValueError("breaks must lie inside the shift, in order, with work before and after each")
            free = pause.after + pause.length
        return self

    @property
    def paid_s(self) -> float:
        """Paid seconds of one such shift, by the nominal clock."""
        return self.length - sum(pause.length for pause in self.breaks if not pause.paid)


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
            raise ValueError("staffing needs either levels or shifts")
        if self.levels is not None and self.mode == "by_person":
            raise ValueError("levels have no persons: leave mode out or write by_level")
        return self

    @property
    def by_person(self) -> bool:
        """Whether each agent keeps to hours of their own."""
        return self.levels is None and self.mode != "by_level"
