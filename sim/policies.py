"""Routing policies: plain functions from a scenario to a RoutingTable, each with its source.

A new policy touches no engine: `add` gives it a name that scenario files may use. What each is for, and which integers
it reads while the desk runs, is in docs/routing.md.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.mechanisms import AgentChoice, ContactChoice
from sim.rulebook import NEVER_RANK, RoutingTable
from sim.scenario import TAKES, Scenario, Score, Skill
from sim.units import to_ms
from sim.workload import mean_handle_s

Integers = npt.NDArray[np.int64]
Policy = Callable[[Scenario], RoutingTable]
SCALE = 1000
"""Weights count in thousandths."""


def route(scenario: Scenario) -> RoutingTable:
    """The table of the scenario's policy, with the choice of agents that its `routing` asks for besides."""
    found, asked = POLICIES[scenario.routing.policy](scenario), scenario.routing
    if asked.agents is not None:
        found = replace(found, agent_choice=AgentChoice[asked.agents.upper()], agent_a=None, agent_b=None)
    return replace(found, last_agent=found.last_agent or asked.last_agent)


def add(name: str, policy: Policy, *parameters: str) -> None:
    """Let scenario files say `routing: name`; `parameters` of `Routing` that it needs, or (ending in ?) may have."""
    POLICIES[name] = policy
    TAKES[name] = parameters


# --------------------------------------------------------------------------------------------------------- by ranks


def priority(scenario: Scenario) -> RoutingTable:
    """Agents take the most urgent type first, contacts go to the group that prefers them most.

    Static priorities, longest-idle agent: Wallace & Whitt (2005), MSOM 7(4), 276-294.
    """
    return table(scenario, group_rank=_preference(scenario), type_rank=_urgency(scenario))


def fcfs(scenario: Scenario) -> RoutingTable:
    """Agents take who has waited longest over all types, contacts go to the group that prefers them most.

    First come, first served over all queues: Talreja & Whitt (2008), Management Science 54(8), 1513-1527.
    """
    return table(scenario, group_rank=_preference(scenario), type_rank=_equal(scenario))


def preference(scenario: Scenario) -> RoutingTable:
    """Agents take the type that they prefer most, contacts go to the group that prefers them most.

    Preference-based routing: Sisselman & Whitt (2007), Production and Operations Management 16(3), 277-291.
    """
    return table(scenario, group_rank=_preference(scenario), type_rank=_preference(scenario))


def specialists(scenario: Scenario) -> RoutingTable:
    """Agents take the most urgent type first, contacts go to the group with the fewest skills, then in file order.

    Specialists before flexible agents: Chevalier, Shumsky & Tabordon (2004), Routing and staffing in large call
    centers with specialized and fully flexible servers.
    """
    places = np.arange(len(scenario.agent_groups))
    fewest = by_skill(scenario, lambda _, group, __: len(scenario.agent_groups[group].skills)) * len(places) + places
    fewest = np.unique(fewest, return_inverse=True)[1].reshape(fewest.shape)
    return table(scenario, group_rank=fewest, type_rank=_urgency(scenario))


def ranks(scenario: Scenario) -> RoutingTable:
    """Ranks and delays pair by pair, as the scenario lists them; what it does not list is as with `preference`.

    Matrices of ranks and of delays: Buist & L'Ecuyer (2005), A Java library for simulating contact centers, Winter
    Simulation Conference, 556-565.
    """
    given, whole = scenario.routing, preference(scenario)
    by_type = {(k, g): rank for k, row in (given.group_ranks or {}).items() for g, rank in row.items()}
    by_group = {(k, g): rank for g, row in (given.type_ranks or {}).items() for k, rank in row.items()}
    delays = {(k, g): to_ms(wait) for k, row in (given.delays or {}).items() for g, wait in row.items()}
    return replace(
        whole,
        group_rank=_listed(scenario, whole.group_rank, by_type),
        type_rank=_listed(scenario, whole.type_rank, by_group),
        delay_ms=_listed(scenario, whole.delay_ms, delays),
    )


def own_first(scenario: Scenario) -> RoutingTable:
    """Agents take types of preference 1 first, then who has waited longest over all others.

    Primary skill before the rest, longest wait among the rest: the bank of Buist & L'Ecuyer (2005).
    """
    own = by_skill(scenario, lambda _, __, skill: int(skill.preference > 1))
    return table(scenario, group_rank=_preference(scenario), type_rank=own)


