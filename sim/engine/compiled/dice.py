"""NumPy's random numbers, the very same, where a kernel can draw them one by one.

As in NumPy's Generator: PCG64 (O'Neill 2014), and ziggurats for normal and exponential numbers (Marsaglia and Tsang
2000) with the tables that Numba has of them. A normal number takes 3 ns instead of 9, for NumPy's compiler has made a
branch of its sign, and a kernel can go on with a number without putting it into an array. NumPy may change how it
draws with any version: `as_numpy` says whether it still is so here.

A stream is its state and its increment, each of 128 bits as (high, low) word; who draws a number gets the next state.
"""

from functools import cache, partial
from math import exp, log1p
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numba.np.random import _constants as tables

from sim import streams as usual
from sim.engine.compiled.kernel import inlined, kernel, seldom
from sim.streams import Quantity, beginning, stream

FACTOR_HIGH, FACTOR_LOW = np.uint64(0x2360_ED05_1FC6_5DA4), np.uint64(0x4385_DF64_9FCC_F645)
TAKEN_IN, GIVEN_OUT, FIRST_OUT = map(np.uint64, (usual.TAKEN_IN, usual.GIVEN_OUT, usual.FIRST_OUT))
TIMES, LESS_TIMES = np.uint64(usual.TIMES), np.uint64(usual.LESS_TIMES)
LOW_8, LOW_32, LOW_52 = np.uint64(0xFF), np.uint64(2**32 - 1), np.uint64(2**52 - 1)
ONE, THREE, EIGHT, NINE, ELEVEN, SIXTEEN, HALF, SIXTY_FOUR = map(np.uint64, (1, 3, 8, 9, 11, 16, 32, 64))
UNIT = 2.0**-53
SIGNS = np.array([1.0, -1.0])

NORMAL_HIT, NORMAL_WIDTH, NORMAL_HEIGHT = tables.ki_double, tables.wi_double, tables.fi_double
HIT, WIDTH, HEIGHT = tables.ke_double, tables.we_double, tables.fe_double
NORMAL_TAIL, NORMAL_TAIL_INVERSE, TAIL = tables.ziggurat_nor_r, tables.ziggurat_nor_inv_r, tables.ziggurat_exp_r


# ------------------------------------------------------------------------------------- SeedSequence, as in sim.streams


