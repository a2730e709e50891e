"""The input specification: what a desk is, as frozen models that refuse nonsense.

`sim.scenario_file` fills them from YAML and CSV; everything else reads them. Attributes are in plain numbers: seconds,
shares, contacts per hour, minutes after midnight. Whatever refers to something by name is checked here, all at once.
"""

import hashlib
import json
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationInfo,
    field_serializer,
    field_validator,
    model_validator,
)

from sim.clock import YEARS, Horizon, parse_day, parse_moment
from sim.distributions import Distribution
from sim.staffing import StaffingPlan
from sim.units import (
    Clock,
    DurationText,
    Factor,
    PositiveSeconds,
    Seconds,
    Share,
    ShareText,
    Window,
    format_clock,
    format_duration,
    parse_clock,
    parse_duration,
    parse_share,
)

Name = Annotated[str, Field(pattern=r"^[^\W\d][\w-]*$", max_length=60)]
Where = tuple[str | int, ...]
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class ProblemList(ValueError):
    """Several problems of one model, each with the place inside it."""

    def __init__(self, problems: list[tuple[Where, str]]) -> None:
        super().__init__("; ".join(f"{'.'.join(map(str, where))}: {what}" for where, what in problems))
        self.problems = problems


class Spec(BaseModel):
    """What all parts of a scenario share: frozen, no unknown keys, finite numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


# ------------------------------------------------------------------------------------------------------- arrivals


def _as_series(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {"00:00": value}
    if isinstance(value, dict):
        return {str(k): v for k, v in value.items()}
    return value


def _check_labels(value: dict[str, float]) -> dict[str, float]:
    for label in value:
        parse_moment(label)
    if not value:
        raise ValueError("a series needs at least one value")
    return value


Series = Annotated[
    dict[str, Annotated[float, Field(ge=0)]],
    BeforeValidator(_as_series, json_schema_input_type=dict[str, float] | float),
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
        return value if value is None else _check_labels(value)

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
    mix: dict[str, Annotated[float, Field(ge=0)]] = {}
    bot_share: Share | None = None
    talk_factor: Factor = 1.0

    @field_validator("start", mode="before")
    @classmethod
    def _start(cls, value: Any) -> Any:
        text = f"{value:%Y-%m-%d %H:%M}" if hasattr(value, "hour") else value
        if isinstance(text, str) and parse_moment(text)[0] is None:
            raise ValueError('an event starts at a date and time: write "2026-11-10 20:00"')
        return text

    @model_validator(mode="after")
    def _has_a_length(self) -> "Event":
        if self.onset + self.plateau + self.decay <= 0:
            raise ValueError("an event needs an onset, a plateau or a decay above 0: give one of them")
        return self


# ---------------------------------------------------------------------------------------------- opening and channels


def _parse_opening(value: Any) -> Any:
    if not isinstance(value, dict):
        raise ValueError('opening is a table: write for example {mon-fri: ["08:00-18:00"], sat: ["10:00-14:00"]}')
    out: dict[str, list[list[int]]] = {}
    for key, windows in value.items():
        listed = windows if isinstance(windows, list | tuple) else [] if windows is None else [windows]
        for day in _days_of(str(key)):
            out[day] = [_window(window) for window in listed]
    return out


def _days_of(key: str) -> list[str]:
    first, _, last = key.lower().partition("-")
    if key.lower() in ("every-day", "every day", "daily"):
        return list(WEEKDAYS)
    if first in WEEKDAYS and (not last or last in WEEKDAYS):
        a, b = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
        return [WEEKDAYS[i % 7] for i in range(a, (b if b >= a else b + 7) + 1)]
    try:
        return [parse_day(key).isoformat()]
    except ValueError:
        allowed = "mon … sun, mon-fri, every-day or a date such as 2026-11-11"
        raise ValueError(f"{key!r} is no day: write {allowed}") from None


def _window(value: Any) -> list[int]:
    if not isinstance(value, str) or value.count("-") != 1:
        raise ValueError(f'{value!r} is no opening window: write for example "08:00-18:00"')
    opens, closes = (parse_clock(part) for part in value.split("-"))
    return [opens, closes if closes > opens else closes + 1440]


def _dump_opening(days: dict[str, tuple[tuple[int, int], ...]]) -> dict[str, list[str]]:
    return {
        day: [f"{format_clock(a)}-{format_clock(b if b <= 1440 else b - 1440)}" for a, b in windows]
        for day, windows in days.items()
    }


Opening = Annotated[
    dict[str, tuple[tuple[int, int], ...]],
    BeforeValidator(_parse_opening, json_schema_input_type=dict[str, list[str] | str | None]),
    PlainSerializer(_dump_opening, when_used="json"),
    Field(description="windows by weekday or date (a date replaces its weekday); a day without windows is closed"),
]


class Channel(Spec):
    """A way to reach the desk. Without `opening` it is always open."""

    opening: Opening | None = None
    at_closing: Literal["serve", "disconnect"] = "serve"


class Bot(Spec):
    """A bot that contact types may use."""

    cost_per_session: Annotated[float, Field(ge=0)] = 0.0


# ---------------------------------------------------------------------------------------------------- contact types


class HandOff(Spec):
    """The way from the bot to a person: `delay` before the contact asks, talk multiplied by `talk_factor`."""

    delay: Distribution | None = None
    talk_factor: Factor = 1.0


class BotJourney(Spec):
    """What becomes of contacts of a type that meet the bot first.

    `containment`: share of those who enter that the bot keeps (never ask for a person now); `resolved`: the share of
    the kept whose problem is really solved; `give_up`: share of those who enter that hang up in the bot. The rest is
    handed off. `baseline_containment` is the containment at which talk times were measured (see Difficulty); the
    loader keeps it when an overlay changes the bot.
    """

    uses: str = "bot"
    share: Share = 1.0
    containment: Share = 0.0
    resolved: Share = 1.0
    give_up: Share = 0.0
    duration: Distribution
    hand_off: HandOff = HandOff()
    baseline_containment: Share | None = None

    @model_validator(mode="after")
    def _shares_fit(self) -> "BotJourney":
        if self.containment + self.give_up > 1 + 1e-12:
            kept = self.containment + self.give_up
            raise ValueError(f"containment + give_up is {kept:g}, more than all: give less of either")
        return self


class Difficulty(Spec):
    """Hard contacts fail in the bot and talk longer with people (MODEL §3).

    `bot` is the correlation a of a contact's difficulty with failing in the bot, `talk` the exponent b by which it
    lengthens talk.
    """

    bot: Annotated[float, Field(ge=0, lt=1)] = 0.0
    talk: Annotated[float, Field(ge=0)] = 0.0
    measured: Literal["people", "all"] = "people"
    baseline_containment: Share | None = Field(None, description="of the bot that is no more, where talk was measured")


class ContactType(Spec):
    """A kind of contact: one channel, one language, one intent, one tier."""

    channel: str
    language: str = ""
    tier: str = ""
    arrivals: Arrivals | None = None
    bot: BotJourney | None = None
    difficulty: Difficulty = Difficulty()
    gives_up_at_once: Share = Field(0.0, description="share that leaves rather than wait at all")
    patience: Distribution | None = Field(None, description="none: waits as long as it takes")
    talk: Distribution
    after_contact_work: Distribution | None = None
    priority: Annotated[int, Field(ge=0)] = Field(0, description="0 is served first")
    threshold: Seconds = Field(20.0, description="a wait up to this counts as in time")
    lost_value: Annotated[float, Field(ge=0)] = Field(0.0, description="money lost with a contact that is not answered")
    opening: Opening | None = None
    at_closing: Literal["serve", "disconnect"] | None = None


# ------------------------------------------------------------------------------------------------------------ agents


class Skill(Spec):
    """One contact type that a group may serve: `preference` 1 is tried first; `after` a wait of that length only."""

    preference: Annotated[int, Field(ge=1)] = 1
    speed: Factor = Field(1.0, description="1.25 works a quarter faster")
    after: Seconds = 0.0


def _skill(value: Any) -> Any:
    return {"preference": value} if isinstance(value, int) and not isinstance(value, bool) else value or {}


def _skills(value: Any) -> Any:
    if isinstance(value, list | tuple) and all(isinstance(name, str) for name in value):
        return dict.fromkeys(value, 1)
    if not isinstance(value, dict):
        raise ValueError("skills are contact types: write a list of them, or a table with preference, speed, after")
    return value


class AgentGroup(Spec):
    """People with the same skills. `skills` is a list of contact types, or a table with preference, speed, after."""

    skills: Annotated[
        dict[str, Annotated[Skill, BeforeValidator(_skill, json_schema_input_type=Skill | int | None)]],
        BeforeValidator(_skills, json_schema_input_type=dict[str, Skill | int | None] | list[str]),
        Field(min_length=1),
    ]
    cost_per_hour: Annotated[float, Field(ge=0)] = 0.0
    cost_factor: Annotated[float, Field(gt=0)] = Field(1.0, description="multiplies the cost of a shift template")
    max_heads: Annotated[int, Field(ge=0)] | None = None


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
        return value if value == "all" else tuple(day for key in value for day in _days_of(key))

    @model_validator(mode="after")
    def _breaks_fit(self) -> "ShiftTemplate":
        for length in self.lengths:
            for rule in self.breaks:
                if rule.earliest <= 0 or rule.earliest + rule.length >= length:
                    pause, shift = format_duration(rule.length), format_duration(length)
                    what = f"a break of {pause} has no room in a shift of {shift}"
                    raise ValueError(f"{what}: give a longer length or an earlier break")
        return self


# ----------------------------------------------------------------------------------------------------------- targets

Measure = Literal[
    "service_level", "asa", "abandonment", "wait_p50", "wait_p80", "wait_p95", "wait_p99", "occupancy"
]  # fmt: skip
SHARES = ("service_level", "abandonment", "occupancy")


class Target(Spec):
    """What the desk has promised: a measure of some contact types, pooled, `at_least` or `at_most` a level.

    Levels are shares (service level, abandonment, occupancy) or seconds (ASA, waits).
    """

    measure: Measure = "service_level"
    contact_types: tuple[str, ...] | Literal["all"] = "all"
    agent_groups: tuple[str, ...] | Literal["all"] = "all"
    threshold: Seconds | None = Field(None, description="default: that of each contact type")
    formula: Literal["SL-1", "SL-2", "SL-3", "SL-4", "SL-5", "SL-6"] = "SL-4"
    strict: bool = Field(False, description="a wait equal to the threshold is late")
    at_least: float | None = None
    at_most: float | None = None
    per: Window = Field("horizon", description='blocks: write their length, such as "4 h"')
    confidence: Annotated[Share, Field(gt=0, lt=1)] = 0.95

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
        if (self.measure == "service_level") != (self.at_least is not None):
            wrong, word = ("at_most", "at_least") if self.measure == "service_level" else ("at_least", "at_most")
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
    def is_share(self) -> bool:
        """Whether levels are shares rather than seconds."""
        return self.measure in SHARES


class Costs(Spec):
    """Money that is no agent's pay."""

    currency: str = "EUR"
    line_per_hour: Annotated[float, Field(ge=0)] = Field(0.0, description="for each hour of waiting and talk")


