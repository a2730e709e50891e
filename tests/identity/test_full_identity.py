"""The two engines write the same table for the full model, cell for cell, on small desks full of ties."""

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from full_desks import KINDS, MECHANISMS, SEEN, Kind, shrunk
from full_worlds import bot_limits, deferral, follow_ups, lines, offers, silence, slots, strain

from sim.engine import compiled, reference
from sim.mechanisms import ALWAYS, Mechanisms, Predictor
from sim.metrics import BUCKETS, count
from sim.outcome import Measured, differences

IN_TEST = 60  # of each kind; `any` gets four times as many
IN_TEST_ALL = 1200
MEASURED = Measured(5000, 5, np.array([[0] * 3, [2000] * 3, [2**63 - 1] * 3]), BUCKETS)


def different(run: Any) -> list[str]:
    """Cells of the table, and sums of the fused tally, in which the engines differ."""
    outcome = reference.run(*run)
    found = differences(outcome, compiled.run(*run))
    demand, staffing, _ = run
    measured = MEASURED._replace(limits=MEASURED.limits[:, : len(demand.types)])
    sums = compiled.sums(*run, measured)
    counted = count(outcome, measured, len(staffing.groups))
    return found + [f"sums.{n}" for n in sums._fields if not np.array_equal(getattr(sums, n), getattr(counted, n))]


def identical(kind: str, seeds: range) -> None:
    """On the first desk that differs: the smallest like it, and where."""
    for seed in seeds:
        run = KINDS[kind].draw(seed)
        if different(run):
            small = shrunk(run, lambda smaller: bool(different(smaller)))
            pytest.fail(f"{kind}, seed {seed}: {different(small)[:20]}\n{described(small)}")


def described(run: Any) -> str:
    """A small desk as text."""
    demand, staffing, rules = run
    parts = {"demand": demand, "pools": demand.pools, "staffing": staffing, "rules": rules, "routing": rules.routing}
    parts |= vars(rules.mechanisms)
    known = {name: vars(part) if hasattr(part, "__dict__") else part for name, part in parts.items()}
    return "\n".join(f"{name}: {part}" for name, part in known.items() if part is not None)


@pytest.mark.parametrize("kind", KINDS)
def test_small_desks_full_of_ties(kind):
    identical(kind, range(4 * IN_TEST if kind == "any" else IN_TEST))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_many_small_desks_full_of_ties(kind):
    identical(kind, range(10_000, 10_000 + (3 * IN_TEST_ALL if kind == "any" else IN_TEST_ALL)))


# ------------------------------------------------------------------------------------------- what the desks are worth

AT_LEAST = {
    "any": {
        "closed": 5, "resolved_in_bot": 20, "contained_unresolved": 20, "gave_up_in_bot": 20, "blocked": 10,
        "balked": 3, "answered": 80, "abandoned": 20, "silent": 5, "called_back": 3, "callback_unanswered": 2,
        "unserved": 20, "after_horizon": 4, "two chats at a time": 5, "mail interrupted": 2, "mail begun and left": 4,
        "a follow-up": 10, "carried in and served": 15, "not resolved": 15, "a wait foretold": 8,
    },
    "everything": {"mail interrupted": 5, "two chats at a time": 5, "a follow-up's follow-up": 5, "mail handed on": 2},
    "chats": {"two of one agent end together": 50, "two chats at a time": 60},
    "mail": {"mail interrupted": 15, "mail handed on": 6, "mail begun and left": 20},
    "call-backs": {"called_back": 15, "callback_unanswered": 8, "balked": 10, "a wait foretold": 40},
    "trunks": {"blocked": 40, "called_back": 12},
    "bots": {"waited for the bot": 10, "went around the bot": 15, "gave_up_in_bot": 50},
    "chains": {"a follow-up's follow-up": 15, "after_horizon": 15, "a follow-up at the parent's agent": 10},
    "ends": {"two of one agent end together": 18, "a follow-up": 60},
    "holds": {"two chats at a time": 20},
    "copies": {"withdrawn": 25, "a follow-up's follow-up": 25},
    "reserves": {"two chats at a time": 20, "two of one agent end together": 8},
}  # fmt: skip
"""In how many of a hundred desks of a kind something must be seen, at least; about half of what is seen."""


@pytest.mark.parametrize("kind", KINDS)
def test_each_mechanism_is_really_at_work(kind):
    number = 200
    found: Counter[str] = Counter()
    for seed in range(number):
        run = KINDS[kind].draw(seed)
        outcome = reference.run(*run)
        found.update(name for name, is_seen in SEEN.items() if is_seen(run, outcome))
    shares = {name: 100 * found[name] / number for name in AT_LEAST[kind]}
    assert {name: share for name, share in shares.items() if share < AT_LEAST[kind][name]} == {}


# ------------------------------------------------------------------------------- switched on, and yet it does nothing


def idle_tables(types: int, groups: int) -> dict[str, Any]:
    """Each mechanism in a form that changes nothing."""
    return {
        "slots": slots([1] * groups, [[1] * groups] * types, [(1000,)] * groups),
        "deferral": deferral(types, ()),
        "lines": lines([0] * types, [9999], place_of=[0] * types, places=[9999]),
        "offers": offers(types, **{f"k{k}": {"predictor": Predictor.NONE} for k in range(types)}),
        "silence": silence(types),
        "follow_ups": follow_ups(types=types),
        "bot_limits": bot_limits((0, 0, 9999), bot_of=[0] * types),
        "strain": strain(
            types, per_hour=[0] * groups, most=[999] * groups, recovery=[1] * groups, switch=[0] * groups,
            channel_of=range(types),
        ),
        "resolved_word": np.full((types, groups), ALWAYS),
    }  # fmt: skip


@pytest.mark.parametrize("engine", [reference.run, compiled.run], ids=["reference", "compiled"])
@pytest.mark.parametrize("name", [*Mechanisms.__dataclass_fields__, "reserve", "all"])
def test_a_mechanism_that_does_nothing_changes_nothing(engine, name):
    """The full event loop on desks of the plain model, against the plain loop."""
    kind = Kind(never=tuple(m for m in MECHANISMS if m != "opening"), others=0.5)
    for seed in range(25):
        demand, staffing, rules = kind.draw(seed)
        plain = replace(rules, routing=replace(rules.routing, last_agent=False))
        assert plain.is_plain
        tables = idle_tables(len(demand.types), len(staffing.groups))
        routing = plain.routing
        if name in ("reserve", "all"):
            routing = replace(routing, reserve=np.zeros_like(routing.group_rank, dtype=np.int32), last_agent=True)
        kept = {m: table for m, table in tables.items() if name in (m, "all")}
        loaded = replace(plain, routing=routing, mechanisms=Mechanisms(**kept))
        assert not loaded.is_plain
        before, after = (engine(demand, staffing, rules) for rules in (plain, loaded))
        assert differences(before, after) == []
