"""Candidates -> what differs between them on the same customers, with intervals; and what of it is real.

Every replication number of a seed brings the same customers to each candidate. What both share cancels in the
difference of a pair, so that far fewer days tell two plans apart than if each had customers of its own.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np

from sim.candidates import Candidate
from sim.controls import controls_of
from sim.estimates import LEVEL, Controls, Estimate, Estimates, Numbers, Sample, differences_of, estimates_of
from sim.experiment import Runs, experiment
from sim.measures import Axis, Figure, blocks_of, cells, estimate_wait, money, sample_of
from sim.metrics import BUCKETS, QUANTILES, bucket_high, bucket_low
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
from sim.scenario_file import dump
from sim.summary import chosen, pay_records, result_of, spendings

MOVES = ("service_level", "asa", "abandonment", "occupancy")
"""What is looked at by type, group, day and interval to say what moved."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """The runs of all candidates on the same customers, the baseline first."""

    candidates: tuple[Candidate, ...]
    runs: tuple[Runs, ...]

    @property
    def others(self) -> list[tuple[Candidate, Runs]]:
        """All but the baseline."""
        return list(zip(self.candidates[1:], self.runs[1:], strict=True))


def compare(
    found: Sequence[Candidate],
    *,
    replications: int,
    seed: int,
    first: int = 0,
    engine: str = "auto",
    workers: int = 1,
    progress: Progress | None = None,
) -> Comparison:
    """Simulate all candidates on the same customers; `progress(name, done, total)` is told of each replication."""

    def run(one: Candidate) -> Runs:
        def tell(done: int, total: int) -> None:
            if progress is not None:
                progress(one.name, done, total)

        return experiment(
            one.scenario,
            replications=replications,
            seed=seed,
            first=first,
            engine=engine,
            workers=workers,
            progress=tell,
        )

    return Comparison(candidates=tuple(found), runs=tuple(map(run, found)))


# ------------------------------------------------------------------------------------------------------ differences


class _Line(NamedTuple):
    """A figure in all cells of one kind: `sample` is [replication, cell], `keys` say what each cell is of."""

    measure: str
    formula: str
    unit: str
    keys: list[By]
    sample: Sample
    on_paper: bool = False
    method: str = ""

    @property
    def kind(self) -> tuple[str, str, frozenset[str]]:
        """What its twin in other runs has too."""
        return self.measure, self.formula, frozenset(self.keys[0])


def differences(comparison: Comparison, *, level: float = LEVEL, plain: bool = False) -> Iterator[DifferenceRecord]:
    """Each candidate less the baseline: in all, by type, channel, group, day and interval.

    The baseline's arrivals are the control variates of all; `plain`: without any.
    """
    base, pay = comparison.candidates[0], list(pay_records(comparison.runs[0]))
    for other, runs in comparison.others:
        for line, keys, found in _paired(comparison.runs[0], runs, level, plain):
            for key, one in zip(keys, found, strict=True):
                yield _difference(record(line.measure, line.unit, key, one), base, other)
        yield from (_difference(one, base, other) for one in _on_paper(pay, list(pay_records(runs))))


def _difference(one: Record, base: Candidate, other: Candidate) -> DifferenceRecord:
    return DifferenceRecord(**vars(one), baseline=base.name, candidate=other.name)


def _paired(
    base: Runs, other: Runs, level: float, plain: bool, measures: Sequence[str] = ()
) -> Iterator[tuple[_Line, list[By], Estimates]]:
    """Other less base for each line (of these measures) that both have, in the cells that both have."""
    controls = None if plain else controls_of(base.scenario, base.tallies)
    twins = {line.kind: line for line in _lines(other, controls, measures)}
    blocks = blocks_of(base.scenario, base.first, base.replications) or blocks_of(
        other.scenario, other.first, other.replications
    )
    for line in _lines(base, controls, measures):
        twin = twins.get(line.kind)
        if twin is None:
            continue
        place = {str(key): j for j, key in enumerate(twin.keys)}
        shared = [(i, place[str(key)]) for i, key in enumerate(line.keys) if str(key) in place]
        if not shared:
            continue
        mine, theirs = (_cells(one.sample, at) for one, at in zip((line, twin), zip(*shared, strict=True), strict=True))
        found = differences_of(theirs, mine, level=level, blocks=blocks, controls=controls, formula=line.formula)
        yield line, [line.keys[i] for i, _ in shared], _named(found, line, (mine, theirs))


def _cells(sample: Sample, at: Sequence[int]) -> Sample:
    bottom = None if sample.denominator is None else sample.denominator[:, at]
    return Sample(sample.numerator[:, at], bottom, sample.counts)


def _named(found: Estimates, line: _Line, pair: Iterable[Sample]) -> Estimates:
    """With the method that it deserves: exact on paper, Woodruff's for quantiles."""
    if line.on_paper and all(np.all(sample.numerator == sample.numerator[:1]) for sample in pair):
        return replace(found, low=found.mean, high=found.mean, method="exact")
    return replace(found, method=found.method.replace("student", line.method)) if line.method else found


