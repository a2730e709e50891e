"""What the desk has promised, and what it costs besides pay."""

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_serializer, field_validator, model_validator

from sim.desk.base import Spec, added
from sim.units import DurationText, Seconds, Share, ShareText, Window, format_duration, parse_duration, parse_share

Measure = Literal[
    "service_level", "asa", "abandonment", "wait_p50", "wait_p80", "wait_p95", "wait_p99", "occupancy",
    "first_response", "first_response_open", "fcr", "callback_kept", "late_share", "overdue_share", "backlog_age",
]  # fmt: skip
SHARES = ("service_level", "abandonment", "occupancy", "fcr", "callback_kept", "late_share", "overdue_share")
AT_LEAST = ("service_level", "fcr", "callback_kept")
"""Measures of which more is better; of all others less is."""
OF_DEFERRED = ("late_share", "overdue_share", "backlog_age")
OF_FULL_RUNS = {
    "first_response": "endings", "first_response_open": "endings", "fcr": "journeys", "callback_kept": "promises",
    **dict.fromkeys(OF_DEFERRED, "backlog"),
}  # fmt: skip
"""Measures that take the whole table of a run (docs/results.md), and the part of its tally that has them."""


class Target(Spec):
    """What the desk has promised: a measure of some contact types, pooled, `at_least` or `at_most` a level.

    Levels are shares (service level, abandonment, occupancy, first-contact resolution, late and overdue work,
    call-backs rung in time) or seconds (ASA, waits, first response, age of the backlog). Without `in_days` it is to
    hold on average over days; with it, on that share of days by what each day is by itself.
    """

    measure: Measure = "service_level"
    contact_types: tuple[str, ...] | Literal["all"] = "all"
    agent_groups: tuple[str, ...] | Literal["all"] = "all"
    threshold: Seconds | None = Field(None, description="default: that of each contact type")
    formula: Literal["SL-1", "SL-2", "SL-3", "SL-4", "SL-5", "SL-6", "SL-V"] = "SL-4"
    strict: bool = Field(False, description="a wait equal to the threshold is late")
    at_least: float | None = None
    at_most: float | None = None
    per: Window = Field("horizon", description='blocks: write their length, such as "4 h"')
    in_days: Annotated[Share, Field(gt=0, lt=1)] | None = added(
        None, '"90 % of days": the share of days on which it is to hold; default: on average'
    )
    confidence: Annotated[Share, Field(gt=0, lt=1)] = 0.95

    @field_validator("in_days", mode="before")
    @classmethod
    def _of_days(cls, value: Any) -> Any:
        return value.removesuffix("of days").strip() if isinstance(value, str) else value

    @field_validator("at_least", "at_most", mode="before", json_schema_input_type=ShareText | DurationText | None)
    @classmethod
    def _level(cls, value: Any, others: ValidationInfo) -> Any:
        if value is None:
            return None
        return parse_share(value) if others.data.get("measure") in SHARES else parse_duration(value)

    @field_serializer("at_least", "at_most", when_used="json")
    def _level_text(self, level: float | None) -> float | str | None:
        return level if level is None or self.is_share else format_duration(level)

    @model_validator(mode="after")
    def _one_level(self) -> "Target":
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("a target needs exactly one of at_least and at_most")
        if (self.measure in AT_LEAST) != (self.at_least is not None):
            wrong, word = ("at_most", "at_least") if self.measure in AT_LEAST else ("at_least", "at_most")
            raise ValueError(f"a target on {self.measure} takes no {wrong}: write {word}")
        if self.is_share and not 0 <= self.level <= 1:
            raise ValueError(f"{self.measure} is a share: its level lies in [0, 1] (0 % to 100 %), not {self.level:g}")
        if not self.is_share and self.level < 0:
            raise ValueError("a wait is never negative")
        return self

    @property
    def level(self) -> float:
        """The promised value."""
        return self.at_least if self.at_least is not None else self.at_most or 0.0

    @property
    def needs_table(self) -> bool:
        """Whether it takes the whole table of a run, not only sums."""
        return self.measure in OF_FULL_RUNS or (self.measure == "service_level" and self.formula == "SL-V")

    @property
    def part(self) -> str | None:
        """The part of a full run's tally that it is read from, if any."""
        if self.measure == "occupancy":
            return "in_hand"
        return OF_FULL_RUNS.get(self.measure, "endings" if self.needs_table else None)

    @property
    def is_share(self) -> bool:
        """Whether levels are shares rather than seconds."""
        return self.measure in SHARES


class Costs(Spec):
    """Money that is no agent's pay."""

    currency: str = "EUR"
    line_per_hour: Annotated[float, Field(ge=0)] = Field(0.0, description="for each hour of waiting and talk")
