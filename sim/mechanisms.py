"""What a desk may do beyond bot, queue and talk, as tables that both engines read; a table is None where it is off.

Shapes: k is a contact type, g an agent group. Durations in whole milliseconds. A *word* is a chance in units of 2^-32,
from 0 (never) to 2^32 (always): a decision is taken when the high half of its 64-bit mix lies below the word.
"""

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]
Shorts = npt.NDArray[np.int16]
Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]

NOT_EVER: int = 2**63 - 1
"""A limit that nothing reaches."""
ALWAYS: int = 2**32
"""The word of certainty."""


def word(share: float) -> int:
    """The word of a probability."""
    return min(ALWAYS, max(0, round(share * ALWAYS)))


class Predictor(IntEnum):
    """How the wait of one who asks is foretold (Ibrahim & Whitt 2009)."""

    NONE = 0
    HEAD_OF_LINE = 1
    """What the first in the queue of its type has waited by now; 0 if nobody waits."""
    LAST_TO_ENTER = 2
    """What the last contact of its type that an agent took from the queue or at once had waited; 0 before any."""
    MODEL = 3
    """(contacts of the type waiting + 1) times `handle_ms`, over the agents at the desk who may (at least 1)."""
    QUEUE_LENGTH = 4
    """No time: the contacts of its type that wait."""


class AgentChoice(IntEnum):
    """How a contact chooses among the agents of the best rank who are free for it; ties as by LONGEST_IDLE."""

    LONGEST_IDLE = 0
    """Fewest slots used, then longest since becoming idle or, with work in hand, since last taking any; then index."""
    SCORE = 1
    """Highest agent_a[k, g] + agent_b[k, g] * idle time (0 with work in hand)."""
    LEAST_BUSY = 2
    """Least time with work in hand so far."""
    FASTEST = 3
    """Lowest factor for the type: skill times person."""
    UNIFORM = 4
    """By the contact's key: place (high half of the mix * number) >> 32 among the free of the best rank by index."""


class ContactChoice(IntEnum):
    """How an agent chooses among the first contacts of queues of the best rank; ties by longest wait, then id."""

    LONGEST_WAIT = 0
    SCORE = 1
    """Highest contact_a[k, g] + contact_b[k, g] * wait."""
    LONGEST_QUEUE = 2
    """Most contacts waiting."""
    QUEUE_RATIO = 3
    """Highest 1000 * waiting of the type - ratio[k] * waiting of all types."""


class Ending(IntEnum):
    """Besides each Status, what a follow-up may follow."""

    UNRESOLVED = 100
    """Talk ended (answered or called back) and the matter is not resolved."""
    WAITING = 101
    """The contact still waits, so long after it asked."""


class Siblings(IntEnum):
    """What becomes of a contact that still waits and of its copy elsewhere."""

    NONE = 0
    SHARED = 1
    """When an agent answers one of them the others are withdrawn."""
    SEPARATE = 2
    """The others are answered too, each for `duplicate_ms` instead of talk and after-contact work."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Slots:
    """Several contacts at once.

    `capacity[g]` slots; a contact takes `need[k, g]` of them (all: the capacity). With n contacts in hand each is
    worked on at `rate[g, n]` thousandths of full speed; rate[g, 1] is 1000, and rates do not rise with n; the table has
    max(capacity) + 1 columns. Where the group `holds[g]`, one with work in hand takes nothing while a contact that
    needs all slots, and that the group may take, waits.
    """

    capacity: Ints
    need: Ints
    rate: Ints
    holds: Bools


@dataclass(frozen=True, kw_only=True, eq=False)
class Deferral:
    """Work that can wait, shape [k]: it comes in and stays also while closed, and has no patience.

    `interruptible` work (a part of the deferred) takes all slots, talk and after-contact work in one; a live contact
    that finds nobody free takes an agent from it.
    """

    deferred: Bools
    interruptible: Bools


@dataclass(frozen=True, kw_only=True, eq=False)
class Lines:
    """Trunks and waiting places in pools: `line_of[k]`, `place_of[k]` (-1: no limit) into `lines`, `places`."""

    line_of: Ints
    lines: Ints
    place_of: Ints
    places: Ints


@dataclass(frozen=True, kw_only=True, eq=False)
class Offers:
    """What one who has to wait is told and offered, shape [k] (steps: [k, step], ascending, padded with NOT_EVER).

    Balks by `balk_word` of the last step whose `balk_at` the predicted value reaches; else, from `offer_at` on
    (NOT_EVER: never), accepts a call-back by `accept_word`, promised `promise_ms` after asking. Ringing takes
    `ring_ms`; it is answered by `answer_word`.
    """

    predictor: Bytes
    handle_ms: Longs
    balk_at: Longs
    balk_word: Longs
    offer_at: Longs
    accept_word: Longs
    promise_ms: Longs
    ring_ms: Longs
    answer_word: Longs


@dataclass(frozen=True, kw_only=True, eq=False)
class Silence:
    """Types whose customers leave without a sign, [k]; an agent needs `detection_ms` to find out."""

    silent: Bools
    detection_ms: Longs


@dataclass(frozen=True, kw_only=True, eq=False)
class FollowUps:
    """Rules, those of type k being first[k] … first[k + 1] - 1 in file order; all others of shape [rule].

    `on` is a Status or an Ending; `after_ms` for WAITING; `word` its chance; `to` the type; it makes nothing of
    a contact that already is the `at_most`-th follow-up in its chain. The new contact keeps the parent's patience or
    talk (and after-contact work) or draws its own from the pools; `boost` puts it before others of its rank.
    """

    first: Ints
    on: Bytes
    after_ms: Longs
    word: Longs
    to: Shorts
    at_most: Ints
    keeps_patience: Bools
    keeps_talk: Bools
    boost: Bools
    siblings: Bytes
    duplicate_ms: Longs


@dataclass(frozen=True, kw_only=True, eq=False)
class BotLimits:
    """Bots that can be full or out of order: `bot_of[k]` (-1: no limit), `waits[k]` (else straight to a person).

    `capacity[c]` of `bot[c]` from the instant `change_ms[c]` on, by (instant, bot); before its first change a bot
    has no limit.
    """

    bot_of: Ints
    waits: Bools
    bot: Ints
    change_ms: Longs
    capacity: Ints


@dataclass(frozen=True, kw_only=True, eq=False)
class Strain:
    """What changes an agent's speed in the course of a spell, [g].

    Fatigue: an agent tires 1 ms for each millisecond with work in hand and recovers `recovery` ms for each without,
    never below 0; work then takes min(`most`, tired * `per_hour` // 3,600,000) thousandths longer. A contact on another
    channel (`channel_of[k]`) than the agent's last one costs `switch_ms` more talk.
    """

    per_hour: Longs
    most: Longs
    recovery: Longs
    switch_ms: Longs
    channel_of: Ints


@dataclass(frozen=True, kw_only=True, eq=False)
class Mechanisms:
    """All of them; `resolved_word[k, g]` is the chance that a talk resolves the matter (None: always)."""

    slots: Slots | None = None
    deferral: Deferral | None = None
    lines: Lines | None = None
    offers: Offers | None = None
    silence: Silence | None = None
    follow_ups: FollowUps | None = None
    bot_limits: BotLimits | None = None
    strain: Strain | None = None
    resolved_word: Longs | None = None

    @cached_property
    def any(self) -> bool:
        """Whether there is anything at all."""
        return any(value is not None for value in vars(self).values())
