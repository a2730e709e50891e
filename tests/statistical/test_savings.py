"""What variance reduction saves on the reference centre: the table of docs/statistics.md.

pytest -s -m slow tests/statistical/test_savings.py
"""

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest

from sim.controls import controls_of
from sim.estimates import Sample, estimates_of, variance_ratio, whole_blocks
from sim.experiment import experiment
from sim.measures import ABANDONMENT, OCCUPANCY, Figure, sample_of, service_level
from sim.metrics import ARRAYS, Tally
from sim.scenario import Scenario
from sim.scenario_file import load

pytestmark = pytest.mark.slow

WANTED = 0.005
SEEDS = (1, 2, 3)
DAYS = 640


def part(tally: Tally, replications: int) -> Tally:
    return dataclasses.replace(tally, **{name: getattr(tally, name)[:replications] for name in ARRAYS})


def figures(desk: Scenario) -> Iterator[tuple[str, Figure, int | None]]:
    types = list(desk.contact_types)
    service = service_level(desk)
    yield "service level, all", service, None
    for name in ("chat_presale", "phone_orders", "chat_vip", "phone_english"):
        yield f"service level, {name}", service, types.index(name)
    yield "abandonment, all", ABANDONMENT, None
    yield "occupancy, all", OCCUPANCY, None


def cell(figure: Figure, desk: Scenario, tally: Tally, k: int | None) -> Sample:
    sample = sample_of(figure, desk, tally, () if k is None else ("type",))
    return sample if k is None else Sample(sample.numerator[:, k], np.asarray(sample.denominator)[:, k])


def needed(figure: Figure, desk: Scenario, tally: Tally, k: int | None, how: str) -> float:
    """The least whole number of blocks, in replications, whose 95 % interval is at most ±0.5 points."""
    for n in range(16, DAYS + 1, 16):
        few = part(tally, n)
        found = estimates_of(
            cell(figure, desk, few, k),
            blocks=whole_blocks(0, n) if how == "blocks" else None,
            controls=controls_of(desk, few) if how == "controls" else None,
        ).cell()
        if found.half_width is not None and found.half_width <= WANTED:
            return n
    return np.inf


def test_half_a_point_takes_at_least_four_times_fewer_replications() -> None:
    """Red when controls are given to the point estimate but not to its interval."""
    desk = load("double-eleven-small")
    days = [experiment(desk, replications=DAYS, seed=seed, workers=2).tallies for seed in SEEDS]
    print(f"\nmedian of {len(SEEDS)} seeds | plain | blocks | controls | variance, blocks | variance, controls")
    found = {}
    for name, figure, k in figures(desk):
        of = {
            how: float(np.median([needed(figure, desk, t, k, how) for t in days])) for how in ("", "blocks", "controls")
        }
        ratios = [
            np.median(
                [
                    variance_ratio(cell(figure, desk, t, k).moments(whole_blocks(0, DAYS), c), c and c.correction)
                    for t, c in zip(days, by, strict=True)
                ]
            )
            for by in ([None] * len(days), [controls_of(desk, t) for t in days])
        ]
        found[name] = of
        print(
            f"| {name} | {of['']:.0f} | {of['blocks']:.0f} | {of['controls']:.0f} | {ratios[0]:.1f} | {ratios[1]:.1f} |"
        )
    assert found["service level, all"][""] >= 4 * found["service level, all"]["controls"]
    assert all(of[""] >= of["controls"] for of in found.values())
