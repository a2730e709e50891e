"""Many queues at once are the same queues."""

import math

import numpy as np
import pytest

from sim.queues import Queues, least_in_each
from sim.theory import Queue

FIGURES = {
    "SL-1": lambda q: q.service_level(20, "SL-1"),
    "SL-2": lambda q: q.service_level(20, "SL-2"),
    "SL-3": lambda q: q.service_level(300, "SL-3"),
    "SL-4": lambda q: q.service_level(20),
    "SL-5": lambda q: q.service_level(20, "SL-5", 7.0),
    "SL-6": lambda q: q.service_level(20, "SL-6"),
    "abandonment": lambda q: q.p_abandon,
    "occupancy": lambda q: q.occupancy,
    "asa": lambda q: q.asa_s,
}


def cells() -> np.ndarray:
    """Rates, handle times, agents and patience: tiny, usual and huge desks, too few agents to far too many."""
    found = []
    for load in (0.05, 3.0, 40.0, 2500.0):
        for beta in (-3.0, -0.4, 1.3, 6.0, 60.001, 80.0):
            for patience in (20.0, 180.0, 7200.0, math.inf):
                agents = max(load + beta * math.sqrt(load), 0.0)
                found += [(load / 240, 240.0, n, patience) for n in (math.floor(agents), agents, 0.0)]
    found.append((0.0, 240.0, 3.0, 60.0))
    return np.array(found).T


@pytest.mark.parametrize("figure", FIGURES)
def test_each_cell_is_what_its_queue_says(figure):
    of = FIGURES[figure]
    together = of(Queues(*cells()))
    alone = [of(Queue(*map(float, cell))) for cell in cells().T]
    np.testing.assert_allclose(together, alone, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("guess", [0, 1, 5, 1000])
def test_the_least_number_is_found_from_any_guess(guess):
    needed = np.array([0, 1, 2, 7, 64, 999, 1000, 1001, 123_456])
    asked = []

    def holds(cells, agents):
        asked.append(len(cells))
        return agents >= needed[cells]

    assert least_in_each(holds, np.full(len(needed), guess)).tolist() == needed.tolist()
    assert asked[-1] <= asked[0]


def test_no_number_of_agents_may_be_enough():
    with pytest.raises(OverflowError):
        least_in_each(lambda cells, _: np.zeros(len(cells), dtype=bool), np.array([1, 2]))
