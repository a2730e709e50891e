"""Groups of agents and their skills."""

from itertools import pairwise
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from sim.desk.attendance import Attendance, Cv, Fatigue, Tenure
from sim.desk.base import Spec, added
from sim.units import Factor, Seconds, Share


class Skill(Spec):
    """One contact type that a group may serve: `preference` 1 is tried first; `after` a wait of that length only.

    Talks resolve the matter with probability `resolution` (none: that of the contact type). A contact is taken only if
    `reserve` agents of the group with nothing in hand are left after it.
    """

    preference: Annotated[int, Field(ge=1)] = 1
    speed: Factor = Field(1.0, description="1.25 works a quarter faster")
    after: Seconds = 0.0
    resolution: Share | None = added(None)
    reserve: Annotated[int, Field(ge=0)] = added(0)


def _skill(value: Any) -> Any:
    return {"preference": value} if isinstance(value, int) and not isinstance(value, bool) else value or {}


def _skills(value: Any) -> Any:
    if isinstance(value, list | tuple) and all(isinstance(name, str) for name in value):
        return dict.fromkeys(value, 1)
    if not isinstance(value, dict):
        raise ValueError("skills are contact types: write a list of them, or a table with preference, speed, after")
    return value


class AgentGroup(Spec):
    """People with the same skills. `skills` is a list of contact types, or a table with preference, speed, after.

    With `slots` above 1 an agent may have several contacts in hand, each worked on at a `pace`: shares of full speed
    with 1, 2, … in hand (the last one holds on). `hold_for_voice` keeps slots free while a contact that needs all of
    them waits. The time that individuals need varies by `spread` (cv, lognormal, mean 1). `switching` to another
    channel costs time.
    """

    skills: Annotated[
        dict[str, Annotated[Skill, BeforeValidator(_skill, json_schema_input_type=Skill | int | None)]],
        BeforeValidator(_skills, json_schema_input_type=dict[str, Skill | int | None] | list[str]),
        Field(min_length=1),
    ]
    cost_per_hour: Annotated[float, Field(ge=0)] = 0.0
    cost_factor: Annotated[float, Field(gt=0)] = Field(1.0, description="multiplies the cost of a shift template")
    max_heads: Annotated[int, Field(ge=0)] | None = None
    slots: Annotated[int, Field(ge=1, le=100)] = added(1)
    pace: tuple[Annotated[Factor, Field(le=1)], ...] | None = added(None)
    hold_for_voice: bool = added(False)
    spread: Cv = added(0.0)
    tenure: Tenure | None = added(None)
    fatigue: Fatigue | None = added(None)
    switching: Seconds = added(0.0)
    attendance: Attendance | None = added(None)

    @property
    def is_plain(self) -> bool:
        """Whether all of a group come, on time, and work at one speed."""
        return self.attendance is None and self.tenure is None and not self.spread

    def pace_with(self, number: int) -> float:
        """The share of full speed at which each of so many contacts in hand is worked on."""
        pace = self.pace or (1.0,)
        return pace[min(number, len(pace)) - 1]

    @model_validator(mode="after")
    def _pace_fits(self) -> "AgentGroup":
        pace = self.pace
        if pace is None:
            return self
        if not pace or pace[0] != 1:
            raise ValueError("pace must begin with 1: it is the share of full speed with 1, 2, … contacts in hand")
        if len(pace) > self.slots:
            raise ValueError(f"pace must have at most {self.slots} value(s), one for each slot: give fewer")
        if any(later > earlier for earlier, later in pairwise(pace)):
            raise ValueError("pace must not rise: give each contact at most the speed that it had with fewer in hand")
        return self
