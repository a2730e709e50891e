"""Statistical assertions whose rate of false alarms is known.

A test that compares a simulated figure with the truth can be wrong in two ways: it cries wolf (probability `alpha`,
which each test states), or it sleeps (it cannot see a bias below `smallest_visible_bias`). Seeds are fixed, so a test
that is green stays green until the code changes; `alpha` is then the chance that a *harmless* change of the sample
path turns it red. With some hundred assertions at 1e-4 each, about one such change in a hundred does.
"""

import math
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

ALPHA = 1e-4


def close(estimate: float, truth: float, standard_error: float, alpha: float = ALPHA) -> bool:
    """Whether an approximately normal `estimate` lies where it does with probability 1 - `alpha` if `truth` holds."""
    assert standard_error >= 0, "a standard error is not negative"
    return abs(estimate - truth) <= _z(1 - alpha / 2) * standard_error


def close_mean(values: npt.ArrayLike, truth: float, alpha: float = ALPHA) -> bool:
    """The same for the mean of independent `values`, by Student's t."""
    from scipy.special import stdtrit

    sample = np.asarray(values, dtype=np.float64)
    assert sample.size >= 2, "one value has no spread"
    standard_error = sample.std(ddof=1) / math.sqrt(sample.size)
    return bool(abs(sample.mean() - truth) <= stdtrit(sample.size - 1, 1 - alpha / 2) * standard_error)


def agree(ours: float, our_half_width: float, theirs: float, their_half_width: float, last_digit: float = 0.0) -> bool:
    """Whether two simulated figures agree: three standard errors of their difference and half a last printed digit.

    Half-widths are those of 95 % intervals. False alarm: 0.0027.
    """
    spread = math.hypot(our_half_width, their_half_width) / _z(0.975)
    return abs(ours - theirs) <= 3 * spread + last_digit / 2


def smallest_visible_bias(standard_error: float, alpha: float = ALPHA, power: float = 0.9) -> float:
    """The bias that `close` sees with probability `power`."""
    return (_z(1 - alpha / 2) + _z(power)) * standard_error


def _z(p: float) -> float:
    return NormalDist().inv_cdf(p)
