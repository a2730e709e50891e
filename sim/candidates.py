"""What a comparison is asked for -> candidates: each a scenario with its staffing.

The first is the baseline: a scenario file, a bundled name or a run folder. The others may be that too, or what is laid
over the first: an overlay, a plan, or a single `path=value`. Run folders whose inputs changed since are refused.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from sim.results import RESULT_FILE, SCENARIO_FILE, Result, read_result
from sim.scenario import Scenario
from sim.scenario_file import bundled, is_overlay, load
from sim.scenario_plan import PLAN, with_plan
from sim.scenario_problems import Problem, ScenarioErrors, file_problem
from sim.scenario_tree import Origin

_AGAIN = "run it again, or give --allow-changed"


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidate:
    """One of those that are compared: its name in tables, and the text that it was asked for by."""

    name: str
    given: str
    scenario: Scenario


def candidates(given: Sequence[str], *, allow_path: bool = False, allow_changed: bool = False) -> tuple[Candidate, ...]:
    """The candidates of these texts, the baseline first; raises ScenarioErrors with all that is wrong.

    `allow_changed` takes run folders as they are now, and plans that were made for another desk.
    """
    changed = [] if allow_changed else [problem for text in given for problem in _changes(text)]
    if changed:
        raise ScenarioErrors(changed)
    base = _base(given[0], allow_path)
    if not allow_changed:
        _refuse_plans_for_others(base, given[1:])
    found = [_candidate(given[0], base.scenario()), *(_candidate(text, base.other(text)) for text in given[1:])]
    _refuse_unlike(found)
    return _told_apart(found)


class _Base(NamedTuple):
    """The baseline as a thing to lay others over."""

    scenario_file: str | Path
    plan: Path | None
    allow_path: bool

    def scenario(self, overlays: Sequence[str] = (), sets: Sequence[str] = ()) -> Scenario:
        """The baseline with these laid over it."""
        if self.plan is not None:
            return with_plan(self.plan, self.scenario_file, overlays, sets, allow_path=self.allow_path)
        return load(self.scenario_file, overlays, sets, allow_path=self.allow_path)

    def other(self, text: str) -> Scenario:
        """The candidate that a text stands for."""
        path = Path(text)
        if _is_value(text):
            return self.scenario(sets=[text])
        if _is_plan(path):
            return with_plan(path, self.scenario_file, allow_path=self.allow_path)
        if path.is_file() and is_overlay(path):
            return self.scenario(overlays=[text])
        return _base(text, self.allow_path).scenario()


def _is_value(text: str) -> bool:
    """Whether a text is path=value, and no file of that name."""
    try:
        return "=" in text and not Path(text).exists()
    except OSError:  # longer than the name of any file
        return True


def _base(text: str, allow_path: bool) -> _Base:
    path = Path(text)
    if path.is_dir() and (path / RESULT_FILE).exists():
        return _Base(path / SCENARIO_FILE, path if (path / PLAN).exists() else None, allow_path)
    return _Base(text, None, allow_path)


def _is_plan(path: Path) -> bool:
    return (path / PLAN).exists() or (path.is_file() and path.suffix.lower() in (".csv", ".json"))


def _candidate(text: str, scenario: Scenario) -> Candidate:
    if scenario.staffing is None:
        fix = "add staffing, or let `peakdesk plan` propose some and compare its run folder"
        raise ScenarioErrors([file_problem(Origin(text), f"{scenario.name} has no staffing", fix)])
    name = text if _is_value(text) or text in bundled() else Path(text).resolve().stem
    return Candidate(name=name, given=text, scenario=scenario)


def _told_apart(found: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """With a number behind each name that was there before."""
    apart: list[Candidate] = []
    for one in found:
        same = sum(other.name == one.name for other in found[: len(apart)])
        apart.append(replace(one, name=f"{one.name} ({same + 1})") if same else one)
    return tuple(apart)


# -------------------------------------------------------------------------------------------------------- refusals


def _refuse_unlike(found: Sequence[Candidate]) -> None:
    """All must live on the same intervals, in the same money, else there is nothing to subtract."""
    base = found[0].scenario
    wrong = []
    for one in found[1:]:
        if one.scenario.horizon != base.horizon:
            rule = f"its horizon is not that of {found[0].name}"
            wrong.append(
                file_problem(Origin(one.given), rule, "compare desks with the same start, length and interval")
            )
        if one.scenario.costs.currency != base.costs.currency:
            rule = f"it counts in {one.scenario.costs.currency}, {found[0].name} in {base.costs.currency}"
            wrong.append(file_problem(Origin(one.given), rule, "give both the same costs.currency"))
    if wrong:
        raise ScenarioErrors(wrong)


def _changes(text: str) -> Iterator[Problem]:
    """What in a run folder is no longer what its result was made from."""
    result = None if _is_value(text) else _result_in(Path(text))
    if result is None:
        return
    file = Path(text) / SCENARIO_FILE
    now = load(file, allow_path=True).hash
    if now != result.scenario.hash:
        yield _changed(file, f"the scenario changed since this run (hash {now}, the run was of {result.scenario.hash})")
    if result.plan is not None and (Path(text) / PLAN).exists():
        staffing = with_plan(Path(text), file, allow_path=True).staffing
        if staffing is None or staffing.shifts != result.plan.shifts:
            yield _changed(Path(text) / PLAN, "the shifts changed since this plan was proved")


def _refuse_plans_for_others(base: _Base, given: Sequence[str]) -> None:
    """A plan is compared on the desk that it was made for."""
    desk = load(base.scenario_file, allow_path=base.allow_path).hash
    wrong = []
    for path in (Path(text) for text in given if not _is_value(text)):
        made_for = _made_for(path)
        if made_for is not None and made_for != desk:
            rule = "this plan was made for another desk, or the desk changed since"
            wrong.append(_changed(path, f"{rule} (hash {desk}, the plan is for {made_for})"))
    if wrong:
        raise ScenarioErrors(wrong)


def _made_for(path: Path) -> str | None:
    """Hash of the scenario that a plan of `peakdesk plan` was made for; None for anything else."""
    file = path / PLAN if path.is_dir() else path
    if file.suffix.lower() != ".json" or not file.is_file():
        return None
    plan: Any = json.loads(file.read_bytes())
    return plan.get("scenario_hash") if isinstance(plan, dict) else None


def _result_in(folder: Path) -> Result | None:
    """The result of a run folder; None where it is none."""
    if not folder.is_dir() or not (folder / RESULT_FILE).exists():
        return None
    try:
        return read_result(folder)
    except ValidationError:
        rule = "this is no result of this version of peakdesk"
        raise ScenarioErrors([file_problem(Origin(str(folder / RESULT_FILE)), rule, "run it again")]) from None


def _changed(file: Path, rule: str) -> Problem:
    return file_problem(Origin(str(file)), rule, _AGAIN)


__all__ = ["Candidate", "candidates"]
