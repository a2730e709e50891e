"""Means and products of deviations over replications: all that means, ratios and their intervals need to know.

Replications are taken in as they come and let go of; what is kept of a thousand is as large as what is kept of one.
Moments of disjoint replications add up (Chan, Golub & LeVeque 1983, The American Statistician 37, 242-247).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[Any]

BLOCK = 16
"""Replications whose busyness is stratified together."""
COLUMNS = 512


@dataclass(frozen=True, kw_only=True, eq=False)
class Moments:
    """What `count` replications came to, of parts (a numerator, a denominator, …) in cells beside each other.

    `mean` [part, cell]; `cross` [part, part, cell] and `mixed` [control, part, cell] are sums of products of deviations
    from the means, of parts with each other and with the controls, whose means are `control_mean` [control]. `blocks`
    are the moments of the sums over whole blocks of replications, without controls; None where there is none.
    """

    count: int
    mean: Floats
    cross: Floats
    control_mean: Floats
    mixed: Floats
    blocks: "Moments | None" = None

    def then(self, other: "Moments") -> "Moments":
        """Those of both together."""
        n = self.count + other.count
        share = self.count * other.count / n
        off, control_off = other.mean - self.mean, other.control_mean - self.control_mean
        return Moments(
            count=n,
            mean=self.mean + off * (other.count / n),
            cross=self.cross + other.cross + share * off[:, None] * off[None, :] if self.cross.size else self.cross,
            control_mean=self.control_mean + control_off * (other.count / n),
            mixed=self.mixed + other.mixed + share * np.multiply.outer(control_off, off),
            blocks=self.blocks.then(other.blocks) if self.blocks and other.blocks else self.blocks or other.blocks,
        )

    def cut(self, controls: int) -> "Moments":
        """With the first so many controls only."""
        return replace(self, control_mean=self.control_mean[:controls], mixed=self.mixed[:controls])

    def of_parts(self, some: slice) -> "Moments":
        """Of some of the parts."""
        return replace(
            self,
            mean=self.mean[some],
            cross=self.cross[some, some],
            mixed=self.mixed[:, some],
            blocks=self.blocks.of_parts(some) if self.blocks else None,
        )

    def of_cell(self, at: int) -> "Moments":
        """Of one cell, of those in a row."""
        return replace(
            self,
            mean=self.mean[:, at],
            cross=self.cross[:, :, at],
            mixed=self.mixed[:, :, at],
            blocks=self.blocks.of_cell(at) if self.blocks else None,
        )


def moments_of(
    parts: Sequence[Numbers], controls: Floats | None = None, blocks: slice | None = None, *, means_only: bool = False
) -> Moments:
    """Moments of parts [replication, cell…] and controls [replication, control]; `blocks`: which fill whole blocks.

    `means_only` leaves out `cross` and `blocks`, for figures without intervals.
    """
    values = np.stack([np.asarray(part, dtype=np.float64) for part in parts], axis=1)
    steer = np.zeros((len(values), 0)) if controls is None else controls
    off = values - values[0]  # nothing but zeros, exactly, where nothing varies
    shift = off.mean(axis=0)
    off -= shift
    control_mean = steer.mean(axis=0)
    mean = values[0] + shift
    cross = np.zeros((0, 0, *mean.shape[1:])) if means_only else _products(off)
    whole = None
    if blocks is not None and not means_only:
        sums = values[blocks].reshape(-1, BLOCK, *mean.shape).sum(axis=1)
        whole = moments_of(list(np.moveaxis(sums, 1, 0))) if len(sums) else None
    return Moments(
        count=len(values),
        mean=mean,
        cross=cross,
        control_mean=control_mean,
        mixed=_along((steer - control_mean).T, off),
        blocks=whole,
    )


def _along(controls: Floats, off: Floats) -> Floats:
    """Products of controls [control, replication] with `off` [replication, …], summed: [control, …].

    A few columns at a time, which BLAS does not share out over threads: waking them would cost more than the work.
    """
    flat = off.reshape(len(off), -1)
    found = [controls @ flat[:, at : at + COLUMNS] for at in range(0, flat.shape[1], COLUMNS)]
    return np.concatenate(found, axis=1).reshape(len(controls), *off.shape[1:])


def _products(off: Floats) -> Floats:
    """Of all parts with each other, summed over replications: [replication, part, cell…] to [part, part, cell…]."""
    by_cell = off.reshape(*off.shape[:2], -1).transpose(2, 1, 0)
    cross = (by_cell @ by_cell.transpose(0, 2, 1)).transpose(1, 2, 0)
    return np.ascontiguousarray(cross).reshape(off.shape[1], *off.shape[1:])


@dataclass(frozen=True, eq=False)
class Correction:
    """What controls that should have mean 0 correct: `count` replications, their `mean` [control] and `cross`.

    An estimate that is linear in the replications, corrected by its regression on the controls, is a mean with other
    weights, the same for all figures: so parts still add up, and ratios, sums and quantiles all stay what they were
    (Lavenberg & Welch 1981, Management Science 27, 322-335; calibration weights: Deville & Sarndal 1992, J. Amer.
    Statist. Assoc. 87, 376-382).
    """

    count: int
    mean: Floats
    cross: Floats

    @cached_property
    def _span(self) -> Floats:
        """Orthonormal directions of the controls, as columns [control, rank].

        What does not vary, or only with the others, is left out.
        """
        size = np.sqrt(np.diag(self.cross))
        varies = size > 1e-9 * np.sqrt(np.diag(self.cross) + self.count * self.mean**2)
        scale = np.where(varies, size, np.inf)
        value, vector = np.linalg.eigh(self.cross / np.multiply.outer(scale, scale))
        kept = value > 1e-10
        return np.asarray(vector[:, kept] / scale[:, None] / np.sqrt(value[kept]))

    @property
    def rank(self) -> int:
        """How many slopes are fitted."""
        return int(self._span.shape[1])

    @cached_property
    def off(self) -> Floats:
        """How far off the controls came out, along each direction [rank]."""
        return np.asarray(self._span.T @ self.mean)

    @property
    def stretch(self) -> float:
        """Variance of the weighted mean of independent values, in units of that of the plain one; at least 1."""
        return 1 + self.count * float((self.off**2).sum())

    def weights(self, values: Floats) -> Floats:
        """What each replication counts, [replication], given its controls; they add up to 1."""
        return np.asarray(1 / self.count - (values - self.mean) @ self._span @ self.off)

    def along(self, mixed: Floats) -> Floats:
        """Products with the controls [control, …] as those with their directions [rank, …]."""
        return np.tensordot(self._span.T, mixed, axes=1)


def corrected(of: Moments, by: Correction | None) -> Floats:
    """Means [part, cell], by the weights of the controls where there are any."""
    if by is None:
        return of.mean
    return np.asarray(of.mean - np.tensordot(by.off, by.along(of.mixed), axes=1))


def variation(of: Moments, slope: Floats, by: Correction | None = None) -> Floats:
    """Sum of squares [cell] of what a combination of the parts, by `slope` [part, cell], varies by.

    With controls it is what they leave unexplained; rounding is not taken for variation.
    """
    terms = slope[:, None] * of.cross * slope[None, :]
    squares = terms.sum(axis=(0, 1))
    if by is not None:
        squares = squares - (np.einsum("kp...,p...->k...", by.along(of.mixed), slope) ** 2).sum(axis=0)
    noise = 1e-13 * np.einsum("pp...->...", terms)
    return np.where(squares > noise, squares, np.where(np.isnan(squares), np.nan, 0.0))
