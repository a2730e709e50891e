"""What a run starts from: an empty desk or a backlog, a period already run, or agents who are at work."""

from sim import engine as engines
from sim.at_work import begun
from sim.attendance import Staffing
from sim.demand import Demand
from sim.outcome import OutcomeTable
from sim.routing import Rules
from sim.scenario import Scenario
from sim.warm_up import warmed_up


def started(
    scenario: Scenario, staffing: Staffing, rules: Rules, demand: Demand, engine: str
) -> tuple[OutcomeTable, Demand]:
    """Simulate one replication from where the scenario says; and its customers, with those who are there already."""
    if scenario.warms_up:
        return warmed_up(scenario, staffing, rules, demand, engine)
    if scenario.at_work:
        return begun(scenario, staffing, rules, demand, engine)
    return engines.run(demand, staffing, rules, engine), demand


__all__ = ["started"]
