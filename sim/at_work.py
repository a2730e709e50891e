"""Agents who are busy when the desk begins: what they have in hand, and a run that starts with it.

For the engines such a contact is one of a type of its own, like its real type in everything but that one group alone
may take it, and it enters before all others. So it is taken at once, by the agent whom the group would give it to.
"""

from collections.abc import Sequence
from dataclasses import fields, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from sim import engine as engines
from sim.attendance import Staffing
from sim.demand import FOREVER, POOLED, Demand, Pools
from sim.drawing import Contacts as Drawn
from sim.drawing import Source, sources, whole_ms
from sim.mechanisms import FollowUps, Mechanisms
from sim.outcome import Cause, OutcomeTable
from sim.remembered import remembered
from sim.routing import NEVER_RANK, Rules
from sim.scenario import AtWork, Scenario
from sim.streams import Quantity, name_key, stream

Ints = npt.NDArray[np.int64]
DRAWS = 4096
"""Contacts drawn to choose one from, by how long it takes."""


def begun(
    scenario: Scenario, staffing: Staffing, rules: Rules, demand: Demand, engine: str
) -> tuple[OutcomeTable, Demand]:
    """What happens if agents are at work when the desk begins, and the customers with theirs, who come first."""
    of = _types(scenario)
    some = _joined(scenario, demand, of)
    outcome = engines.run(some, staffing, _widened(rules, scenario), engine)
    return _told(outcome, some, rules, of)


def _types(scenario: Scenario) -> Ints:
    """The real type of each type that engines see: the scenario's own, then one for each entry of `at_work`."""
    names = list(scenario.contact_types)
    return np.array([*range(len(names)), *(names.index(entry.contact_type) for entry in scenario.at_work)])


# ------------------------------------------------------------------------------------------------- what is left to do


def remaining_ms(scenario: Scenario, entry: AtWork, seed: int, replication: int) -> Ints:
    """Work left of the contacts of an entry, at usual speed: as given, or by the equilibrium law, at least 1 ms.

    A look at an agent at work finds work as often as it is long, and any part of it done: of a contact drawn with a
    chance in proportion to its work a uniform part is left (the residual law (1 - F) / mean of renewal theory).
    """
    if entry.remaining is not None:
        return np.maximum(whole_ms(np.array(entry.remaining, dtype=np.float64)), 1).astype(np.int64)
    source = sources(scenario)[list(scenario.contact_types).index(entry.contact_type)]
    dice = partial(stream, seed, replication, name_key(f"{entry.contact_type} at work in {entry.group}"))
    work, luck = _work_ms(source, dice), dice(Quantity.REMAINING).random((2, entry.number or 0))
    mass = np.cumsum(work)
    whole = work[np.searchsorted(mass, luck[0] * mass[-1], side="right")]
    return np.asarray(np.maximum(np.ceil(luck[1] * whole), 1), dtype=np.int64)


def _work_ms(source: Source, dice: Any) -> Ints:
    """Talk and after-contact work of contacts of a type that asked at the beginning."""
    asking = replace(source, trace=None, kind=source.kind.model_copy(update={"bot": None}))
    drawn = Drawn(source=asking, dice=dice, arrival_ms=np.zeros(DRAWS, dtype=np.int64)).columns()
    work = drawn["talk_ms"].astype(np.int64) + drawn.get("after_ms", 0)
    return np.broadcast_to(np.maximum(work, 1), DRAWS)


def _joined(scenario: Scenario, demand: Demand, of: Ints) -> Demand:
    """The customers, preceded by those whom agents have in hand."""
    left = [remaining_ms(scenario, entry, demand.seed, demand.replication) for entry in scenario.at_work]
    kind = np.repeat(np.arange(len(demand.types), len(of)), [len(of_entry) for of_entry in left])
    first = min(int(demand.arrival_ms.min(initial=0)), 0) - 1
    brought = {"type": kind, "talk_ms": np.concatenate(left), "arrival_ms": np.full(len(kind), first)}
    brought["patience_ms"] = np.full(len(kind), FOREVER)
    columns: dict[str, Any] = {}
    for name in ("type", "arrival_ms", *POOLED):
        known = getattr(demand, name)
        columns[name] = np.concatenate([brought.get(name, np.zeros(len(kind))).astype(known.dtype), known])
    types = (*demand.types, *(f"{entry.contact_type}@{entry.group}" for entry in scenario.at_work))
    pools = None if demand.pools is None else _pools(demand.pools, scenario, of)
    return replace(demand, types=types, pools=pools, **columns)


# -------------------------------------------------------------------------------------------------- types of their own


