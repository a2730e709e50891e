"""A lower bound for desks that are so small that all cheaper plans can be tried.

Every plan that costs less than the one that was found is simulated on customers of the bound's own, until some target
has clearly missed. The best plan is one fixed plan, and it is struck out by mistake only if the simultaneous intervals
of its own windows are wrong: however many plans are tried, that happens with probability `ERROR` at most. Nothing is
assumed of the desk, so every mechanism is covered, as long as the table of shifts has all that can be worked.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from planner.asked import with_confidence
from planner.bounds import ERROR, Bound, Stop, bare_price, off_the_grid
from planner.certificate import clearly_missed
from planner.search import Problem
from sim.digest import Desk, Digest
from sim.experiment import Stopped, Tape
from sim.targets import judge, target_questions, target_waits

Ints = npt.NDArray[np.int64]

METHOD = "all cheaper plans tried"
MOST_PLANS, MOST_SHIFTS = 2_000, 100
LOOKS = (32, 256, 2_048)
"""Days after which a plan may be struck out; each look has days of its own and an equal part of the error."""
PIECE = 32
CONTACTS, DAYS = 20_000_000, 50_000
"""A look is not taken where all looks together would have more."""


def tried_bound(
    problem: Problem, worth: float, *, above: float = 0.0, seed: int, engine: str = "auto", workers: int = 1,
    stop: Stop = lambda: False,
) -> Bound | None:  # fmt: skip
    """The least worth of a plan that was not struck out, `worth` where there is none; None: there is too much to try.

    No plan is worth less than `above`, that is proven. When it is stopped, the looks that are complete count.
    """
    plans = cheaper(problem, above, worth)
    if plans is None:
        return None
    left, done, simulated = plans, 0, 0
    for days in LOOKS:
        if simulated + days * len(left) > min(DAYS, CONTACTS / problem.contacts):
            break
        tape = Tape(problem.scenario, seed, done, days, engine=engine, workers=workers)
        try:
            left, tried = _not_missed(problem, left, tape, stop), len(left)
        except Stopped:
            break
        done, simulated = done + days, simulated + days * tried
    if plans and not simulated:
        return None
    return Bound(
        method=METHOD,
        value=min([problem.worth(numbers)[0] for numbers in left], default=worth),
        bound_class="confidence 95 %",
        checks=(f"{len(plans):,} plans tried, {len(left):,} of them not ruled out",),
        simulated_days=simulated,
    )


def _not_missed(problem: Problem, plans: list[Ints], tape: Tape, stop: Stop) -> list[Ints]:
    """The plans that have not clearly missed some target on these days, which are drawn piece by piece."""
    asked = with_confidence(problem.scenario, 1 - ERROR).targets
    questions, waits = target_questions(asked), target_waits(problem.scenario, asked)
    digests = [
        Digest(
            Desk(problem.scenario, problem.staffing(numbers), tape.seed, tape.first, tape.engine), questions,
            most=tape.days, waits=waits,
        )
        for numbers in plans
    ]  # fmt: skip
    for first in range(tape.first, tape.first + tape.days, PIECE):
        piece = replace(tape, first=first, days=PIECE)
        for digest in digests:
            digest.add(piece.runs(digest.plan, promised_only=True, stop=stop))
    missed = [any(map(clearly_missed, judge(digest, asked, tries=len(LOOKS)))) for digest in digests]
    return [numbers for numbers, has_missed in zip(plans, missed, strict=True) if not has_missed]


def cheaper(problem: Problem, above: float, worth: float) -> list[Ints] | None:
    """All plans worth `above` or more but less than `worth`, the cheapest of those that staff alike; None: too many.

    None, too, where people work for parts of intervals: the table then has one shift for several.
    """
    table, price = problem.table, bare_price(problem.objective, problem.table).shift
    if table.thinned or (not problem.by_level and off_the_grid(problem.scenario)):
        return None
    if problem.objective == "heads" or (price <= 0).any() or len(price) > MOST_SHIFTS:
        return None
    fixed = np.zeros(len(price), dtype=np.int64) if problem.caps.fixed is None else problem.caps.fixed
    found: dict[bytes, Ints] = {}
    for looked_at, more in enumerate(_sums(price, worth - 1e-9 - float(price @ fixed))):
        numbers = fixed + more
        if looked_at >= 10 * MOST_PLANS or len(found) > MOST_PLANS:
            return None
        if price @ numbers < above - 1e-9 or not problem.allows(numbers):
            continue
        key = (table.supply(numbers) if problem.by_level else numbers).tobytes()
        if key not in found or price @ numbers < price @ found[key]:
            found[key] = numbers
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

    if below > 0:
        yield from rest(0, below)
