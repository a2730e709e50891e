"""What holds on any desk of the full model, whoever simulates it (docs/model.md, section 10)."""

from dataclasses import fields, replace
from random import Random
from typing import Any

import numpy as np
import pytest
from audit import Audit
from full_desks import KINDS, Kind

from sim.demand import FOREVER
from sim.engine import compiled, reference
from sim.metrics import BUCKETS, count
from sim.outcome import Cause, Measured, Status

IN_TEST = 60
IN_TEST_ALL = 1500


def audited(kind: str, seeds: range) -> None:
    for seed in seeds:
        run = KINDS[kind].draw(seed)
        Audit(run, reference.run(*run)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_what_always_holds(kind):
    """Planted faults and the share of desks that show them: docs/tests.md."""
    audited(kind, range(20_000, 20_000 + IN_TEST))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_what_always_holds_on_many_desks(kind):
    audited(kind, range(30_000, 30_000 + IN_TEST_ALL))


@pytest.mark.parametrize("kind", KINDS)
def test_the_other_engine_is_audited_by_itself_too(kind):
    """Not only through the identity."""
    for seed in range(20):
        run = KINDS[kind].draw(seed)
        Audit(run, compiled.run(*run)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_counted_adds_up(kind):
    """All rows by status are all that arrived, and the queue over time is the sum of waits, to the millisecond.

    A wait is that of a contact that asked and was neither called back nor withdrawn; the silent wait to their end.
    """
    waits = (Status.ANSWERED, Status.ABANDONED, Status.SILENT, Status.UNSERVED)
    for seed in range(20_000, 20_000 + IN_TEST):
        run = KINDS[kind].draw(seed)
        types, groups = len(run[0].types), len(run[1].groups)
        outcome = reference.run(*run)
        c = outcome.contacts
        sums = count(outcome, Measured(5000, 7, np.full((1, types), 2**63 - 1), BUCKETS), groups)
        by_type = np.bincount(c.type, minlength=types)
        assert np.array_equal(sums.by_fate.sum(axis=(0, 2, 3)), by_type)
        assert np.array_equal(sums.arrived.sum(axis=1), by_type)
        assert np.array_equal(sums.by_fate.sum(axis=(0, 1, 3)), np.bincount(c.status, minlength=len(Status)))
        asked = np.isin(c.status, waits)
        waited = (np.where(c.status == Status.ANSWERED, c.answered, c.ended) - c.queued)[asked]
        assert sums.queue.sum() == waited.sum() == sums.wait_offered.sum()


# --------------------------------------------------------------------------------------------------------- renaming

LONE = Kind(never=("opening", "reserve"), others=0.4, by_person=1, numbers=(15, 30))
"""Nothing that looks at types one after the other, agents with hours of their own."""


def apart(run: Any, seed: int) -> Any:
    """The same desk with every instant and duration moved by some milliseconds, so that events hardly ever coincide."""
    dice = np.random.default_rng(seed)
    demand, staffing, rules = run
    moved = moved_columns(demand, dice)
    arrival = np.where(
        demand.arrival_ms < 0, demand.arrival_ms * 1.37, demand.arrival_ms + dice.integers(0, 997, len(demand))
    )
    arrival = arrival.astype(np.int64)
    order = np.argsort(arrival, kind="stable")
    columns = {f.name: getattr(demand, f.name) for f in fields(demand)} | moved | {"arrival_ms": arrival}
    columns = {n: v[order] if isinstance(v, np.ndarray) else v for n, v in columns.items()}
    if demand.pools is not None:
        delay = later(demand.pools.delay_ms, dice)
        columns["pools"] = replace(demand.pools, **moved_columns(demand.pools, dice), delay_ms=delay)
    spells = {n: getattr(staffing, n) for n in ("spell_on_ms", "spell_off_ms")}
    shift = dice.integers(0, 400, len(staffing.spell_agent))
    moved_spells = {"spell_on_ms": spells["spell_on_ms"] + shift, "spell_off_ms": spells["spell_off_ms"] + shift}
    m = rules.mechanisms
    if m.slots is not None:
        m = replace(m, slots=replace(m.slots, holds=np.zeros_like(m.slots.holds)))
    return replace(demand, **columns), replace(staffing, **moved_spells), replace(rules, mechanisms=m)


def moved_columns(part: Any, dice: Any) -> dict[str, Any]:
    return {n: later(getattr(part, n), dice) for n in ("bot_ms", "hand_off_ms", "patience_ms", "talk_ms", "after_ms")}


def later(column: Any, dice: Any) -> Any:
    """What lasts at all lasts up to a second longer."""
    moves = (column > 0) & (column < FOREVER)
    return np.where(moves, column + dice.integers(1, 997, column.shape), column).astype(column.dtype)


def renamed_types(run: Any, old: list[int]) -> tuple[Any, list[int]]:
    """The same desk with its types in the order `old`; and the old number of each rule."""
    demand, staffing, rules = run
    new = np.argsort(old)
    m, pools = rules.mechanisms, demand.pools
    causes: list[int] = []
    if m.follow_ups is not None:
        first = m.follow_ups.first.tolist()
        causes = [r for k in old for r in range(first[k], first[k + 1])]
        sizes = [first[k + 1] - first[k] for k in old]
        by_rule = {n: v[causes] for n, v in vars(m.follow_ups).items() if n != "first"}
        by_rule["to"] = new[by_rule["to"]].astype(np.int16)
        table = replace(m.follow_ups, first=np.cumsum([0, *sizes]).astype(np.int32), **by_rule)
        m = replace(m, follow_ups=table)
        by_type = {n: v[old] for n, v in vars(pools).items() if n != "delay_ms"}
        pools = replace(pools, delay_ms=pools.delay_ms[causes], **by_type)
    for name in ("deferral", "offers", "silence"):
        if getattr(m, name) is not None:
            part = getattr(m, name)
            m = replace(m, **{name: replace(part, **{n: v[old] for n, v in vars(part).items()})})
    if m.slots is not None:
        m = replace(m, slots=replace(m.slots, need=m.slots.need[old]))
    if m.lines is not None:
        m = replace(m, lines=replace(m.lines, line_of=m.lines.line_of[old], place_of=m.lines.place_of[old]))
    if m.bot_limits is not None:
        limits = m.bot_limits
        m = replace(m, bot_limits=replace(limits, bot_of=limits.bot_of[old], waits=limits.waits[old]))
    if m.strain is not None:
        m = replace(m, strain=replace(m.strain, channel_of=m.strain.channel_of[old]))
    if m.resolved_word is not None:
        m = replace(m, resolved_word=m.resolved_word[old])
    tables = {n: v[old] for n, v in vars(rules.routing).items() if isinstance(v, np.ndarray)}
    changed = replace(
        rules,
        routing=replace(rules.routing, **tables),
        opens_ms=tuple(rules.opens_ms[k] for k in old),
        closes_ms=tuple(rules.closes_ms[k] for k in old),
        always_open=rules.always_open[old],
        disconnects=rules.disconnects[old],
        time_permille=rules.time_permille[old],
        mechanisms=m,
    )
    names = tuple(demand.types[k] for k in old)
    return (
        replace(demand, types=names, type=new[demand.type].astype(np.int16), pools=pools),
        staffing,
        changed,
    ), causes


def renamed_groups(run: Any, old: list[int]) -> Any:
    """The same desk with its groups in the order `old`; agents stay as they are."""
    demand, staffing, rules = run
    new = np.argsort(old)
    m = rules.mechanisms
    if m.slots is not None:
        s = m.slots
        changed = {"capacity": s.capacity[old], "need": s.need[:, old], "rate": s.rate[old], "holds": s.holds[old]}
        m = replace(m, slots=replace(s, **changed))
    if m.strain is not None:
        by_group = {n: v[old] for n, v in vars(m.strain).items() if n != "channel_of"}
        m = replace(m, strain=replace(m.strain, **by_group))
    if m.resolved_word is not None:
        m = replace(m, resolved_word=m.resolved_word[:, old])
    tables = {n: v[:, old] for n, v in vars(rules.routing).items() if isinstance(v, np.ndarray) and v.ndim == 2}
    groups = tuple(staffing.groups[g] for g in old)
    return (
        demand,
        replace(staffing, groups=groups, agent_group=new[staffing.agent_group].astype(np.int16)),
        replace(
            rules, routing=replace(rules.routing, **tables), time_permille=rules.time_permille[:, old], mechanisms=m
        ),
    )


SAME = (
    "arrival", "root", "parent", "status", "queued", "answered", "ended", "released", "work", "agent", "resolved",
    "predicted",
)  # fmt: skip


def test_the_order_of_types_and_groups_says_nothing():
    """Keys hang on names, and where no two events share a millisecond no tie is decided by position.

    Planted fault seen: keys from a type's place in the file instead of its name.
    """
    served = 0
    for seed in range(150):
        run = apart(LONE.draw(seed), seed)
        types, groups = len(run[0].types), len(run[1].groups)
        dice = Random(seed)
        old = dice.sample(range(types), types)
        other, causes = renamed_types(run, old)
        other = renamed_groups(other, dice.sample(range(groups), groups))
        a, b = (reference.run(*desk).contacts for desk in (run, other))
        assert [n for n in SAME if not np.array_equal(getattr(a, n), getattr(b, n))] == [], seed
        assert np.array_equal(a.type, np.array(old)[b.type])
        made = b.cause >= Cause.FOLLOW_UP
        assert np.array_equal(a.cause[~made], b.cause[~made])
        assert a.cause[made].tolist() == [causes[c - Cause.FOLLOW_UP] + Cause.FOLLOW_UP for c in b.cause[made]]
        served += int((a.status == Status.ANSWERED).sum())
    assert served > 1000


def test_the_same_customer_decides_the_same_under_every_plan():
    """One group with more agents: who is answered in both is resolved in both or in neither."""
    kind = replace(KINDS["chains"], most=1)
    both = 0
    for seed in range(100):
        demand, staffing, rules = kind.draw(seed)
        other = kind.draw(seed + 1)[1]
        n = len(demand)
        a, b = (reference.run(demand, crew, rules).contacts for crew in (staffing, other))
        same = (a.status[:n] == Status.ANSWERED) & (b.status[:n] == Status.ANSWERED)
        assert np.array_equal(a.resolved[:n][same], b.resolved[:n][same])
        both += int(same.sum())
    assert both > 300
