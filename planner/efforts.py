"""How much work the work is, learnt from simulated plans: where the search for a very large desk with chats begins.

Among a thousand agents service goes from none to all within a few per cent of load. What formulas get wrong there
(chats side by side, help from other groups, agents who come late or slow down) is how much the work takes, and aiming
at more or less service does not make up for it. So each target has a factor on the load of its types in every window,
moved up while it is missed and down while it holds, by steps that grow as long as they keep their direction and are
halved where they turn (Rprop: Riedmiller and Braun 1993). A type takes the largest factor of its targets.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from planner.requirements import at_once
from planner.search import Candidate, Search
from planner.verdict import windows_of

Floats = npt.NDArray[np.float64]

ROUNDS = 20
FIRST, LEAST, MOST = 0.15, 0.01, 0.3
"""Steps of the logarithm of a factor: the first, those that say it is settled, the longest."""
FASTER, SLOWER = 1.2, 0.5


@dataclass(eq=False)
class Efforts:
    """Logarithms of the factors, `log[target][window]`, with the step of each and the side it was on."""

    search: Search
    log: list[Floats] = field(default_factory=list)
    step: list[Floats] = field(default_factory=list)
    side: list[Floats] = field(default_factory=list)

    def __post_init__(self) -> None:
        problem = self.search.problem
        for goal in problem.theory.goals:
            windows = int(windows_of(problem.scenario, goal)[-1]) + 1
            self.log.append(np.zeros(windows))
            self.step.append(np.full(windows, FIRST))
            self.side.append(np.zeros(windows))

    def run(self) -> None:
        """Rounds until a plan holds and all factors are settled."""
        theory = self.search.problem.theory
        for _ in range(ROUNDS):
            found = self.search.covered(theory.requirement(theory.levels(), self.factors()))
            self.learn(found)
            if found.holds and max(step.max() for step in self.step) < LEAST:
                return

    def factors(self) -> Floats:
        """What load is multiplied by, [interval, type]."""
        scenario, goals = self.search.problem.scenario, self.search.problem.theory.goals
        found = np.full((scenario.horizon.intervals, len(scenario.contact_types)), -np.inf)
        for goal, log in zip(goals, self.log, strict=True):
            of_goal = log[windows_of(scenario, goal)][:, None]
            found[:, list(goal.types)] = np.maximum(found[:, list(goal.types)], of_goal)
        found[np.isinf(found)] = 0.0
        done = np.array([at_once(scenario, name) for name in scenario.contact_types])
        return np.asarray(np.exp(found) / done)

    def learn(self, found: Candidate) -> None:
        """Move every factor by what its target got."""
        for g, (one, want) in enumerate(zip(found.scores, self.search.wanted(found.scores), strict=True)):
            side = np.nan_to_num(np.sign(one.goal.sign * (want - one.value)))
            turned, kept = side * self.side[g] < 0, side * self.side[g] > 0
            pace = np.where(turned, SLOWER, np.where(kept, FASTER, 1.0))
            self.step[g] = np.minimum(self.step[g] * pace, MOST)
            self.log[g] = self.log[g] + side * self.step[g]
            self.side[g] = side
