"""The planner's instance set: scenario files in tests/bench/instances, and the reference centre in two sizes."""

from pathlib import Path

from sim.scenario import Scenario
from sim.scenario_file import load

FOLDER = Path(__file__).resolve().parent / "bench" / "instances"
NAMED = ("a", "a-long", "a-day", "b", "b-floor", "c")
RANDOM = tuple(f"random-{number}" for number in range(10))
TINY = ("tiny-one", "tiny-day", "tiny-two")
BUNDLED = ("double-eleven-small", "double-eleven")
ALL = (*NAMED, *RANDOM, *TINY, *BUNDLED)


def instance(name: str) -> Scenario:
    """One of them by its name."""
    return load(name if name in BUNDLED else FOLDER / f"{name}.yaml")
