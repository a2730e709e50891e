"""What the full kernel works on: records of types, groups, agents and the like, and columns of contacts.

Everything that is read again is records, a contact's too: on a large desk each of its columns would be a cache line of
its own. What is only written goes straight into the columns of the outcome. A contact's number is its id; follow-ups
get the next one.
"""

from typing import Any, NamedTuple

import numpy as np

from sim.demand import BotFate
from sim.mechanisms import Ending
from sim.outcome import Status

# where a contact is
COMES, CARRIED, HANDED, ASKS, MEETS_BOT, AWAITS_BOT, WAITS, UNNOTICED, IN_HAND, PUT_ASIDE, DONE = range(11)
"""On its way · carried in · handed off by the bot · on its way to ask, whatever else settled · in the bot · before a
full bot · in a queue · gone in silence but in a queue · with an agent · put aside by its agent · ended or settled."""

# what else is to be known of it, as bits
BOOSTED, HAS_LINE, CALLBACK, BEGUN, RECALLED = 1, 2, 4, 8, 16

UNDECIDED = 255  # a status until there is one
AWAY, PRESENT, LEAVING = range(3)  # an agent
DETECTION, RINGING, TALK, AFTER, WHOLE = range(5)  # stages of a job; WHOLE is interruptible work
UNRESOLVED, WAITING = len(Status), len(Status) + 1  # endings besides each status, as bits of `listens`
ENDINGS = {**{int(s): int(s) for s in Status}, int(Ending.UNRESOLVED): UNRESOLVED, int(Ending.WAITING): WAITING}
NEVER_PAIR = 32767
MAIL = 1 << 40  # in a mask of rings: of those with interruptible work
HIGHEST = 39  # rings of more slots used than this share a bit of the mask
BITS = 62  # of a mask of types; beyond so many types some share one
NO_BOT, HANDED_OFF, CLOSED = int(BotFate.NO_BOT), int(BotFate.HANDED_OFF), int(Status.CLOSED)
BOT_STATUS = np.full(len(BotFate), UNDECIDED, dtype=np.int64)
BOT_STATUS[BotFate.RESOLVED] = Status.RESOLVED_IN_BOT
BOT_STATUS[BotFate.CONTAINED] = Status.CONTAINED_UNRESOLVED
BOT_STATUS[BotFate.GIVES_UP] = Status.GAVE_UP_IN_BOT

# places in the state vector, which survives a return to the driver
(
    NEXT_ASK, NEXT_CHANGE, HEAP_SIZE, SPELLS, LAST, IN_QUEUE, BEFORE_BOT, CONTACTS, UNSETTLED, HOME, COMING,
    COMING_GROUP, NOW, SEATED, EVENTS, RUNNING, OUTLASTS,
) = range(17)  # fmt: skip



def record(fields: list[tuple[str, str]]) -> Any:
    """A record whose fields read alike with and without the compiler."""
    return np.dtype((np.record, fields))


# Numbers of places in arrays are unsigned where they can be: Numba then need not ask whether they count from the end.
CONTACT = record(
    [("since", "i8"), ("next", "u4"), ("previous", "u4"), ("queued", "i8"), ("key", "u8")]
    + [(name, "i4") for name in ("patience", "talk", "after", "bot", "hand_off", "agent")]
    + [("type", "u2")]
    + [(name, "u1") for name in ("place", "marks", "status", "fate", "at_once", "pad")]
)
"""A contact in one line of a cache, at contact + the number of queues: what it brings, where it is, its place there.

The queues' own places come first, each at once before the first and behind the last of its ring: of each type the
boosted and the other lane, then of each bot who waits for it.
"""
KIND = record(
    [(name, "i8") for name in (
        "last_wait", "handle", "offer_at", "accept", "promise", "ring", "answer", "detection", "bit", "frees", "due",
    )]
    + [(name, "u4") for name in (
        "first_taker", "last_taker", "first_timer", "last_timer", "first_window", "last_window", "first_rule",
        "last_rule", "first_step", "last_step",
    )]
    + [(name, "i4") for name in ("waiting", "line", "place", "bot", "channel", "listens")]
    + [(name, "u1") for name in (
        "deferred", "interruptible", "silent", "always_open", "awaits_bot", "predictor", "pad", "pad2",
    )]
)  # fmt: skip
"""A contact type: what it may do, its slices of other tables, contacts waiting, what the last one taken had waited.

`listens` has a bit for each ending that one of its rules follows. `bit` stands for the type in masks, `frees` are the
types that may find an agent when none of this one waits any more, at `due` a delay of who waits first runs out.
"""
GROUP = record(
    [(name, "i8") for name in (
        "per_hour", "most", "recovery", "switch", "levels", "idle_stirs", "part_stirs", "mail_stirs",
    )]
    + [(name, "u4") for name in ("ring", "first_skill", "last_skill")]
    + [(name, "i4") for name in ("capacity", "idle", "present", "excess", "lowest_away", "final_heads", "holds")]
)  # fmt: skip
"""An agent group; `ring + u` is the place, behind all agents, of the ring of those with u slots used, `ring +
capacity` of those with interruptible work; `levels` has a bit for each ring that somebody stands in (`level`).

The three that end in `stirs` are bits of the types whose first contact may find an agent when one comes to the ring of
the idle, to one of those with some slots used, to that of those with interruptible work.
"""
PAIR = record(
    [(name, "i8") for name in ("agent_a", "agent_b", "contact_a", "contact_b", "resolves")]
    + [(name, "i4") for name in ("delay", "permille", "need", "reserve", "rank")]
    + [("direct", "u1"), ("heard", "u1"), ("all_slots", "u1"), ("plain", "u1")]
)
"""A type and a group, at type * groups + group.

`direct`: it takes all of an agent, so that one event ends all work, unless the end of the talk is `heard` and something
comes after it; `plain`: and no more than the pair's own factor bears on it. `all_slots`: of a live type that takes
every slot.
"""
CHOICE = record(
    [("levels", "i8")]
    + [(name, "u4") for name in ("other", "pair", "ring")]
    + [(name, "i4") for name in ("rank", "delay", "reserve", "need", "pad")]
)
"""A type that a group may take, or the other way round, with some of what their pair says.

Of a group that may take a type: `ring`, as there, and `levels`, the bits of the rings from which it takes.
"""
TIMER = record([("after", "i8"), ("overflows", "i4"), ("asks", "i4")])
"""So long after asking a contact looks, asks elsewhere as well, or both."""
STEP = record([("at", "i8"), ("word", "i8")])
RULE = record(
    [("after", "i8"), ("word", "i8"), ("duplicate", "i8"), ("to", "i4"), ("at_most", "i4"), ("on", "i4")]
    + [(name, "u1") for name in ("keeps_patience", "keeps_talk", "boost", "siblings")]
)
DRAW = record(
    [(name, "i4") for name in ("bot", "hand_off", "patience", "talk", "after")]
    + [("fate", "u1"), ("at_once", "u1"), ("pad", "u2")]
)
BOT = record([("capacity", "i8"), ("sessions", "i8")])
POOL = record([("most", "i4"), ("used", "i4")])
TALE = record(
    [("arrival", "i8"), ("root", "i4"), ("parent", "i4"), ("depth", "i4"), ("cause", "i2"), ("pad", "i2")]
)  # fmt: skip
"""What a follow-up has besides what all contacts have."""
CIRCLE = record([("duplicate", "i8"), ("founder", "i4"), ("next", "i4"), ("last", "i4"), ("shared", "u1"),
                 ("served", "u1"), ("pad", "u2")])  # fmt: skip
