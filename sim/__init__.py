"""peakdesk as a library: load a scenario, simulate it, read the result.

    scenario = sim.load("one-queue")
    result = sim.simulate(scenario, replications=100, seed=1)

`simulate` is `experiment`, `judge` and `summarise` in one; `sim.experiment` is the module with the first of them.
Names are loaded when they are first asked for, so that importing `sim` alone costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.experiment import Runs, Tape
    from sim.scenario import Scenario
    from sim.scenario_file import load
    from sim.staffing import StaffingPlan
    from sim.summary import result_of, simulate, summarise
    from sim.tables import observe, write_tables
    from sim.targets import judge

_HOME = {
    "Runs": "sim.experiment",
    "Scenario": "sim.scenario",
    "StaffingPlan": "sim.staffing",
    "Tape": "sim.experiment",
    "judge": "sim.targets",
    "load": "sim.scenario_file",
    "observe": "sim.tables",
    "result_of": "sim.summary",
    "simulate": "sim.summary",
    "summarise": "sim.summary",
    "write_tables": "sim.tables",
}

__all__ = [
    "Runs", "Scenario", "StaffingPlan", "Tape", "judge", "load", "observe", "result_of", "simulate", "summarise",
    "write_tables",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'sim' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
