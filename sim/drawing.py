"""What the contacts of one type bring, quantity by quantity, each from a stream of its own.

The n-th draw of a quantity belongs to the type's n-th contact, so that scenarios share customers as far as they agree.
`sim.demand` puts the types together.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property, partial
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.arrivals import MINUTE_MS, Pieces, Trace, draw, pieces, trace, traffic
from sim.clock import Horizon
from sim.distributions import ByTime, Deterministic, Distribution
from sim.remembered import remembered
from sim.scenario import BotJourney, ContactType, Message, Scenario
from sim.streams import Quantity, name_key
from sim.workload import containment, giving_up, normal_quantile, talk_base

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Numbers = Floats | float
Columns = dict[str, npt.NDArray[Any]]
Dice = Callable[[int], np.random.Generator]

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


# --------------------------------------------------------------------------------------------- what a type is made of


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """A contact type made ready for drawing; paths by minute have a single entry where they never change.

    A contact that the bot could keep is contained if its failure is at most `keeps_below`; of the others a share
    `gives_up`.
    """

    name: str
    key: int
    kind: ContactType
    horizon: Horizon
    pieces: Pieces
    trace: Trace | None
    bot_share: Floats
    keeps_below: Floats
    gives_up: Floats
    talk_factor: Floats
    talk_base: float

    @cached_property
    def events_lengthen_talk(self) -> bool:
        """Whether talk depends on when a contact arrives."""
        return bool((self.talk_factor != 1).any())

    @cached_property
    def meets_bot(self) -> bool:
        """Whether any of its contacts does."""
        return bool(self.bot_share.any())


@remembered
def sources(scenario: Scenario) -> list[Source]:
    """All contact types of a scenario, in its order."""
    found = []
    for (name, kind), flow in zip(scenario.contact_types.items(), traffic(scenario), strict=True):
        kept = containment(kind.bot, scenario.horizon) if kind.bot else np.zeros(1)
        source = Source(
            name=name,
            key=name_key(name),
            kind=kind,
            horizon=scenario.horizon,
            pieces=pieces(flow, scenario.horizon),
            trace=trace(scenario).get(name),
            bot_share=_path(flow.bot_share),
            keeps_below=_each(normal_quantile, kept),
            gives_up=_each(partial(giving_up, kind.bot), kept) if kind.bot else kept,
            talk_factor=_path(flow.talk_factor),
            talk_base=talk_base(kind),
        )
        found.append(source)
    return found


def _path(by_minute: Floats) -> Floats:
    return by_minute[:1] if (by_minute == by_minute[0]).all() else by_minute


def _each(figure: Callable[..., float], path: Floats) -> Floats:
    """A figure of each value of a path, made once for equal ones."""
    values, where = np.unique(path, return_inverse=True)
    return np.array([figure(value) for value in values.tolist()])[where]


def arrivals(source: Source, expected: Floats, dice: Dice) -> Integers:
    """When its contacts come, in whole milliseconds, with so many `expected` [piece] in this replication."""
    if source.trace:
        return source.trace.arrival_ms
    law = source.kind.arrivals.law if source.kind.arrivals else "poisson"
    return draw(source.pieces, law, expected, dice(Quantity.ARRIVAL))


# ------------------------------------------------------------------------------------------- what its contacts bring

_NO_BOT, _HANDED_OFF = np.uint8(BotFate.NO_BOT), np.uint8(BotFate.HANDED_OFF)


@dataclass(frozen=True, kw_only=True, eq=False)
class Contacts:
    """Contacts of one type, by arrival; before 0: carried in, and past the bot."""

    source: Source
    dice: Dice
    arrival_ms: Integers

    def columns(self) -> Columns:
        """A column for each thing that is not as by default (see `sim.demand`)."""
        kind = self.source.kind
        journey = self.journey(kind.bot) if kind.bot and self.source.meets_bot else {}
        talk: Columns = {"arrival_ms": self.arrival_ms, "talk_ms": self.talk(journey.get("fate"))}
        return talk | journey | self.patience() | self.work()

    # ------------------------------------------------------------------------------------------------------ the bot

    def journey(self, bot: BotJourney) -> Columns:
        """Who meets the bot, for how long (a millisecond at least), and what it makes of them."""
        contained = self.failure() <= self.now(self.source.keeps_below)
        ending = self.dice(Quantity.BOT_ENDING).random(len(self.arrival_ms))
        ends = (ending < bot.resolved) & contained | (ending < self.now(self.source.gives_up)) & ~contained
        fate = _HANDED_OFF - 2 * contained.view(np.uint8) - ends.view(np.uint8)  # down from handed off, as BotFate goes
        if bot.passed_over:
            fate[self.is_passed_over(bot)] = _HANDED_OFF
        share = self.now(self.source.bot_share)
        if isinstance(share, np.ndarray) or share < 1:
            fate *= self.chance(Quantity.BOT_ENTRY, share)
        bot_ms = np.maximum(whole_ms(self.session(bot)), 1)
        columns = {"fate": fate, "bot_ms": bot_ms * (fate != _NO_BOT)}
        if bot.hand_off.delay:
            delay_ms = whole_ms(self.seconds(bot.hand_off.delay, Quantity.HAND_OFF))
            columns["hand_off_ms"] = delay_ms * (fate == _HANDED_OFF)
        return columns

    def failure(self) -> Floats:
        """W = aZ + sqrt(1 - a^2) E, standard normal: a contact is contained if W is at most a quantile.

        So the stated containment is exact, and on the same customers a better bot contains all that a worse one did.
        """
        luck, a = self.dice(Quantity.BOT_FAILURE).standard_normal(len(self.arrival_ms)), self.source.kind.difficulty.bot
        return a * self.difficulty + math.sqrt(1 - a**2) * luck if a else luck

    def is_passed_over(self, bot: BotJourney) -> npt.NDArray[np.bool_]:
        """Whom a trigger strikes, or whom the bot never understands."""
        return (self.trigger < len(bot.triggers)) | (self.misunderstandings >= bot.max_attempts)

    @cached_property
    def trigger(self) -> Integers:
        """The trigger that strikes each contact, by its place in the file; their number: none."""
        bot = self.source.kind.bot
        if bot is None or not bot.triggers:
            return np.zeros(len(self.arrival_ms), dtype=np.int64)
        edges = np.cumsum([trigger.share for trigger in bot.triggers.values()])
        return np.searchsorted(edges, self.dice(Quantity.TRIGGER).random(len(self.arrival_ms)), side="right")

    @cached_property
    def misunderstandings(self) -> Integers:
        """Failures of the bot to understand each contact, one after another, at most `max_attempts`."""
        bot = self.source.kind.bot
        if bot is None or bot.recognition == 1:
            return np.zeros(len(self.arrival_ms), dtype=np.int64)
        luck = 1 - self.dice(Quantity.MISUNDERSTOOD).random(len(self.arrival_ms))
        failures = np.log(luck) / math.log(1 - bot.recognition)
        return np.minimum(failures, bot.max_attempts).astype(np.int64)

    def session(self, bot: BotJourney) -> Any:
        """Seconds in the bot."""
        if bot.duration is not None:
            seconds = self.seconds(bot.duration, Quantity.BOT_TIME)
        else:
            others = self.dice(Quantity.TURNS).poisson((bot.turns or 1) - 1, len(self.arrival_ms))
            seconds = self.turns(bot, 1 + others, Quantity.BOT_TIME)
        if bot.recognition < 1:
            seconds = seconds + self.turns(bot, self.misunderstandings, Quantity.TURN_TIME)
        if bot.triggers:
            part = np.array([*(trigger.time for trigger in bot.triggers.values()), 1.0])
            seconds = seconds * part[self.trigger]
        return seconds

    def turns(self, bot: BotJourney, number: Integers, quantity: Quantity) -> Any:
        """Seconds in so many turns of each contact."""
        assert bot.turn is not None, "held by the model"
        if isinstance(bot.turn, Deterministic):
            return bot.turn.value * number
        lengths = np.append(0, np.cumsum(bot.turn.sample(self.dice(quantity), number.sum())))
        return np.diff(lengths[np.append(0, np.cumsum(number))])

    # ------------------------------------------------------------------------------------------- talk and patience

    def talk(self, fate: npt.NDArray[np.uint8] | None) -> npt.NDArray[np.int32]:
        """Talk times difficulty, events and what the hand-off adds; one that the trace gives is all there is to it."""
        source, kind = self.source, self.source.kind
        seconds, b = self.seconds(kind.talk, Quantity.TALK), kind.difficulty.talk
        if b:
            seconds = seconds * np.exp(b * self.difficulty + (math.log(source.talk_base) - b**2 / 2))
        if source.events_lengthen_talk:
            seconds = seconds * self.now(source.talk_factor)
        if kind.bot and fate is not None:
            seconds = self.handed_over(kind.bot, seconds, fate == _HANDED_OFF)
        if source.trace:
            seconds = np.where(np.isnan(source.trace.talk_s), seconds, source.trace.talk_s)
        return whole_ms(seconds)

    def handed_over(self, bot: BotJourney, seconds: Numbers, handed: npt.NDArray[np.bool_]) -> Numbers:
        """Talk longer or shorter by what is told again, what the bot asked already, and what triggered it."""
        if bot.hand_off.talk_factor != 1:
            seconds = seconds * np.where(handed, bot.hand_off.talk_factor, 1.0)
        if any(trigger.talk_factor != 1 for trigger in bot.triggers.values()):
            factor = np.array([*(trigger.talk_factor for trigger in bot.triggers.values()), 1.0])
            seconds = seconds * np.where(handed, factor[self.trigger], 1.0)
        if bot.hand_off.talk_added:
            seconds = np.maximum(seconds + np.where(handed, bot.hand_off.talk_added, 0.0), 0.0)
        return seconds

    def patience(self) -> Columns:
        """How long they would wait, and who would not at all; a patience that the trace gives is all there is to it."""
        kind, columns = self.source.kind, Columns()
        if kind.patience:
            seconds = self.seconds(kind.patience, Quantity.PATIENCE)
            columns["patience_ms"] = whole_ms(self.told(kind.messages, seconds) if kind.messages else seconds)
        if kind.gives_up_at_once:
            columns["leaves_at_once"] = self.chance(Quantity.AT_ONCE, kind.gives_up_at_once)
        if self.source.trace and (told := ~np.isnan(self.source.trace.patience_s)).any():
            patience_ms = whole_ms(np.where(told, self.source.trace.patience_s, 0.0))
            columns["patience_ms"] = np.where(told, patience_ms, columns.get("patience_ms", FOREVER)).astype(np.int32)
            columns["leaves_at_once"] = columns.get("leaves_at_once", np.False_) & ~told
        return columns

    def work(self) -> Columns:
        """What is left to do after the contact."""
        law = self.source.kind.after_contact_work
        return {"after_ms": whole_ms(self.seconds(law, Quantity.AFTER_CONTACT_WORK))} if law else {}

    def told(self, messages: tuple[Message, ...], patience: Numbers) -> Floats:
        """Patience of those who hear messages while they wait: some leave then, others stay longer."""
        luck = self.dice(Quantity.MESSAGE).random((len(self.arrival_ms), len(messages)))
        seconds = np.broadcast_to(patience, len(self.arrival_ms))
        for i, message in enumerate(sorted(messages, key=lambda message: message.after)):
            stays = message.after + (seconds - message.after) * message.patience_factor
            heard = np.where(luck[:, i] < message.leave, message.after, stays)
            seconds = np.where(seconds > message.after, heard, seconds)
        return seconds

    # ---------------------------------------------------------------------------------------------------------- draws

    @cached_property
    def difficulty(self) -> Floats:
        """Z of each contact, standard normal."""
        return self.dice(Quantity.DIFFICULTY).standard_normal(len(self.arrival_ms))

    def seconds(self, family: Distribution, quantity: Quantity) -> Numbers:
        """Draws of one quantity; what never varies is one number and costs nothing."""
        if isinstance(family, Deterministic):
            return family.value
        if isinstance(family, ByTime):
            law = self.now(family.law_at(self.source.horizon.wall_minutes))
            drawn = np.stack([one.sample(self.dice(quantity), len(self.arrival_ms)) for one in family.laws])
            return np.asarray(drawn[np.asarray(law, dtype=np.int64), np.arange(len(self.arrival_ms))])
        return family.sample(self.dice(quantity), len(self.arrival_ms))

    def chance(self, quantity: Quantity, share: Numbers) -> npt.NDArray[np.bool_]:
        """Whether each contact belongs to a share."""
        return self.dice(quantity).random(len(self.arrival_ms)) < share

    def now(self, path: Floats | Integers) -> Any:
        """The value of a path by minute at each arrival (before 0: at 0), or its only value."""
        return path[self.minute] if len(path) > 1 else path[0].item()

    @cached_property
    def minute(self) -> Integers:
        """Of the horizon, in which each contact arrives; 0 for those carried in."""
        return np.maximum(self.arrival_ms, 0) // MINUTE_MS


def whole_ms(seconds: Numbers) -> npt.NDArray[np.int32]:
    """Whole milliseconds, half up; what is positive stays at least 1."""
    exact = np.asarray(seconds * 1000.0)
    exact += 0.5
    np.minimum(exact, LONGEST_MS, out=exact)
    ms = exact.astype(np.int32)
    return ms if ms.all() else np.maximum(ms, np.asarray(seconds) > 0)
