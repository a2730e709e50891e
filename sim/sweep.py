"""One desk over a grid of what-ifs: each point simulated on the same customers, and kept as soon as it is done.

A point is a file of its own, written whole or not at all and named by scenario hash, seed and replications. So an
interrupted sweep goes on where it was: what is there is not run again.
"""

import hashlib
import itertools
import json
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sim.digest import Digest
from sim.results import (
    SCENARIO_FILE,
    PointRecord,
    Row,
    SweepRecord,
    csv_text,
    estimate_rows,
    staffing_mode,
    versions,
    write_files,
)
from sim.scenario import Scenario
from sim.scenario_file import dump, load
from sim.scenario_problems import Problem, ScenarioErrors, file_problem
from sim.scenario_tree import Origin
from sim.staffing import StaffingPlan
from sim.summary import digested, summarise, target_record
from sim.targets import judge

MOST_POINTS = 10_000
POINTS = "points"
SWEEP_FILE = "sweep.json"
_LAW = ("peakdesk", "numpy")
"""Versions that must be the same for points to be of the same customers."""

Progress = Callable[[int, int, int, int], None]
Replan = Callable[[Scenario], StaffingPlan]


@dataclass(frozen=True)
class Axis:
    """One path of a sweep and its values, as texts that `--set` takes."""

    path: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Point:
    """One cell of the grid: a value for each path."""

    settings: tuple[tuple[str, str], ...]
    scenario: Scenario


# -------------------------------------------------------------------------------------------------------------- grid

_END = r"\s*([-+]?\d+(?:\.\d+)?)\s*([^\d.:]*)"
_RANGE = re.compile(rf"{_END}\.\.{_END}:{_END}")


def axis(text: str) -> Axis:
    """`path=a,b,c` or `path=first..last:step`, both ends in; units as in "30 %..60 %:5 %". Raises ScenarioErrors."""
    path, equals, values = (part.strip() for part in text.partition("="))
    if not equals or not path or not values:
        raise _bad(text, "this names no values", "write path=a,b,c or path=first..last:step")
    found = _range(text, values) if ".." in values else tuple(value.strip() for value in _split(values))
    if not all(found):
        raise _bad(text, "a value is empty", "take one of the commas away")
    if len(set(found)) < len(found):
        raise _bad(text, "a value is given twice", "name each once")
    return Axis(path, found)


def _split(values: str) -> list[str]:
    """At the commas that stand in no bracket or quote."""
    parts, depth, quote = [""], 0, ""
    for sign in values:
        if sign == "," and not depth and not quote:
            parts.append("")
            continue
        if sign in "\"'" and quote in ("", sign):
            quote = "" if quote else sign
        elif not quote:
            depth += (sign in "[{") - (sign in "]}")
        parts[-1] += sign
    return parts


def _range(text: str, values: str) -> tuple[str, ...]:
    fix = "write path=first..last:step, for example 0.3..0.6:0.05"
    found = _RANGE.fullmatch(values)
    if found is None:
        raise _bad(text, "this is no range", fix)
    first, last, step = map(Decimal, found.groups()[::2])
    if step == 0 or (last - first) / step < 0:
        raise _bad(text, "steps of this size never reach the end", "turn the sign of the step, or the ends")
    if (last - first) / step > MOST_POINTS:
        raise _bad(text, f"this is more than {MOST_POINTS} values", "take larger steps")
    unit = next((unit.strip() for unit in found.groups()[1::2] if unit.strip()), "")
    steps = range(int((last - first) / step) + 1)
    return tuple(f"{(first + step * i).normalize():f}{f' {unit}' if unit else ''}" for i in steps)


def _bad(text: str, rule: str, fix: str) -> ScenarioErrors:
    return ScenarioErrors([file_problem(Origin(f"--over {text}"), rule, fix)])


