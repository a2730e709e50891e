"""Who of the planned really comes, when, and how fast they work: shrinkage, lateness, learning, fatigue."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from sim.desk.base import Spec
from sim.distributions import Distribution
from sim.units import Factor, Share, ShareText, parse_duration, parse_share

Cv = Annotated[float, BeforeValidator(parse_share, json_schema_input_type=ShareText), Field(ge=0, lt=2)]


class Absence(Spec):
    """A `share` of shifts that nobody works, paid all the same; on some days more (`common`: cv of a day)."""

    share: Share
    common: Cv = Field(0.0, description="cv of a factor on the share that all groups have in common on a day")


def _as_share(value: Any) -> Any:
    return value if isinstance(value, dict) else {"share": value}


AbsenceOrShare = Annotated[Absence, BeforeValidator(_as_share, json_schema_input_type=Absence | ShareText)]


class Lateness(Spec):
    """A `share` of shifts begins late, `by` so much."""

    share: Share
    by: Distribution


class ExtraBreaks(Spec):
    """Breaks that nobody planned: so many `per_hour` of presence, at any time, of such a `length`."""

    per_hour: Annotated[float, Field(ge=0, le=60)]
    length: Distribution


class Attendance(Spec):
    """What becomes of a plan on paper: absence, lateness, breaks that nobody planned.

    Planned absence is leave and training, unplanned absence sickness and the like. `breaks`: one who is late into a
    break comes back at its planned end, or after its planned length.
    """

    planned: AbsenceOrShare | None = None
    unplanned: AbsenceOrShare | None = None
    late: Lateness | None = None
    extra_breaks: ExtraBreaks | None = None
    breaks: Literal["keep_end", "keep_length"] = "keep_end"


def _check_curve(value: dict[str, float]) -> dict[str, float]:
    if any(parse_duration(tenure) < 0 for tenure in value):
        raise ValueError("nobody has been there for less than no time")
    return value


Curve = Annotated[
    dict[str, Factor],
    Field(min_length=1, description='share of full value by time at the desk ("0 d", "30 d"); straight lines between'),
]


class Tenure(Spec):
    """How long agents have been there (`served`), and what that makes of their `speed` and `resolution`."""

    served: Distribution
    speed: Curve = Field({"0 d": 1.0})
    resolution: Curve = Field({"0 d": 1.0})

    @model_validator(mode="after")
    def _durations(self) -> "Tenure":
        for curve in (self.speed, self.resolution):
            _check_curve(curve)
        if max(self.resolution.values()) > 1:
            raise ValueError("resolution is a share of that of experienced agents: give at most 100 %")
        return self


class Fatigue(Spec):
    """Work takes `per_hour` longer for each hour of it without rest, at most `most`.

    A minute of rest makes up for `recovery` minutes of work.
    """

    per_hour: Annotated[Share, Field(description="0.03: three per cent longer after an hour")]
    most: Annotated[float, BeforeValidator(parse_share, json_schema_input_type=ShareText), Field(ge=0, le=10)] = 1.0
    recovery: Annotated[int, Field(ge=0, le=1000)] = 1