class TraceRow(Spec):
    """One contact of a trace: `arrival` after the start of the horizon; what is not given is drawn."""

    contact_type: str
    arrival: Seconds
    talk: Seconds | None = None
    patience: Seconds | None = None


# ---------------------------------------------------------------------------------------------------------- scenario


class Scenario(Spec):
    """A whole desk over a horizon."""

    name: str = "unnamed"
    description: str = ""
    horizon: Horizon
    channels: dict[Name, Channel] = Field(min_length=1)
    bots: dict[Name, Bot] = {}
    contact_types: dict[Name, ContactType] = Field(min_length=1)
    trace: tuple[TraceRow, ...] | None = None
    volume: Annotated[float, Field(gt=0)] = Field(1.0, description="multiplies all arrivals but those of a trace")
    busyness: Busyness = Busyness()
    events: dict[Name, Event] = {}
    agent_groups: dict[Name, AgentGroup] = Field(min_length=1)
    routing: Literal["priority", "fcfs", "preference", "specialists"] = "priority"
    staffing: StaffingPlan | None = None
    shift_templates: dict[Name, ShiftTemplate] = {}
    objective: Literal["heads", "fte", "hours", "cost"] = "heads"
    targets: tuple[Target, ...] = ()
    short_abandonment: Seconds = 5.0
    costs: Costs = Costs()
    sources: dict[str, str] = Field({}, description="where numbers come from")

    @model_validator(mode="after")
    def _refers_to_what_exists(self) -> "Scenario":
        problems = list(_dangling(self)) + list(_mistimed(self))
        if problems:
            raise ProblemList(problems)
        return self

    def opening_of(self, contact_type: str) -> tuple[Any, Literal["serve", "disconnect"]]:
        """Opening windows (None: always open) and what happens at closing, of a type: its own or its channel's."""
        kind = self.contact_types[contact_type]
        channel = self.channels[kind.channel]
        return kind.opening if kind.opening is not None else channel.opening, kind.at_closing or channel.at_closing

    @property
    def canonical(self) -> str:
        """The scenario as JSON, keys in their own order, spelt one way only."""
        return json.dumps(self.model_dump(mode="json"), ensure_ascii=False, allow_nan=False)

    @property
    def hash(self) -> str:
        """SHA-256 of `canonical`, first 16 hex digits."""
        return hashlib.sha256(self.canonical.encode()).hexdigest()[:16]


