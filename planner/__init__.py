"""The planner: whom do we need? Shifts that meet every target at least cost, proved by simulation.

    proposal = planner.propose(scenario, seed=1)   # the plan, and the runs that prove it
    plan = planner.plan(scenario, seed=1)          # the plan alone

What needs a solver is loaded when it is first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from planner.plan import Plan, read_plan, write_plan

if TYPE_CHECKING:
    from planner.asked import NothingToPlan
    from planner.propose import Proposal, propose
    from planner.search import Progress
    from sim.scenario import Scenario

_HOME = {
    "NothingToPlan": "planner.asked",
    "Progress": "planner.search",
    "Proposal": "planner.propose",
    "propose": "planner.propose",
}

__all__ = ["NothingToPlan", "Plan", "Progress", "Proposal", "plan", "propose", "read_plan", "write_plan"]


def plan(scenario: "Scenario", **options: Any) -> Plan:  # hides the module of this name, which is loaded above
    """The plan that `propose` finds; it says which options there are."""
    from planner.propose import propose

    return propose(scenario, **options).plan


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'planner' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
