"""The engines: one meaning, two ways to run it."""

from collections.abc import Callable
from importlib.util import find_spec

from sim.attendance import Staffing
from sim.demand import Demand
from sim.demand import sample as sample_with_numpy
from sim.outcome import Measured, OutcomeTable, Sums
from sim.routing import Rules
from sim.scenario import Scenario

Engine = Callable[[Demand, Staffing, Rules], OutcomeTable]
ENGINES = ("auto", "compiled", "reference")
WORTH_COMPILING = 50_000
"""Contacts in all replications from which the compiled engine's start-up (about a second from its cache) pays."""
LONGEST_MS = 2**31
"""Longest horizon of the compiled engine, 24 days: its packed keys have 32 bits for an instant."""


class NoSuchEngine(ValueError):
    """The engine is unknown, not installed, or not made for such a run."""


def choose(name: str, contacts: float = float("inf"), horizon_ms: int = 0) -> str:
    """The engine that `name` means for a run of so many contacts over such a horizon: "compiled" or "reference".

    Raises NoSuchEngine for an unknown name, and for "compiled" without Numba or over a horizon that is too long.
    """
    if name not in ENGINES:
        raise NoSuchEngine(f"there is no engine {name!r}: use one of {', '.join(ENGINES)}")
    installed = find_spec("numba") is not None
    if name == "compiled" and not installed:
        raise NoSuchEngine("the compiled engine needs numba, which is not installed here: use --engine reference")
    if name == "compiled" and horizon_ms > LONGEST_MS:
        raise NoSuchEngine("the compiled engine runs at most 24 days at a time: use --engine reference")
    if name == "auto":
        worth_it = contacts >= WORTH_COMPILING and horizon_ms <= LONGEST_MS
        return "compiled" if installed and worth_it else "reference"
    return name


def engine(name: str) -> Engine:
    """The engine of that name; "auto" is the compiled one where it is installed."""
    if choose(name) == "compiled":
        from sim.engine import compiled

        return compiled.run
    from sim.engine import reference

    return reference.run


def run(demand: Demand, staffing: Staffing, rules: Rules, name: str = "auto") -> OutcomeTable:
    """Simulate one replication on the named engine."""
    return engine(name)(demand, staffing, rules)


def sample(scenario: Scenario, seed: int, replication: int, name: str = "auto") -> Demand:
    """The customers of one replication, drawn where the named engine runs: the same from each."""
    if choose(name) == "compiled":
        from sim.engine import compiled

        return compiled.sample(scenario, seed, replication)
    return sample_with_numpy(scenario, seed, replication)


def sums(demand: Demand, staffing: Staffing, rules: Rules, measured: Measured) -> Sums:
    """Simulate one replication on the compiled engine and only count it, without a table."""
    from sim.engine import compiled

    return compiled.sums(demand, staffing, rules, measured)
