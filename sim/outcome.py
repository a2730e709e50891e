"""What an engine writes: one row per contact, one row per agent spell; times only, no figures.

Metrics, reports and tests read this table whether it comes from the reference engine, the compiled engine or real
history. Instants are int64 milliseconds from the start of the horizon; what never happened is `NEVER`.
"""

from dataclasses import dataclass, fields
from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

NEVER: int = -(2**63)
"""The least int64: an instant that never was."""


class Status(IntEnum):
    """How a contact ended (MODEL §3); exactly one each."""

    CLOSED = 0
    RESOLVED_IN_BOT = 1
    CONTAINED_UNRESOLVED = 2
    GAVE_UP_IN_BOT = 3
    BLOCKED = 4
    BALKED = 5
    ANSWERED = 6
    ABANDONED = 7
    SILENT = 8
    CALLED_BACK = 9
    CALLBACK_UNANSWERED = 10
    WITHDRAWN = 11
    UNSERVED = 12
    AFTER_HORIZON = 13


IN_BOT = (Status.RESOLVED_IN_BOT, Status.CONTAINED_UNRESOLVED, Status.GAVE_UP_IN_BOT)


class Cause(IntEnum):
    """Which rule made a contact; follow-up rules count from FOLLOW_UP on."""

    CARRIED_IN = -1
    ARRIVAL = 0
    FOLLOW_UP = 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Contacts:
    """Columns of the contact table, all of shape [contact], ordered by id.

    `queued` asks for a person (closed or blocked at arrival: the arrival; never left the bot: NEVER), `answered` first
    word of a person, `ended` the customer's end, `released` the agent is free of it, `agent` the last who had it, or
    -1. `work` is milliseconds of work, at the speed of an agent who has nothing else in hand (ringing and finding out
    that nobody is there included; of interruptible work, the time in hand). `resolved`: a talk settled the matter.
    `predicted` is what was foretold of the wait (`sim.mechanisms.Predictor`), NEVER if nothing was.
    """

    type: npt.NDArray[np.int16]
    arrival: npt.NDArray[np.int64]
    root: npt.NDArray[np.int32]
    parent: npt.NDArray[np.int32]
    cause: npt.NDArray[np.int16]
    status: npt.NDArray[np.uint8]
    queued: npt.NDArray[np.int64]
    answered: npt.NDArray[np.int64]
    ended: npt.NDArray[np.int64]
    released: npt.NDArray[np.int64]
    work: npt.NDArray[np.int64]
    agent: npt.NDArray[np.int32]
    resolved: npt.NDArray[np.bool_]
    predicted: npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Spells:
    """Columns of the spell table, all of shape [spell], ordered by (agent, on).

    `off` is when the agent was to leave (by level: when the level fell, NEVER if it never did), `left` when the agent
    really left: later where a contact was in hand. An agent who never comes back has no further spell.
    """

    agent: npt.NDArray[np.int32]
    group: npt.NDArray[np.int16]
    on: npt.NDArray[np.int64]
    off: npt.NDArray[np.int64]
    left: npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class OutcomeTable:
    """A whole run: contacts, spells, and the instant of the last event."""

    contacts: Contacts
    spells: Spells
    last_ms: int


class Measured(NamedTuple):
    """What a tally counts by: intervals from 0, and limits of the wait by type.

    `limits[j, type]` are inclusive and ascend in j, padded with the largest int64; `buckets` of the wait histogram.
    """

    interval_ms: int
    intervals: int
    limits: npt.NDArray[np.int64]
    buckets: int


class Sums(NamedTuple):
    """Exact integer sums of one run, as `sim.metrics` defines them.

    `by_fate[level, type, status, interval]` by the interval of asking, the level being the number of limits that the
    wait exceeds; `arrived`, `handed_off` by that of arrival; milliseconds by [type, interval] (`queue` by real time)
    and by [group, interval] (`busy`, `staffed`, inside the horizon); of the answered `wait_max[type]`,
    `histogram[type, bucket]`; `overtime[group]`.
    """

    by_fate: npt.NDArray[np.int64]
    arrived: npt.NDArray[np.int64]
    handed_off: npt.NDArray[np.int64]
    wait_answered: npt.NDArray[np.int64]
    wait_offered: npt.NDArray[np.int64]
    queue: npt.NDArray[np.int64]
    talk: npt.NDArray[np.int64]
    after: npt.NDArray[np.int64]
    busy: npt.NDArray[np.int64]
    wait_max: npt.NDArray[np.int64]
    histogram: npt.NDArray[np.int64]
    staffed: npt.NDArray[np.int64]
    overtime: npt.NDArray[np.int64]

    @classmethod
    def zeros(cls, measured: Measured, types: int, groups: int) -> "Sums":
        """Nothing counted yet."""

        def none(*shape: int) -> npt.NDArray[np.int64]:
            return np.zeros(shape, dtype=np.int64)

        cells = (types, measured.intervals)
        return cls(
            by_fate=none(len(measured.limits) + 1, types, len(Status), measured.intervals),
            arrived=none(*cells),
            handed_off=none(*cells),
            wait_answered=none(*cells),
            wait_offered=none(*cells),
            queue=none(*cells),
            talk=none(*cells),
            after=none(*cells),
            busy=none(groups, measured.intervals),
            wait_max=none(types),
            histogram=none(types, measured.buckets),
            staffed=none(groups, measured.intervals),
            overtime=none(groups),
        )


def differences(a: OutcomeTable, b: OutcomeTable) -> list[str]:
    """Every cell in which two tables differ, as text "contacts.answered[17]: 1200 != 1201"; empty: they are one."""
    found = [] if a.last_ms == b.last_ms else [f"last_ms: {a.last_ms} != {b.last_ms}"]
    for part in ("contacts", "spells"):
        left, right = getattr(a, part), getattr(b, part)
        for column in fields(left):
            x, y = getattr(left, column.name), getattr(right, column.name)
            if len(x) != len(y):
                found.append(f"{part}.{column.name}: {len(x)} rows != {len(y)} rows")
                continue
            found += [f"{part}.{column.name}[{i}]: {x[i]} != {y[i]}" for i in np.flatnonzero(x != y)]
    return found
