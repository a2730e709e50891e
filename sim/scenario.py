"""The input specification: what a desk is, as frozen models that refuse nonsense.

`sim.scenario_file` fills them from YAML and CSV; everything else reads them. Attributes are in plain numbers: seconds,
shares, contacts per hour, minutes after midnight. The parts are in `sim.desk`; whatever refers to something by name is
checked here, all at once.
"""

import hashlib
import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from sim.clock import YEARS, Horizon, parse_moment
from sim.desk.agents import AgentGroup, Skill
from sim.desk.arrivals import Arrivals, Event, Forecast, Series, TraceRow, parse_quantile
from sim.desk.attendance import Absence, Attendance, ExtraBreaks, Fatigue, Lateness, Tenure
from sim.desk.base import Name, ProblemList, Spec, Where, added, unknown_name
from sim.desk.bots import Bot, BotJourney, Difficulty, HandOff, Outage, Trigger
from sim.desk.busyness import Busyness, Swings, paired, triangular
from sim.desk.channels import WEEKDAYS, AtClosing, Channel, Opening
from sim.desk.contacts import ContactType
from sim.desk.customers import Complaints, Customers, Satisfaction
from sim.desk.follow_ups import FollowUp
from sim.desk.routing import TAKES, Routing, RoutingOrName, Score
from sim.desk.shifts import BreakRule, ShiftTemplate, StartWindow
from sim.desk.start import AtWork, Backlog
from sim.desk.targets import OF_DEFERRED, SHARES, Costs, Measure, Target
from sim.desk.waiting import Balk, CallBack, Due, Message, Silence
from sim.staffing import StaffingPlan
from sim.units import Seconds, format_duration

__all__ = [
    "SHARES",
    "TAKES",
    "WEEKDAYS",
    "Absence",
    "AgentGroup",
    "Arrivals",
    "AtWork",
    "Attendance",
    "Backlog",
    "Balk",
    "Bot",
    "BotJourney",
    "BreakRule",
    "Busyness",
    "CallBack",
    "Channel",
    "Complaints",
    "ContactType",
    "Costs",
    "Customers",
    "Difficulty",
    "Due",
    "Event",
    "ExtraBreaks",
    "Fatigue",
    "FollowUp",
    "Forecast",
    "HandOff",
    "Lateness",
    "Measure",
    "Message",
    "Name",
    "Opening",
    "Outage",
    "ProblemList",
    "Routing",
    "Satisfaction",
    "Scenario",
    "Score",
    "Series",
    "ShiftTemplate",
    "Silence",
    "Skill",
    "Spec",
    "StartWindow",
    "Swings",
    "Target",
    "Tenure",
    "TraceRow",
    "Trigger",
    "Where",
    "paired",
    "parse_quantile",
    "triangular",
    "unknown_name",
]


class Scenario(Spec):
    """A whole desk over a horizon."""

    name: str = "unnamed"
    description: str = ""
    horizon: Horizon
    channels: dict[Name, Channel] = Field(min_length=1)
    bots: dict[Name, Bot] = Field({})
    contact_types: dict[Name, ContactType] = Field(min_length=1)
    trace: tuple[TraceRow, ...] | None = None
    forecast: Forecast | None = added(None)
    volume: Annotated[float, Field(gt=0)] = Field(1.0, description="multiplies all arrivals but those of a trace")
    busyness: Busyness = Busyness()
    events: dict[Name, Event] = Field({})
    warm_up: Literal["none", "one period"] = added("none", "what a desk that repeats starts from")
    backlog: dict[str, Backlog] = added({}, "contacts that are open when the desk begins, by type")
    at_work: tuple[AtWork, ...] = added((), "agents who are busy when the desk begins")
    agent_groups: dict[Name, AgentGroup] = Field(min_length=1)
    routing: RoutingOrName = Routing()
    staffing: StaffingPlan | None = None
    shift_templates: dict[Name, ShiftTemplate] = Field({})
    objective: Literal["heads", "fte", "hours", "cost"] = "heads"
    targets: tuple[Target, ...] = ()
    short_abandonment: Seconds = 5.0
    costs: Costs = Costs()
    customers: Customers = added(Customers())
    booking: Literal["asking", "answer"] = added("asking", "by which instant contacts are counted in intervals")
    sources: dict[str, str] = Field({}, description="where numbers come from")

    @model_validator(mode="after")
    def _refers_to_what_exists(self) -> "Scenario":
        problems = [*_dangling(self), *_mistimed(self), *_fallen(self), *_unready(self)]
        problems += [*_unsuited(self), *_unmeasurable(self)]
        if problems:
            raise ProblemList(problems)
        return self

    def opening_of(self, contact_type: str) -> tuple[Any, AtClosing]:
        """Opening windows (None: always open) and what happens at closing, of a type: its own or its channel's."""
        kind = self.contact_types[contact_type]
        channel = self.channels[kind.channel]
        at_closing = "keep" if channel.deferred else kind.at_closing or channel.at_closing
        return kind.opening if kind.opening is not None else channel.opening, at_closing

    @property
    def in_blocks(self) -> bool:
        """Whether sixteen replications in a row are one stratified sample (docs/model.md §4)."""
        incidents = any(not event.is_certain for event in self.events.values())
        return self.busyness.varies or self.forecasts or incidents

    @property
    def warms_up(self) -> bool:
        """Whether it starts from a period already run."""
        return self.warm_up != "none"

    @property
    def forecasts(self) -> bool:
        """Whether some rates are known by quantiles or paths only."""
        fans = any(kind.arrivals and kind.arrivals.forecast for kind in self.contact_types.values())
        return fans or self.forecast is not None

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


