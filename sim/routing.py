"""Routing policies: Scenario -> RoutingTable, which both engines interpret; and the other rules of the desk.

A policy is a plain function that fills a table; a new one touches no engine.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from sim.clock import Horizon
from sim.mechanisms import AgentChoice, ContactChoice, Mechanisms
from sim.scenario import WEEKDAYS, AgentGroup, ContactType, Opening, Scenario, Skill
from sim.units import to_ms

Integers = npt.NDArray[np.int64]
Window = tuple[int, int]

NEVER_RANK: int = 32767
"""Rank of a pair of type and group that never meet."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RoutingTable:
    """Who may take what, in which order; all of shape [type, group], lower ranks first.

    `group_rank` orders the groups that a contact tries, `type_rank` the types that a freed agent tries (NEVER_RANK:
    never); `delay_ms` is how long a contact must have waited before the group may take it. Equal ranks are one
    class, within which `agent_choice` and `contact_choice` decide. After taking a contact at least `reserve` agents of
    the group hold nothing. With `last_agent` a follow-up goes to the agent who had its parent, if free for it. Scores
    and `ratio[type]` belong to the choices of those names (`sim.mechanisms`); what is None is 0 everywhere.
    """

    group_rank: npt.NDArray[np.int16]
    type_rank: npt.NDArray[np.int16]
    delay_ms: npt.NDArray[np.int32]
    reserve: npt.NDArray[np.int32] | None = None
    agent_choice: AgentChoice = AgentChoice.LONGEST_IDLE
    contact_choice: ContactChoice = ContactChoice.LONGEST_WAIT
    last_agent: bool = False
    agent_a: Integers | None = None
    agent_b: Integers | None = None
    contact_a: Integers | None = None
    contact_b: Integers | None = None
    ratio: Integers | None = None

    @property
    def is_plain(self) -> bool:
        """Whether ranks, delays, longest idle and longest wait say it all."""
        return (
            self.reserve is None
            and self.agent_choice == AgentChoice.LONGEST_IDLE
            and self.contact_choice == ContactChoice.LONGEST_WAIT
            and not self.last_agent
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Rules:
    """All that an engine needs to know of the desk besides its customers and its agents.

    `opens_ms`, `closes_ms`: per type the ascending, disjoint windows [opens, closes) in which it is open; one that is
    `always_open[type]` has none. `disconnects[type]`: those waiting at closing are cut off, else served.
    `time_permille[type, group]`: work lasts that many thousandths of what the contact brings (speed). `horizon_ms` ends
    the time in which follow-ups arrive; `mechanisms` are all that is switched on besides.
    """

    routing: RoutingTable
    opens_ms: tuple[npt.NDArray[np.int64], ...]
    closes_ms: tuple[npt.NDArray[np.int64], ...]
    always_open: npt.NDArray[np.bool_]
    disconnects: npt.NDArray[np.bool_]
    time_permille: npt.NDArray[np.int32]
    horizon_ms: int = 0
    mechanisms: Mechanisms = field(default_factory=Mechanisms)

    @property
    def is_plain(self) -> bool:
        """Whether nothing is switched on that the plain event loop does not know."""
        return self.routing.is_plain and not self.mechanisms.any


def rules(scenario: Scenario) -> Rules:
    """The rules of a scenario's desk."""
    windows = [_windows(scenario, name) for name in scenario.contact_types]
    return Rules(
        routing=POLICIES[scenario.routing](scenario),
        opens_ms=tuple(np.array([opens for opens, _ in found or ()], dtype=np.int64) for found in windows),
        closes_ms=tuple(np.array([closes for _, closes in found or ()], dtype=np.int64) for found in windows),
        always_open=np.array([found is None for found in windows]),
        disconnects=np.array([scenario.opening_of(name)[1] == "disconnect" for name in scenario.contact_types]),
        time_permille=_by_skill(scenario, _permille, 1000).astype(np.int32),
        horizon_ms=scenario.horizon.length_ms,
    )


# ----------------------------------------------------------------------------------------------------------- policies


def priority(scenario: Scenario) -> RoutingTable:
    """Agents take the most urgent type first, contacts go to the group that prefers them most.

    Static priorities, longest-idle agent: Wallace & Whitt (2005), MSOM 7(4), 276-294.
    """
    return _table(scenario, group_rank=_by_skill(scenario, _preference), type_rank=_by_skill(scenario, _urgency))


def fcfs(scenario: Scenario) -> RoutingTable:
    """Agents take who has waited longest over all types, contacts go to the group that prefers them most.

    First come, first served over all queues: Talreja & Whitt (2008), Management Science 54(8), 1513-1527.
    """
    equal = _by_skill(scenario, lambda *_: 0)
    return _table(scenario, group_rank=_by_skill(scenario, _preference), type_rank=equal)


def preference(scenario: Scenario) -> RoutingTable:
    """Agents take the type that they prefer most, contacts go to the group that prefers them most.

    Preference-based routing: Sisselman & Whitt (2007), Production and Operations Management 16(3), 277-291.
    """
    return _table(scenario, group_rank=_by_skill(scenario, _preference), type_rank=_by_skill(scenario, _preference))


def specialists(scenario: Scenario) -> RoutingTable:
    """Agents take the most urgent type first, contacts go to the group with the fewest skills, then in file order.

    Specialists before flexible agents: Chevalier, Shumsky & Tabordon (2004), Routing and staffing in large call
    centers with specialized and fully flexible servers.
    """
    places = np.arange(len(scenario.agent_groups))
    fewest = _by_skill(scenario, lambda _, group, __: len(group.skills)) * len(places) + places
    fewest = np.unique(fewest, return_inverse=True)[1].reshape(fewest.shape)
    return _table(scenario, group_rank=fewest, type_rank=_by_skill(scenario, _urgency))


POLICIES: dict[str, Callable[[Scenario], RoutingTable]] = {
    "priority": priority,
    "fcfs": fcfs,
    "preference": preference,
    "specialists": specialists,
}


def _urgency(kind: ContactType, _group: AgentGroup, _skill: Skill) -> int:
    return kind.priority


def _preference(_kind: ContactType, _group: AgentGroup, skill: Skill) -> int:
    return skill.preference


def _permille(_kind: ContactType, _group: AgentGroup, skill: Skill) -> int:
    return max(1, int(1000 / skill.speed + 0.5))


def _delay_ms(_kind: ContactType, _group: AgentGroup, skill: Skill) -> int:
    return to_ms(skill.after)


def _by_skill(
    scenario: Scenario, figure: Callable[[ContactType, AgentGroup, Skill], int], otherwise: int = 0
) -> Integers:
    """A whole number for each type that a group may serve, shape [type, group]; `otherwise` for all other pairs."""
    row = {name: k for k, name in enumerate(scenario.contact_types)}
    table = np.full((len(row), len(scenario.agent_groups)), otherwise, dtype=np.int64)
    for g, group in enumerate(scenario.agent_groups.values()):
        for name, skill in group.skills.items():
            table[row[name], g] = figure(scenario.contact_types[name], group, skill)
    return table


def _table(scenario: Scenario, *, group_rank: Integers, type_rank: Integers) -> RoutingTable:
    """Ranks of those who may meet, the highest of them just below NEVER_RANK, and the delays of their skills."""
    may = _by_skill(scenario, lambda *_: 1) > 0
    return RoutingTable(
        group_rank=np.where(may, np.minimum(group_rank, NEVER_RANK - 1), NEVER_RANK).astype(np.int16),
        type_rank=np.where(may, np.minimum(type_rank, NEVER_RANK - 1), NEVER_RANK).astype(np.int16),
        delay_ms=np.minimum(_by_skill(scenario, _delay_ms), 2**31 - 1).astype(np.int32),
    )


# ------------------------------------------------------------------------------------------------------------ opening


def _windows(scenario: Scenario, contact_type: str) -> list[Window] | None:
    """When a type is open, in order, from the horizon's start on; None: always.

    Windows that touch are one. The last may end after the horizon, none begins there.
    """
    opening, horizon = scenario.opening_of(contact_type)[0], scenario.horizon
    if opening is None:
        return None
    days = [horizon.days[0] - timedelta(days=1), *horizon.days, horizon.days[-1] + timedelta(days=1)]
    found: list[Window] = []
    for opens, closes in sorted(window for day in days for window in _of_day(opening, horizon, day)):
        if found and opens <= found[-1][1]:
            found[-1] = (found[-1][0], max(closes, found[-1][1]))
        elif opens < closes:
            found.append((opens, closes))
    if len(found) == 1 and found[0][0] <= 0 and found[0][1] >= horizon.first_instant(days[-1], 1440):
        return None
    return [(max(opens, 0), closes) for opens, closes in found if closes > 0 and opens < horizon.length_ms]


def _of_day(opening: Opening, horizon: Horizon, day: date) -> list[Window]:
    """The windows of a local date, which replaces its weekday."""
    windows = opening.get(day.isoformat(), opening.get(WEEKDAYS[day.weekday()], ()))
    return [(horizon.first_instant(day, opens), horizon.first_instant(day, closes)) for opens, closes in windows]
