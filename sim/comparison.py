"""Candidates -> what differs between them on the same customers, with intervals; and what of it is real.

Every replication number of a seed brings the same customers to each candidate. What both share cancels in the
difference of a pair, so that far fewer days tell two plans apart than if each had customers of its own.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import count, product
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np

from sim.candidates import Candidate
from sim.chances import intervals_kept, whole_kept
from sim.digest import Desk, Digest, Key, Steering, Types, about, blocks_in, waits_of
from sim.estimates import LEVEL, Estimate, Estimates, Floats, Numbers, Sample, differences_from
from sim.experiment import Progress, Runs, chunks
from sim.measures import Axis, cells, wait_from
from sim.metrics import QUANTILES
from sim.moments import Correction, Moments, moments_of
from sim.quantiles import quantile_difference, running
from sim.results import (
    RESULT_FILE,
    SCENARIO_FILE,
    By,
    CandidateRecord,
    DifferenceRecord,
    MovedRecord,
    Record,
    Result,
    Row,
    estimate_rows,
    record,
    to_json,
    write_run,
)
from sim.scenario import Scenario, Target
from sim.scenario_file import dump
from sim.summary import (
    SPENT,
    chosen,
    empty_digest,
    longest_waits,
    pay_records,
    result_of,
    spendings,
    spent_on,
)

MOVES = ("service_level", "asa", "abandonment", "occupancy")
"""What is looked at by type, group, day and interval to say what moved."""


class Comparison:
    """What all candidates came to on the same customers, the baseline first, and pair by pair.

    The baseline's arrivals are the control variates of all pairs; `plain`: without any.
    """

    def __init__(self, candidates: Sequence[Candidate], desks: Sequence[Desk], most: int, *, plain: bool = False):
        self.candidates, self.plain = tuple(candidates), plain
        self.digests = [empty_digest(desk, most, plain=plain) for desk in desks]
        self.pairs = [Pair(desks[0].scenario, desk.scenario) for desk in desks[1:]]
        self._steer = Steering(desks[0].scenario, most, plain=plain)

    @classmethod
    def of(cls, candidates: Sequence[Candidate], runs: Sequence[Runs], *, plain: bool = False) -> "Comparison":
        """Of runs that are all there."""
        desks = [Desk(one.scenario, one.plan, one.seed, one.first, one.engine) for one in runs]
        whole = cls(candidates, desks, runs[0].replications, plain=plain)
        whole.add(runs)
        return whole

    def add(self, runs: Sequence[Runs]) -> None:
        """Take in the same replications of all candidates."""
        controls = self._steer.add(runs[0])
        for digest, one in zip(self.digests, runs, strict=True):
            digest.add(one)
        for pair, one in zip(self.pairs, runs[1:], strict=True):
            pair.add(runs[0], one, controls)

    @property
    def others(self) -> list[tuple[Candidate, Digest, "Pair"]]:
        """All but the baseline."""
        return list(zip(self.candidates[1:], self.digests[1:], self.pairs, strict=True))

    @property
    def steering(self) -> tuple[int, Correction | None]:
        """How many controls count, and what they correct."""
        return self._steer.width, self._steer.correction


def compare(
    found: Sequence[Candidate],
    *,
    replications: int,
    seed: int,
    first: int = 0,
    engine: str = "auto",
    workers: int = 1,
    executor: Executor | None = None,
    progress: Progress | None = None,
    plain: bool = False,
) -> Comparison:
    """Simulate all candidates on the same customers, by turns and piece by piece.

    `progress(done, total)` is told of each replication of a candidate.
    """
    total, done = replications * len(found), count(1)
    with ExitStack() as stack:
        courses = [
            stack.enter_context(closing(chunks(
                one.scenario,
                replications=replications,
                seed=seed,
                first=first,
                engine=engine,
                workers=workers,
                executor=executor,
                progress=lambda *_: progress(next(done), total) if progress is not None else None,
            )))
            for one in found
        ]  # fmt: skip
        whole: Comparison | None = None
        for runs in zip(*courses, strict=True):
            if whole is None:
                desks = [Desk(one.scenario, one.plan, seed, first, one.engine) for one in runs]
                whole = Comparison(found, desks, replications, plain=plain)
            whole.add(runs)
    assert whole is not None, "there is a first piece"
    return whole


# ------------------------------------------------------------------------------------------------------------ lines


@dataclass(frozen=True, kw_only=True)
class _Line:
    """A figure in all cells of one kind: `sample` gives [replication, cell…], `keys` say what each cell is of."""

    measure: str
    formula: str
    unit: str
    keys: list[By]
    sample: Callable[[Runs], Sample]
    counts: bool = True
    on_paper: bool = False

    @property
    def kind(self) -> Key:
        """What its twin in other runs has too."""
        return self.measure, self.formula, *sorted(self.keys[0])


def _lines(scenario: Scenario, targets: Mapping[int, Target]) -> Iterator[_Line]:
    """All figures that are compared; `targets` by their numbers."""
    figures = [(figure, axes) for figure, axes in chosen(scenario) if len(axes) < 2 and not figure.root]
    both: tuple[tuple[Axis, ...], ...] = ((), ("type",))
    for figure, axes in (*figures, *product(spent_on(scenario), both)):
        segment = By(segment=figure.segment) if figure.segment else By()
        yield _Line(
            measure=figure.measure,
            formula=figure.formula,
            unit=figure.unit,
            keys=[cast(By, {**key, **segment}) for key in cells(scenario, axes)],
            sample=about(figure, axes).sample,
            counts=figure.counts,
            on_paper=figure.on_paper,
        )
    for measure, formula, per in SPENT:
        unit, sample = scenario.costs.currency + per, partial(spendings, measure)
        yield _Line(measure=measure, formula=formula, unit=unit, keys=[{}], sample=sample)
    yield from _longest(scenario)
    yield from _promises(scenario, targets)


def _longest(scenario: Scenario) -> Iterator[_Line]:
    (keys, of_all), (by_type, of_each) = _wait_cells(scenario)
    for names, pools in ((keys, of_all), (by_type, of_each)):
        sample = partial(longest_waits, pools=pools)
        yield _Line(measure="wait_max", formula="WAIT-3", unit="s", keys=names, sample=sample)


def _wait_cells(scenario: Scenario) -> list[tuple[list[By], list[Types]]]:
    """Cells of waits with the types that each pools: all of them, and each type."""
    names = list(scenario.contact_types)
    return [([{}], [tuple(range(len(names)))]), ([{"type": name} for name in names], [(k,) for k in range(len(names))])]


def _promises(scenario: Scenario, targets: Mapping[int, Target]) -> Iterator[_Line]:
    """P(target met), in all and by interval."""
    for number, target in targets.items():
        segment: By = {"segment": f"target {number}"}
        each = [cast(By, {**key, **segment}) for key in cells(scenario, ("interval",))]
        kept: list[tuple[str, list[By], Callable[[Target, Runs], Sample]]] = [
            ("TM-1", [segment], whole_kept),
            ("TM-2", each, intervals_kept),
        ]
        for formula, keys, sample in kept:
            yield _Line(
                measure="target_met", formula=formula, unit="share", keys=keys, sample=partial(sample, target)
            )


class Pair:
    """A candidate beside the baseline: moments of the parts of both, those of the candidate first."""

    def __init__(self, base: Scenario, other: Scenario) -> None:
        numbered = zip(base.targets, other.targets, strict=False)
        targets = {number: one for number, (one, twin) in enumerate(numbered, start=1) if one == twin}
        twins: dict[tuple[Key, str], _Line] = {(line.kind, _first(line)): line for line in _lines(other, targets)}
        self.lines = [
            shared
            for line in _lines(base, targets)
            if (line.kind, _first(line)) in twins and (shared := _Shared.of(line, twins[line.kind, _first(line)])).keys
        ]
        self.pools = [
            (key, types, theirs)
            for (keys, mine), (names, others) in zip(_wait_cells(base), _wait_cells(other), strict=True)
            for key, types in zip(keys, mine, strict=True)
            for name, theirs in zip(names, others, strict=True)
            if key == name
        ]
        self._moments: list[Moments] = []

    def add(self, base: Runs, other: Runs, controls: Floats | None) -> None:
        """Take in the same replications of both."""
        blocks = blocks_in(base) or blocks_in(other)
        found = [moments_of(line.parts(base, other), controls, blocks) for line in self.lines]
        theirs = running(waits_of(other, [types for _, _, types in self.pools]))
        mine = running(waits_of(base, [types for _, types, _ in self.pools]))
        found.append(moments_of([*theirs, *mine], controls, blocks))
        known = self._moments
        self._moments = [one.then(more) for one, more in zip(known, found, strict=True)] if known else found

    def differences(
        self, comparison: Comparison, other: Digest, level: float, measures: Sequence[str] = ()
    ) -> Iterator[tuple[_Line, list[By], Estimates]]:
        """Candidate less baseline for each line (of these measures), in the cells that both have."""
        width, by = comparison.steering
        for shared, moments in zip(self.lines, self._moments[:-1], strict=True):
            line, of = shared.line, moments.cut(width)
            if line.measure in (measures or (line.measure,)):
                found = differences_from(of, level=level, by=by, counts=line.counts, formula=line.formula)
                yield line, shared.keys, _named(found, of, on_paper=line.on_paper)
        if measures:
            return
        of = self._moments[-1].cut(width)
        for measure in QUANTILES:
            for at, (key, mine, theirs) in enumerate(self.pools):
                pooled = _pooled(other, theirs), _pooled(comparison.digests[0], mine)
                yield _wait_line(measure, key), [key], _wait_difference(measure, of.of_cell(at), pooled, level, by)


def _first(line: _Line) -> str:
    """What tells lines of one kind apart: the segment."""
    return line.keys[0].get("segment", "")


class _Shared(NamedTuple):
    """A line of the baseline and its twin, with the cells that both have."""

    line: _Line
    twin: _Line
    keys: list[By]
    mine: list[int]
    theirs: list[int]

    @classmethod
    def of(cls, line: _Line, twin: _Line) -> "_Shared":
        place = {str(key): j for j, key in enumerate(twin.keys)}
        mine = [i for i, key in enumerate(line.keys) if str(key) in place]
        keys = [line.keys[i] for i in mine]
        return cls(line, twin, keys, mine, [place[str(key)] for key in keys])

    def parts(self, base: Runs, other: Runs) -> list[Numbers]:
        """Of the candidate, then of the baseline, [replication, cell] each."""
        pairs = ((self.twin.sample(other), self.theirs), (self.line.sample(base), self.mine))
        return [np.asarray(part).reshape(len(part), -1)[:, at] for sample, at in pairs for part in sample.parts]


def _named(found: Estimates, of: Moments, *, on_paper: bool) -> Estimates:
    """With the method that it deserves, where both agree in all replications or nothing varies."""
    if on_paper and not of.cross.any():
        return replace(found, low=found.mean, high=found.mean, method="exact")
    still = np.asarray((found.low == found.high) & np.isfinite(found.mean))
    if not still.any():
        return found
    method = np.where(still, np.where(found.mean == 0, "no difference seen", "nothing varied"), found.method)
    unknown = still & (found.mean != 0)
    low, high = (np.where(unknown, np.nan, end) for end in (found.low, found.high))
    return replace(found, low=low, high=high, methods=method)


def _pooled(digest: Digest, types: Types) -> Numbers:
    assert digest.total is not None, "something was taken in"
    return np.asarray(digest.total.wait_histogram[list(types)].sum(axis=0))


def _wait_line(measure: str, key: By) -> _Line:
    return _Line(measure=measure, formula="WAIT-2", unit="s", keys=[key], sample=lambda _: Sample(np.zeros(0)))


def _wait_difference(
    measure: str, of: Moments, pooled: tuple[Numbers, Numbers], level: float, by: Correction | None
) -> Estimates:
    """Of a quantile of the wait."""
    half = len(of.mean) // 2
    theirs, mine = (
        wait_from(measure, of.of_parts(some), counts, level=level, correction=by)
        for some, counts in zip((slice(0, half), slice(half, None)), pooled, strict=True)
    )
    found = quantile_difference(of, theirs, mine, level=level, by=by)
    return replace(found, mean=found.mean[None], low=found.low[None], high=found.high[None], n=found.n[None])


# ------------------------------------------------------------------------------------------------------ differences


def differences(comparison: Comparison, *, level: float = LEVEL) -> Iterator[DifferenceRecord]:
    """Each candidate less the baseline: in all, by type, channel, group, day and interval."""
    base, pay = comparison.candidates[0], list(pay_records(comparison.digests[0]))
    for other, digest, pair in comparison.others:
        for line, keys, found in pair.differences(comparison, digest, level):
            for key, one in zip(keys, found, strict=True):
                yield _difference(record(line.measure, line.unit, key, one), base, other)
        yield from (_difference(one, base, other) for one in _on_paper(pay, list(pay_records(digest))))


def _difference(one: Record, base: Candidate, other: Candidate) -> DifferenceRecord:
    return DifferenceRecord(**vars(one), baseline=base.name, candidate=other.name)


def _on_paper(base: Iterable[Record], other: Iterable[Record]) -> Iterator[Record]:
    """What needs no chance: pay and heads."""
    known = {(one.measure, str(one.by)): one for one in base}
    for one in other:
        twin = known.get((one.measure, str(one.by)))
        if twin is not None and twin.mean is not None and one.mean is not None:
            change = one.mean - twin.mean
            yield one.model_copy(update={"mean": change, "low": change, "high": change, "half_width": 0.0})


# ------------------------------------------------------------------------------------------------------- what moved


def moved(comparison: Comparison, *, level: float = LEVEL) -> MovedRecord:
    """The differences by type, group, day and interval that are real, for all of them at once (Bonferroni)."""
    looked_at = sum(
        int(np.isfinite(found.mean).sum())
        for _, digest, pair in comparison.others
        for line, _, found in pair.differences(comparison, digest, level, MOVES)
        if line.keys[0]
    )
    wider = 1 - (1 - level) / max(looked_at, 1)
    kept: list[tuple[float, DifferenceRecord]] = []
    for other, digest, pair in comparison.others:
        for line, keys, found in pair.differences(comparison, digest, wider, MOVES):
            for key, one in zip(keys, found, strict=True):
                if line.keys[0] and (clear := _clearness(one)):
                    named = replace(one, method=f"{one.method}, bonferroni of {looked_at}")
                    of = record(line.measure, line.unit, key, named)
                    kept.append((clear, _difference(of, comparison.candidates[0], other)))
    kept.sort(key=lambda pair: -pair[0])
    return MovedRecord(
        level=level, method="bonferroni", comparisons=looked_at, differences=tuple(one for _, one in kept)
    )


def _clearness(one: Estimate) -> float:
    """The difference in half-widths of its interval, 0 where that contains 0."""
    if one.mean is None or one.half_width is None or one.mean == 0:
        return 0.0
    if one.half_width == 0:
        return np.inf
    ratio = abs(one.mean) / one.half_width
    return ratio if ratio > 1 else 0.0


# ----------------------------------------------------------------------------------------------------------- results


def results_of(comparison: Comparison) -> tuple[Result, ...]:
    """The result of a comparison, which is that of the baseline with all differences, and those of the others."""
    results = [result_of(digest, command="simulate") for digest in comparison.digests]
    whole = results[0].model_copy(
        update={
            "command": "compare",
            "candidates": tuple(
                _candidate(number, *one)
                for number, one in enumerate(zip(comparison.candidates, results, strict=True), start=1)
            ),
            "differences": tuple(differences(comparison)),
            "moved": moved(comparison),
            "warnings": tuple(_warnings(comparison, results)),
        }
    )
    return whole, *results[1:]


def _candidate(number: int, one: Candidate, result: Result) -> CandidateRecord:
    overall = (one for one in result.estimates if one.by.keys() <= {"segment"})
    return CandidateRecord(
        name=one.name,
        given=one.given,
        folder="." if number == 1 else _folder(number, one),
        scenario=result.scenario.name,
        scenario_hash=result.scenario.hash,
        staffing=result.staffing,
        estimates=tuple(overall),
        targets=result.targets,
    )


def _warnings(comparison: Comparison, results: Sequence[Result]) -> Iterator[str]:
    """Those of all, each told once, with the name of whom it concerns."""
    shared = set.intersection(*(set(result.warnings) for result in results))
    yield from (warning for warning in results[0].warnings if warning in shared)
    for one, result in zip(comparison.candidates, results, strict=True):
        yield from (f"{one.name}: {warning}" for warning in result.warnings if warning not in shared)


def difference_rows(found: Iterable[DifferenceRecord]) -> list[Row]:
    """Differences as flat rows."""
    records = list(found)
    names = ({"baseline": one.baseline, "candidate": one.candidate} for one in records)
    return [{**name, **row} for name, row in zip(names, estimate_rows(records), strict=True)]


def write_comparison(
    folder: Path, comparison: Comparison, results: Sequence[Result], *, overwrite: bool = False, beside: bool = False
) -> Path:
    """Write the folder of the comparison, and inside it that of each candidate but the baseline; see `write_run`."""
    files: dict[str, str] = {}
    for number, (one, result) in enumerate(zip(comparison.candidates, results, strict=True), start=1):
        if number > 1:
            inner = _folder(number, one)
            files |= {f"{inner}/{RESULT_FILE}": to_json(result), f"{inner}/{SCENARIO_FILE}": dump(one.scenario)}
    return write_run(
        folder,
        results[0],
        scenario_text=dump(comparison.candidates[0].scenario),
        tables={"differences": difference_rows(results[0].differences)},
        files=files,
        overwrite=overwrite,
        beside=beside,
    )


def _folder(number: int, one: Candidate) -> str:
    slug = re.sub(r"[^\w.-]+", "-", one.name).strip("-.")[:60]
    return f"{number}-{slug}"


__all__ = [
    "Candidate", "Comparison", "Progress", "compare", "difference_rows", "differences",
    "moved", "results_of", "write_comparison",
]  # fmt: skip
