"""How the compiled engine is compiled: without the interpreter's lock, and kept on disk where that is possible.

The kept code knows when its own file changes, not when a constant that it imported does: after a change in
`precedence.py` or `outcome.py` delete the `__pycache__` folders.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numba import njit

whole: Any = np.int64  # a word, whatever it was read from: Numba compiles anew for each type, and for each literal
byte: Any = np.uint8
Kernel = TypeVar("Kernel", bound=Callable[..., object])


def kernel(function: Kernel) -> Kernel:
    """Compile on first call; with nowhere to write, compile anew in every process."""
    try:
        compiled: Kernel = njit(function, nogil=True, cache=True)
    except RuntimeError:  # numba finds no folder for its cache
        compiled = njit(function, nogil=True)
    return compiled


INLINED: dict[str, Any] = {"nogil": True, "forceinline": True, "error_model": "numpy", "no_cpython_wrapper": True}


def inlined(function: Kernel) -> Kernel:
    """A piece of a kernel, put where it is called whatever its size: long lists of arrays are dear to hand over.

    Only kernels may call it.
    """
    try:
        compiled: Kernel = njit(function, cache=True, **INLINED)
    except RuntimeError:
        compiled = njit(function, **INLINED)
    return compiled
