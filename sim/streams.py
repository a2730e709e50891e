"""Randomness by name: one stream of draws for each (seed, replication, name, quantity).

Names count, positions do not: adding a contact type leaves the draws of the others alone.
"""

from collections.abc import Callable, Iterator, Sequence
from enum import IntEnum
from functools import partial
from itertools import permutations
from typing import Any, TypeVar
from zlib import crc32

import numpy as np
import numpy.typing as npt
from numpy.random import PCG64, Generator, SeedSequence
from numpy.random.bit_generator import ISeedSequence


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
    TURNS = 12
    MISUNDERSTOOD = 13
    TURN_TIME = 14
    TRIGGER = 15
    MESSAGE = 16
    AGE = 17
    BREAK_LENGTH = 18
    FOLLOW_UP_DELAY = 19
    PLANNED_ABSENCE = 20
    UNPLANNED_ABSENCE = 21
    LATENESS = 22
    LATE_BY = 23
    EXTRA_BREAKS = 24
    SPREAD = 25
    TENURE = 26
    SHORT_DAY = 27
    BREAK_AT = 28
    SWING = 29
    PATH = 30
    INCIDENT = 31
    INCIDENT_AT = 32
    REMAINING = 33


def name_key(name: str) -> int:
    """CRC-32 of a name."""
    return crc32(name.encode())


def stream(seed: int, *key: int) -> np.random.Generator:
    """The generator of one key: words of (replication, name, quantity), the last of which nothing else shares."""
    return Generator(PCG64(SeedSequence(seed, spawn_key=key)))


def streams(seed: int, replication: int, names: Sequence[int]) -> list[Callable[[int], Generator]]:
    """For each name what gives the stream of a quantity: those of `stream`, their beginnings worked out together.

    NumPy's own class takes 20 microseconds for each, and a day of a small desk needs a hundred.
    """
    pool, constant = _pool(_words(seed, least=4) + _words(replication))
    state = pool
    for key in (np.array(names, dtype=np.uint64)[:, None], np.arange(len(Quantity), dtype=np.uint64)):
        state, constant = _mixed_in(state, key, constant)
    words = np.stack(list(_generated(state)), axis=-1)
    return [partial(_start, of_name) for of_name in words]


# ---------------------------------------------------------------- NumPy's SeedSequence (O'Neill's seed_seq_fe), by hand

_32 = 0xFFFF_FFFF
_Word = TypeVar("_Word", int, Any)  # 32 bits in an int, or in each place of an array of uint64


def _words(number: int, least: int = 1) -> list[int]:
    """32-bit words of a number, lowest first, filled up with 0."""
    words = [number >> shift & _32 for shift in range(0, max(number.bit_length(), 1), 32)]
    return words + [0] * (least - len(words))


def _hashed(word: _Word, constant: int, factor: int) -> tuple[_Word, int]:
    """A hashed word, and the constant for the next one."""
    following = constant * factor & _32
    word = (word ^ constant) * following & _32
    return word ^ word >> 16, following


def _mixed(a: _Word, b: _Word) -> _Word:
    mixed = a * 0xCA01_F9DD - b * 0x4973_F715 & _32
    return mixed ^ mixed >> 16


def _mixed_in(pool: list[Any], word: Any, constant: int) -> tuple[list[Any], int]:
    """A further word mixed into all four of the pool."""
    found = []
    for old in pool:
        hashed, constant = _hashed(word, constant, 0x931E_8875)
        found.append(_mixed(old, hashed))
    return found, constant


def _pool(words: Sequence[int]) -> tuple[list[int], int]:
    """The pool after so many words, at least four."""
    pool, constant = [], 0x43B0_D7E5
    for word in words[:4]:
        hashed, constant = _hashed(word, constant, 0x931E_8875)
        pool.append(hashed)
    for source, target in permutations(range(4), 2):
        hashed, constant = _hashed(pool[source], constant, 0x931E_8875)
        pool[target] = _mixed(pool[target], hashed)
    for word in words[4:]:
        pool, constant = _mixed_in(pool, word, constant)
    return pool, constant


def _generated(pool: list[Any]) -> Iterator[npt.NDArray[np.uint64]]:
    """The four 64-bit words that start a PCG64."""
    constant = 0x8B51_F9DD
    for _ in range(2):
        for first, second in (pool[:2], pool[2:]):
            low, constant = _hashed(first, constant, 0x58F3_8DED)
            high, constant = _hashed(second, constant, 0x58F3_8DED)
            yield low | high << 32


class _Told(ISeedSequence):
    """A seed whose words are known; PCG64 asks for four of 64 bits."""

    def __init__(self, words: npt.NDArray[np.uint64]) -> None:
        self.words = words

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> Any:
        return self.words


def _start(words: npt.NDArray[np.uint64], quantity: int) -> Generator:
    seed: Any = _Told(words[quantity])  # NumPy's stubs know its own class only
    return Generator(PCG64(seed))