@remembered
def _widened(rules: Rules, scenario: Scenario) -> Rules:
    """The rules with a type more for each entry: as its real type, but for one group alone."""
    of, groups = _types(scenario), list(scenario.agent_groups)
    own = len(scenario.contact_types)
    routing = _taken(rules.routing, of, dims=("group_rank", "type_rank", "delay_ms", "reserve", "agent_a", "agent_b",
                                              "contact_a", "contact_b", "ratio"))  # fmt: skip
    for row, entry in enumerate(scenario.at_work, own):
        g = groups.index(entry.group)
        for ranks in (routing.group_rank, routing.type_rank):
            ranks[row] = NEVER_RANK
            ranks[row, g] = 0
        routing.delay_ms[row] = 0
        if routing.reserve is not None:
            routing.reserve[row] = 0
    return replace(
        rules,
        routing=routing,
        opens_ms=tuple(rules.opens_ms[k] for k in of),
        closes_ms=tuple(rules.closes_ms[k] for k in of),
        always_open=rules.always_open[of],
        disconnects=rules.disconnects[of],
        time_permille=rules.time_permille[of],
        mechanisms=_mechanisms(rules.mechanisms, of),
    )


def _mechanisms(m: Mechanisms, of: Ints) -> Mechanisms:
    return replace(
        m,
        slots=_taken(m.slots, of, dims=("need",)),
        deferral=_taken(m.deferral, of, dims=("deferred", "interruptible")),
        lines=_taken(m.lines, of, dims=("line_of", "place_of")),
        offers=None if m.offers is None else _taken(m.offers, of, dims=[field.name for field in fields(m.offers)]),
        silence=_taken(m.silence, of, dims=("silent", "detection_ms")),
        follow_ups=None if m.follow_ups is None else _follow_ups(m.follow_ups, of),
        bot_limits=_taken(m.bot_limits, of, dims=("bot_of", "waits")),
        strain=_taken(m.strain, of, dims=("channel_of",)),
        resolved_word=None if m.resolved_word is None else m.resolved_word[of],
    )


def _taken(table: Any, of: Ints, dims: Sequence[str]) -> Any:
    """A table (or None) with the rows of these columns taken by type."""
    if table is None:
        return None
    return replace(table, **{name: getattr(table, name)[of] for name in dims if getattr(table, name) is not None})


def _rules_of(first: npt.NDArray[Any], of: Ints) -> Ints:
    """The real follow-up rule of each that engines see: type by type, those of the scenario's own first."""
    return np.concatenate([np.arange(first[k], first[k + 1]) for k in of]).astype(np.int64)


def _follow_ups(table: FollowUps, of: Ints) -> FollowUps:
    rows = _rules_of(table.first, of)
    columns = {field.name: getattr(table, field.name)[rows] for field in fields(table) if field.name != "first"}
    first = np.append(0, np.cumsum(np.diff(table.first)[of])).astype(table.first.dtype)
    return replace(table, first=first, **columns)


def _pools(pools: Pools, scenario: Scenario, of: Ints) -> Pools:
    first = np.append(0, np.cumsum([len(kind.follow_ups) for kind in scenario.contact_types.values()]))
    columns = {name: getattr(pools, name)[of] for name in POOLED}
    return replace(pools, **columns, delay_ms=pools.delay_ms[_rules_of(first, of)])


# ------------------------------------------------------------------------------------------------------- and back again


def _told(outcome: OutcomeTable, some: Demand, rules: Rules, of: Ints) -> tuple[OutcomeTable, Demand]:
    """The table with real types and rules; contacts in hand have asked, and begun, a millisecond before 0."""
    c, own = outcome.contacts, len(rules.always_open)
    in_hand = np.flatnonzero(c.type[: len(some)] >= own)
    columns: dict[str, Any] = {"type": of[c.type].astype(c.type.dtype)}
    taken = in_hand[c.answered[in_hand] == 0]
    for name, which in (("arrival", in_hand), ("queued", in_hand), ("answered", taken)):
        columns[name] = getattr(c, name).copy()
        columns[name][which] = -1
    if rules.mechanisms.follow_ups is not None:
        rule = _rules_of(rules.mechanisms.follow_ups.first, of)
        follows = c.cause >= Cause.FOLLOW_UP
        columns["cause"] = c.cause.copy()
        columns["cause"][follows] = rule[c.cause[follows] - Cause.FOLLOW_UP] + Cause.FOLLOW_UP
    customers = replace(some, type=columns["type"][: len(some)], arrival_ms=columns["arrival"][: len(some)])
    customers.__dict__["key"] = some.key  # as it was in the run: by the types that engines saw
    return replace(outcome, contacts=replace(c, **columns)), customers


__all__ = ["begun", "remaining_ms"]