def _dangling(s: Scenario) -> Iterator[tuple[Where, str]]:
    types, groups = s.contact_types, s.agent_groups
    for name, kind in types.items():
        at: Where = ("contact_types", name)
        if kind.channel not in s.channels:
            yield (*at, "channel"), unknown_name(kind.channel, s.channels, "channel")
        if kind.bot is not None and kind.bot.uses not in s.bots:
            yield (*at, "bot", "uses"), unknown_name(kind.bot.uses, s.bots, "bot")
        for rule_name, rule in kind.follow_ups.items():
            if rule.to is not None and rule.to not in types:
                yield (*at, "follow_ups", rule_name, "to"), unknown_name(rule.to, types, "contact type")
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
    for name in s.backlog:
        if name not in types:
            yield ("backlog", name), unknown_name(name, types, "contact type")
    yield from _unknown_busy(s)
    for i, entry in enumerate(s.at_work):
        if entry.contact_type not in types:
            yield ("at_work", i, "contact_type"), unknown_name(entry.contact_type, types, "contact type")
        elif entry.group not in groups:
            yield ("at_work", i, "group"), unknown_name(entry.group, groups, "agent group")
        elif entry.contact_type not in groups[entry.group].skills:
            yield ("at_work", i, "group"), f"{entry.group} has no skill {entry.contact_type}: give it this skill"
    for path in s.forecast.paths[:1] if s.forecast else ():
        traced = {row.contact_type for row in s.trace or ()}
        for name in path:
            if name not in types:
                yield ("forecast", "paths", 0, name), unknown_name(name, types, "contact type")
            elif name in traced:
                yield ("forecast", "paths", 0, name), f"the trace has {name} too: give it in one of them"
    yield from _misrouted(s)
    for i, target in enumerate(s.targets):
        yield from _named(target.contact_types, types, "contact type", ("targets", i, "contact_types"))
        yield from _named(target.agent_groups, groups, "agent group", ("targets", i, "agent_groups"))
        if not isinstance(target.per, str) and target.per % s.horizon.interval:
            yield ("targets", i, "per"), "a block is a whole number of intervals long"
    for name, template in s.shift_templates.items():
        yield from _named(template.groups, groups, "agent group", ("shift_templates", name, "groups"))
    for name in s.customers.satisfaction.level if s.customers.satisfaction else {}:
        if name not in s.channels:
            yield ("customers", "satisfaction", "level", name), unknown_name(name, s.channels, "channel")
    for name in s.customers.revenue:
        if name not in types:
            yield ("customers", "revenue", name), unknown_name(name, types, "contact type")
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


def _unknown_busy(s: Scenario) -> Iterator[tuple[Where, str]]:
    """Contact types that busyness names."""
    pairs = s.busyness.correlation if isinstance(s.busyness.correlation, dict) else {}
    named: list[Where] = [("by_type", name) for name in s.busyness.by_type]
    named += [("correlation", name) for name in pairs]
    named += [("correlation", name, other) for name, others in pairs.items() for other in others]
    for where in named:
        if where[-1] not in s.contact_types:
            yield ("busyness", *where), unknown_name(str(where[-1]), s.contact_types, "contact type")


def _misrouted(s: Scenario) -> Iterator[tuple[Where, str]]:
    """Contact types and agent groups that the parameters of the routing policy name."""
    levels = ((s.contact_types, "contact type"), (s.agent_groups, "agent group"))
    for parameter in ("weights", "costs", "ratios", "group_ranks", "type_ranks", "delays", "scores"):
        table = getattr(s.routing, parameter) or {}
        outer, inner = reversed(levels) if parameter == "type_ranks" else levels
        for name, row in table.items():
            if name not in outer[0]:
                yield ("routing", parameter, name), unknown_name(name, *outer)
            for other in row if isinstance(row, dict) else ():
                if other not in inner[0]:
                    yield ("routing", parameter, name, other), unknown_name(other, *inner)