def overflow(scenario: Scenario) -> RoutingTable:
    """Only groups of the lowest preference at once; each further one after another `after` of waiting.

    Overflow routing with timers: Gurvich & Perry (2012), Overflow networks: approximations and implications to
    call center outsourcing, Operations Research 60(4), 996-1009.
    """
    at_once = priority(scenario)
    rank = at_once.group_rank.astype(np.int64)
    steps = np.where(rank < NEVER_RANK, rank - rank.min(axis=1, keepdims=True), 0)
    delay_ms = np.maximum(at_once.delay_ms, steps * to_ms(scenario.routing.after or 0))
    return replace(at_once, delay_ms=np.minimum(delay_ms, 2**31 - 1).astype(np.int32))


# --------------------------------------------------------------------------------------------------- by the queues


def longest_queue(scenario: Scenario) -> RoutingTable:
    """Agents take from the type of which most contacts wait.

    Longest queue first: Tassiulas & Ephremides (1993), IEEE Transactions on Information Theory 39(2), 466-478.
    """
    return replace(fcfs(scenario), contact_choice=ContactChoice.LONGEST_QUEUE)


def weighted_wait(scenario: Scenario) -> RoutingTable:
    """Agents take the highest weight times wait: a contact gathers priority as it waits, at its type's rate.

    Accumulating priority: Kleinrock (1964), Naval Research Logistics 11, 329-341; Stanford, Taylor & Ziedins (2014),
    Queueing Systems 77, 297-330.
    """
    weights = scenario.routing.weights or {}
    rate = by_skill(scenario, lambda name, *_: round(SCALE * weights.get(name, 1.0)))
    return replace(fcfs(scenario), contact_choice=ContactChoice.SCORE, contact_b=rate)


def cmu(scenario: Scenario) -> RoutingTable:
    """Agents take the highest cost of an hour's wait times wait over the time that they need.

    Generalised c-mu rule for costs that grow with the square of the wait: van Mieghem (1995), Annals of Applied
    Probability 5(3), 809-833; Mandelbaum & Stolyar (2004), Operations Research 52(6), 836-855.
    """
    costs = scenario.routing.costs or {}
    hourly = dict(zip(scenario.contact_types, 3600 / np.maximum(mean_handle_s(scenario), 1e-3), strict=True))

    def index(name: str, _group: str, skill: Skill) -> int:
        return round(SCALE * costs.get(name, 1.0) * float(hourly[name]) * skill.speed)

    return replace(fcfs(scenario), contact_choice=ContactChoice.SCORE, contact_b=by_skill(scenario, index))


def queue_ratio(scenario: Scenario) -> RoutingTable:
    """Agents take the type that is furthest above its part (`ratios`) of all who wait.

    Queue-and-idleness-ratio controls: Gurvich & Whitt (2009), Mathematics of Operations Research 34(2), 363-396;
    Gurvich & Whitt (2010), Operations Research 58(2), 316-328.
    """
    given = scenario.routing.ratios or {}
    whole = sum(given.values())
    parts = np.array([round(SCALE * given.get(name, 0.0) / whole) for name in scenario.contact_types], dtype=np.int64)
    return replace(fcfs(scenario), contact_choice=ContactChoice.QUEUE_RATIO, ratio=parts)


# ---------------------------------------------------------------------------------------------------- by the agents


def fastest(scenario: Scenario) -> RoutingTable:
    """Contacts go to the fastest free agent of all who may take them.

    Fastest server first: Armony (2005), Queueing Systems 51, 287-329.
    """
    return replace(_all_groups(scenario), agent_choice=AgentChoice.FASTEST)


def least_busy(scenario: Scenario) -> RoutingTable:
    """Contacts go to the free agent who has worked least so far, of all who may take them.

    Equal cumulative idleness without knowing the rates: Atar, Shaki & Shwartz (2011), Queueing Systems 67, 275-293.
    """
    return replace(_all_groups(scenario), agent_choice=AgentChoice.LEAST_BUSY)


def uniform(scenario: Scenario) -> RoutingTable:
    """Contacts go to any free agent of those who may take them, all alike.

    Random routing, a yardstick of fairness: Mandelbaum, Momcilovic & Tseytlin (2012), Management Science 58(7),
    1273-1291.
    """
    return replace(_all_groups(scenario), agent_choice=AgentChoice.UNIFORM)


def _all_groups(scenario: Scenario) -> RoutingTable:
    """As `priority`, with all groups alike to a contact."""
    return table(scenario, group_rank=_equal(scenario), type_rank=_urgency(scenario))


def reserves(scenario: Scenario) -> RoutingTable:
    """As `priority`, but types less urgent than a group's most urgent leave it `reserve` agents with nothing in hand.

    Threshold reservation: Gans & Zhou (2003), Operations Research 51(2), 255-271.
    """
    spared, types, groups = scenario.routing.reserve or 0, scenario.contact_types, scenario.agent_groups

    def reserve(name: str, group: str, skill: Skill) -> int:
        most_urgent = min(types[other].priority for other in groups[group].skills)
        return max(skill.reserve, spared if types[name].priority > most_urgent else 0)

    return replace(priority(scenario), reserve=_some(by_skill(scenario, reserve).astype(np.int32)))


