"""Columns of one table, side by side in one block of memory.

An allocator hands one large block back and forth between runs; many middling ones it returns to the system each time,
and their pages must be cleared anew: as costly as the simulation's own writing (docs/benchmarks.md).
"""

from typing import Any

import numpy as np
import numpy.typing as npt

LINE = 64
"""Bytes of a cache line, at which each column starts."""


def columns(n: int, **dtypes: npt.DTypeLike) -> dict[str, npt.NDArray[Any]]:
    """Columns of `n` entries by name, not filled."""
    sizes = [-(-n * np.dtype(dtype).itemsize // LINE) * LINE for dtype in dtypes.values()]
    block = np.empty(sum(sizes) + LINE, dtype=np.uint8)
    place = -block.ctypes.data % LINE
    found = {}
    for (name, dtype), size in zip(dtypes.items(), sizes, strict=True):
        found[name] = block[place : place + n * np.dtype(dtype).itemsize].view(dtype)
        place += size
    return found
