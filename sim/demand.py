"""Scenario + seed -> Demand: everything that contacts bring with them, drawn before the engine runs.

What comes out is plain integers: when each contact arrives, what the bot makes of it, how long it would wait, how
long it would talk. Two plans run on the same Demand meet the same customers; so do two scenarios as far as they agree,
for each quantity of each type has a stream of its own, whose n-th draw belongs to the type's n-th contact.
"""

from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.arrivals import NOBODY
from sim.busyness import levels
from sim.columns import columns
from sim.drawing import FOREVER, LONGEST_MS, BotFate, Columns, Contacts, Source, arrivals, sources, whole_ms
from sim.incidents import happening
from sim.keys import WORD, mix, mix_all
from sim.remembered import remembered
from sim.scenario import Backlog, FollowUp, Scenario
from sim.streams import Quantity, name_key, stream, streams

__all__ = ["FOREVER", "LONGEST_MS", "BotFate", "Demand", "Pools", "sample"]

Integers = npt.NDArray[np.int64]
POOL_ROWS = 4096
"""Draws of each type that follow-ups lead to: small enough to stay in cache, a power of two."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Pools:
    """What follow-ups bring: draws made for this replication, one row of which a contact's key picks.

    As in Demand, of shape [type, row]; `delay_ms[rule, row]` until a follow-up arrives. Rows are a power of two.
    """

    fate: npt.NDArray[np.uint8]
    bot_ms: npt.NDArray[np.int32]
    hand_off_ms: npt.NDArray[np.int32]
    patience_ms: npt.NDArray[np.int32]
    leaves_at_once: npt.NDArray[np.bool_]
    talk_ms: npt.NDArray[np.int32]
    after_ms: npt.NDArray[np.int32]
    delay_ms: npt.NDArray[np.int32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Demand:
    """The customers of one replication; all columns of shape [contact], sorted by (arrival, type, ordinal).

    At one millisecond types come in the scenario's order, contacts of a type in the order of their draws or of their
    lines in the trace. A contact's id is its row. Durations in whole milliseconds; `bot_ms` in the bot, `hand_off_ms`
    from the bot's end to asking for a person, `patience_ms` FOREVER where nobody hangs up, `leaves_at_once` where the
    contact hangs up rather than wait at all. `talk_ms` already carries difficulty and what the hand-off adds. Contacts
    with an arrival below 0 are carried in: they asked then and wait when the desk begins. `pools` are what follow-ups
    draw from, None where there are none. Ordinals of a type are counted from the instant `begins_ms` on.
    """

    types: tuple[str, ...]
    seed: int
    replication: int
    type: npt.NDArray[np.int16]
    arrival_ms: npt.NDArray[np.int64]
    fate: npt.NDArray[np.uint8]
    bot_ms: npt.NDArray[np.int32]
    hand_off_ms: npt.NDArray[np.int32]
    patience_ms: npt.NDArray[np.int32]
    leaves_at_once: npt.NDArray[np.bool_]
    talk_ms: npt.NDArray[np.int32]
    after_ms: npt.NDArray[np.int32]
    pools: Pools | None = None
    begins_ms: int = 0

    def __len__(self) -> int:
        return len(self.type)

    @cached_property
    def key(self) -> npt.NDArray[np.uint64]:
        """What the contacts' decisions hang on, shape [contact]: seed, replication, type's name and ordinal, mixed.

        Those from before have ordinals below 0, so that a backlog leaves the decisions of all others alone.
        """
        day = mix(mix(self.seed & WORD, 0), self.replication)
        key = np.empty(len(self), dtype=np.uint64)
        for k, name in enumerate(self.types):
            mine = np.flatnonzero(self.type == k)
            ordinal = np.arange(len(mine)) - np.searchsorted(self.arrival_ms[mine], self.begins_ms)
            key[mine] = mix_all(np.uint64(mix(day, name_key(name))), ordinal.astype(np.uint64))
        return key


def sample(scenario: Scenario, seed: int, replication: int) -> Demand:
    """The customers of one replication: the same for the same (scenario, seed, replication), whatever else is run."""
    scenario = happening(scenario, seed, replication)
    busy, kinds = levels(scenario, seed, replication), sources(scenario)
    drawn: list[Columns] = []
    for index, (source, dice) in enumerate(zip(kinds, streams(seed, replication, [s.key for s in kinds]), strict=True)):
        if backlog := scenario.backlog.get(source.name):
            drawn.append(_carried_in(source, backlog, seed, replication) | {"type": np.array(index)})
        instants = arrivals(source, busy.expected(index, source.pieces), dice)
        contacts = Contacts(source=source, dice=dice, arrival_ms=instants)
        drawn.append(contacts.columns() | {"type": np.array(index)})
    pools = follow_up_pools(scenario, seed, replication)
    return _merged(drawn, tuple(scenario.contact_types), seed, replication, pools)


def _carried_in(source: Source, backlog: Backlog, seed: int, replication: int) -> Columns:
    """Contacts of a type that have asked before the desk begins, at least a millisecond."""
    dice = partial(stream, seed, replication, name_key(f"{source.name} carried in"))
    if backlog.age is not None:
        ages = backlog.age.sample(dice(Quantity.AGE), backlog.number or 0)
    else:
        ages = np.array(backlog.ages, dtype=np.float64)
    age_ms = np.maximum(whole_ms(ages).astype(np.int64), 1)
    asking = replace(source, trace=None, kind=source.kind.model_copy(update={"bot": None}))
    return Contacts(source=asking, dice=dice, arrival_ms=np.sort(-age_ms)).columns()


# ------------------------------------------------------------------------------------------------------- follow-ups


def follow_up_pools(scenario: Scenario, seed: int, replication: int) -> Pools | None:
    """What follow-ups bring: the draws of contacts of their type, at its usual times; for other types zeros."""
    rules = _rules(scenario)
    if not rules:
        return None
    tables = {
        name: np.full((len(scenario.contact_types), POOL_ROWS), DEFAULTS.get(name, 0), COLUMNS[name])
        for name in POOLED
    }
    members = _pool_members(scenario)
    all_dice = streams(seed, replication, [name_key(f"{source.name} again") for _, source, _ in members])
    for (k, source, arrival_ms), dice in zip(members, all_dice, strict=True):
        drawn = Contacts(source=source, dice=dice, arrival_ms=arrival_ms).columns()
        for name in POOLED & drawn.keys():
            tables[name][k] = drawn[name]
    delay_ms = np.empty((len(rules), POOL_ROWS), dtype=np.int32)
    for r, (dice, (_, _, rule)) in enumerate(
        zip(streams(seed, replication, [key for key, _, _ in rules]), rules, strict=True)
    ):
        delay_ms[r] = whole_ms(rule.delay.sample(dice(Quantity.FOLLOW_UP_DELAY), POOL_ROWS)) if rule.delay else 0
    return Pools(**tables, delay_ms=delay_ms)


@remembered
def _rules(scenario: Scenario) -> list[tuple[int, str, FollowUp]]:
    """Key, contact type and rule of each follow-up, in the order of the tables."""
    kinds = scenario.contact_types.items()
    return [(name_key(f"{k} {name}"), k, rule) for k, kind in kinds for name, rule in kind.follow_ups.items()]


@remembered
def _pool_members(scenario: Scenario) -> list[tuple[int, Source, Integers]]:
    """Index, source and times of arrival of each type that follow-ups lead to.

    Row i stands for the (i + 1/2)-th of as many equal parts of the type's traffic, or of the horizon if none comes.
    """
    reached = {rule.to or name for _, name, rule in _rules(scenario)}
    found = []
    for k, source in enumerate(sources(scenario)):
        if source.name not in reached:
            continue
        mass = np.cumsum(np.append(0.0, source.pieces.expected))
        if mass[-1] < NOBODY:
            mass = source.pieces.edge_ms.astype(np.float64)
        part = (np.arange(POOL_ROWS) + 0.5) / POOL_ROWS
        instants = np.interp(part * mass[-1], mass, source.pieces.edge_ms).astype(np.int64)
        found.append((k, replace(source, trace=None), instants))
    return found


# -------------------------------------------------------------------------------------------------- all types together


COLUMNS: dict[str, np.dtype[Any]] = {
    "type": np.dtype(np.int16),
    "arrival_ms": np.dtype(np.int64),
    "fate": np.dtype(np.uint8),
    "bot_ms": np.dtype(np.int32),
    "hand_off_ms": np.dtype(np.int32),
    "patience_ms": np.dtype(np.int32),
    "leaves_at_once": np.dtype(np.bool_),
    "talk_ms": np.dtype(np.int32),
    "after_ms": np.dtype(np.int32),
}
DEFAULTS = {"patience_ms": FOREVER}
POOLED = COLUMNS.keys() - {"type", "arrival_ms"}


def _merged(drawn: list[Columns], types: tuple[str, ...], seed: int, replication: int, pools: Pools | None) -> Demand:
    """All contacts in order; a column that a type lacks keeps its default there, 0 unless said otherwise."""
    edges = list(accumulate((len(of_type["arrival_ms"]) for of_type in drawn), initial=0))
    named = frozenset().union(*drawn)
    merged: dict[str, Any] = columns(edges[-1], **COLUMNS)

    def side_by_side(name: str, parts: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A column's parts, type by type."""
        for of_type, start, end in zip(drawn, edges, edges[1:], strict=False):
            parts[start:end] = of_type.get(name, DEFAULTS.get(name, 0))
        return parts

    several = len(drawn) > 1
    if several:
        places = _in_order(side_by_side("arrival_ms", merged["arrival_ms"]))
        room = np.empty(edges[-1], dtype=np.int64)
    for name, column in merged.items():
        if name not in named:
            column.fill(DEFAULTS.get(name, 0))
        elif not several:
            side_by_side(name, column)
        elif name != "arrival_ms":
            side_by_side(name, np.ndarray(edges[-1], column.dtype, room)).take(places, out=column, mode="clip")
    return Demand(types=types, seed=seed, replication=replication, pools=pools, **merged)


def _in_order(instants: Integers) -> Integers:
    """Put instants in order where they stand, and say at which places they were; equal ones stay in their order.

    Sorted as one number with their places, which takes a fifth less than to sort the places by them.
    """
    bits = len(instants).bit_length()
    keys = instants << bits
    keys |= np.arange(len(instants))
    keys.sort(kind="stable")  # which knows runs in order when it sees them
    np.right_shift(keys, bits, out=instants)
    keys &= (1 << bits) - 1
    return keys
