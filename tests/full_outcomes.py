"""Full runs written by hand: rules with mechanisms switched on, rows and tallies of one day, figures of them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from outcomes import scenario, table
from worlds import levels

from sim.full_tally import tally_run
from sim.measures import Figure, estimate_figure
from sim.mechanisms import ALWAYS, FollowUps, Mechanisms
from sim.metrics import Tally, stack
from sim.outcome import Cause
from sim.routing import Rules, rules
from sim.rows import Rows
from sim.scenario import Scenario

SPELLS = [(0, 0, 0, 900, 900), (1, 0, 0, 900, 900)]
STAFF = levels(2, 2, 2, interval=300)


def ruled(desk: Scenario, **mechanisms: Any) -> Rules:
    """The desk's rules with mechanisms switched on; resolution is always one of them."""
    resolved = np.full((len(desk.contact_types), len(desk.agent_groups)), ALWAYS)
    return replace(rules(desk), mechanisms=Mechanisms(resolved_word=resolved, **mechanisms))


def follow_ups(*on: int) -> FollowUps:
    """One rule of type 0 for each ending, to type 0."""
    n = len(on)
    return FollowUps(
        first=np.array([0, n], dtype=np.int32),
        on=np.array(on, dtype=np.uint8),
        after_ms=np.zeros(n, dtype=np.int64),
        word=np.full(n, ALWAYS),
        to=np.zeros(n, dtype=np.int16),
        at_most=np.ones(n, dtype=np.int32),
        keeps_patience=np.zeros(n, dtype=np.bool_),
        keeps_talk=np.zeros(n, dtype=np.bool_),
        boost=np.zeros(n, dtype=np.bool_),
        siblings=np.zeros(n, dtype=np.uint8),
        duplicate_ms=np.zeros(n, dtype=np.int64),
    )


def seen(rows: Sequence[dict[str, Any]], desk: Scenario | None = None, spells: Any = SPELLS, **given: Any) -> Rows:
    desk = desk or scenario()
    return Rows(outcome=table(rows, spells), scenario=desk, rules=ruled(desk, **given))


def full(rows: Sequence[dict[str, Any]], desk: Scenario | None = None, spells: Any = SPELLS, **given: Any) -> Tally:
    """The stacked tally of one day."""
    desk = desk or scenario()
    return stack([tally_run(table(rows, spells), desk, STAFF, ruled(desk, **given))])


def mean(figure: Figure, of: Tally, desk: Scenario | None = None) -> float | None:
    return estimate_figure(figure, desk or scenario(), of).cell().mean


def means(figures: Sequence[Figure], of: Tally, desk: Scenario | None = None) -> dict[str, float | None]:
    return {figure.measure: mean(figure, of, desk) for figure in figures}


def follow(row: dict[str, Any], parent: int, rule: int = 0, root: int | None = None) -> dict[str, Any]:
    return {**row, "parent": parent, "root": parent if root is None else root, "cause": Cause.FOLLOW_UP + rule}


def carried(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "cause": Cause.CARRIED_IN}
