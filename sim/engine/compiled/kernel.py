"""How the compiled engine is compiled: without the interpreter's lock, and kept on disk where that is possible.

The kept code knows when its own file changes, not when a constant that it imported does: after a change in
`precedence.py` or `outcome.py` delete the `__pycache__` folders.
"""

from collections.abc import Callable
from typing import TypeVar

from numba import njit

Kernel = TypeVar("Kernel", bound=Callable[..., object])


def kernel(function: Kernel) -> Kernel:
    """Compile on first call; with nowhere to write, compile anew in every process."""
    try:
        compiled: Kernel = njit(function, nogil=True, cache=True)
    except RuntimeError:  # numba finds no folder for its cache
        compiled = njit(function, nogil=True)
    return compiled
