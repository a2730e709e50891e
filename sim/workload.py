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


def hardness(difficulty: Difficulty, containment: float) -> float:
    """Mean talk of the contacts that a bot of this `containment` does not contain, in units of that of all.

    With Z and E standard normal, contained if aZ + sqrt(1 - a^2) E <= q = Phi^-1(containment), talk in units of
    exp(bZ - b^2/2): weighting by the latter moves the left side by ab, so the mean is Phi(ab - q) / Phi(-q).
    """
    if difficulty.bot * difficulty.talk == 0 or not 0 < containment < 1:
        return 1.0
    q = normal_quantile(containment)
    return _NORMAL.cdf(difficulty.bot * difficulty.talk - q) / _NORMAL.cdf(-q)


def talk_base(kind: ContactType) -> float:
    """Mean talk of all contacts of a type in units of the stated mean.

    Below 1 where the stated mean is of those whom the baseline bot passes on and these are the harder ones; what the
    hand-off and events add comes on top.
    """
    if kind.difficulty.measured == "all":
        return 1.0
    baseline = kind.bot.baseline_containment if kind.bot else kind.difficulty.baseline_containment
    if baseline is None:
        baseline = kind.bot.containment if kind.bot else 0.0
    return 1 / hardness(kind.difficulty, baseline)


def giving_up(bot: BotJourney) -> float:
    """Share of those not contained who hang up in the bot."""
    return min(1.0, bot.give_up / (1 - bot.containment)) if bot.containment < 1 else 0.0


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
    return _by_interval(scenario, [np.add(*_ways(kind, flow)) for kind, flow in kinds])


def mean_handle_s(scenario: Scenario) -> Floats:
    """Mean seconds of work on a contact that asks for a person, at speed 1, shape [type].

    Talk as it is with the present bot, what the hand-off and events add included, and after-contact work.
    """
    kinds = zip(scenario.contact_types.items(), traffic(scenario), strict=True)
    return np.array([_talk_s(scenario, name, kind, flow) + _after_s(kind) for (name, kind), flow in kinds])


def _by_interval(scenario: Scenario, by_minute: list[Floats]) -> Floats:
    minutes = np.column_stack(by_minute).reshape(scenario.horizon.intervals, -1, len(by_minute))
    return np.asarray(minutes.sum(axis=1))


def _ways(kind: ContactType, flow: Traffic) -> tuple[Floats, Floats]:
    """Contacts that ask for a person by minute of arrival: straight away, and handed off by the bot."""
    handed = flow.expected * flow.bot_share
    passed_on = max(0.0, 1 - kind.bot.containment - kind.bot.give_up) if kind.bot else 0.0
    return flow.expected - handed, handed * passed_on


def _talk_s(scenario: Scenario, name: str, kind: ContactType, flow: Traffic) -> float:
    straight, handed = _ways(kind, flow)
    longer = hardness(kind.difficulty, kind.bot.containment) * kind.bot.hand_off.talk_factor if kind.bot else 1.0
    asking = (straight + handed).sum()
    factor = float(((straight + handed * longer) * flow.talk_factor).sum() / asking) if asking else 1.0
    drawn = kind.talk.average * talk_base(kind) * factor
    talk_s = trace(scenario)[name].talk_s if name in trace(scenario) else np.array([np.nan])
    return float(np.where(np.isnan(talk_s), drawn, talk_s).mean())


def _after_s(kind: ContactType) -> float:
    return kind.after_contact_work.average if kind.after_contact_work else 0.0
