"""The usual plan, to be shown beside ours: Erlang C for each type and interval, then a cover.

Each type is staffed on its own for the interval's mean rate, as if nobody hung up; an agent with several skills
splits time between types. What it really attains is simulated like any other plan.
"""

import numpy as np

from planner.cover import Rows
from planner.requirements import Goal, Theory
from sim.experiment import workload
from sim.scenario import Scenario
from sim.theory import Queue, least_agents


def erlang_c_rows(scenario: Scenario, theory: Theory) -> Rows:
    """Requirements by Erlang C on each type's mean rate in each interval; a set needs the sum over its types."""
    facts = workload(scenario)
    alone = np.zeros_like(facts.asking)
    for i, k in np.argwhere(facts.asking > 0):
        goals = [goal for goal in theory.goals if k in goal.types]
        if goals:
            rate, handle_s = float(facts.asking[i, k]) / scenario.horizon.interval, float(facts.handle_s[k])
            alone[i, k] = _least(goals, int(k), rate, handle_s)
    agents = np.array([alone[:, list(types)].sum(axis=1) for types in theory.sets])
    return Rows(worth=theory.worth, agents=agents.reshape(len(theory.sets), -1))


def _least(goals: list[Goal], kind: int, rate: float, handle_s: float) -> int:
    def holds(agents: int) -> bool:
        queue = Queue(rate, handle_s, agents)
        return agents > queue.load and all(
            goal.sign * (goal.value(queue, goal.threshold(kind)) - goal.level) >= 0 for goal in goals
        )

    return least_agents(holds, int(rate * handle_s) + 1)
