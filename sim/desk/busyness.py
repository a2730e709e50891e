"""What makes one day, or one hour, busier than another: random factors on rates, and how they hang together."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from sim.desk.base import Spec, added
from sim.units import ShareText, parse_share


def parse_correlation(value: Any) -> float:
    """A number, or a text in per cent."""
    try:
        return parse_share(value)
    except ValueError:
        raise ValueError('a correlation is a number or a percentage: write for example 0.6 or "60 %"') from None


_read = BeforeValidator(parse_correlation, json_schema_input_type=ShareText)
Spread = Annotated[float, BeforeValidator(parse_share, json_schema_input_type=ShareText), Field(ge=0, lt=2)]
Correlation = Annotated[float, _read, Field(ge=-1, le=1)]
Pairs = dict[str, dict[str, Correlation]]
SharedOrPairs = Annotated[
    Annotated[float, _read, Tag("number")] | Annotated[Pairs, Tag("pairs")],
    Discriminator(lambda value: "pairs" if isinstance(value, dict) else "number"),
]
ROUNDING = 1e-9
"""Correlations written with a few digits may miss what is possible by so much."""


class Swings(Spec):
    """A further random factor of mean 1 on the rates of each interval, alike in intervals near each other.

    Its normal scores are an AR(1) course over the horizon: those of intervals k apart have `correlation`^k. All types
    swing together, or (`by_type`) each on its own.
    """

    cv: Spread
    correlation: Annotated[Correlation, Field(gt=-1)] = 0.0
    law: Literal["gamma", "lognormal"] = "gamma"
    by_type: bool = False


class Busyness(Spec):
    """A random factor of mean 1 on all arrival rates of a day (gamma law): some days are busier.

    `by_type` has the spread of types for which it is not `cv`. `correlation` is that of two types' normal scores
    (Gaussian copula): 1, one factor for all; a number from 0 to 1, shared by all pairs; or a table of pairs, the others
    being independent. `intervals` swing around the day's factor.
    """

    cv: Spread = 0.0
    by_type: dict[str, Spread] = added({})
    correlation: SharedOrPairs = added(1.0)
    intervals: Swings | None = added(None)

    @model_validator(mode="after")
    def _possible(self) -> "Busyness":
        if isinstance(self.correlation, float):
            if not 0 <= self.correlation <= 1:
                rule = "correlation must lie in [0, 1] where all pairs share it"
                raise ValueError(f"{rule}: give a table of pairs for types that go against each other")
            return self
        names, matrix = paired(self.correlation)
        if triangular(matrix) is None:
            least = float(np.linalg.eigvalsh(matrix)[0])
            of = f"{', '.join(names)}; least eigenvalue {least:.2g}"
            raise ValueError(f"correlation cannot be so in all pairs at once ({of}): give weaker ones, or more pairs")
        return self

    @property
    def varies(self) -> bool:
        """Whether days differ at all."""
        return self.cv > 0 or any(self.by_type.values())


def paired(pairs: Mapping[str, Mapping[str, float]]) -> tuple[tuple[str, ...], npt.NDArray[np.float64]]:
    """The names in a table of pairs, by first mention, and their correlation matrix; pairs not given have 0."""
    names = tuple(dict.fromkeys(name for one, others in pairs.items() for name in (one, *others)))
    matrix, seen = np.eye(len(names)), set()
    for one, others in pairs.items():
        for other, correlation in others.items():
            if one == other:
                raise ValueError(f"correlation is 1 for {one} with itself: give pairs of two types")
            if (other, one) in seen:
                raise ValueError(f"correlation is given twice for {other} and {one}: give it once")
            seen.add((one, other))
            i, j = names.index(one), names.index(other)
            matrix[i, j] = matrix[j, i] = correlation
    return names, matrix


def triangular(matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.float64] | None:
    """L with L L' = a correlation matrix (Cholesky, also where it is singular); None if it is none."""
    found = np.zeros_like(matrix)
    for j in range(len(matrix)):
        rest = matrix[j:, j] - found[j:, :j] @ found[j, :j]
        root = np.sqrt(max(rest[0], 0.0))
        if rest[0] < -ROUNDING or (root < np.sqrt(ROUNDING) and np.abs(rest).max() > np.sqrt(ROUNDING)):
            return None
        if root >= np.sqrt(ROUNDING):
            found[j:, j] = rest / root
    return found
