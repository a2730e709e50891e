"""Time cut into intervals of equal length: where an instant falls, and how spans spread over them. Sums are exact."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Grid:
    """Intervals of equal length from 0."""

    length_ms: int
    intervals: int

    @property
    def end_ms(self) -> int:
        return self.length_ms * self.intervals

    def index(self, at: Ints) -> Ints:
        """Interval of each instant; the first and last take what lies outside."""
        index: Ints = at // self.length_ms
        np.clip(index, 0, self.intervals - 1, out=index)
        return index

    def spread(self, row: Ints, start: Ints, end: Ints, rows: int) -> Ints:
        """Time of [start, end) inside the horizon in each interval, summed by row: [row, interval]."""
        if start.min(initial=0) < 0 or end.max(initial=0) > self.end_ms:
            start, end = np.clip(start, 0, self.end_ms), np.clip(end, 0, self.end_ms)
        first = self.index(start)
        total = sum_by(row * self.intervals + first, end - start, rows * self.intervals)
        return (total + self.spill(row, first, end, rows)).reshape(rows, self.intervals)

    def spill(self, row: Ints, first: Ints, end: Ints, rows: int) -> Ints:
        """What spans that cross a border move from the interval `first` of their start to later ones; flat.

        The last interval takes all that lies behind it.
        """
        last = self.index(end)
        over = np.flatnonzero(first != last)
        row, first, last, end = row[over] * self.intervals, first[over], last[over], end[over]
        size = rows * self.intervals
        into = end - last * self.length_ms
        moved = into + (last - first - 1) * self.length_ms
        entered = np.bincount(row + first + 1, minlength=size + 1) - np.bincount(row + last, minlength=size + 1)
        whole = np.cumsum(entered)[:size] * self.length_ms
        spilt: Ints = sum_by(row + last, into, size) - sum_by(row + first, moved, size) + whole
        return spilt


def sum_by(key: Ints, weight: Ints, size: int) -> Ints:
    """Sum of weights by key: exact, since whole numbers below 2^53 are exact as doubles."""
    return np.bincount(key, weights=weight, minlength=size).astype(np.int64)
