"""How the compiled engine is compiled: without the interpreter's lock, and kept on disk where that is possible.

Numba keeps compiled code as long as the file of the function is the same, whatever has become of the pieces and
constants that went into it. So it is kept in a folder named after the contents of all files that it is made of.
"""

import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from llvmlite import ir
from numba import config, njit, types
from numba.extending import intrinsic

whole: Any = np.int64  # a word, whatever it was read from: Numba compiles anew for each type, and for each literal
byte: Any = np.uint8
index: Any = np.uint64  # of a place: Numba need not ask whether it counts from the end
Kernel = TypeVar("Kernel", bound=Callable[..., object])

SETTINGS: Any = config  # a module whose names Numba makes when it is loaded
HERE = Path(__file__).parent
_ABOVE = ("outcome", "keys", "mechanisms", "demand", "drawing", "arrivals", "streams", "routing")
PARTS = ("../precedence.py", *(f"../../{name}.py" for name in _ABOVE))
"""What kernels take constants from, besides their own folder."""


def kept_in() -> Path:
    """Where compiled code of exactly these sources is kept."""
    contents = sha256()
    for path in (*sorted(HERE.glob("*.py")), *(HERE / part for part in PARTS)):
        contents.update(path.read_bytes())
    beside = HERE / "__pycache__" if os.access(HERE, os.W_OK) else Path("~/.cache/peakdesk").expanduser()
    return Path(SETTINGS.CACHE_DIR or beside) / f"kernels-{contents.hexdigest()[:16]}"


KEPT_IN = str(kept_in())


def _kept(function: Kernel, options: dict[str, Any]) -> Kernel:
    """Compiled on first call; with nowhere to write, anew in every process."""
    usual = SETTINGS.CACHE_DIR
    SETTINGS.CACHE_DIR = KEPT_IN  # for ours alone
    try:
        compiled: Kernel = njit(function, cache=True, **options)
    except (RuntimeError, OSError):  # numba finds no folder for its cache
        compiled = njit(function, **options)
    finally:
        SETTINGS.CACHE_DIR = usual
    return compiled


OPTIONS: dict[str, Any] = {"nogil": True, "_nrt": False, "no_cfunc_wrapper": True}
"""Kernels make no arrays, so Numba need not count who uses one: those who call them hold all arrays to the end.
Counting, with locked instructions, had taken half of the full kernel's time."""
INLINED: dict[str, Any] = {**OPTIONS, "forceinline": True, "error_model": "numpy", "no_cpython_wrapper": True}


def kernel(function: Kernel) -> Kernel:
    """A function that Python may call; it makes no arrays, and returns none."""
    return _kept(function, OPTIONS)


def inlined(function: Kernel) -> Kernel:
    """A piece of a kernel, put where it is called whatever its size: long lists of arrays are dear to hand over.

    Only kernels may call it.
    """
    return _kept(function, INLINED)


# --------------------------------------------------------------------------------------- what processors know to do


def _fetch(typing: Any, array: Any, place: Any) -> Any:
    """The processor's own instruction for it."""
    del typing

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        held = context.make_array(signature.args[0])(context, builder, arguments[0])
        byte_at, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        prefetch = builder.module.declare_intrinsic(
            "llvm.prefetch", [byte_at], ir.FunctionType(ir.VoidType(), [byte_at, number, number, number])
        )
        at = builder.bitcast(builder.gep(held.data, [arguments[1]]), byte_at)
        builder.call(prefetch, [at, number(0), number(3), number(1)])  # to read, for long, data
        return context.get_dummy_value()

    return types.void(array, place), generate


def _fetch_not(array: Any, place: Any) -> None:
    """Without the compiler there is nothing to gain."""


fetch: Any = _fetch_not if SETTINGS.DISABLE_JIT else intrinsic(_fetch)
"""Have the processor fetch an entry of an array that will be needed soon, without waiting for it."""


def _seldom(typing: Any, claim: Any) -> Any:
    """The compiler's own hint for it."""
    del typing

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        bit = ir.IntType(1)
        expect = builder.module.declare_intrinsic("llvm.expect.i1", fnty=ir.FunctionType(bit, [bit, bit]))
        return builder.call(expect, [arguments[0], bit(0)])

    return types.boolean(claim), generate


seldom: Any = intrinsic(_seldom)
"""A claim that is seldom true: what then follows is kept out of the way, and registers are for the rest."""


def _leading_zeros(typing: Any, number: Any) -> Any:
    """The processor's own instruction for it."""
    del typing

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctlz(arguments[0], ir.IntType(1)(0))

    return types.int64(number), generate


def _zeros(number: int) -> int:
    return 64 - int(number).bit_length()


leading_zeros: Any = _zeros if SETTINGS.DISABLE_JIT else intrinsic(_leading_zeros)
"""How many of the 64 bits of a whole number come before the first that is set."""