def grid(
    scenario: str | Path,
    axes: Sequence[Axis],
    overlays: Sequence[str | Path] = (),
    sets: Sequence[str] = (),
    *,
    allow_path: bool = False,
) -> list[Point]:
    """All points, each loaded and checked before any is run; raises ScenarioErrors with what is wrong anywhere."""
    cells = 1
    for one in axes:
        cells *= len(one.values)
    if cells > MOST_POINTS:
        raise _bad(
            " --over ".join(one.path for one in axes), f"{cells} points", f"at most {MOST_POINTS}: coarser steps"
        )
    if len({one.path for one in axes}) < len(axes):
        raise _bad(axes[0].path, "a path is given twice", "list all its values behind one --over")
    points: list[Point] = []
    wrong: dict[str, Problem] = {}
    for values in itertools.product(*(one.values for one in axes)):
        settings = tuple(zip((one.path for one in axes), values, strict=True))
        try:
            found = load(scenario, overlays, [*sets, *map("=".join, settings)], allow_path=allow_path)
            points.append(Point(settings, found))
        except ScenarioErrors as errors:
            wrong |= {str(problem): problem for problem in errors.problems}
    if wrong:
        raise ScenarioErrors(list(wrong.values()))
    return points


def folder_of(points: Sequence[Point], *, replications: int, seed: int) -> Path:
    """Where a sweep is kept unless it is told: the same for the same desk, paths, seed and replications.

    More values for a path go into the same folder, so that only they are run.
    """
    name, paths = points[0].scenario.name, [path for path, _ in points[0].settings]
    mark = hashlib.sha256(json.dumps([name, paths, replications, seed]).encode()).hexdigest()[:6]
    slug = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "scenario"
    return Path("runs") / f"{slug}-sweep-{mark}"


# ------------------------------------------------------------------------------------------------------------ running


def sweep(
    points: Sequence[Point],
    folder: Path,
    *,
    replications: int,
    seed: int,
    first: int = 0,
    engine: str = "auto",
    workers: int = 1,
    executor: Executor | None = None,
    replan: Replan | None = None,
    progress: Progress | None = None,
) -> SweepRecord:
    """Run the points that the folder does not hold yet, keep each as it is done, and write the tables of all.

    `replan(scenario)` gives each point shifts of its own. `progress(point, points, done, total)` counts points and
    the replications of the one under way. OSError where a point cannot be kept: those before it are.
    """
    if folder.exists() and not (folder / POINTS).is_dir() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} is there already and holds no sweep: choose another folder")
    if replan is None:
        _refuse_without_staffing(points)
    found: list[PointRecord] = []
    for number, point in enumerate(points):
        file = _file(point, seed, first, replications, planned=replan is not None)
        kept = _kept(folder / file, point)
        if kept is None:
            runs = digested(
                point.scenario,
                replan(point.scenario) if replan is not None else None,
                replications=replications,
                seed=seed,
                first=first,
                engine=engine,
                workers=workers,
                executor=executor,
                progress=_told(progress, number, len(points)),
            )
            kept = _record(point, runs, planned=replan is not None)
            folder.mkdir(parents=True, exist_ok=True)
            write_files(folder, {file: (kept.model_dump_json(indent=1) + "\n").encode()})
        found.append(kept.model_copy(update={"settings": dict(point.settings)}))
    whole = _whole(points, found, seed, replications)
    write_files(folder, {
        SCENARIO_FILE: dump(points[0].scenario).encode(),
        SWEEP_FILE: (whole.model_dump_json(indent=1) + "\n").encode(),
        "sweep.csv": csv_text(rows(whole)).encode(),
        "targets.csv": csv_text(target_rows(whole)).encode(),
    })  # fmt: skip
    return whole


def read_sweep(folder: Path) -> SweepRecord:
    """The sweep of a folder."""
    return SweepRecord.model_validate_json((folder / SWEEP_FILE).read_bytes())


