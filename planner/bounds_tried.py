"""A lower bound for desks that are so small that all cheaper plans can be tried.

Every plan that costs less than the one that was found is simulated on customers of the bound's own, until some target
has clearly missed. The best plan is one fixed plan, and it is struck out by mistake only if the simultaneous intervals
of its own windows are wrong: however many plans are tried, that happens with probability `ERROR` at most. Nothing is
assumed of the desk, so every mechanism is covered.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from planner.asked import with_confidence
from planner.bounds import ERROR, Bound, Stop, bare_price
from planner.certificate import clearly_missed
from planner.search import Problem
from sim.experiment import Runs, Tape
from sim.targets import judge

Ints = npt.NDArray[np.int64]

METHOD = "all cheaper plans tried"
MOST_PLANS, MOST_SHIFTS = 2_000, 100
LOOKS = (32, 256, 2_048)
"""Days after which a plan may be struck out; each look has an equal part of the error."""
CONTACTS, DAYS = 30_000_000, 200_000
"""A look is not taken where all looks together would have more."""


def tried_bound(
    problem: Problem, worth: float, *, above: float = 0.0, seed: int, engine: str = "auto", workers: int = 1,
    stop: Stop = lambda: False,
) -> Bound | None:  # fmt: skip
    """The least worth of a plan that was not struck out, `worth` where there is none; None: there are too many plans.

    No plan is worth less than `above`, that is proven. Raises `sim.experiment.Stopped`.
    """
    plans = cheaper(problem, above, worth)
    if plans is None:
        return None
    asked = with_confidence(problem.scenario, 1 - ERROR).targets
    left: list[tuple[Ints, Runs | None]] = [(numbers, None) for numbers in plans]
    done = simulated = 0
    for days in LOOKS:
        more = (days - done) * len(left)
        if simulated + more > min(DAYS, CONTACTS / problem.contacts):
            break
        tape = Tape(problem.scenario, seed, done, days - done, engine=engine, workers=workers)
        looked_at, left = left, []
        for numbers, before in looked_at:
            fresh = tape.runs(problem.staffing(numbers), stop=stop)
            runs = fresh if before is None else before.then(fresh)
            if not any(clearly_missed(one) for one in judge(runs, asked, tries=len(LOOKS))):
                left.append((numbers, runs))
        done, simulated = days, simulated + more
    return Bound(
        method=METHOD,
        value=min([problem.worth(numbers)[0] for numbers, _ in left], default=worth),
        bound_class="confidence 95 %",
        checks=(f"{len(plans):,} plans tried, {len(left):,} of them not ruled out",),
        simulated_days=simulated,
    )


def cheaper(problem: Problem, above: float, worth: float) -> list[Ints] | None:
    """All plans worth `above` or more but less than `worth`, the cheapest of those that staff alike; None: too many."""
    price = bare_price(problem.objective, problem.table).shift
    if problem.objective == "heads" or (price <= 0).any() or len(price) > MOST_SHIFTS:
        return None
    by_level = problem.scenario.staffing is not None and problem.scenario.staffing.mode == "by_level"
    found: dict[bytes, Ints] = {}
    looked_at = 0
    for numbers in _sums(price, worth - 1e-9):
        looked_at += 1
        if looked_at > 10 * MOST_PLANS:
            return None
        if float(price @ numbers) < above - 1e-9 or not problem.allows(numbers):
            continue
        key = (problem.table.supply(numbers) if by_level else numbers).tobytes()
        if key not in found or price @ numbers < price @ found[key]:
            found[key] = numbers
        if len(found) > MOST_PLANS:
            return None
    return list(found.values())


def _sums(price: npt.NDArray[np.float64], below: float) -> Iterator[Ints]:
    """All whole numbers of shifts whose prices add up to less."""
    numbers = np.zeros(len(price), dtype=np.int64)

    def rest(s: int, left: float) -> Iterator[Ints]:
        if s == len(price):
            yield numbers.copy()
            return
        for n in range(int(left / price[s]) + 1):
            if n * price[s] < left:
                numbers[s] = n
                yield from rest(s + 1, left - n * price[s])
        numbers[s] = 0

    yield from rest(0, below)
