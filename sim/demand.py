"""Scenario + seed -> Demand: everything that contacts bring with them, drawn before the engine runs.

What comes out is plain integers: when each contact arrives, what the bot makes of it, how long it would wait, how
long it would talk. Two plans run on the same Demand meet the same customers.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

FOREVER: int = 2**31 - 1
"""Patience of a contact that never hangs up (milliseconds)."""


class BotFate(IntEnum):
    """What the bot makes of a contact."""

    NO_BOT = 0
    RESOLVED = 1
    CONTAINED = 2
    GIVES_UP = 3
    HANDED_OFF = 4


@dataclass(frozen=True, kw_only=True, eq=False)
class Demand:
    """The customers of one replication; all columns of shape [contact], sorted by (arrival, type, ordinal).

    A contact's id is its row. Durations in whole milliseconds; `bot_ms` in the bot, `hand_off_ms` from the bot's end
    to asking for a person, `patience_ms` FOREVER where nobody hangs up, `leaves_at_once` where the contact hangs up
    rather than wait at all. `talk_ms` already carries difficulty and what the hand-off adds.
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

    def __len__(self) -> int:
        return len(self.type)
