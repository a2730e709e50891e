"""Plan files: who is to work, apart from the desk. What `peakdesk simulate --plan` reads.

A plan is the plan.json that `peakdesk plan` writes, a CSV of shifts or of levels, or a YAML file with `staffing`.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from sim.scenario import Scenario
from sim.scenario_file import load
from sim.scenario_problems import ScenarioErrors, file_problem
from sim.scenario_tree import Origin

PLAN = "plan.json"
_FIX = f"give the folder that peakdesk plan wrote, its {PLAN}, a CSV of shifts or levels, or YAML with staffing"


def with_plan(
    file: Path,
    scenario: str | Path,
    overlays: Sequence[str | Path] = (),
    sets: Sequence[str] = (),
    *,
    allow_path: bool = False,
) -> Scenario:
    """The scenario, loaded with the staffing of a plan file, or of the one in a run folder.

    Raises ScenarioErrors, also where there is no such file.
    """
    path = file / PLAN if file.is_dir() else file
    if not path.is_file():
        raise ScenarioErrors([file_problem(Origin(str(file)), "there is no plan here", _FIX)])
    if path.suffix.lower() in (".yaml", ".yml"):
        return load(scenario, [*overlays, path], sets, allow_path=allow_path)
    if path.suffix.lower() == ".json":
        return load(scenario, overlays, [*sets, f"staffing={_shifts_in(path)}"], allow_path=allow_path)
    table = json.dumps({_form(path): str(path.resolve())}, ensure_ascii=False)
    return load(scenario, overlays, [*sets, f"staffing={table}"], allow_path=True)


def _shifts_in(path: Path) -> str:
    """The staffing in a plan.json, as JSON."""
    try:
        plan = json.loads(path.read_bytes())
        return json.dumps({"mode": plan["mode"], "shifts": plan["shifts"]}, ensure_ascii=False)
    except (ValueError, TypeError, KeyError):
        raise ScenarioErrors([file_problem(Origin(str(path)), "this is no plan", _FIX)]) from None


def _form(table: Path) -> str:
    """Whether a table lists shifts or levels, by its header."""
    with table.open("rb") as file:
        header = file.readline().lower()
    return "shifts" if b"group" in header and b"length" in header else "levels"


__all__ = ["PLAN", "with_plan"]
