"""What was typed, read: the desk with its overlays and plan, the shifts of a file, shares and durations."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from sim.terminal.voice import Method, Mode, stop

if TYPE_CHECKING:
    from sim.scenario import Scenario
    from sim.staffing import ShiftCount


def desk_of(
    scenario: str,
    overlay: list[Path] | None,
    sets: list[str] | None,
    *,
    allow_path: bool,
    plan: Path | None = None,
    mode: Mode | None = None,
) -> "Scenario":
    """The scenario, with the staffing of a plan file and the way to simulate it, where these are given."""
    from sim.scenario_file import load
    from sim.scenario_plan import with_plan

    desk = load(scenario, overlay or (), sets or (), allow_path=allow_path)
    if plan is not None:
        staffing = with_plan(plan, scenario, overlay or (), sets or (), allow_path=allow_path).staffing
        desk = desk.model_copy(update={"staffing": staffing})
    if mode is None or desk.staffing is None:
        return desk
    if mode == "by-person" and desk.staffing.levels is not None:
        stop("error: --staffing by-person needs shifts, and this staffing gives heads by level")
    chosen = desk.staffing.model_copy(update={"mode": mode.replace("-", "_")})
    return desk.model_copy(update={"staffing": chosen})


def shifts_of(
    scenario: str, file: Path | None, overlay: list[Path] | None, sets: list[str] | None, *, allow_path: bool
) -> "tuple[ShiftCount, ...] | None":
    """The shifts of a plan file."""
    if file is None:
        return None
    staffing = desk_of(scenario, overlay, sets, allow_path=allow_path, plan=file).staffing
    if staffing is None or staffing.shifts is None:
        stop(f"error: {file} holds no shifts: give a plan, a CSV or YAML of shifts")
    return staffing.shifts


def share(option: str, text: str | None) -> float | None:
    """A share as it was typed: "2 %" or 0.02."""
    from sim.units import parse_share

    try:
        return None if text is None else parse_share(float(text) if re.fullmatch(r"\d*\.?\d+", text) else text)
    except ValueError as error:
        stop(f"error: {option} {text}: {error}")


def seconds(text: str | None) -> float | None:
    """A duration as it was typed; a bare number is in seconds."""
    from sim.units import parse_duration

    if text is None:
        return None
    try:
        return float(text) if re.fullmatch(r"\d+(\.\d*)?", text) else parse_duration(text)
    except ValueError as error:
        stop(f"error: --time-limit {text}: {error}")


def usual_of(names: list[str] | None) -> "list[Any]":
    """The methods to compare with, by default one of them."""
    methods = [name for name in get_args(Method) if name != "simulation"]
    for name in names or ():
        if name not in methods:
            stop(f"error: --beside {name}: there are {', '.join(methods)}")
    return names or ["erlang-c"]