def points_of(whole: SweepRecord, folder: Path) -> list[Point]:
    """The points of a sweep from the scenario that was frozen in its folder, that of its first point.

    Raises ScenarioErrors where that no longer gives the desks that were swept.
    """
    axes = [Axis(path, values) for path, values in whole.axes.items()]
    points = grid(folder / SCENARIO_FILE, axes, allow_path=True)
    if [point.scenario.hash for point in points] != [point.scenario_hash for point in whole.points]:
        rule = "this is no longer the desk that was swept"
        fix = "give the command of the sweep again"
        raise ScenarioErrors([file_problem(Origin(str(folder / SCENARIO_FILE)), rule, fix)])
    return points


def _refuse_without_staffing(points: Sequence[Point]) -> None:
    for point in points:
        if point.scenario.staffing is None:
            fix = "give each point a plan of its own with --plan"
            raise ScenarioErrors([file_problem(Origin(point.scenario.name), "there is no staffing to simulate", fix)])


def missing(
    points: Sequence[Point], folder: Path, *, replications: int, seed: int, first: int = 0, planned: bool = False
) -> int:
    """How many points the folder does not hold yet."""
    files = (folder / _file(point, seed, first, replications, planned=planned) for point in points)
    return sum(_kept(file, point) is None for file, point in zip(files, points, strict=True))


def _told(progress: Progress | None, number: int, of: int) -> Callable[[int, int], None] | None:
    return None if progress is None else lambda done, total: progress(number, of, done, total)


def _file(point: Point, seed: int, first: int, replications: int, *, planned: bool) -> str:
    """Where a point is kept: what it is a function of stands in its name."""
    last = first + replications - 1
    return f"{POINTS}/{point.scenario.hash}-seed{seed}-days{first}to{last}{'-planned' if planned else ''}.json"


def _kept(file: Path, point: Point) -> PointRecord | None:
    """The point as it was kept; None where it was not, cannot be read, or is of other versions' customers."""
    try:
        kept = PointRecord.model_validate_json(file.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
    now = versions()
    same = kept.scenario_hash == point.scenario.hash and all(kept.versions.get(of) == now.get(of) for of in _LAW)
    return kept if same else None


def _record(point: Point, runs: Digest, *, planned: bool) -> PointRecord:
    return PointRecord(
        settings=dict(point.settings),
        scenario=point.scenario.name,
        scenario_hash=point.scenario.hash,
        staffing=staffing_mode(runs.plan),
        seed=runs.seed,
        first=runs.first,
        replications=runs.replications,
        versions=versions(),
        estimates=tuple(one for one in summarise(runs) if "interval" not in one.by),
        targets=tuple(target_record(target) for target in judge(runs)),
        shifts=runs.plan.shifts if planned else None,
    )


def _whole(points: Sequence[Point], found: Sequence[PointRecord], seed: int, replications: int) -> SweepRecord:
    values: dict[str, dict[str, None]] = {}
    for point in points:
        for path, value in point.settings:
            values.setdefault(path, {})[value] = None
    return SweepRecord(
        scenario=points[0].scenario.name,
        axes={path: tuple(of) for path, of in values.items()},
        seed=seed,
        replications=replications,
        versions=versions(),
        points=tuple(found),
    )


def rows(whole: SweepRecord) -> Iterator[Row]:
    """Tidy rows: the number of the point, its value for each path, then the estimate."""
    for number, point in enumerate(whole.points):
        of: dict[str, Any] = {"point": number, **point.settings}
        yield from ({**of, **row} for row in estimate_rows(point.estimates))


def target_rows(whole: SweepRecord) -> Iterator[Row]:
    """One row for each target of each point: its status, and the estimate of its worst window."""
    for number, point in enumerate(whole.points):
        for place, target in enumerate(point.targets, start=1):
            worst = target.estimate
            yield {
                "point": number,
                **point.settings,
                "target": place,
                "measure": target.measure,
                "status": target.status,
                **{key: getattr(worst, key, None) for key in ("mean", "low", "high")},
            }


__all__ = [
    "Axis",
    "Point",
    "PointRecord",
    "SweepRecord",
    "axis",
    "folder_of",
    "grid",
    "missing",
    "points_of",
    "read_sweep",
    "rows",
    "sweep",
    "target_rows",
]
