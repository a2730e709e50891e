"""Which events happen in a replication, and when: those that are left to chance are drawn here.

The rest of the demand then reads a scenario in which nothing of them is left to chance.
"""

from sim.busyness import stratified
from sim.remembered import remembered
from sim.scenario import Scenario
from sim.streams import Quantity, name_key


def happening(scenario: Scenario, seed: int, replication: int) -> Scenario:
    """The scenario as it is in one replication; the very same one where nothing is left to chance."""
    late = {
        name: _late_s(event.within, seed, replication, name_key(name))
        for name, event in scenario.events.items()
        if not event.is_certain
        and stratified(seed, replication, name_key(name), Quantity.INCIDENT) < event.chance
    }
    if not late:
        return _calm(scenario)
    events = {
        name: event.begun(late.get(name, 0.0))
        for name, event in scenario.events.items()
        if event.is_certain or name in late
    }
    return scenario.model_copy(update={"events": events})


@remembered
def _calm(scenario: Scenario) -> Scenario:
    """Without events that may happen or not; remembered, so that what is made of it is too."""
    certain = {name: event for name, event in scenario.events.items() if event.is_certain}
    return scenario if len(certain) == len(scenario.events) else scenario.model_copy(update={"events": certain})


def _late_s(within_s: float, seed: int, replication: int, key: int) -> float:
    """How long after its start an event begins: a whole minute, all equally likely."""
    minutes = round(within_s / 60)
    return 60.0 * int(minutes * stratified(seed, replication, key, Quantity.INCIDENT_AT)) if minutes else 0.0
