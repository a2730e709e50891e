"""Moments add up, whatever pieces replications come in, and say all that estimates need."""

import numpy as np
import pytest

from sim.estimates import Controls, Sample, estimates_from, estimates_of
from sim.moments import Correction, moments_of, variation


def some(replications: int = 160) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numerators, denominators [replication, cell] far from 0, and two controls."""
    dice = np.random.default_rng(1)
    controls = dice.normal(0, 3, (replications, 2))
    bottom = 1e6 + 200 * controls[:, :1] + dice.normal(0, 50, (replications, 3))
    return 0.8 * bottom + dice.normal(0, 10, bottom.shape), bottom, controls


@pytest.mark.parametrize("cuts", [(1, 2, 3), (16, 80), (48,), (159,)])
def test_pieces_come_to_the_same_as_the_whole(cuts: tuple[int, ...]) -> None:
    """Red without the products of the pieces' own means."""
    top, bottom, controls = some()
    whole = moments_of([top, bottom], controls)
    pieces = [
        moments_of([a, b], c) for a, b, c in zip(*(np.split(x, cuts) for x in (top, bottom, controls)), strict=True)
    ]
    joined = pieces[0]
    for piece in pieces[1:]:
        joined = joined.then(piece)
    assert joined.count == 160
    for name in ("mean", "cross", "control_mean", "mixed"):
        assert getattr(joined, name) == pytest.approx(getattr(whole, name), rel=1e-9, abs=1e-6), name
    off = controls - controls.mean(axis=0)
    by = Correction(160, controls.mean(axis=0), off.T @ off)
    found = estimates_from(joined, by=by)
    expected = estimates_of(Sample(top, bottom), controls=Controls(controls))
    assert found.low == pytest.approx(expected.low, rel=1e-12)
    assert found.high == pytest.approx(expected.high, rel=1e-12)


def test_blocks_add_up_too() -> None:
    top, bottom, _ = some()
    whole = moments_of([top, bottom], blocks=slice(0, 160))
    pieces = [moments_of([top[at], bottom[at]], blocks=slice(0, size)) for at, size in
              ((slice(0, 40), 32), (slice(40, 160), 112))]  # fmt: skip
    assert whole.blocks is not None
    assert whole.blocks.count == 10
    joined = pieces[0].then(pieces[1]).blocks
    assert joined is not None
    assert joined.count == 9


def test_what_never_varies_has_no_variation_at_all() -> None:
    """In pieces of any size, also where a mean of equal numbers is not quite that number."""
    value = np.full((50, 1), 0.1 * 3)
    joined = moments_of([value[:7]]).then(moments_of([value[7:]]))
    assert joined.mean == value[:1]
    assert not joined.cross.any()
    ratio = moments_of([0.7 * np.arange(1.0, 51)[:, None], np.arange(1.0, 51)[:, None]])
    assert variation(ratio, np.array([[1.0], [-0.7]])) == 0


def test_a_sum_that_controls_know_has_no_variation_left() -> None:
    _, _, controls = some()
    of = moments_of([controls.sum(axis=1, keepdims=True)], controls)
    off = controls - controls.mean(axis=0)
    assert variation(of, np.ones((1, 1)), Correction(160, controls.mean(axis=0), off.T @ off)) == 0
