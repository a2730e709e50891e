"""The engines: one meaning, two ways to run it."""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Literal

from sim.attendance import Staffing
from sim.demand import Demand
from sim.outcome import OutcomeTable
from sim.routing import Rules

Engine = Callable[[Demand, Staffing, Rules], OutcomeTable]
EngineName = Literal["auto", "reference"]


def run(demand: Demand, staffing: Staffing, rules: Rules, engine: str = "auto") -> OutcomeTable:
    """Simulate one replication on the named engine."""
    from sim.engine import reference

    return reference.run(demand, staffing, rules)
