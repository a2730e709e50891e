"""Runs, piece by piece -> Digest: what many replications came to, without keeping any of them.

A digest is asked its questions beforehand. It takes in the pieces of an experiment and keeps of each what the answers
need: moments, sums, and a few numbers of each replication. So a thousand replications need no more room than fifty.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from sim.controls import affordable, sets_of
from sim.estimates import LEVEL, Estimate, Estimates, Floats, Numbers, Sample, estimates_from, point
from sim.experiment import Runs
from sim.measures import Axis, Figure, figure_from, sample_of, wait_from
from sim.metrics import ARRAYS, Tally
from sim.moments import BLOCK, Correction, Moments, corrected, moments_of
from sim.quantiles import Quantile, running
from sim.scenario import Scenario
from sim.staffing import StaffingPlan

Key = tuple[str, ...]
Types = tuple[int, ...]
"""Contact types whose waits are pooled."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What to take from each piece: a sample [replication, cell…]; `rows` keeps it replication by replication.

    `means_only`: no interval will be asked for.
    """

    key: Key
    sample: Callable[[Runs], Sample]
    rows: bool = False
    means_only: bool = False


def about(figure: Figure, by: Sequence[Axis] = (), *, means_only: bool = False) -> Question:
    """The question after a figure in each cell of `by`."""
    return Question(
        key=key_of(figure, by),
        sample=lambda runs: sample_of(figure, runs.scenario, runs.tallies, by),
        means_only=means_only,
    )


def key_of(figure: Figure, by: Sequence[Axis] = ()) -> Key:
    """Under which key a digest has a figure."""
    return (figure.measure, figure.formula, figure.segment, *by)


class Desk(NamedTuple):
    """Of what a digest is: the replications of one plan on one desk."""

    scenario: Scenario
    plan: StaffingPlan
    seed: int
    first: int
    engine: str


class Digest:
    """Answers to questions about the replications taken in so far.

    `most`: how many there will be at most; `waits`: which types' waits are pooled for quantiles. Attributes are those
    of `Runs`, but for the tallies: `total` has their sums (`wait_max_ms` too is a sum).
    """

    def __init__(
        self, desk: Desk, questions: Iterable[Question], *, most: int, waits: Iterable[Types] = (), plain: bool = False,
        fine: bool = False,
    ) -> None:
        self.scenario, self.plan, self.seed, self.first, self.engine = desk
        self.replications, self.plain = 0, plain
        self.questions = {question.key: question for question in questions}
        self.waits = list(dict.fromkeys(waits))
        self.most = most
        self.total: Tally | None = None
        self._moments: dict[Key, Moments] = {}
        self._rows: dict[Key, list[Sample]] = {}
        self._steer = Steering(self.scenario, most, plain=plain, fine=fine)

    @classmethod
    def of(
        cls, runs: Runs, questions: Iterable[Question], *, waits: Iterable[Types] = (), plain: bool = False,
        fine: bool = False,
    ) -> "Digest":
        """Of runs that are all there."""
        desk = Desk(runs.scenario, runs.plan, runs.seed, runs.first, runs.engine)
        found = cls(desk, questions, most=runs.replications, waits=waits, plain=plain, fine=fine)
        found.add(runs)
        return found

    def add(self, runs: Runs) -> None:
        """Take in the next replications."""
        if runs.first != self.first + self.replications:
            raise ValueError("only the next replications can be taken in")
        controls, blocks = self._steer.add(runs), blocks_in(runs)
        for key, question in self.questions.items():
            sample = question.sample(runs)
            if question.rows:
                self._rows.setdefault(key, []).append(sample)
            else:
                self._put(key, moments_of(sample.parts, controls, blocks, means_only=question.means_only))
        if self.waits:
            self._put(("waits",), moments_of(running(waits_of(runs, self.waits)), controls, blocks))
        self.total = _sum(runs.tallies, self.total)
        self.replications += runs.replications

    def _put(self, key: Key, found: Moments) -> None:
        known = self._moments.get(key)
        self._moments[key] = found if known is None else known.then(found)

    # -------------------------------------------------------------------------------------------------------- answers

    @property
    def controls(self) -> tuple[str, ...]:
        """Names of the control variates that so many replications can pay for."""
        return self._steer.names

    @property
    def correction(self) -> Correction | None:
        """What they correct; None without any."""
        return self._steer.correction

    def moments(self, key: Key) -> Moments:
        """Of a question, with the controls that count."""
        return self._moments[key].cut(self._steer.width)

    def estimates(self, key: Key, *, level: float = LEVEL, counts: bool = True, formula: str = "") -> Estimates:
        """The estimates of a question."""
        return estimates_from(self.moments(key), level=level, by=self.correction, counts=counts, formula=formula)

    def figure(self, figure: Figure, by: Sequence[Axis] = (), *, level: float = LEVEL) -> Estimates:
        """A figure in each cell of `by`."""
        return figure_from(figure, self.moments(key_of(figure, by)), level=level, correction=self.correction)

    def means(self, figure: Figure, by: Sequence[Axis] = ()) -> Floats:
        """The same without intervals [cell…]; NaN where a denominator is empty."""
        return point(corrected(self.moments(key_of(figure, by)), self.correction))[0]

    def wait(self, measure: str, types: Types, *, level: float = LEVEL) -> Estimate:
        """A quantile of the waits of these types, pooled."""
        return self.quantile(measure, types, level=level).estimate

    def quantile(self, measure: str, types: Types, *, level: float = LEVEL) -> Quantile:
        """The same, and how it goes with what it was read from."""
        assert self.total is not None, "something was taken in"
        of = self.moments(("waits",)).of_cell(self.waits.index(types))
        pooled = self.total.wait_histogram[list(types)].sum(axis=0)
        return wait_from(measure, of, pooled, level=level, correction=self.correction)

    def rows(self, key: Key) -> Sample:
        """What was kept of each replication."""
        parts = self._rows[key]
        bottoms = [np.asarray(part.denominator) for part in parts if part.denominator is not None]
        top = np.concatenate([part.numerator for part in parts])
        return Sample(top, np.concatenate(bottoms) if bottoms else None, parts[0].counts)


class Steering:
    """Control variates of one desk, replication by replication; `fine`: those of each interval too."""

    def __init__(self, scenario: Scenario, most: int, *, plain: bool = False, fine: bool = False) -> None:
        self._scenario, self._most, self._plain, self._fine = scenario, most, plain, fine
        self._sizes: dict[str, int] = {}
        self._of: Moments | None = None

    def add(self, runs: Runs) -> Floats | None:
        """Values of all controls that will ever count, [replication, control]."""
        if self._plain:
            return None
        sets = sets_of(self._scenario, runs.tallies, fine=self._fine)
        sizes = {name: values.shape[1] for name, values in sets.items()}
        self._sizes = {name: sizes[name] for name in affordable(sizes, self._most)}
        if not self._sizes:
            return None
        values = np.concatenate([sets[name] for name in self._sizes], axis=1)
        found = moments_of(list(values.T))
        self._of = found if self._of is None else self._of.then(found)
        self.__dict__.pop("correction", None)
        return values

    @property
    def names(self) -> tuple[str, ...]:
        """Those that count."""
        return self._affordable if self.correction is not None else ()

    @property
    def width(self) -> int:
        """How many controls count."""
        return sum(self._sizes[name] for name in self.names)

    @property
    def _affordable(self) -> tuple[str, ...]:
        return affordable(self._sizes, self._of.count) if self._of is not None else ()

    @cached_property
    def correction(self) -> Correction | None:
        """What they correct; None without any."""
        width = sum(self._sizes[name] for name in self._affordable)
        if self._of is None or not width:
            return None
        found = Correction(self._of.count, self._of.mean[:width], self._of.cross[:width, :width])
        return found if found.rank else None


def blocks_in(runs: Runs) -> slice | None:
    """Which of these replications fill whole blocks over which days are stratified; None where they are not."""
    start = -runs.first % BLOCK
    blocks = (runs.replications - start) // BLOCK
    return slice(start, start + blocks * BLOCK) if blocks > 0 and runs.scenario.in_blocks else None


def waits_of(runs: Runs, pools: Sequence[Types]) -> Numbers:
    """Histograms of waits [replication, pool, bucket]."""
    histogram = runs.tallies.wait_histogram
    return np.stack([histogram[:, list(types)].sum(axis=1) for types in pools], axis=1)


def _sum(tallies: Tally, so_far: Tally | None) -> Tally:
    """Sums over replications, and over those so far."""
    columns = {name: getattr(tallies, name).sum(axis=0, dtype=np.int64) for name in ARRAYS}
    if so_far is not None:
        columns = {name: column + getattr(so_far, name) for name, column in columns.items()}
    return Tally(thresholds=tallies.thresholds, **columns)


__all__ = [
    "Desk", "Digest", "Key", "Question", "Steering", "Types", "about", "blocks_in", "key_of", "waits_of",
]  # fmt: skip
