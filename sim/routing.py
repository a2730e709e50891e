"""The rules of a desk: Scenario -> Rules. How contacts find agents, when it is open, how fast work goes, and the rest.

Policies are in `sim.policies`, the tables in `sim.rulebook`; both can be imported from here.
"""

import numpy as np

from sim.opening import windows_of
from sim.policies import POLICIES, by_skill, route
from sim.rulebook import NEVER_RANK, RoutingTable, Rules
from sim.scenario import Scenario
from sim.switchboard import mechanisms

__all__ = ["NEVER_RANK", "POLICIES", "RoutingTable", "Rules", "rules"]


def rules(scenario: Scenario) -> Rules:
    """The rules of a scenario's desk."""
    windows = [windows_of(scenario, name) for name in scenario.contact_types]
    return Rules(
        routing=route(scenario),
        opens_ms=tuple(np.array([opens for opens, _ in found or ()], dtype=np.int64) for found in windows),
        closes_ms=tuple(np.array([closes for _, closes in found or ()], dtype=np.int64) for found in windows),
        always_open=np.array([found is None for found in windows]),
        disconnects=np.array([scenario.opening_of(name)[1] == "disconnect" for name in scenario.contact_types]),
        time_permille=by_skill(scenario, lambda *pair: max(1, int(1000 / pair[2].speed + 0.5)), 1000).astype(np.int32),
        horizon_ms=scenario.horizon.length_ms,
        mechanisms=mechanisms(scenario),
    )