def _on_paper(base: Iterable[Record], other: Iterable[Record]) -> Iterator[Record]:
    """What needs no chance: pay and heads."""
    known = {(one.measure, str(one.by)): one for one in base}
    for one in other:
        twin = known.get((one.measure, str(one.by)))
        if twin is not None and twin.mean is not None and one.mean is not None:
            change = one.mean - twin.mean
            yield one.model_copy(update={"mean": change, "low": change, "high": change, "half_width": 0.0})


# ------------------------------------------------------------------------------------------------------------ lines


def _lines(runs: Runs, controls: Controls | None, measures: Sequence[str] = ()) -> Iterator[_Line]:
    """All figures that are compared, or these measures alone."""
    scenario = runs.scenario
    for figure, axes in chosen(scenario):
        if len(axes) < 2 and figure.measure in (measures or (figure.measure,)):
            yield _line(figure, runs, axes)
    if measures:
        return
    for figure in money(scenario):
        yield _line(figure, runs, ())
        yield _line(figure, runs, ("type",))
    spent, each = spendings(runs)
    currency = scenario.costs.currency
    yield _Line("cost", "COST-5", currency, [{}], _flat(spent))
    yield _Line("cost_per_contact", "COST-6", f"{currency}/contact", [{}], _flat(each))
    yield from _wait_lines(runs, controls)


def _line(figure: Figure, runs: Runs, axes: tuple[Axis, ...]) -> _Line:
    sample = _flat(sample_of(figure, runs.scenario, runs.tallies, axes))
    keys = cast(list[By], cells(runs.scenario, axes))
    return _Line(figure.measure, figure.formula, figure.unit, keys, sample, figure.on_paper)


def _flat(sample: Sample) -> Sample:
    """[replication, cell], the last axis of cells fastest."""
    runs = len(sample.numerator)
    bottom = None if sample.denominator is None else np.asarray(sample.denominator).reshape(runs, -1)
    return Sample(np.asarray(sample.numerator).reshape(runs, -1), bottom, sample.counts)


def _wait_lines(runs: Runs, controls: Controls | None) -> Iterator[_Line]:
    """Quantiles and the longest wait, in all and by type."""
    names = list(runs.scenario.contact_types)
    of: list[tuple[list[By], list[list[int]]]] = [([{}], [list(range(len(names)))])]
    of.append(([{"type": name} for name in names], [[k] for k in range(len(names))]))
    for keys, groups in of:
        for measure in QUANTILES:
            columns = np.stack([_quantile_values(measure, runs, types, controls) for types in groups], axis=1)
            yield _Line(measure, "WAIT-2", "s", keys, Sample(columns), method="woodruff")
        longest = np.stack([runs.tallies.wait_max_ms[:, types].max(axis=1) / 1e3 for types in groups], axis=1)
        yield _Line("wait_max", "WAIT-3", "s", keys, Sample(longest))


