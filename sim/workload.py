"""What a scenario expects, without drawing: contacts by interval, those who ask for a person, how long they take.

The planner's theory starts from these figures, and demand takes the scale of its talk times from here. All arrays are
at busyness 1, with types in order of `scenario.contact_types`.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from sim.arrivals import MINUTE_MS, Traffic, trace, traffic
from sim.clock import Horizon, held
from sim.distributions import ByTime, Distribution
from sim.scenario import BotJourney, ContactType, Difficulty, Scenario

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_NORMAL = NormalDist()


@dataclass(frozen=True, kw_only=True, eq=False)
class Workload:
    """All expectations of one scenario.

    `per_ms` is the arrival rate [piece, type] between the ascending `edge_ms` [piece + 1]; `expected` contacts and
    `asking` for a person are of shape [interval, type]; `handle_s` is the mean work of one of the latter, [type].
    """

    edge_ms: Integers
    per_ms: Floats
    expected: Floats
    asking: Floats
    handle_s: Floats


def contacts_expected(scenario: Scenario) -> float:
    """Contacts of one replication, all types together."""
    return float(expected_counts(scenario).sum())


def workload(scenario: Scenario) -> Workload:
    """All of them at once."""
    edge_ms, per_ms = arrival_rates(scenario)
    return Workload(
        edge_ms=edge_ms,
        per_ms=per_ms,
        expected=expected_counts(scenario),
        asking=handed_to_people(scenario),
        handle_s=mean_handle_s(scenario),
    )


# ------------------------------------------------------------------------------------------------------- difficulty


def normal_quantile(p: float) -> float:
    """Of the standard normal law, infinite at 0 and 1."""
    return _NORMAL.inv_cdf(p) if 0 < p < 1 else math.copysign(math.inf, p - 0.5)


def hardness(difficulty: Difficulty, containment: float, passed_over: float = 0.0) -> float:
    """Mean talk of the contacts that a bot of this `containment` does not contain, in units of that of all.

    With Z and E standard normal, contained if aZ + sqrt(1 - a^2) E <= q = Phi^-1(containment), talk in units of
    exp(bZ - b^2/2): weighting by the latter moves the left side by ab, so the mean is Phi(ab - q) / Phi(-q). Contacts
    that the bot passes over (a share of all) are as hard as any.
    """
    if difficulty.bot * difficulty.talk == 0 or not 0 < containment < 1:
        return 1.0
    q = normal_quantile(containment)
    harder = _NORMAL.cdf(difficulty.bot * difficulty.talk - q) / _NORMAL.cdf(-q)
    if not passed_over:
        return harder
    left = (1 - passed_over) * (1 - containment)
    return (passed_over + left * harder) / (passed_over + left)


def talk_base(kind: ContactType) -> float:
    """Mean talk of all contacts of a type in units of the stated mean.

    Below 1 where the stated mean is of those whom the baseline bot passes on and these are the harder ones; what the
    hand-off and events add comes on top.
    """
    if kind.difficulty.measured == "all":
        return 1.0
    at_base = kind.bot or kind.difficulty
    baseline, passed_over = at_base.baseline_containment, at_base.baseline_passed_over
    if baseline is None:
        baseline, passed_over = (kind.bot.containment, kind.bot.passed_over) if kind.bot else (0.0, 0.0)
    return 1 / hardness(kind.difficulty, baseline, passed_over)


# ---------------------------------------------------------------------------------------------------------- the bot


def containment(bot: BotJourney, horizon: Horizon) -> Floats:
    """Share of those whom the bot does not pass over that it contains, by minute, or once if it does not drift."""
    if bot.drift is None:
        return np.array([bot.containment])
    return np.minimum(bot.containment * held(bot.drift, horizon.wall_minutes), 1 - bot.give_up)


def giving_up(bot: BotJourney, contained: float) -> float:
    """Share of those not contained who hang up in the bot."""
    return min(1.0, bot.give_up / (1 - contained)) if contained < 1 else 0.0


# ------------------------------------------------------------------------------------------------------ expectations


def expected_counts(scenario: Scenario) -> Floats:
    """Expected contacts, shape [interval, type]."""
    return _by_interval(scenario, [flow.expected for flow in traffic(scenario)])


def arrival_rates(scenario: Scenario) -> tuple[Integers, Floats]:
    """Edges in milliseconds, shape [piece + 1], and contacts per millisecond between them, shape [piece, type]."""
    rates = np.column_stack([flow.expected for flow in traffic(scenario)]) / MINUTE_MS
    first = np.flatnonzero(np.append(True, (np.diff(rates, axis=0) != 0).any(axis=1)))
    return np.append(first, len(rates)) * MINUTE_MS, rates[first]


def handed_to_people(scenario: Scenario) -> Floats:
    """Expected contacts that ask for a person, by interval of arrival, shape [interval, type]."""
    kinds = zip(scenario.contact_types.values(), traffic(scenario), strict=True)
    return _by_interval(scenario, [np.add(*_ways(scenario, kind, flow)) for kind, flow in kinds])


def mean_handle_s(scenario: Scenario) -> Floats:
    """Mean seconds of work on a contact that asks for a person, at speed 1, shape [type].

    Talk as it is with the present bot, what the hand-off and events add included, and after-contact work.
    """
    flows = zip(scenario.contact_types, traffic(scenario), strict=True)
    return np.array([_talk_s(scenario, name, flow) + _after_s(scenario, name, flow) for name, flow in flows])


def mean_talk_s(scenario: Scenario) -> Floats:
    """Mean seconds of talk alone, shape [type]."""
    flows = zip(scenario.contact_types, traffic(scenario), strict=True)
    return np.array([_talk_s(scenario, name, flow) for name, flow in flows])


def _by_interval(scenario: Scenario, by_minute: list[Floats]) -> Floats:
    minutes = np.column_stack(by_minute).reshape(scenario.horizon.intervals, -1, len(by_minute))
    return np.asarray(minutes.sum(axis=1))


def _ways(scenario: Scenario, kind: ContactType, flow: Traffic) -> tuple[Floats, Floats]:
    """Contacts that ask for a person by minute of arrival: straight away, and handed off by the bot."""
    handed = flow.expected * flow.bot_share
    if kind.bot is None:
        return flow.expected - handed, handed * 0.0
    left = np.maximum(0.0, 1 - containment(kind.bot, scenario.horizon) - kind.bot.give_up)
    passed_on = kind.bot.passed_over + (1 - kind.bot.passed_over) * left
    return flow.expected - handed, handed * passed_on


def _talk_s(scenario: Scenario, name: str, flow: Traffic) -> float:
    kind = scenario.contact_types[name]
    straight, handed = _ways(scenario, kind, flow)
    asking = (straight + handed).sum()
    longer = _told_longer(scenario, kind, kind.bot) if kind.bot else 1.0
    usual = _mean_s(scenario, kind.talk) / kind.talk.average if kind.talk.average else 1.0
    factor = float(((straight + handed * longer) * flow.talk_factor * usual).sum() / asking) if asking else 1.0
    drawn = kind.talk.average * talk_base(kind) * factor
    if kind.bot and asking:
        drawn += kind.bot.hand_off.talk_added * float(handed.sum() / asking)
    talk_s = trace(scenario)[name].talk_s if name in trace(scenario) else np.array([np.nan])
    return float(np.where(np.isnan(talk_s), drawn, talk_s).mean())


def _told_longer(scenario: Scenario, kind: ContactType, bot: BotJourney) -> Floats:
    """Mean talk of those whom the bot hands off in units of that of all, by minute (or one for all)."""
    triggered = sum(trigger.share for trigger in bot.triggers.values())
    with_factors = sum(trigger.share * trigger.talk_factor for trigger in bot.triggers.values())
    share, where = np.unique(containment(bot, scenario.horizon), return_inverse=True)
    left = (1 - bot.passed_over) * np.maximum(0.0, 1 - share - bot.give_up)
    harder = np.array([hardness(kind.difficulty, contained) for contained in share.tolist()])
    if bot.passed_over:
        talk, whole = bot.passed_over - triggered + with_factors + left * harder, bot.passed_over + left
        harder = np.divide(talk, whole, out=np.ones_like(whole), where=whole > 0)
    return np.asarray((harder * bot.hand_off.talk_factor)[where])


def _mean_s(scenario: Scenario, family: Distribution) -> Floats:
    """Mean seconds by minute of arrival, or one for all."""
    if not isinstance(family, ByTime):
        return np.array([family.average])
    return np.array([law.average for law in family.laws])[family.law_at(scenario.horizon.wall_minutes)]


def _after_s(scenario: Scenario, name: str, flow: Traffic) -> float:
    kind = scenario.contact_types[name]
    if kind.after_contact_work is None:
        return 0.0
    asking = np.add(*_ways(scenario, kind, flow))
    mean = _mean_s(scenario, kind.after_contact_work)
    return float((asking * mean).sum() / asking.sum()) if len(mean) > 1 and asking.any() else float(mean.mean())
