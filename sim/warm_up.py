"""A desk that repeats, from a period already run: simulate the period twice, and keep what is seen of the second.

The customers of the period before are others than those of the period itself; staffing, opening hours and bots are the
same in both. Engines know nothing of it: for them it is one run over two periods.
"""

from dataclasses import fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sim import engine as engines
from sim.attendance import Staffing
from sim.demand import POOLED, Demand
from sim.mechanisms import BotLimits
from sim.outcome import NEVER, Cause, Contacts, OutcomeTable, Spells
from sim.remembered import remembered
from sim.routing import Rules
from sim.scenario import Scenario

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

OTHERS = 2**64
"""The customers of the period before have this seed more; what is decided by key tells them apart by their ordinals."""
_INSTANTS = ("arrival", "queued", "answered", "ended", "released")
_FAR = 2**45
"""Agents lie so many milliseconds apart where their spells stand behind one another in one row."""


def warmed_up(
    scenario: Scenario, staffing: Staffing, rules: Rules, demand: Demand, engine: str
) -> tuple[OutcomeTable, Demand]:
    """What happens from the start of the horizon on, and the customers whom that concerns.

    Contacts that are there when the period begins, and those whom they follow, have an arrival below 0.
    """
    period = scenario.horizon.length_ms
    before = engines.sample(scenario, demand.seed + OTHERS, demand.replication, engine)
    both = _joined(before, demand, period)
    outcome = engines.run(both, _twice(staffing, scenario), _doubled(rules, scenario), engine)
    return _cut(outcome, both, period)


# --------------------------------------------------------------------------------------------------- two periods as one


_PER_CONTACT = ("type", "arrival_ms", *sorted(POOLED))


def _joined(before: Demand, demand: Demand, period: int) -> Demand:
    """The customers of both periods; ordinals, and with them all decisions, are counted from the second on."""
    later = replace(demand, arrival_ms=demand.arrival_ms + period)
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(before, name), getattr(later, name)]) for name in _PER_CONTACT
    }
    return replace(demand, **columns, begins_ms=period)


@remembered
def _twice(staffing: Staffing, scenario: Scenario) -> Staffing:
    """The same people in both periods; who is there when one ends and the other begins just stays."""
    if not staffing.by_person:
        return replace(staffing, heads=np.concatenate([staffing.heads, staffing.heads]))
    agent = np.tile(staffing.spell_agent.astype(np.int64), 2)
    shift = np.repeat([0, scenario.horizon.length_ms], len(staffing.spell_agent))
    on, off = np.tile(staffing.spell_on_ms, 2) + shift, np.tile(staffing.spell_off_ms, 2) + shift
    order = np.lexsort((on, agent))
    agent, on, off = agent[order], on[order] + agent[order] * _FAR, off[order] + agent[order] * _FAR
    covered = np.maximum.accumulate(off)
    first = np.flatnonzero(np.append(True, on[1:] > covered[:-1])[: len(on)])
    last = np.append(first[1:], len(on)) - 1
    return replace(
        staffing,
        spell_agent=agent[first].astype(staffing.spell_agent.dtype),
        spell_on_ms=on[first] - agent[first] * _FAR,
        spell_off_ms=covered[last] - agent[first] * _FAR,
        keeps_length=np.tile(staffing.keeps_length, 2)[order][last],
    )


@remembered
def _doubled(rules: Rules, scenario: Scenario) -> Rules:
    """The rules of both periods: whatever goes by the clock comes twice."""
    period = scenario.horizon.length_ms
    windows = [_windows(*pair, period) for pair in zip(rules.opens_ms, rules.closes_ms, strict=True)]
    limits = rules.mechanisms.bot_limits
    return replace(
        rules,
        opens_ms=tuple(opens for opens, _ in windows),
        closes_ms=tuple(closes for _, closes in windows),
        horizon_ms=rules.horizon_ms + period,
        mechanisms=replace(rules.mechanisms, bot_limits=None if limits is None else _limits(limits, period)),
    )


def _windows(opens: Ints, closes: Ints, period: int) -> tuple[Ints, Ints]:
    """Opening windows of both periods, those that touch made one."""
    opens, closes = np.append(opens, opens + period), np.append(closes, closes + period)
    if not len(opens):
        return opens, closes
    covered = np.maximum.accumulate(closes)
    first = np.flatnonzero(np.append(True, opens[1:] > covered[:-1]))
    return opens[first], covered[np.append(first[1:], len(opens)) - 1]


def _limits(limits: BotLimits, period: int) -> BotLimits:
    """Changes of capacity in both periods; the second begins as the first did."""
    inside = limits.change_ms < period
    return replace(
        limits,
        bot=np.append(limits.bot[inside], limits.bot),
        change_ms=np.append(limits.change_ms[inside], limits.change_ms + period),
        capacity=np.append(limits.capacity[inside], limits.capacity),
    )


# --------------------------------------------------------------------------------------------------- the second of them


def _cut(outcome: OutcomeTable, both: Demand, period: int) -> tuple[OutcomeTable, Demand]:
    """What is seen from the second period's start on, counted from there; and the customers of it."""
    c, s = outcome.contacts, outcome.spells
    kept = _still_there(c, period)
    drawn, place = kept[: len(both)], np.cumsum(kept) - 1
    columns = {field.name: getattr(c, field.name)[kept] for field in fields(Contacts)}
    columns |= {name: _earlier(columns[name], period) for name in _INSTANTS}
    for name in ("root", "parent"):
        columns[name] = np.where(columns[name] < 0, -1, place[columns[name]]).astype(columns[name].dtype)
    carried = (np.arange(kept.sum()) < drawn.sum()) & (columns["arrival"] < 0)
    columns["cause"] = np.where(carried, Cause.CARRIED_IN, columns["cause"]).astype(columns["cause"].dtype)
    there = (s.left == NEVER) | (s.left > period)
    spells = {field.name: getattr(s, field.name)[there] for field in fields(Spells)}
    spells |= {name: _earlier(spells[name], period) for name in ("on", "off", "left")}
    customers = replace(both, **{name: getattr(both, name)[drawn] for name in _PER_CONTACT}, begins_ms=0)
    customers = replace(customers, arrival_ms=customers.arrival_ms - period)
    customers.__dict__["key"] = both.key[drawn]  # of the whole run: ordinals are not those of the rows that are left
    table = OutcomeTable(contacts=Contacts(**columns), spells=Spells(**spells), last_ms=outcome.last_ms - period)
    return table, customers


def _still_there(c: Contacts, period: int) -> Bools:
    """Contacts that are not over when the second period begins, and all that these follow."""
    last = np.maximum.reduce([c.arrival, c.queued, c.answered, c.ended, c.released])
    kept: Bools = last >= period
    fresh = np.flatnonzero(kept)
    while len(fresh):  # one step up the chain at a time
        parents = c.parent[fresh]
        fresh = np.unique(parents[parents >= 0])
        fresh = fresh[~kept[fresh]]
        kept[fresh] = True
    return kept


def _earlier(instants: Ints, period: int) -> Ints:
    return np.where(instants == NEVER, NEVER, instants - period)


__all__ = ["warmed_up"]