"""Copies of one contact, a chain from the founder, whose record holds for all."""
AGENT = record(
    [("since", "i8"), ("paced", "i8")]
    + [(name, "u4") for name in ("spell", "next", "previous", "jobs", "number", "used")]
    + [(name, "i4") for name in ("plan", "aside", "ring")]
    + [("group", "u2"), ("state", "u1"), ("held", "u1"), ("direct", "u1"), ("interruptible", "u1"), ("pad", "u2")]
    + [("soonest", "u4")]
)
"""An agent; `jobs` is the first of their places for work, `number` that of contacts in hand, brought up to date at
`paced`; `aside` a contact put aside, `ring` where they stand (-1: nowhere), `soonest` whose stage ends next."""
PERSON = record(
    [(name, "i8") for name in ("busy", "tired", "turned", "begun", "units", "pad2")]
    + [(name, "i4") for name in ("factor", "channel", "permille", "pad")]
)
"""What is seldom needed of an agent: time with work in hand up to `turned`, fatigue, speed; work put aside."""
JOB = record(
    [(name, "i8") for name in ("units", "ms", "after")]
    + [(name, "u4") for name in ("contact", "factor", "stage", "pad")]
)
"""A contact in hand: its stage of `ms`, of which `units` (ms * 1000) are left, and the after-contact work to come."""
SPELL = record([("on", "i8"), ("off", "i8"), ("left", "i8"), ("agent", "i4"), ("group", "i2"), ("pad", "i2")])


class Desk(NamedTuple):
    """All arrays of one run; see `full_before`."""

    asks: Any  # int64: packed (time, kind, contact) of those who come or ask, ascending
    contacts: Any  # CONTACT [contact + queues]
    answered: Any  # int64 [contact], as all up to `tales`
    ended: Any
    released: Any
    resolved: Any  # bool
    work: Any  # int64, or empty where it is released - answered
    predicted: Any  # int64, or empty
    left: Any  # int64, or empty: units of work handed back, at ordinary speed
    circles: Any  # CIRCLE, or empty
    tales: Any  # TALE [follow-up], or empty
    kinds: Any  # KIND [type]
    groups: Any  # GROUP [group]
    pairs: Any  # PAIR [type * groups + group]
    skills: Any  # CHOICE: what a group may take, best rank first
    takers: Any  # CHOICE: who may take a type, best rank first
    rates: Any  # int64 [group * width + contacts in hand]
    timers: Any  # TIMER: of each type, ascending
    windows: Any  # int64 [2 * window]: opens, closes
    steps: Any  # STEP: of balking
    rules: Any  # RULE
    draws: Any  # DRAW [type * rows + row]
    delays: Any  # int32 [rule * rows + row]
    bots: Any  # BOT
    lines: Any  # POOL
    places: Any  # POOL
    agents: Any  # AGENT, and behind them the rings in which they stand
    persons: Any  # PERSON [agent]
    jobs: Any  # JOB
    ends: Any  # int64: tournament of the ends of work
    spells: Any  # SPELL
    change_key: Any
    change_value: Any
    plan_on: Any
    plan_off: Any
    plan_keeps: Any
    plan_agent: Any
    demanded: int  # contacts of the demand
    horizon_ms: int  # of follow-ups
    home_ms: int  # by level: the end of the levels
    by_person: bool
    simple: bool  # nothing but ranks, delays and longest idle decides who meets whom
    agent_choice: int
    contact_choice: int
    last_agent: bool
    individual: bool  # people have factors of their own, or tire
    turns: bool  # whether time with and without work is to be counted
    rechecks: bool  # whether those who wait look after every event
    interrupts: bool  # whether there is interruptible work
    told: bool  # whether ends of work are looked at, and not only seen by their agents
