"""Scenario + seed -> Demand: everything that contacts bring with them, drawn before the engine runs.

What comes out is plain integers: when each contact arrives, what the bot makes of it, how long it would wait, how
long it would talk. Two plans run on the same Demand meet the same customers; so do two scenarios as far as they agree,
for each quantity of each type has a stream of its own, whose n-th draw belongs to the type's n-th contact.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.arrivals import MINUTE_MS, Pieces, Trace, busyness, draw, pieces, trace, traffic
from sim.columns import columns
from sim.distributions import Deterministic, Distribution
from sim.keys import WORD, mix, mix_all
from sim.remembered import remembered
from sim.scenario import BotJourney, ContactType, Scenario
from sim.streams import Quantity, name_key, streams
from sim.workload import giving_up, normal_quantile, talk_base

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Numbers = Floats | float
Columns = dict[str, npt.NDArray[Any]]

FOREVER: int = 2**31 - 1
"""Patience of a contact that never hangs up (milliseconds)."""
LONGEST_MS: int = FOREVER - 1
"""No other duration is longer."""


class BotFate(IntEnum):
    """What the bot makes of a contact."""

    NO_BOT = 0
    RESOLVED = 1
    CONTAINED = 2
    GIVES_UP = 3
    HANDED_OFF = 4


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
    draw from, None where there are none.
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

    def __len__(self) -> int:
        return len(self.type)

    @cached_property
    def key(self) -> npt.NDArray[np.uint64]:
        """What the contacts' decisions hang on, shape [contact]: seed, replication, type's name and ordinal, mixed."""
        day = mix(mix(self.seed & WORD, 0), self.replication)
        key = np.empty(len(self), dtype=np.uint64)
        for k, name in enumerate(self.types):
            mine = np.flatnonzero(self.type == k)
            key[mine] = mix_all(np.uint64(mix(day, name_key(name))), np.arange(len(mine), dtype=np.uint64))
        return key


def sample(scenario: Scenario, seed: int, replication: int) -> Demand:
    """The customers of one replication: the same for the same (scenario, seed, replication), whatever else is run."""
    factor = busyness(scenario, seed, replication)
    drawn = []
    sources = _sources(scenario)
    for source, dice in zip(sources, streams(seed, replication, [s.key for s in sources]), strict=True):
        drawn.append(_Contacts(source=source, dice=dice, arrival_ms=_arrivals(source, factor, dice)).columns())
    return _merged(drawn, tuple(scenario.contact_types), seed, replication)


# --------------------------------------------------------------------------------------------- what a type is made of


@dataclass(frozen=True, kw_only=True, eq=False)
class _Source:
    """A contact type made ready for drawing; paths by minute have a single entry where they never change."""

    key: int
    kind: ContactType
    pieces: Pieces
    trace: Trace | None
    bot_share: Floats
    talk_factor: Floats
    talk_base: float


@remembered
def _sources(scenario: Scenario) -> list[_Source]:
    return [
        _Source(
            key=name_key(name),
            kind=kind,
            pieces=pieces(flow.expected, scenario.horizon),
            trace=trace(scenario).get(name),
            bot_share=_path(flow.bot_share),
            talk_factor=_path(flow.talk_factor),
            talk_base=talk_base(kind),
        )
        for (name, kind), flow in zip(scenario.contact_types.items(), traffic(scenario), strict=True)
    ]


def _path(by_minute: Floats) -> Floats:
    return by_minute[:1] if (by_minute == by_minute[0]).all() else by_minute


def _arrivals(source: _Source, factor: Floats, dice: Callable[[Quantity], np.random.Generator]) -> Integers:
    if source.trace:
        return source.trace.arrival_ms
    law = source.kind.arrivals.law if source.kind.arrivals else "poisson"
    return draw(source.pieces, law, factor, dice(Quantity.ARRIVAL))


# ------------------------------------------------------------------------------------------- what its contacts bring

_NO_BOT, _HANDED_OFF = np.uint8(BotFate.NO_BOT), np.uint8(BotFate.HANDED_OFF)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Contacts:
    """The contacts of one type, by arrival."""

    source: _Source
    dice: Callable[[Quantity], np.random.Generator]
    arrival_ms: Integers

    def columns(self) -> Columns:
        """A column for each thing that is not as by default (see `_merged`)."""
        kind = self.source.kind
        journey = self.journey(kind.bot) if kind.bot and self.source.bot_share.any() else {}
        found: Columns = {"arrival_ms": self.arrival_ms, "talk_ms": self.talk(journey.get("fate"))}
        found |= journey | self.patience()
        if kind.after_contact_work:
            found["after_ms"] = _whole_ms(self.seconds(kind.after_contact_work, Quantity.AFTER_CONTACT_WORK))
        return found

    def journey(self, bot: BotJourney) -> Columns:
        """Who meets the bot, for how long (a millisecond at least), and what it makes of them."""
        contained = self.failure() <= normal_quantile(bot.containment)
        ending = self.dice(Quantity.BOT_ENDING).random(len(self.arrival_ms))
        ends = (ending < bot.resolved) & contained | (ending < giving_up(bot)) & ~contained
        fate = _HANDED_OFF - 2 * contained.view(np.uint8) - ends.view(np.uint8)  # down from handed off, as BotFate goes
        share = self.now(self.source.bot_share)
        if isinstance(share, np.ndarray) or share < 1:
            fate *= self.chance(Quantity.BOT_ENTRY, share)
        bot_ms = np.maximum(_whole_ms(self.seconds(bot.duration, Quantity.BOT_TIME)), 1)
        columns = {"fate": fate, "bot_ms": bot_ms * (fate != _NO_BOT)}
        if bot.hand_off.delay:
            delay_ms = _whole_ms(self.seconds(bot.hand_off.delay, Quantity.HAND_OFF))
            columns["hand_off_ms"] = delay_ms * (fate == _HANDED_OFF)
        return columns

    def failure(self) -> Floats:
        """W = aZ + sqrt(1 - a^2) E, standard normal: a contact is contained if W is at most a quantile.

        So the stated containment is exact, and on the same customers a better bot contains all that a worse one did.
        """
        luck, a = self.dice(Quantity.BOT_FAILURE).standard_normal(len(self.arrival_ms)), self.source.kind.difficulty.bot
        return a * self.difficulty + math.sqrt(1 - a**2) * luck if a else luck

    def talk(self, fate: npt.NDArray[np.uint8] | None) -> npt.NDArray[np.int32]:
        """Talk times difficulty, events and what the hand-off adds; one that the trace gives is all there is to it."""
        source, kind = self.source, self.source.kind
        seconds, b = self.seconds(kind.talk, Quantity.TALK), kind.difficulty.talk
        if b:
            seconds = seconds * np.exp(b * self.difficulty + (math.log(source.talk_base) - b**2 / 2))
        if (source.talk_factor != 1).any():
            seconds = seconds * self.now(source.talk_factor)
        if kind.bot and kind.bot.hand_off.talk_factor != 1 and fate is not None:
            seconds = seconds * np.where(fate == _HANDED_OFF, kind.bot.hand_off.talk_factor, 1.0)
        if source.trace:
            seconds = np.where(np.isnan(source.trace.talk_s), seconds, source.trace.talk_s)
        return _whole_ms(seconds)

    def patience(self) -> Columns:
        """How long they would wait, and who would not at all; a patience that the trace gives is all there is to it."""
        kind, columns = self.source.kind, Columns()
        if kind.patience:
            columns["patience_ms"] = _whole_ms(self.seconds(kind.patience, Quantity.PATIENCE))
        if kind.gives_up_at_once:
            columns["leaves_at_once"] = self.chance(Quantity.AT_ONCE, kind.gives_up_at_once)
        if self.source.trace and (told := ~np.isnan(self.source.trace.patience_s)).any():
            patience_ms = _whole_ms(np.where(told, self.source.trace.patience_s, 0.0))
            columns["patience_ms"] = np.where(told, patience_ms, columns.get("patience_ms", FOREVER)).astype(np.int32)
            columns["leaves_at_once"] = columns.get("leaves_at_once", np.False_) & ~told
        return columns

    @cached_property
    def difficulty(self) -> Floats:
        """Z of each contact, standard normal."""
        return self.dice(Quantity.DIFFICULTY).standard_normal(len(self.arrival_ms))

    def seconds(self, family: Distribution, quantity: Quantity) -> Numbers:
        """Draws of one quantity; what never varies is one number and costs nothing."""
        if isinstance(family, Deterministic):
            return family.value
        return family.sample(self.dice(quantity), len(self.arrival_ms))

    def chance(self, quantity: Quantity, share: Numbers) -> npt.NDArray[np.bool_]:
        """Whether each contact belongs to a share."""
        return self.dice(quantity).random(len(self.arrival_ms)) < share

    def now(self, path: Floats) -> Numbers:
        """The value of a path by minute at each arrival, or its only value."""
        return path[self.arrival_ms // MINUTE_MS] if len(path) > 1 else float(path[0])


def _whole_ms(seconds: Numbers) -> npt.NDArray[np.int32]:
    """Whole milliseconds, half up; what is positive stays at least 1."""
    exact = np.multiply(seconds, 1000.0, out=np.empty(np.shape(seconds)))
    exact += 0.5
    np.minimum(exact, LONGEST_MS, out=exact)
    ms = exact.astype(np.int32)
    return ms if ms.all() else np.maximum(ms, np.asarray(seconds) > 0)


# -------------------------------------------------------------------------------------------------- all types together


_COLUMNS: dict[str, npt.DTypeLike] = {
    "type": np.int16,
    "arrival_ms": np.int64,
    "fate": np.uint8,
    "bot_ms": np.int32,
    "hand_off_ms": np.int32,
    "patience_ms": np.int32,
    "leaves_at_once": np.bool_,
    "talk_ms": np.int32,
    "after_ms": np.int32,
}
_DEFAULTS = {"patience_ms": FOREVER}


def _merged(drawn: list[Columns], types: tuple[str, ...], seed: int, replication: int) -> Demand:
    """All contacts in order; a column that a type lacks keeps its default there, 0 unless said otherwise."""
    for index, of_type in enumerate(drawn):
        of_type["type"] = np.array(index)
    edges = np.cumsum([0, *(len(of_type["arrival_ms"]) for of_type in drawn)]).tolist()
    merged, room = columns(edges[-1], **_COLUMNS), np.empty(edges[-1], dtype=np.int64)

    def side_by_side(name: str) -> npt.NDArray[Any]:
        """A column's parts, type by type."""
        parts = room.view(_COLUMNS[name])[: len(room)]
        for of_type, start, end in zip(drawn, edges, edges[1:], strict=False):
            parts[start:end] = of_type.get(name, _DEFAULTS.get(name, 0))
        return parts

    order = np.argsort(side_by_side("arrival_ms"), kind="stable")
    for name, column in merged.items():
        if any(name in of_type for of_type in drawn):
            np.take(side_by_side(name), order, out=column, mode="clip")
        else:
            column.fill(_DEFAULTS.get(name, 0))
    return Demand(types=types, seed=seed, replication=replication, pools=None, **merged)
