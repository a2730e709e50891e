"""NumPy's random numbers, the very same, where a kernel can draw them one by one.

As in NumPy's Generator: PCG64 (O'Neill 2014), and ziggurats for normal and exponential numbers (Marsaglia and Tsang
2000) with the tables that Numba has of them. A normal number takes 3 ns instead of 9, for NumPy's compiler has made a
branch of its sign, and a kernel can go on with a number without putting it into an array. NumPy may change how it
draws with any version: `as_numpy` says whether it still is so here.

A stream is four words of an array: its state, then its increment, of 128 bits each, low word first.
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

MULTIPLIER = 0x2360_ED05_1FC6_5DA4_4385_DF64_9FCC_F645
LOW_8, LOW_52 = np.uint64(0xFF), np.uint64(2**52 - 1)
NOTHING, ONE, THREE, EIGHT, NINE, ELEVEN = map(np.uint64, (0, 1, 3, 8, 9, 11))
UNIT = 2.0**-53
SIGNS = np.array([1.0, -1.0])

NORMAL_HIT, NORMAL_WIDTH, NORMAL_HEIGHT = tables.ki_double, tables.wi_double, tables.fi_double
HIT, WIDTH, HEIGHT = tables.ke_double, tables.we_double, tables.fe_double
NORMAL_TAIL, NORMAL_TAIL_INVERSE, TAIL = tables.ziggurat_nor_r, tables.ziggurat_nor_inv_r, tables.ziggurat_exp_r


# -------------------------------------------------------------------------------------------------------------- PCG64


def _raw(typing: Any, state: Any, at: Any) -> Any:
    """The state becomes state * multiplier + increment; its halves are xored, and turned by its highest six bits."""
    del typing

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word, double = ir.IntType(64), ir.IntType(128)
        held = context.make_array(signature.args[0])(context, builder, arguments[0])
        place = builder.bitcast(builder.gep(held.data, [arguments[1]]), double.as_pointer())
        increment = builder.load(builder.gep(place, [ir.IntType(32)(1)]), align=8)
        product = builder.mul(builder.load(place, align=8), double(MULTIPLIER))
        new = builder.add(product, increment)
        builder.store(new, place, align=8)
        high, low = builder.trunc(builder.lshr(new, double(64)), word), builder.trunc(new, word)
        mixed, by = builder.xor(high, low), builder.lshr(high, word(58))
        back = builder.and_(builder.neg(by), word(63))
        return builder.or_(builder.lshr(mixed, by), builder.shl(mixed, back))

    return types.uint64(state, at), generate


raw: Any = intrinsic(_raw)
"""The next 64 bits of the stream that stands at a place."""


@inlined
def begin(streams: Any, at: Any) -> None:
    """Make a stream of the words of its seed, where they stand (pcg64_srandom)."""
    seed_high, seed_low = streams[at], streams[at + ONE]
    high, low = streams[at + index(2)], streams[at + THREE]
    low, high = (low << ONE) | ONE, (high << ONE) | (low >> index(63))
    streams[at + index(2)], streams[at + THREE] = low, high
    low += seed_low
    streams[at], streams[at + ONE] = low, high + seed_high + index(low < seed_low)
    raw(streams, at)


# ------------------------------------------------------------------------------------------------------------ numbers


@inlined
def uniform(streams: Any, at: Any) -> Any:
    """In [0, 1)."""
    return np.float64(np.int64(raw(streams, at) >> ELEVEN)) * UNIT


@inlined
def exponential(streams: Any, at: Any) -> Any:
    """Of mean 1."""
    bits = raw(streams, at) >> THREE
    layer, bits = bits & LOW_8, bits >> EIGHT
    x = np.float64(np.int64(bits)) * WIDTH[layer]
    if seldom(bits >= HIT[layer]):
        return _exponential(streams, at, layer, x)
    return x


@kernel
def _exponential(streams: Any, at: Any, layer: Any, x: Any) -> Any:
    """In the tail, or beside the rectangle of its layer: in one of 90."""
    while True:
        if layer == NOTHING:
            return TAIL - log1p(-uniform(streams, at))
        if (HEIGHT[layer - ONE] - HEIGHT[layer]) * uniform(streams, at) + HEIGHT[layer] < exp(-x):
            return x
        bits = raw(streams, at) >> THREE
        layer, bits = bits & LOW_8, bits >> EIGHT
        x = np.float64(np.int64(bits)) * WIDTH[layer]
        if bits < HIT[layer]:
            return x


@inlined
def normal(streams: Any, at: Any) -> Any:
    """Standard normal."""
    bits = raw(streams, at)
    layer, size = bits & LOW_8, (bits >> NINE) & LOW_52
    x = np.float64(np.int64(size)) * NORMAL_WIDTH[layer] * SIGNS[(bits >> EIGHT) & ONE]
    if seldom(size >= NORMAL_HIT[layer]):
        return _normal(streams, at, layer, size, x)
    return x


@kernel
def _normal(streams: Any, at: Any, layer: Any, size: Any, x: Any) -> Any:
    """In the tail, or beside the rectangle of its layer: in one of 140."""
    while True:
        if layer == NOTHING:
            beyond = -NORMAL_TAIL_INVERSE * log1p(-uniform(streams, at))
            while -2 * log1p(-uniform(streams, at)) <= beyond * beyond:
                beyond = -NORMAL_TAIL_INVERSE * log1p(-uniform(streams, at))
            return (NORMAL_TAIL + beyond) * SIGNS[(size >> EIGHT) & ONE]
        drop = NORMAL_HEIGHT[layer - ONE] - NORMAL_HEIGHT[layer]
        if drop * uniform(streams, at) + NORMAL_HEIGHT[layer] < exp(-0.5 * x * x):
            return x
        bits = raw(streams, at)
        layer, size = bits & LOW_8, (bits >> NINE) & LOW_52
        x = np.float64(np.int64(size)) * NORMAL_WIDTH[layer] * SIGNS[(bits >> EIGHT) & ONE]
        if size < NORMAL_HIT[layer]:
            return x


# --------------------------------------------------------------------------------------------------------- as NumPy's


@kernel
def fill(streams: Any, uniforms: Any, exponentials: Any, normals: Any) -> None:
    """Numbers of three streams, which begin here."""
    for at in range(0, len(streams), 4):
        begin(streams, index(at))
    for i in range(len(uniforms)):
        uniforms[i] = uniform(streams, index(0))
        exponentials[i] = exponential(streams, index(4))
        normals[i] = normal(streams, index(8))


def same(seed: int, number: int) -> bool:
    """Whether so many numbers of each kind are NumPy's, bit for bit."""
    ours: npt.NDArray[np.float64] = np.empty((3, number))
    fill(beginnings(seed, 0, [0])[0, :3].ravel(), *ours)
    first, second, third = (stream(seed, 0, 0, quantity) for quantity in range(3))
    theirs = np.stack([first.random(number), second.standard_exponential(number), third.standard_normal(number)])
    return np.array_equal(ours.view(np.int64), theirs.view(np.int64))


as_numpy = cache(partial(same, 1, 10_000))
"""Whether kernels may draw instead of NumPy here: seen on numbers that come by every way, the tails among them."""