def scores(scenario: Scenario) -> RoutingTable:
    """Contacts and agents take the pair with the highest constant + weight times wait, or times idle time.

    Weight-based index policy: Chan, Koole & L'Ecuyer (2014), Dynamic call center routing policies using call waiting
    and agent idle times, MSOM 16(4), 544-560.
    """
    given, none = scenario.routing.scores or {}, Score()

    def part(figure: Callable[[Score], float], scale: int) -> Integers:
        return by_skill(scenario, lambda name, group, _: round(scale * figure(given.get(name, {}).get(group, none))))

    constant = part(lambda score: score.constant, 1000 * SCALE)
    return replace(
        table(scenario, group_rank=_equal(scenario), type_rank=_equal(scenario)),
        agent_choice=AgentChoice.SCORE,
        contact_choice=ContactChoice.SCORE,
        agent_a=constant,
        agent_b=part(lambda score: score.idle, SCALE),
        contact_a=constant,
        contact_b=part(lambda score: score.wait, SCALE),
    )


def last_agent(scenario: Scenario) -> RoutingTable:
    """As `priority`, but a follow-up goes to the agent who had the contact before it, if that one is free.

    Contacts that come back unresolved: de Vericourt & Zhou (2005), Operations Research 53(6), 968-981.
    """
    return replace(priority(scenario), last_agent=True)


POLICIES: dict[str, Policy] = {
    "priority": priority,
    "fcfs": fcfs,
    "preference": preference,
    "specialists": specialists,
    "ranks": ranks,
    "own_first": own_first,
    "overflow": overflow,
    "longest_queue": longest_queue,
    "weighted_wait": weighted_wait,
    "cmu": cmu,
    "queue_ratio": queue_ratio,
    "fastest": fastest,
    "least_busy": least_busy,
    "uniform": uniform,
    "reserves": reserves,
    "scores": scores,
    "last_agent": last_agent,
}

# ---------------------------------------------------------------------------------------------- for those who write one


def by_skill(scenario: Scenario, figure: Callable[[str, str, Skill], int], otherwise: int = 0) -> Integers:
    """A whole number for each type that a group may serve, shape [type, group]; `otherwise` for all other pairs.

    `figure` is asked with the names of type and group, and the skill.
    """
    row = {name: k for k, name in enumerate(scenario.contact_types)}
    found = np.full((len(row), len(scenario.agent_groups)), otherwise, dtype=np.int64)
    for g, (group_name, group) in enumerate(scenario.agent_groups.items()):
        for name, skill in group.skills.items():
            found[row[name], g] = figure(name, group_name, skill)
    return found


def table(scenario: Scenario, *, group_rank: Integers, type_rank: Integers) -> RoutingTable:
    """Ranks of those who may meet (others: never), and the delays and reserves of their skills."""
    return RoutingTable(
        group_rank=_among(scenario, group_rank),
        type_rank=_among(scenario, type_rank),
        delay_ms=_delays(scenario),
        reserve=_some(by_skill(scenario, lambda *pair: pair[2].reserve).astype(np.int32)),
    )


def _among(scenario: Scenario, rank: Integers) -> npt.NDArray[np.int16]:
    """Ranks of those who may meet, the highest of them just below NEVER_RANK."""
    may = by_skill(scenario, lambda *_: 1) > 0
    return np.where(may, np.minimum(rank, NEVER_RANK - 1), NEVER_RANK).astype(np.int16)


def _delays(scenario: Scenario) -> npt.NDArray[np.int32]:
    return np.minimum(by_skill(scenario, lambda *pair: to_ms(pair[2].after)), 2**31 - 1).astype(np.int32)


def _some(reserve: npt.NDArray[np.int32]) -> npt.NDArray[np.int32] | None:
    return reserve if reserve.any() else None


def _listed(scenario: Scenario, whole: npt.NDArray[Any], given: dict[tuple[str, str], int]) -> npt.NDArray[Any]:
    """A table with what is given by (type, group) put in, where the two may meet."""
    told = by_skill(scenario, lambda name, group, _: given.get((name, group), -1), otherwise=-1)
    return np.where(told >= 0, told, whole).astype(whole.dtype)


def _equal(scenario: Scenario) -> Integers:
    return by_skill(scenario, lambda *_: 0)


def _urgency(scenario: Scenario) -> Integers:
    return by_skill(scenario, lambda name, *_: scenario.contact_types[name].priority)


def _preference(scenario: Scenario) -> Integers:
    return by_skill(scenario, lambda _, __, skill: skill.preference)
