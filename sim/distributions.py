"""Families of durations: how long people talk, wait, or spend with the bot.

A family is a small frozen model, written in a scenario as `{family: lognormal, mean: 300 s, cv: 0.9}`. It can draw
(`sample`), and knows its `mean` and its `cdf`. Seconds throughout.
"""

import math
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from sim.clock import held, parse_moment
from sim.units import PositiveSeconds, Seconds, Share

LEAST_CV = 1e-6
"""What varies by less does not: the shape of its law would be beyond all numbers."""
Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]


class Family(BaseModel):
    """What every family offers."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @property
    def average(self) -> float:
        """Mean in seconds."""
        raise NotImplementedError

    def sample(self, rng: np.random.Generator, n: int) -> Floats:
        """`n` independent draws in seconds, shape [n]."""
        raise NotImplementedError

    def cdf(self, x: Floats) -> Floats:
        """P(X <= x) for each x in seconds."""
        raise NotImplementedError


class Deterministic(Family):
    """Always the same value."""

    family: Literal["deterministic"]
    value: Seconds

    @property
    def average(self) -> float:
        return self.value

    def sample(self, rng: np.random.Generator, n: int) -> Floats:
        return np.full(n, self.value)

    def cdf(self, x: Floats) -> Floats:
        return np.asarray(x >= self.value, dtype=np.float64)


class Exponential(Family):
    """Memoryless."""

    family: Literal["exponential"]
    mean: PositiveSeconds

    @property
    def average(self) -> float:
        return self.mean

    def sample(self, rng: np.random.Generator, n: int) -> Floats:
        draws = rng.standard_exponential(n)
        draws *= self.mean
        return draws

    def cdf(self, x: Floats) -> Floats:
        return -np.expm1(-np.maximum(x, 0.0) / self.mean)


class Lognormal(Family):
    """By mean and coefficient of variation (cv = standard deviation / mean): sigma^2 = ln(1 + cv^2)."""

    family: Literal["lognormal"]
    mean: PositiveSeconds
    cv: float = Field(gt=0)

    @property
    def average(self) -> float:
        return self.mean

    @property
    def of_log(self) -> tuple[float, float]:
        """Mean and standard deviation of the logarithm."""
        variance = math.log1p(self.cv**2)
        return math.log(self.mean) - variance / 2, math.sqrt(variance)

    def sample(self, rng: np.random.Generator, n: int) -> Floats:
        mu, sigma = self.of_log
        draws = rng.standard_normal(n)  # and so on in place: half the time of rng.lognormal
        draws *= sigma
        draws += mu
        return np.exp(draws, out=draws)

    def cdf(self, x: Floats) -> Floats:
        from scipy.special import ndtr

        mu, sigma = self.of_log
        with np.errstate(divide="ignore"):
            return np.asarray(ndtr((np.log(np.maximum(x, 0.0)) - mu) / sigma))


class Gamma(Family):
    """By mean and coefficient of variation: shape 1/cv^2."""

    family: Literal["gamma"]
    mean: PositiveSeconds
    cv: float = Field(gt=0)

    @property
    def average(self) -> float:
        return self.mean

    def sample(self, rng: np.random.Generator, n: int) -> Floats:
        return rng.gamma(self.cv**-2, self.mean * self.cv**2, n)

    def cdf(self, x: Floats) -> Floats:
        from scipy.special import gammainc

        return np.asarray(gammainc(self.cv**-2, np.maximum(x, 0.0) / (self.mean * self.cv**2)))


class Erlang(Family):
    """Sum of `stages` exponentials of equal mean."""

    family: Literal["erlang"]
    mean: PositiveSeconds
    stages: int = Field(ge=1)

    @property
    def average(self) -> float:
        return self.mean

    def sample(self, rng: np.random.Generator, n: int) -> Floats:
        return rng.gamma(self.stages, self.mean / self.stages, n)

    def cdf(self, x: Floats) -> Floats:
        from scipy.special import gammainc

        return np.asarray(gammainc(self.stages, np.maximum(x, 0.0) * self.stages / self.mean))


class Weibull(Family):
    """By mean and shape (below 1: a falling hazard, as patience often has)."""

    family: Literal["weibull"]
    mean: PositiveSeconds
    shape: float = Field(gt=0)

    @property
    def average(self) -> float:
        return self.mean

    @property
    def _scale(self) -> float:
        return self.mean / math.gamma(1 + 1 / self.shape)

    def sample(self, rng: np.random.Generator, n: int) -> Floats:
        return self._scale * rng.weibull(self.shape, n)

    def cdf(self, x: Floats) -> Floats:
        return -np.expm1(-((np.maximum(x, 0.0) / self._scale) ** self.shape))


class Uniform(Family):
    """Between `low` and `high`."""

    family: Literal["uniform"]
    low: Seconds
    high: PositiveSeconds

    @model_validator(mode="after")
    def _ordered(self) -> "Uniform":
        if self.low >= self.high:
            raise ValueError("low must lie below high")
        return self

    @property
    def average(self) -> float:
        return (self.low + self.high) / 2

    def sample(self, rng: np.random.Generator, n: int) -> Floats:
        return rng.uniform(self.low, self.high, n)

    def cdf(self, x: Floats) -> Floats:
        return np.clip((x - self.low) / (self.high - self.low), 0.0, 1.0)


class Triangular(Family):
    """Between `low` and `high`, most likely at `mode`."""

    family: Literal["triangular"]
    low: Seconds
    mode: Seconds
    high: PositiveSeconds

    @model_validator(mode="after")
    def _ordered(self) -> "Triangular":
        if not self.low <= self.mode <= self.high or self.low >= self.high:
            raise ValueError("low, mode, high must ascend, and low lie below high")
        return self

    @property
    def average(self) -> float:
        return (self.low + self.mode + self.high) / 3

    def sample(self, rng: np.random.Generator, n: int) -> Floats:
        return rng.triangular(self.low, self.mode, self.high, n)

    def cdf(self, x: Floats) -> Floats:
        low, mode, high = self.low, self.mode, self.high
        x = np.clip(x, low, high)
        rising = (x - low) ** 2 / ((high - low) * max(mode - low, 1e-300))
        falling = 1 - (high - x) ** 2 / ((high - low) * max(high - mode, 1e-300))
        return np.where(x <= mode if mode > low else x < mode, rising, falling)


class Hyperexponential(Family):
    """A mixture of exponentials: with probability `shares[i]` one of mean `means[i]`."""

    family: Literal["hyperexponential"]
    shares: tuple[Share, ...] = Field(min_length=1)
    means: tuple[PositiveSeconds, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _matched(self) -> "Hyperexponential":
        if len(self.shares) != len(self.means):
            raise ValueError("shares and means must be of one length")
        if abs(sum(self.shares) - 1) > 1e-9:
            raise ValueError(f"shares must add up to 1, not {sum(self.shares):g}")
        return self

    @property
    def average(self) -> float:
        return sum(p * m for p, m in zip(self.shares, self.means, strict=True))

    def sample(self, rng: np.random.Generator, n: int) -> Floats:
        which = np.searchsorted(np.cumsum(self.shares)[:-1], rng.random(n), side="right")
        return np.asarray(rng.exponential(1.0, n) * np.asarray(self.means)[which])

    def cdf(self, x: Floats) -> Floats:
        x = np.maximum(x, 0.0)
        parts = (p * -np.expm1(-x / m) for p, m in zip(self.shares, self.means, strict=True))
        return np.asarray(sum(parts), dtype=np.float64)


class Empirical(Family):
    """Observed values; a draw is one of them. In a file: `{family: empirical, file: talk.csv, column: seconds}`."""

    family: Literal["empirical"]
    values: tuple[Annotated[float, Field(ge=0)], ...] = Field(min_length=1, description="seconds")

    @property
    def average(self) -> float:
        return float(np.mean(self.values))

    def sample(self, rng: np.random.Generator, n: int) -> Floats:
        return np.asarray(self.values)[rng.integers(0, len(self.values), n)]

    def cdf(self, x: Floats) -> Floats:
        return np.searchsorted(np.sort(self.values), x, side="right") / len(self.values)


_Plain = (
    Deterministic
    | Exponential
    | Lognormal
    | Gamma
    | Erlang
    | Weibull
    | Uniform
    | Triangular
    | Hyperexponential
    | Empirical
)


class ByTime(Family):
    """A law of its own for contacts that arrive from each label on: `{by_time: {"08:00": {…}, "12:00": {…}}}`.

    On its own it stands for the mixture over the times of a day.
    """

    family: Literal["by_time"] = "by_time"
    by_time: dict[str, Annotated[_Plain, Field(discriminator="family")]] = Field(min_length=1)

    @field_validator("by_time")
    @classmethod
    def _labels(cls, value: dict[str, Family]) -> dict[str, Family]:
        for label in value:
            parse_moment(label)
        return value

    @property
    def laws(self) -> tuple[Family, ...]:
        """The laws, in the order of their labels in the file."""
        return tuple(self.by_time.values())

    def law_at(self, wall: Whole) -> Whole:
        """Index among `laws` of the one in force at each wall-clock minute; before the first label the first."""
        number = {label: float(i) for i, label in enumerate(self.by_time)}
        return held(number, wall).astype(np.int64)

    @property
    def _parts(self) -> list[tuple[float, Family]]:
        minutes = np.bincount(self.law_at(np.arange(1440) + 14400), minlength=len(self.laws)).astype(np.float64)
        if any(parse_moment(label)[0] for label in self.by_time):
            minutes[:] = 1
        return list(zip((minutes / minutes.sum()).tolist(), self.laws, strict=True))

    @property
    def average(self) -> float:
        return sum(share * law.average for share, law in self._parts)

    def sample(self, rng: np.random.Generator, n: int) -> Floats:
        drawn = np.stack([law.sample(rng, n) for law in self.laws])
        which = np.searchsorted(np.cumsum([share for share, _ in self._parts])[:-1], rng.random(n), side="right")
        return np.asarray(drawn[which, np.arange(n)])

    def cdf(self, x: Floats) -> Floats:
        return np.asarray(sum(share * law.cdf(x) for share, law in self._parts), dtype=np.float64)


def _as_by_time(value: Any) -> Any:
    is_by_time = isinstance(value, dict) and "by_time" in value and "family" not in value
    return {"family": "by_time", **value} if is_by_time else value


Distribution = Annotated[_Plain | ByTime, Field(discriminator="family"), BeforeValidator(_as_by_time)]


def gamma_factor(cv: float, u: Floats) -> Floats:
    """Quantile of the gamma law with mean 1 and coefficient of variation `cv` at each u in (0, 1); 1 for cv near 0."""
    from scipy.special import gammaincinv

    if cv < LEAST_CV:
        return np.ones_like(u)
    return np.asarray(gammaincinv(cv**-2, u) * cv**2)


def from_quantiles(median: float, p90: float) -> Lognormal:
    """The lognormal with this median and 90 % quantile, in seconds."""
    sigma = math.log(p90 / median) / 1.2815515655446004
    return Lognormal(family="lognormal", mean=_s(median * math.exp(sigma**2 / 2)), cv=math.sqrt(math.expm1(sigma**2)))


def _s(seconds: float) -> Any:
    return f"{seconds!r} s"