def _unsuited(s: Scenario) -> Iterator[tuple[Where, str]]:
    """What does not go with deferred work, or with work that is not."""
    live_only = ("patience", "gives_up_at_once", "silent", "balking", "call_back", "announcement", "messages")
    for name, kind in s.contact_types.items():
        at: Where = ("contact_types", name)
        channel = s.channels.get(kind.channel)
        if channel is None:
            continue
        if not channel.deferred:
            for key in ("interruptible", "due"):
                if getattr(kind, key):
                    yield (*at, key), f"{key} is for deferred work: give the channel {kind.channel} deferred: true"
            if kind.at_closing == "keep":
                yield (*at, "at_closing"), "at_closing keep is for deferred work: write serve or disconnect"
            continue
        for key in live_only:
            if getattr(kind, key):
                yield (*at, key), f"deferred work waits until it is done: take {key} away"
        if kind.at_closing == "disconnect":
            yield (*at, "at_closing"), "no deferred work is cut off at closing, it stays until it is done: write keep"


def _unready(s: Scenario) -> Iterator[tuple[Where, str]]:
    """A period that was run before is one that repeats, and leaves what it leaves."""
    if s.warm_up != "none" and s.horizon.repeats == "never":
        yield ("warm_up",), "only a desk that repeats has run before: give horizon.repeats day or week"
    rule = "a desk that warms up starts with what the period before left"
    if s.warm_up != "none" and s.backlog:
        yield ("backlog",), f"{rule}: give either backlog or warm_up"
    if s.warm_up != "none" and s.at_work:
        yield ("at_work",), f"{rule}: give either at_work or warm_up"


def _unmeasurable(s: Scenario) -> Iterator[tuple[Where, str]]:
    """Targets on what none of their contact types has."""
    for i, target in enumerate(s.targets):
        names = s.contact_types if target.contact_types == "all" else target.contact_types
        kinds = [s.contact_types[name] for name in names if name in s.contact_types]
        deferred = [kind for kind in kinds if kind.channel in s.channels and s.channels[kind.channel].deferred]
        at: Where = ("targets", i, "measure")
        if target.measure in OF_DEFERRED and not deferred:
            yield at, f"{target.measure} is of deferred work: give it contact types on a channel with deferred: true"
        elif target.measure in ("late_share", "overdue_share") and not any(kind.due for kind in deferred):
            yield at, f"{target.measure} needs a due time: give one of its contact types due"
        if target.measure == "callback_kept" and not any(kind.call_back for kind in kinds):
            yield at, "callback_kept is of call-backs: give one of its contact types call_back"


def _mistimed(s: Scenario) -> Iterator[tuple[Where, str]]:
    for group, heads in (s.staffing.levels or {} if s.staffing else {}).items():
        for label in heads:
            try:
                parse_moment(label)
            except ValueError as error:
                yield ("staffing", "levels", group, label), str(error)
    for name, event in s.events.items():
        yield from _ambiguous(s, event.start, ("events", name, "start"))
    for name, bot in s.bots.items():
        for i, outage in enumerate(bot.outages):
            yield from _ambiguous(s, outage.start, ("bots", name, "outages", i, "start"))
    for i, shift in enumerate(s.staffing.shifts or () if s.staffing else ()):
        if shift.day is not None and shift.day.year not in YEARS:
            yield ("staffing", "shifts", i, "day"), "the year does not lie between 1900 and 2200"
    for i, row in enumerate(s.trace or ()):
        if row.arrival * 1000 >= s.horizon.length_ms:
            end = format_duration(s.horizon.length)
            yield ("trace", i, "arrival"), f"{row.arrival:g} s lies past the end of the horizon ({end})"


def _fallen(s: Scenario) -> Iterator[tuple[Where, str]]:
    """Quantiles that are lower than those below them."""
    for name, kind in s.contact_types.items():
        fan = kind.arrivals.forecast if kind.arrivals and kind.arrivals.forecast else {}
        for low, high in pairwise(fan):
            for label, value in fan[high].items():
                if value < fan[low][label]:
                    rule = f"quantiles must not fall, and {low} is {fan[low][label]:g}, {high} {value:g}"
                    yield ("contact_types", name, "arrivals", "forecast", high, label), rule


def _ambiguous(s: Scenario, start: str, where: Where) -> Iterator[tuple[Where, str]]:
    day, minutes = parse_moment(start)
    if day is not None and (times := len(s.horizon.instants(day, minutes))) != 1:
        word = "exists twice" if times else "does not exist"
        yield where, f"{start} {word} in {s.horizon.zone} (clock change)"