_LOW_S = bucket_low(np.arange(BUCKETS)) / 1e3
_WIDE_S = np.maximum(bucket_high(np.arange(BUCKETS)) / 1e3 - _LOW_S, 1e-9)


def _quantile_values(measure: str, runs: Runs, types: list[int], controls: Controls | None) -> Numbers:
    """What each replication says of a quantile of the wait, to first order; weighted, they average to the quantile.

    A replication moves it by how far its share below the quantile is off, times the slope of the quantile function
    there (Bahadur 1966); the slope is that of the ends of Woodruff's interval.
    """
    scenario, tally = runs.scenario, runs.tallies
    found = estimate_wait(measure, scenario, tally, types, first=runs.first, controls=controls)
    if found.mean is None or found.low is None or found.high is None:
        return np.full(runs.replications, np.nan if found.mean is None else found.mean)
    counts = tally.wait_histogram[:, types].sum(axis=1)
    below = counts @ np.clip((found.mean - _LOW_S) / _WIDE_S, 0.0, 1.0)
    share = Sample(below, counts.sum(axis=1))
    blocks = blocks_of(scenario, runs.first, runs.replications)
    wide = estimates_of(share, level=found.level, blocks=blocks, controls=controls).cell().half_width
    slope = (found.high - found.low) / (2 * wide) if wide else 0.0
    off = share.influence()[1]
    middle = off.mean() if controls is None else controls.weights @ off
    return np.asarray(found.mean - slope * (off - middle))


# ------------------------------------------------------------------------------------------------------- what moved


def moved(comparison: Comparison, *, level: float = LEVEL, plain: bool = False) -> MovedRecord:
    """The differences by type, group, day and interval that are real, for all of them at once (Bonferroni)."""
    base = comparison.runs[0]
    looked_at = sum(
        int(np.isfinite(found.mean).sum())
        for _, runs in comparison.others
        for line, _, found in _paired(base, runs, level, plain, MOVES)
        if line.kind[2]
    )
    wider = 1 - (1 - level) / max(looked_at, 1)
    kept: list[tuple[float, DifferenceRecord]] = []
    for other, runs in comparison.others:
        for line, keys, found in _paired(base, runs, wider, plain, MOVES):
            for key, one in zip(keys, found, strict=True):
                if line.kind[2] and (clear := _clearness(one)):
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


def results_of(comparison: Comparison, *, plain: bool = False) -> tuple[Result, ...]:
    """The result of a comparison, which is that of the baseline with all differences, and those of the others."""
    results = [result_of(runs, command="simulate", plain=plain) for runs in comparison.runs]
    whole = results[0].model_copy(
        update={
            "command": "compare",
            "candidates": tuple(
                _candidate(number, *one)
                for number, one in enumerate(zip(comparison.candidates, results, strict=True), start=1)
            ),
            "differences": tuple(differences(comparison, plain=plain)),
            "moved": moved(comparison, plain=plain),
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
    folder: Path, comparison: Comparison, results: Sequence[Result], *, overwrite: bool = False
) -> None:
    """Write the folder of the comparison, and inside it that of each candidate but the baseline; see `write_run`."""
    files: dict[str, str] = {}
    for number, (one, result) in enumerate(zip(comparison.candidates, results, strict=True), start=1):
        if number > 1:
            inner = _folder(number, one)
            files |= {f"{inner}/{RESULT_FILE}": to_json(result), f"{inner}/{SCENARIO_FILE}": dump(one.scenario)}
    write_run(
        folder,
        results[0],
        scenario_text=dump(comparison.candidates[0].scenario),
        tables={"differences": difference_rows(results[0].differences)},
        files=files,
        overwrite=overwrite,
    )


def _folder(number: int, one: Candidate) -> str:
    slug = re.sub(r"[^\w.-]+", "-", one.name).strip("-.")[:60]
    return f"{number}-{slug}"


__all__ = [
    "Candidate", "Comparison", "Progress", "compare", "difference_rows", "differences",
    "moved", "results_of", "write_comparison",
]  # fmt: skip