def beginnings(day: npt.NDArray[np.uint64], names: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """How the streams of some names and all quantities begin, [name, quantity, word], for a day's `beginning`."""
    streams = np.empty((len(names), len(Quantity), 4), dtype=np.uint64)
    _begin(day, names, streams)
    return streams


@inlined
def begun(streams: Any, name: Any, quantity: Any) -> Any:
    """State and increment of a stream."""
    stream = streams[name, quantity]
    return (stream[0], stream[1]), (stream[2], stream[3])


@kernel
def _begin(day: Any, names: Any, streams: Any) -> None:
    """PCG64 takes state and increment from eight words that are made of the four in the pool."""
    seed, constant = (day[0], day[1], day[2], day[3]), day[4]
    for i in range(5, len(day)):
        seed, constant = _mixed_in(seed, day[i], constant)
    for k in range(len(names)):
        name, after_name = _mixed_in(seed, names[k], constant)
        for quantity in range(streams.shape[1]):
            pool, _ = _mixed_in(name, np.uint64(quantity), after_name)
            state_high, then = _two(pool[0], pool[1], FIRST_OUT)
            state_low, then = _two(pool[2], pool[3], then)
            high, then = _two(pool[0], pool[1], then)
            low, then = _two(pool[2], pool[3], then)
            increment = (high << ONE) | (low >> np.uint64(63)), (low << ONE) | ONE
            state = following(_sum(increment, (state_high, state_low)), increment)
            stream = streams[k, quantity]
            stream[0], stream[1], stream[2], stream[3] = state[0], state[1], increment[0], increment[1]


@inlined
def _two(a: Any, b: Any, constant: Any) -> Any:
    """A word of 64 bits given out."""
    low, constant = _hashed(a, constant, GIVEN_OUT)
    high, constant = _hashed(b, constant, GIVEN_OUT)
    return low | (high << HALF), constant


@inlined
def _mixed_in(pool: Any, word: Any, constant: Any) -> Any:
    a, constant = _hashed(word, constant, TAKEN_IN)
    b, constant = _hashed(word, constant, TAKEN_IN)
    c, constant = _hashed(word, constant, TAKEN_IN)
    d, constant = _hashed(word, constant, TAKEN_IN)
    return (_mixed(pool[0], a), _mixed(pool[1], b), _mixed(pool[2], c), _mixed(pool[3], d)), constant


@inlined
def _hashed(word: Any, constant: Any, factor: Any) -> Any:
    then = (constant * factor) & LOW_32
    hashed = ((word ^ constant) * then) & LOW_32
    return hashed ^ (hashed >> SIXTEEN), then


@inlined
def _mixed(a: Any, b: Any) -> Any:
    mixed = (a * TIMES - b * LESS_TIMES) & LOW_32
    return mixed ^ (mixed >> SIXTEEN)


# -------------------------------------------------------------------------------------------------------------- PCG64


def _high(typing: Any, a: Any, b: Any) -> Any:
    """As the processor multiplies them."""
    del typing

    def generate(_context: Any, builder: Any, _signature: Any, words: Any) -> Any:
        both = ir.IntType(128)
        product = builder.mul(*(builder.zext(word, both) for word in words))
        return builder.trunc(builder.lshr(product, both(64)), ir.IntType(64))

    return types.uint64(a, b), generate


high_word: Any = intrinsic(_high)
"""The high word of the product of two words."""


@inlined
def following(state: Any, increment: Any) -> Any:
    """The next state: times the multiplier, plus the increment."""
    high, low = state
    product = high_word(low, FACTOR_LOW) + high * FACTOR_LOW + low * FACTOR_HIGH, low * FACTOR_LOW
    return _sum(product, increment)


@inlined
def _sum(a: Any, b: Any) -> Any:
    low = a[1] + b[1]
    return a[0] + b[0] + np.uint64(low < b[1]), low


@inlined
def bits_of(state: Any) -> Any:
    """The 64 bits that a state shows: its words xored, and turned by the highest six."""
    mixed, by = state[0] ^ state[1], state[0] >> np.uint64(58)
    return (mixed >> by) | (mixed << ((SIXTY_FOUR - by) & np.uint64(63)))


# ------------------------------------------------------------------------------------------------------------ numbers


@inlined
def uniform(state: Any, increment: Any) -> Any:
    """In [0, 1)."""
    state = following(state, increment)
    return np.float64(np.int64(bits_of(state) >> ELEVEN)) * UNIT, state


@inlined
def exponential(state: Any, increment: Any) -> Any:
    """Of mean 1."""
    state = following(state, increment)
    bits = bits_of(state) >> THREE
    layer, size = bits & LOW_8, bits >> EIGHT
    x = np.float64(np.int64(size)) * WIDTH[layer]
    if seldom(size >= HIT[layer]):
        return _exponential(state, increment, layer, x)
    return x, state


@kernel
def _exponential(state: Any, increment: Any, layer: Any, x: Any) -> Any:
    """In the tail, or beside the rectangle of its layer: one in 90."""
    while True:
        chance, state = uniform(state, increment)
        if layer == 0:
            return TAIL - log1p(-chance), state
        if (HEIGHT[layer - ONE] - HEIGHT[layer]) * chance + HEIGHT[layer] < exp(-x):
            return x, state
        state = following(state, increment)
        bits = bits_of(state) >> THREE
        layer, size = bits & LOW_8, bits >> EIGHT
        x = np.float64(np.int64(size)) * WIDTH[layer]
        if size < HIT[layer]:
            return x, state


@inlined
def normal(state: Any, increment: Any) -> Any:
    """Standard normal."""
    state = following(state, increment)
    bits = bits_of(state)
    layer, size = bits & LOW_8, (bits >> NINE) & LOW_52
    x = np.float64(np.int64(size)) * NORMAL_WIDTH[layer] * SIGNS[(bits >> EIGHT) & ONE]
    if seldom(size >= NORMAL_HIT[layer]):
        return _normal(state, increment, layer, size, x)
    return x, state


@kernel
def _normal(state: Any, increment: Any, layer: Any, size: Any, x: Any) -> Any:
    """In the tail, or beside the rectangle of its layer: one in 140."""
    while True:
        chance, state = uniform(state, increment)
        if layer == 0:
            other, state = uniform(state, increment)
            beyond = -NORMAL_TAIL_INVERSE * log1p(-chance)
            if -2 * log1p(-other) > beyond * beyond:
                return (NORMAL_TAIL + beyond) * SIGNS[(size >> EIGHT) & ONE], state
            continue
        drop = NORMAL_HEIGHT[layer - ONE] - NORMAL_HEIGHT[layer]
        if drop * chance + NORMAL_HEIGHT[layer] < exp(-0.5 * x * x):
            return x, state
        state = following(state, increment)
        bits = bits_of(state)
        layer, size = bits & LOW_8, (bits >> NINE) & LOW_52
        x = np.float64(np.int64(size)) * NORMAL_WIDTH[layer] * SIGNS[(bits >> EIGHT) & ONE]
        if size < NORMAL_HIT[layer]:
            return x, state


# --------------------------------------------------------------------------------------------------------- as NumPy's


@kernel
def fill(streams: Any, uniforms: Any, exponentials: Any, normals: Any) -> None:
    """Numbers of three streams."""
    (a, by_a), (b, by_b), (c, by_c) = begun(streams, 0, 0), begun(streams, 0, 1), begun(streams, 0, 2)
    for i in range(len(uniforms)):
        uniforms[i], a = uniform(a, by_a)
        exponentials[i], b = exponential(b, by_b)
        normals[i], c = normal(c, by_c)


def same(seed: int, number: int) -> bool:
    """Whether so many numbers of each kind are NumPy's, bit for bit."""
    ours: npt.NDArray[np.float64] = np.empty((3, number))
    fill(beginnings(beginning(seed, 0), np.zeros(1, dtype=np.uint64)), *ours)
    first, second, third = (stream(seed, 0, 0, quantity) for quantity in range(3))
    theirs = np.stack([first.random(number), second.standard_exponential(number), third.standard_normal(number)])
    return np.array_equal(ours.view(np.int64), theirs.view(np.int64))


as_numpy = cache(partial(same, 1, 10_000))
"""Whether kernels may draw instead of NumPy here: seen on numbers that come by every way, the tails among them."""
