"""How many contacts come, and when: rates, counts, events, traces."""

import re
from itertools import pairwise
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field, PrivateAttr, field_validator, model_validator

from sim.clock import parse_moment
from sim.desk.base import Spec, added
from sim.units import Factor, Seconds, Share

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


_QUANTILE = re.compile(r"\s*(?:[pP]\s*([0-9]*\.?[0-9]+)|([0-9]*\.?[0-9]+)\s*%)\s*")


def parse_quantile(text: str) -> float:
    """The probability that a quantile's name stands for: 0.1 of "p10" or "10 %"."""
    match = _QUANTILE.fullmatch(text)
    if match is None or not 0 < float(match[1] or match[2]) < 100:
        raise ValueError(f"{text!r} is no quantile: write for example p10, p50, p97.5")
    return float(match[1] or match[2]) / 100


def _fanned(value: Any) -> Any:
    """Quantiles by name, as names are spelt here, from the lowest on."""
    if not isinstance(value, dict):
        return value
    found: dict[float, Any] = {}
    for name, series in value.items():
        p = parse_quantile(str(name))
        if p in found:
            raise ValueError(f"the quantile {name} is given twice: give it once")
        found[p] = series
    return {f"p{100 * p:g}": series for p, series in sorted(found.items())}


Fan = Annotated[
    dict[str, Series],
    BeforeValidator(_fanned, json_schema_input_type=dict[str, Series]),
    Field(description="quantiles (p10, p50, …) of the day's volume with a profile, else of each interval's number"),
]


class Arrivals(Spec):
    """How many contacts come, and when: `per_hour`, `per_day` with a `profile`, `counts`, or a `forecast`.

    `per_hour` and `profile` hold from their label to the next one (`shape: linear` joins them by straight lines);
    `counts` are the numbers expected in each interval of the horizon. `law: fixed` makes exactly that many, times the
    day's busyness (rounded so that running totals are kept), at uniform instants; `law: poisson` draws them.
    `forecast` has quantiles in place of `per_day` (with a profile) or of `counts`: where a day lies between them is
    drawn, and takes the place of the type's busyness.
    """

    per_hour: Series | None = None
    per_day: Annotated[float, Field(ge=0)] | None = None
    profile: Series | None = None
    counts: Series | None = None
    forecast: Fan | None = added(None)
    shape: Literal["step", "linear"] = "step"
    law: Literal["poisson", "fixed"] = "poisson"

    @field_validator("forecast")
    @classmethod
    def _fan_labels(cls, value: dict[str, dict[str, float]] | None) -> dict[str, dict[str, float]] | None:
        return value if value is None else {name: check_labels(series) for name, series in value.items()}

    @field_validator("per_hour", "profile", "counts")
    @classmethod
    def _labels(cls, value: dict[str, float] | None) -> dict[str, float] | None:
        return value if value is None else check_labels(value)

    @model_validator(mode="after")
    def _one_form(self) -> "Arrivals":
        given = [n for n in ("per_hour", "per_day", "counts", "forecast") if getattr(self, n) is not None]
        if len(given) != 1:
            both = f", not {' and '.join(given)}" if given else ""
            rule = f"arrivals need exactly one of per_hour, per_day (with a profile), counts or forecast{both}"
            raise ValueError(f"{rule}: give one, and take away with null what a base brings")
        if (self.per_day is None) != (self.profile is None) and not (self.profile and self.forecast):
            raise ValueError("per_day and profile belong together")
        if self.forecast is not None:
            _check_fan(self.forecast)
        if self.profile is not None and not any(self.profile.values()):
            raise ValueError("a profile needs a value above 0")
        if self.profile is None and self.per_hour is None and self.shape == "linear":
            raise ValueError(f"{given[0]} cannot be linear: give per_hour")
        return self


def _check_fan(fan: dict[str, dict[str, float]]) -> None:
    if len(fan) < 2:
        raise ValueError("forecast needs two quantiles at least: write for example {p10: 620, p50: 700, p90: 860}")
    for low, high in pairwise(fan):
        if fan[low].keys() != fan[high].keys():
            raise ValueError(f"forecast has other labels in {high} than in {low}: give each label all quantiles")


class Forecast(Spec):
    """Courses that the traffic may take, of equal probability: each replication takes one.

    A path has the numbers expected in each interval, by contact type; types that paths name come from them alone. In a
    file: `paths: {file: paths.csv}`, a table with the columns `path`, `start` and one for each type.
    """

    paths: tuple[dict[str, Series], ...] = Field(min_length=1)

    @field_validator("paths")
    @classmethod
    def _alike(cls, paths: tuple[dict[str, dict[str, float]], ...]) -> tuple[dict[str, dict[str, float]], ...]:
        for i, path in enumerate(paths):
            for series in path.values():
                check_labels(series)
            if not path or path.keys() != paths[0].keys():
                raise ValueError(f"path {i + 1} has other contact types than the first: give all paths the same ones")
            if len({frozenset(series) for series in path.values()}) > 1:
                raise ValueError(f"path {i + 1} has other labels for some types: give all its types the same ones")
        return paths

    @property
    def contact_types(self) -> tuple[str, ...]:
        """Those that the paths name."""
        return tuple(self.paths[0])


def dated(value: Any) -> Any:
    """A start with its date, as text."""
    text = f"{value:%Y-%m-%d %H:%M}" if hasattr(value, "hour") else value
    if isinstance(text, str) and parse_moment(text)[0] is None:
        raise ValueError('a start has a date and a time: write "2026-11-10 20:00"')
    return text


class Event(Spec):
    """Something that lifts the traffic for a while, such as a flash sale, or an incident.

    Its shape rises in a straight line from 0 to 1 during `onset`, stays for `plateau`, falls back during `decay`.
    Rates are multiplied by 1 + (peak_factor * mix - 1) * shape; the bot's share moves towards `bot_share` and talk
    towards `talk_factor` times its value by the same shape. `mix` is a further factor by contact type at the peak.

    An incident happens with some `chance`, once at most in a replication, and begins at a minute of its own, any one
    from `start` on, `within` so long.
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
    chance: Share = added(1.0)
    within: Seconds = added(0.0)
    _late_s: float = PrivateAttr(0.0)

    _has_a_date = field_validator("start", mode="before")(dated)

    @property
    def is_certain(self) -> bool:
        """Whether nothing of it is left to chance."""
        return self.chance == 1 and self.within == 0

    @property
    def late_s(self) -> float:
        """Seconds after its start at which it begins."""
        return self._late_s

    def begun(self, late_s: float) -> "Event":
        """The event as it happens, so long after its start."""
        event = self.model_copy(update={"chance": 1.0, "within": 0.0})
        event._late_s = late_s
        return event

    @model_validator(mode="after")
    def _has_a_length(self) -> "Event":
        if self.within % 60:
            raise ValueError("within must be a whole number of minutes: write for example 4 h")
        if self.onset + self.plateau + self.decay <= 0:
            raise ValueError("an event needs an onset, a plateau or a decay above 0: give one of them")
        return self


class TraceRow(Spec):
    """One contact of a trace: `arrival` after the start of the horizon; what is not given is drawn."""

    contact_type: str
    arrival: Seconds
    talk: Seconds | None = None
    patience: Seconds | None = None
