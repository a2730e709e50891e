"""A day of every bundled desk, and of the published ones, is the same on both engines, cell for cell."""

from pathlib import Path

import pytest

from sim.attendance import attend
from sim.demand import sample
from sim.engine import compiled, reference
from sim.outcome import differences
from sim.routing import rules
from sim.scenario_file import bundled, load

PUBLISHED = sorted((Path(__file__).parents[1] / "published").glob("*.yaml"))
IN_TEST = ("double-eleven-small", "one-queue", "promotion-day")
LARGE = {"promotion-day-full": ("volume=10",)}
"""A tenth is enough: in full the reference engine takes more than ten minutes for it."""
SLOW = [name for name in bundled() if name not in IN_TEST]


def same_day(desk: str | Path) -> None:
    scenario = load(desk, sets=LARGE.get(str(desk), ()))
    demand, staffing = sample(scenario, 3, 1), attend(scenario, scenario.staffing, 3, 1)
    there = reference.run(demand, staffing, rules(scenario))
    assert len(there.contacts.status) > 100
    assert differences(there, compiled.run(demand, staffing, rules(scenario))) == []


@pytest.mark.parametrize("name", IN_TEST)
def test_a_bundled_day(name: str) -> None:
    same_day(name)


@pytest.mark.parametrize("desk", PUBLISHED, ids=lambda path: path.stem)
def test_a_published_day(desk: Path) -> None:
    same_day(desk)


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_any_bundled_day(name: str) -> None:
    same_day(name)
