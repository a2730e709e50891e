"""Randomness by name: one stream of draws for each (seed, replication, name, quantity).

Names count, positions do not: adding a contact type leaves the draws of the others alone.
"""

from collections.abc import Callable, Sequence
from enum import IntEnum
from functools import lru_cache, partial
from itertools import permutations
from typing import Any
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


QUANTITIES = np.arange(len(Quantity), dtype=np.uint32)


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
    pool, constant = _pool(tuple(_words(seed, least=4)))
    keys: list[Any] = [*_words(replication), np.array(names, dtype=np.uint32)[:, None], QUANTITIES]
    for key in keys:
        pool, constant = _mixed_in(pool, key, constant)
    return [partial(_start, of_name) for of_name in _generated(pool)]


def beginning(seed: int, replication: int) -> npt.NDArray[np.uint64]:
    """What the streams of a replication have in common: the pool, the next constant, and words to be mixed in first."""
    pool, constant = _pool(tuple(_words(seed, least=4)))
    return np.array([*pool.ravel().tolist(), constant, *_words(replication)], dtype=np.uint64)


# ---------------------------------------------------------------- NumPy's SeedSequence (O'Neill's seed_seq_fe), by hand

_32 = 0xFFFF_FFFF
TAKEN_IN, GIVEN_OUT, FIRST_OUT = 0x931E_8875, 0x58F3_8DED, 0x8B51_F9DD
TIMES, LESS_TIMES = 0xCA01_F9DD, 0x4973_F715
_HALF = np.uint32(16)
Words = npt.NDArray[np.uint32]
"""Of three axes: place in the pool, name, quantity. Arithmetic of arrays of them is modulo 2^32, as it must be."""


def _words(number: int, least: int = 1) -> list[int]:
    """32-bit words of a number, lowest first, filled up with 0."""
    words = [number >> shift & _32 for shift in range(0, max(number.bit_length(), 1), 32)]
    return words + [0] * (least - len(words))


@lru_cache(maxsize=256)
def _powers(constant: int, factor: int, number: int) -> tuple[Words, Words, int]:
    """With what so many words are hashed one after another, first and then, and the constant for the next one."""
    constants = [constant := constant * by & _32 for by in (1, *[factor] * number)]
    powers = np.array(constants, dtype=np.uint32).reshape(-1, 1, 1)
    return powers[:-1], powers[1:], constant


def _hashed(words: Words, constant: int, factor: int, number: int) -> tuple[Words, int]:
    """So many words hashed one after another along the first axis, and the constant for the next one."""
    first, then, constant = _powers(constant, factor, number)
    hashed: Words = words ^ first
    hashed *= then
    hashed ^= hashed >> _HALF
    return hashed, constant


def _mixed(a: Words, b: Words) -> Words:
    mixed: Words = a * np.uint32(TIMES) - b * np.uint32(LESS_TIMES)
    mixed ^= mixed >> _HALF
    return mixed


def _mixed_in(pool: Words, word: int | Words, constant: int) -> tuple[Words, int]:
    """A further word, or one for each place of a plane, mixed into all four of the pool."""
    hashed, constant = _hashed(np.array(word, dtype=np.uint32, ndmin=3), constant, TAKEN_IN, 4)
    return _mixed(pool, hashed), constant


@lru_cache(maxsize=8)
def _pool(words: tuple[int, ...]) -> tuple[Words, int]:
    """The pool after so many words, at least four."""
    pool, constant = _hashed(np.array(words[:4], dtype=np.uint32).reshape(4, 1, 1), 0x43B0_D7E5, TAKEN_IN, 4)
    for source, target in permutations(range(4), 2):
        hashed, constant = _hashed(pool[source : source + 1], constant, TAKEN_IN, 1)
        pool[target] = _mixed(pool[target : target + 1], hashed)[0]
    for word in words[4:]:
        pool, constant = _mixed_in(pool, word, constant)
    return pool, constant


def _generated(pool: Words) -> npt.NDArray[np.uint64]:
    """The four 64-bit words that start a PCG64, the last axis."""
    halves, _ = _hashed(np.concatenate((pool, pool)), FIRST_OUT, GIVEN_OUT, 8)
    side_by_side = np.ascontiguousarray(halves.transpose(1, 2, 0), dtype="<u4")
    return side_by_side.view("<u8").astype(np.uint64, copy=False)


class _Told(ISeedSequence):
    """A seed whose words are known; PCG64 asks for four of 64 bits."""

    def __init__(self, words: npt.NDArray[np.uint64]) -> None:
        self.words = words

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> Any:
        return self.words


def _start(words: npt.NDArray[np.uint64], quantity: int) -> Generator:
    seed: Any = _Told(words[quantity])  # NumPy's stubs know its own class only
    return Generator(PCG64(seed))
