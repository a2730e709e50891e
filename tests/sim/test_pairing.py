"""What the same customers are worth: paired intervals beside those of runs with customers of their own."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from sim.candidates import Candidate, candidates
from sim.comparison import compare, differences
from sim.digest import Digest, Key, key_of
from sim.estimates import estimates_from
from sim.measures import ABANDONMENT, ASA, OCCUPANCY, service_level
from sim.staffing import ShiftCount
from sim.summary import digested, summarise

MEASURES = ("service_level", "asa", "abandonment", "occupancy", "cost")


def other_plan(base: Candidate, name: str, number: Callable[[ShiftCount], int]) -> Candidate:
    """The desk with other numbers of people on its shifts."""
    staffing = base.scenario.staffing
    assert staffing is not None
    shifts = tuple(shift.model_copy(update={"number": number(shift)}) for shift in staffing.shifts or ())
    plan = staffing.model_copy(update={"shifts": shifts})
    return Candidate(name=name, given=name, scenario=base.scenario.model_copy(update={"staffing": plan}))


def bare(runs: Digest) -> dict[str, float]:
    """Half-widths of bare means: neither strata nor controls."""

    def half(key: Key) -> float:
        return estimates_from(replace(runs.moments(key), blocks=None)).cell().half_width or 0.0

    figures = (service_level(runs.scenario), ASA, ABANDONMENT, OCCUPANCY)
    return {one.measure: half(key_of(one)) for one in figures} | {"cost": half(("cost",))}


def reduced(runs: Digest) -> dict[str, float]:
    """Half-widths as every result gives them."""
    return {one.measure: one.half_width or 0.0 for one in reversed(summarise(runs)) if not one.by}


def more(number: int) -> int:
    """Five per cent more people, at least one."""
    return number + max(1, round(0.05 * number))


@pytest.mark.slow
@pytest.mark.parametrize(("desk", "days"), [("double-eleven-small", 128), ("double-eleven", 32)])
def test_pairs_on_the_promotion_day_are_five_times_tighter(desk: str, days: int) -> None:
    """Intervals of differences between two plans beside those of independent runs; prints the table of docs/compare.md.

    Red with the candidates on customers of their own (`seed + 1` in `compare`).
    """
    base = candidates([desk])[0]
    assert base.scenario.staffing
    first = next(shift for shift in base.scenario.staffing.shifts or () if shift.group == "chat_sales")
    others = [
        other_plan(base, "one chat shift + 5 %", lambda shift: more(shift.number) if shift is first else shift.number),
        other_plan(
            base, "VIP shifts + 5 %", lambda shift: more(shift.number) if shift.group == "vip_desk" else shift.number
        ),
    ]
    comparison = compare([base, *others], replications=days, seed=1)
    paired = [one for one in differences(comparison) if not one.by]
    own = digested(base.scenario, replications=days, seed=1001)
    print(f"\n{desk}, {days} days each")
    for candidate, runs, _ in comparison.others:
        of = {one.measure: one for one in reversed(paired) if one.candidate == candidate.name}
        for measure in MEASURES:
            half = of[measure].half_width or 0.0
            reduction, plain = (math.hypot(find(own)[measure], find(runs)[measure]) for find in (reduced, bare))
            figures = f"{of[measure].mean:+11.4g} ± {half:8.2g}  {plain:8.2g} {plain / half:6.1f}"
            print(f"{candidate.name:22} {measure:14} {figures}  {reduction:8.2g} {reduction / half:6.1f}")
            assert plain > 5 * half
            assert reduction > 2 * half