def _named(names: tuple[str, ...] | str, known: Any, kind: str, where: Where) -> Iterator[tuple[Where, str]]:
    if isinstance(names, str):
        return
    for i, name in enumerate(names):
        if name not in known:
            yield (*where, i), unknown_name(name, known, kind)


def unknown_name(name: str, known: Any, kind: str) -> str:
    """A message that a name is unknown, with the nearest known one."""
    import difflib

    near = difflib.get_close_matches(name, list(known), n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(list(known)[:8]) or 'none'}"
    return f"there is no {kind} {name!r}: {hint}"


def _dangling(s: Scenario) -> Iterator[tuple[Where, str]]:
    types, groups = s.contact_types, s.agent_groups
    for name, kind in types.items():
        at: Where = ("contact_types", name)
        if kind.channel not in s.channels:
            yield (*at, "channel"), unknown_name(kind.channel, s.channels, "channel")
        if kind.bot is not None and kind.bot.uses not in s.bots:
            yield (*at, "bot", "uses"), unknown_name(kind.bot.uses, s.bots, "bot")
        if not any(name in group.skills for group in groups.values()):
            yield at, f"nobody can serve {name}: give an agent group this skill"
    for name, group in groups.items():
        for skill in group.skills:
            if skill not in types:
                yield ("agent_groups", name, "skills", skill), unknown_name(skill, types, "contact type")
    for name, event in s.events.items():
        yield from _named(event.contact_types, types, "contact type", ("events", name, "contact_types"))
        for mixed in event.mix:
            if mixed not in types:
                yield ("events", name, "mix", mixed), unknown_name(mixed, types, "contact type")
    for i, target in enumerate(s.targets):
        yield from _named(target.contact_types, types, "contact type", ("targets", i, "contact_types"))
        yield from _named(target.agent_groups, groups, "agent group", ("targets", i, "agent_groups"))
        if not isinstance(target.per, str) and target.per % s.horizon.interval:
            yield ("targets", i, "per"), "a block is a whole number of intervals long"
    for name, template in s.shift_templates.items():
        yield from _named(template.groups, groups, "agent group", ("shift_templates", name, "groups"))
    for i, row in enumerate(s.trace or ()):
        if row.contact_type not in types:
            yield ("trace", i, "contact_type"), unknown_name(row.contact_type, types, "contact type")
    if s.staffing is not None:
        for group_name in s.staffing.levels or {}:
            if group_name not in groups:
                yield ("staffing", "levels", group_name), unknown_name(group_name, groups, "agent group")
        for i, shift in enumerate(s.staffing.shifts or ()):
            if shift.group not in groups:
                yield ("staffing", "shifts", i, "group"), unknown_name(shift.group, groups, "agent group")


def _mistimed(s: Scenario) -> Iterator[tuple[Where, str]]:
    for group, heads in (s.staffing.levels or {} if s.staffing else {}).items():
        for label in heads:
            try:
                parse_moment(label)
            except ValueError as error:
                yield ("staffing", "levels", group, label), str(error)
    for name, event in s.events.items():
        day, minutes = parse_moment(event.start)
        if day is not None and (times := len(s.horizon.instants(day, minutes))) != 1:
            word = "exists twice" if times else "does not exist"
            yield ("events", name, "start"), f"{event.start} {word} in {s.horizon.zone} (clock change)"
    for i, shift in enumerate(s.staffing.shifts or () if s.staffing else ()):
        if shift.day is not None and shift.day.year not in YEARS:
            yield ("staffing", "shifts", i, "day"), "the year does not lie between 1900 and 2200"
    for i, row in enumerate(s.trace or ()):
        if row.arrival * 1000 >= s.horizon.length_ms:
            end = format_duration(s.horizon.length)
            yield ("trace", i, "arrival"), f"{row.arrival:g} s lies past the end of the horizon ({end})"
