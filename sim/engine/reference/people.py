"""Contacts and agents as objects, and what an agent has in hand."""

from dataclasses import dataclass
from enum import Enum, auto

import simpy

from sim.outcome import NEVER


class Contact:
    """One contact: what it brings, what became of it, and where it stands.

    The first block is as in Demand, the second as in the outcome table. `waits`: it stands in a queue; `has_line`: it
    holds a line; `is_callback`: it is to be rung; `recalled`: it is to be withdrawn when it asks; `circle`: the copies
    of which it is one; `left`: units of interruptible work that were handed back, at an agent's ordinary speed.
    """

    __slots__ = (
        "after_ms",
        "agent",
        "answered",
        "arrival",
        "boosted",
        "bot_ms",
        "cause",
        "circle",
        "depth",
        "due_delay",
        "ended",
        "fate",
        "hand_off_ms",
        "has_line",
        "i",
        "is_callback",
        "k",
        "key",
        "leaves_at_once",
        "left",
        "parent",
        "patience_ms",
        "predicted",
        "promised",
        "queued",
        "recalled",
        "released",
        "resolved",
        "root",
        "status",
        "talk_ms",
        "waits",
        "waits_for_bot",
        "work",
    )  # fmt: skip

    fate: int
    bot_ms: int
    hand_off_ms: int
    patience_ms: int
    leaves_at_once: bool
    talk_ms: int
    after_ms: int

    def __init__(self, i: int, k: int, key: int, arrival: int) -> None:
        self.i, self.k, self.key, self.arrival = i, k, key, arrival
        self.root, self.parent, self.cause, self.depth = i, -1, 0, 0
        self.status: int = -1
        self.queued = self.answered = self.ended = self.released = self.predicted = NEVER
        self.work, self.agent, self.resolved = 0, -1, False
        self.waits = self.waits_for_bot = self.has_line = self.is_callback = self.recalled = self.boosted = False
        self.promised = NEVER
        self.due_delay = NEVER
        self.circle: Circle | None = None
        self.left: int | None = None


class Circle:
    """A contact that waited and its copies elsewhere; `served`: an agent has answered one of them."""

    __slots__ = ("duplicate_ms", "members", "served", "shared")

    def __init__(self, shared: bool, duplicate_ms: int) -> None:
        self.shared, self.duplicate_ms = shared, duplicate_ms
        self.members: list[Contact] = []
        self.served = False


class Stage(Enum):
    """What an agent does with a contact."""

    DETECTION = auto()
    RINGING = auto()
    TALK = auto()
    AFTER = auto()
    WHOLE = auto()
    """Interruptible work, all in one."""


@dataclass(slots=True, eq=False)
class Job:
    """A contact in an agent's hands: the present stage of `ms`, of which `left` units (ms / 1000 at full speed) remain.

    It ends at `due` if nothing changes; `factor` in thousandths is the agent's for this contact, `begun` the instant
    at which the agent last turned to it.
    """

    contact: Contact
    stage: Stage
    ms: int
    left: int
    factor: int
    begun: int
    after_ms: int = 0
    due: int = NEVER


class Agent:
    """One agent: at the desk or not, leaving or not, what is in hand and what is suspended.

    `since`: idle since, or last took or resumed something; `seat`: place among those with free slots; `paced`: instant
    up to which the work in hand is counted.
    """

    __slots__ = (
        "busy_ms", "channel", "gone", "group", "index", "jobs", "leaving", "paced", "permille", "present", "seat",
        "since", "spell", "suspended", "tired", "turned", "used",
    )  # fmt: skip

    def __init__(self, index: int, group: int, gone: simpy.Event, permille: int = 1000) -> None:
        self.index, self.group, self.gone, self.permille = index, group, gone, permille
        self.present = self.leaving = False
        self.jobs: list[Job] = []
        self.suspended: Job | None = None
        self.used = self.busy_ms = self.tired = self.turned = self.paced = 0
        self.since = NEVER
        self.spell = self.channel = -1
        self.seat: tuple[int, int, int, Agent] | None = None

    @property
    def is_idle(self) -> bool:
        """At the desk with nothing in hand and nothing suspended."""
        return self.seat is not None and not self.jobs

    @property
    def is_interruptible(self) -> bool:
        """At work that a live contact may interrupt."""
        return bool(self.jobs) and self.jobs[0].stage is Stage.WHOLE and not self.leaving

    def turn(self, now: int, recovery: int) -> None:
        """Count the time since the last turn between work and rest: work tires, rest refreshes."""
        elapsed = now - self.turned
        self.turned = now
        if self.jobs:
            self.busy_ms += elapsed
            self.tired += elapsed
        else:
            self.tired = max(0, self.tired - recovery * elapsed)
