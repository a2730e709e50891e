"""The shifts that may be worked: what a planner chooses from."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from sim.desk.base import Spec
from sim.desk.channels import days_of
from sim.units import Clock, PositiveSeconds, Seconds, format_duration


class StartWindow(Spec):
    """Start times `first`, `first` + `step`, … up to `last`."""

    first: Clock
    last: Clock
    step: PositiveSeconds = 1800.0

    @model_validator(mode="after")
    def _ordered(self) -> "StartWindow":
        if self.last < self.first:
            raise ValueError("last must not lie before first")
        if self.step % 60:
            raise ValueError("step must be whole minutes")
        return self

    @property
    def times(self) -> tuple[int, ...]:
        """Minutes after midnight."""
        return tuple(range(self.first, self.last + 1, int(self.step // 60)))


class BreakRule(Spec):
    """A break that must start between `earliest` and `latest` after the shift's start, on a grid of `step`."""

    length: PositiveSeconds
    earliest: Seconds
    latest: Seconds
    step: PositiveSeconds = 1800.0
    paid: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> "BreakRule":
        if self.latest < self.earliest:
            raise ValueError("latest must not lie before earliest")
        return self


class ShiftTemplate(Spec):
    """The shifts that may be worked: starts, lengths (breaks included), breaks, and who may work them.

    A shift costs `cost` times the group's `cost_factor`, or its paid hours times the group's `cost_per_hour`.
    """

    starts: StartWindow | Annotated[tuple[Clock, ...], Field(min_length=1)]
    lengths: tuple[PositiveSeconds, ...] = Field(min_length=1)
    breaks: tuple[BreakRule, ...] = ()
    between_breaks: Seconds = Field(0.0, description="least working time between two breaks")
    groups: tuple[str, ...] | Literal["all"] = "all"
    days: tuple[str, ...] | Literal["all"] = Field("all", description="weekdays (mon, mon-fri) or dates")
    cost: Annotated[float, Field(ge=0)] | None = None
    fte: Annotated[float, Field(gt=0)] | None = Field(None, description="default: paid hours / 8")
    max_number: Annotated[int, Field(ge=0)] | None = Field(None, description="at most this many shifts a day in all")

    @field_validator("days")
    @classmethod
    def _known_days(cls, value: Any) -> Any:
        return value if value == "all" else tuple(day for key in value for day in days_of(key))

    @model_validator(mode="after")
    def _breaks_fit(self) -> "ShiftTemplate":
        for length in self.lengths:
            for rule in self.breaks:
                if rule.earliest <= 0 or rule.earliest + rule.length >= length:
                    pause, shift = format_duration(rule.length), format_duration(length)
                    what = f"a break of {pause} has no room in a shift of {shift}"
                    raise ValueError(f"{what}: give a longer length or an earlier break")
        return self
