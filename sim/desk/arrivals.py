"""How many contacts come, and when: rates, counts, busy days, events, traces."""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field, field_validator, model_validator

from sim.clock import parse_moment
from sim.desk.base import Spec
from sim.units import Factor, Seconds, Share, ShareText, parse_share

Value = TypeVar("Value", int, float)


def as_series(value: Any) -> Any:
    """A bare number as a series that holds all day."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {"00:00": value}
    if isinstance(value, dict):
        return {str(k): v for k, v in value.items()}
    return value


def check_labels(value: dict[str, Value]) -> dict[str, Value]:
    """A series, if it has values and all labels are labels."""
    for label in value:
        parse_moment(label)
    if not value:
        raise ValueError("a series needs at least one value")
    return value


Series = Annotated[
    dict[str, Annotated[float, Field(ge=0)]],
    BeforeValidator(as_series, json_schema_input_type=dict[str, float] | float),
    Field(description='value by label "HH:MM" (each day) or "YYYY-MM-DD HH:MM"; a bare number holds all day'),
]


class Arrivals(Spec):
    """How many contacts come, and when: one of `per_hour`, `per_day` with a `profile`, or `counts`.

    `per_hour` and `profile` hold from their label to the next one (`shape: linear` joins them by straight lines);
    `counts` are the numbers expected in each interval of the horizon. `law: fixed` makes exactly that many, times the
    day's busyness (rounded so that running totals are kept), at uniform instants; `law: poisson` draws them.
    """

    per_hour: Series | None = None
    per_day: Annotated[float, Field(ge=0)] | None = None
    profile: Series | None = None
    counts: Series | None = None
    shape: Literal["step", "linear"] = "step"
    law: Literal["poisson", "fixed"] = "poisson"

    @field_validator("per_hour", "profile", "counts")
    @classmethod
    def _labels(cls, value: dict[str, float] | None) -> dict[str, float] | None:
        return value if value is None else check_labels(value)

    @model_validator(mode="after")
    def _one_form(self) -> "Arrivals":
        given = [n for n in ("per_hour", "per_day", "counts") if getattr(self, n) is not None]
        if len(given) != 1:
            both = f", not {' and '.join(given)}" if given else ""
            rule = f"arrivals need exactly one of per_hour, per_day (with a profile) or counts{both}"
            raise ValueError(f"{rule}: give one, and take away with null what a base brings")
        if (self.per_day is None) != (self.profile is None):
            raise ValueError("per_day and profile belong together")
        if self.profile is not None and not any(self.profile.values()):
            raise ValueError("a profile needs a value above 0")
        if self.counts is not None and self.shape == "linear":
            raise ValueError("counts cannot be linear: give per_hour")
        return self


class Busyness(Spec):
    """A random factor of mean 1 on all arrival rates of a day (gamma law): some days are busier."""

    cv: Annotated[float, BeforeValidator(parse_share, json_schema_input_type=ShareText), Field(ge=0, lt=2)] = 0.0


def dated(value: Any) -> Any:
    """A start with its date, as text."""
    text = f"{value:%Y-%m-%d %H:%M}" if hasattr(value, "hour") else value
    if isinstance(text, str) and parse_moment(text)[0] is None:
        raise ValueError('a start has a date and a time: write "2026-11-10 20:00"')
    return text


class Event(Spec):
    """Something that lifts the traffic for a while, such as a flash sale.

    Its shape rises in a straight line from 0 to 1 during `onset`, stays for `plateau`, falls back during `decay`.
    Rates are multiplied by 1 + (peak_factor * mix - 1) * shape; the bot's share moves towards `bot_share` and talk
    towards `talk_factor` times its value by the same shape. `mix` is a further factor by contact type at the peak.
    """

    start: str = Field(description='local "YYYY-MM-DD HH:MM"')
    onset: Seconds = 0.0
    peak_factor: Annotated[float, Field(ge=0)] = 1.0
    plateau: Seconds = 0.0
    decay: Seconds = 0.0
    contact_types: tuple[str, ...] | Literal["all"] = "all"
    mix: dict[str, Annotated[float, Field(ge=0)]] = Field({})
    bot_share: Share | None = None
    talk_factor: Factor = 1.0

    _has_a_date = field_validator("start", mode="before")(dated)

    @model_validator(mode="after")
    def _has_a_length(self) -> "Event":
        if self.onset + self.plateau + self.decay <= 0:
            raise ValueError("an event needs an onset, a plateau or a decay above 0: give one of them")
        return self


class TraceRow(Spec):
    """One contact of a trace: `arrival` after the start of the horizon; what is not given is drawn."""

    contact_type: str
    arrival: Seconds
    talk: Seconds | None = None
    patience: Seconds | None = None
