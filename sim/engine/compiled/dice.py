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

from sim.engine.compiled.kernel import index, inlined, kernel, seldom
from sim.streams import beginnings, stream

FACTOR_HIGH, FACTOR_LOW = np.uint64(0x2360_ED05_1FC6_5DA4), np.uint64(0x4385_DF64_9FCC_F645)
LOW_8, LOW_52 = np.uint64(0xFF), np.uint64(2**52 - 1)
ONE, TWO, THREE, EIGHT, NINE, ELEVEN, SIXTY_FOUR = map(np.uint64, (1, 2, 3, 8, 9, 11, 64))
UNIT = 2.0**-53
SIGNS = np.array([1.0, -1.0])

NORMAL_HIT, NORMAL_WIDTH, NORMAL_HEIGHT = tables.ki_double, tables.wi_double, tables.fi_double
HIT, WIDTH, HEIGHT = tables.ke_double, tables.we_double, tables.fe_double
NORMAL_TAIL, NORMAL_TAIL_INVERSE, TAIL = tables.ziggurat_nor_r, tables.ziggurat_nor_inv_r, tables.ziggurat_exp_r


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
def begun(seeds: Any, place: Any) -> Any:
    """State and increment of a stream whose seed has four words at a place (pcg64_srandom)."""
    increment = (
        (seeds[place + TWO] << ONE) | (seeds[place + THREE] >> np.uint64(63)),
        (seeds[place + THREE] << ONE) | ONE,
    )
    return following(_sum(increment, (seeds[place], seeds[place + ONE])), increment), increment


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
def fill(seeds: Any, uniforms: Any, exponentials: Any, normals: Any) -> None:
    """Numbers of three streams."""
    (a, by_a), (b, by_b), (c, by_c) = begun(seeds, index(0)), begun(seeds, index(4)), begun(seeds, index(8))
    for i in range(len(uniforms)):
        uniforms[i], a = uniform(a, by_a)
        exponentials[i], b = exponential(b, by_b)
        normals[i], c = normal(c, by_c)


def same(seed: int, number: int) -> bool:
    """Whether so many numbers of each kind are NumPy's, bit for bit."""
    ours: npt.NDArray[np.float64] = np.empty((3, number))
    fill(beginnings(seed, 0, [0])[0, :3].ravel(), *ours)
    first, second, third = (stream(seed, 0, 0, quantity) for quantity in range(3))
    theirs = np.stack([first.random(number), second.standard_exponential(number), third.standard_normal(number)])
    return np.array_equal(ours.view(np.int64), theirs.view(np.int64))


as_numpy = cache(partial(same, 1, 10_000))
"""Whether kernels may draw instead of NumPy here: seen on numbers that come by every way, the tails among them."""
