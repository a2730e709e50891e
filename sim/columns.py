"""Columns of one table, side by side in one block of memory.

An allocator hands one large block back and forth between runs; many middling ones it returns to the system each time,
and their pages must be cleared anew: as costly as the simulation's own writing (docs/benchmarks.md).
"""

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

LINE = 64
"""Bytes of a cache line, at which each column starts."""
LARGE = (32 << 20) - (1 << 16)
"""Bytes of the largest block, nearly, by which GNU's allocator still learns."""


def columns(n: int, **dtypes: npt.DTypeLike) -> dict[str, npt.NDArray[Any]]:
    """Columns of `n` entries by name, not filled."""
    return _tables({name: (n, np.dtype(dtype)) for name, dtype in dtypes.items()})


def copies(**tables: npt.NDArray[Any]) -> dict[str, Any]:
    """Copies of tables of any lengths, likewise side by side."""
    found = _tables({name: (len(table), table.dtype) for name, table in tables.items()})
    for name, table in tables.items():
        found[name][:] = table
    return found


@cache
def _memory_stays() -> None:
    """Have the allocator keep what one replication frees for the next one: let go, once, of a block that is large.

    GNU's allocator takes it as a sign that such blocks come and go, and from then on hands nothing below its size, nor
    twice as much at the end of its memory, back to the system (mallopt(3), M_MMAP_THRESHOLD). No page of it is touched.
    """
    np.empty(LARGE, dtype=np.uint8)


def _tables(shapes: dict[str, tuple[int, np.dtype[Any]]]) -> dict[str, npt.NDArray[Any]]:
    _memory_stays()
    sizes = [-(-n * dtype.itemsize // LINE) * LINE for n, dtype in shapes.values()]
    block = np.empty(sum(sizes) + LINE, dtype=np.uint8)
    place = -block.__array_interface__["data"][0] % LINE
    found = {}
    for (name, (n, dtype)), size in zip(shapes.items(), sizes, strict=True):
        found[name] = np.ndarray(n, dtype, block, place)
        place += size
    return found
