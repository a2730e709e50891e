"""Randomness by name: one stream of draws for each (seed, replication, name, quantity).

Names count, positions do not: adding a contact type leaves the draws of the others alone.
"""

from enum import IntEnum
from zlib import crc32

import numpy as np


class Quantity(IntEnum):
    """What is drawn; a number keeps its meaning for ever, or old seeds give new customers."""

    BUSYNESS = 0
    ARRIVAL = 1
    BOT_ENTRY = 2
    BOT_FAILURE = 3
    BOT_ENDING = 4
    BOT_TIME = 5
    HAND_OFF = 6
    DIFFICULTY = 7
    PATIENCE = 8
    AT_ONCE = 9
    TALK = 10
    AFTER_CONTACT_WORK = 11


def name_key(name: str) -> int:
    """CRC-32 of a name."""
    return crc32(name.encode())


def stream(seed: int, *key: int) -> np.random.Generator:
    """The generator of one key: words of (replication, name, quantity), the last of which nothing else shares."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))
