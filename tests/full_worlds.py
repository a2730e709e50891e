"""Tiny desks with each mechanism of the full model, by hand in seconds, beside the plain ones of `worlds`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from worlds import S, customers

from sim.attendance import Staffing
from sim.demand import FOREVER, Demand, Pools
from sim.keys import WORD, mix
from sim.mechanisms import (
    ALWAYS,
    NOT_EVER,
    BotLimits,
    Deferral,
    FollowUps,
    Lines,
    Mechanisms,
    Offers,
    Predictor,
    Siblings,
    Silence,
    Slots,
    Strain,
    word,
)
from sim.routing import Rules

Table = Sequence[Sequence[int]]


def full(base: Rules, *, horizon: float = 1000, resolved: Any = None, routing: Any = None, **mechanisms: Any) -> Rules:
    """A desk with mechanisms: `resolved` the chance by [type][group], `routing` what its table has besides ranks."""
    shape = base.routing.group_rank.shape
    if resolved is not None:
        mechanisms["resolved_word"] = words(np.broadcast_to(resolved, shape))
    if routing:
        base = replace(base, routing=replace(base.routing, **tables(routing, shape)))
    return replace(base, horizon_ms=round(horizon * S), mechanisms=Mechanisms(**mechanisms))


def tables(routing: Mapping[str, Any], shape: tuple[int, int]) -> dict[str, Any]:
    """What a routing table has besides ranks: a plain number stands for all pairs."""
    given = dict(routing)
    if "reserve" in given:
        given["reserve"] = np.array(np.broadcast_to(given["reserve"], shape), dtype=np.int32)
    for name in ("agent_a", "agent_b", "contact_a", "contact_b"):
        if name in given:
            given[name] = np.array(np.broadcast_to(given[name], shape), dtype=np.int64)
    if "ratio" in given:
        given["ratio"] = np.array(given["ratio"], dtype=np.int64)
    return given


def words(chances: Any) -> Any:
    """Chances as words."""
    return np.array([word(float(c)) for c in np.ravel(chances)], dtype=np.int64).reshape(np.shape(chances))


def slots(
    capacity: Sequence[int] = (2,),
    need: Table = ((1,),),
    rate: Table = ((1000, 1000),),
    holds: Sequence[int] = (),
) -> Slots:
    """Slots by group, need by [type][group], rates by [group] for 1, 2, … contacts; groups that hold for voice."""
    pace = np.zeros((len(capacity), max(capacity) + 1), dtype=np.int32)
    for g, given in enumerate(rate):
        row = [given[0], *given]
        pace[g] = (row + row[-1:] * pace.shape[1])[: pace.shape[1]]
    return Slots(
        capacity=np.array(capacity, dtype=np.int32),
        need=np.array(need, dtype=np.int32),
        rate=pace,
        holds=np.array([g in holds for g in range(len(capacity))]),
    )


def deferral(types: int, deferred: Sequence[int], interruptible: Sequence[int] = ()) -> Deferral:
    """Types whose work can wait, and those of them that can be interrupted."""
    return Deferral(
        deferred=np.array([k in deferred for k in range(types)]),
        interruptible=np.array([k in interruptible for k in range(types)]),
    )


def lines(
    line_of: Sequence[int] = (-1,), lines: Sequence[int] = (), *, place_of: Any = None, places: Sequence[int] = ()
) -> Lines:
    """Pools of lines and of waiting places, by type."""
    return Lines(
        line_of=np.array(line_of, dtype=np.int32),
        lines=np.array(lines, dtype=np.int32),
        place_of=np.array([-1] * len(line_of) if place_of is None else place_of, dtype=np.int32),
        places=np.array(places, dtype=np.int32),
    )


def offers(types: int = 1, **of_type: dict[str, Any]) -> Offers:
    """By type `k0`, `k1`, …: predictor, handle, balk [(at, chance), …], offer_at, accept, promise, ring, answer.

    Times, and what a predictor says, in seconds; QUEUE_LENGTH counts contacts. No `offer_at`: no call-back.
    """
    each = [{"predictor": Predictor.NONE, **of_type.get(f"k{k}", {})} for k in range(types)]
    unit = [1 if one["predictor"] == Predictor.QUEUE_LENGTH else S for one in each]
    steps = max(1, *(len(one.get("balk", ())) for one in each))
    at = np.full((types, steps), NOT_EVER, dtype=np.int64)
    chance = np.zeros((types, steps), dtype=np.int64)
    for k, one in enumerate(each):
        for j, (value, share) in enumerate(one.get("balk", ())):
            at[k, j], chance[k, j] = round(value * unit[k]), word(share)

    def column(name: str, default: float, scale: Any = S) -> Any:
        return np.array([round(one.get(name, default) * scale) for one in each], dtype=np.int64)

    offered = [one.get("offer_at") for one in each]
    return Offers(
        predictor=np.array([one["predictor"] for one in each], dtype=np.uint8),
        handle_ms=column("handle", 0),
        balk_at=at,
        balk_word=chance,
        offer_at=np.array(
            [NOT_EVER if value is None else round(value * unit[k]) for k, value in enumerate(offered)], dtype=np.int64
        ),
        accept_word=words([one.get("accept", 1) for one in each]),
        promise_ms=column("promise", 0),
        ring_ms=column("ring", 0),
        answer_word=words([one.get("answer", 1) for one in each]),
    )


def silence(types: int = 1, **detection: float) -> Silence:
    """Seconds that an agent needs to find out, by silent type `k0`, `k1`, …"""
    return Silence(
        silent=np.array([f"k{k}" in detection for k in range(types)]),
        detection_ms=np.array([round(detection.get(f"k{k}", 0) * S) for k in range(types)], dtype=np.int64),
    )


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One follow-up rule of type `of`; `delay` in seconds, several for rows of the pool that take turns."""

    on: int
    of: int = 0
    to: int = 0
    chance: float = 1
    delay: float | Sequence[float] = 0
    after: float = 0
    at_most: int = 1
    keeps_patience: bool = False
    keeps_talk: bool = False
    boost: bool = False
    siblings: Siblings = Siblings.NONE
    duplicate: float = 0


def by_type(rules: Sequence[Rule]) -> list[Rule]:
    """Rules in the engines' order: those of a type together, else as given."""
    return sorted(rules, key=lambda rule: rule.of)


def follow_ups(*rules: Rule, types: int = 1) -> FollowUps:
    """The table of the rules."""
    found = by_type(rules)

    def column(name: str, dtype: Any, scale: int = 1) -> Any:
        return np.array([round(getattr(rule, name) * scale) for rule in found], dtype=dtype)

    return FollowUps(
        first=np.searchsorted([rule.of for rule in found], range(types + 1)).astype(np.int32),
        on=column("on", np.uint8),
        after_ms=column("after", np.int64, S),
        word=words([rule.chance for rule in found]),
        to=column("to", np.int16),
        at_most=column("at_most", np.int32),
        keeps_patience=column("keeps_patience", np.bool_),
        keeps_talk=column("keeps_talk", np.bool_),
        boost=column("boost", np.bool_),
        siblings=column("siblings", np.uint8),
        duplicate_ms=column("duplicate", np.int64, S),
    )


def pools(*rules: Rule, types: int = 1, **draws: Sequence[Mapping[str, Any]]) -> Pools:
    """What follow-ups bring, by type `k0`, `k1`, …: rows as in `customers`, repeated to one power of two."""
    found = by_type(rules)
    several = [[rule.delay] if isinstance(rule.delay, int | float) else list(rule.delay) for rule in found]
    given = [list(draws.get(f"k{k}", [{}])) for k in range(types)]
    rows = 1
    while rows < max(map(len, [*given, *several])):
        rows *= 2
    contacts = [dict(given[k][i % len(given[k])]) for k in range(types) for i in range(rows)]
    drawn = customers(*contacts)

    def column(name: str) -> Any:
        return getattr(drawn, name).reshape(types, rows)

    delay = [[round(one[i % len(one)] * S) for i in range(rows)] for one in several]
    return Pools(
        **{name: column(name) for name in POOLED}, delay_ms=np.array(delay, dtype=np.int32).reshape(len(found), rows)
    )


POOLED = ("fate", "bot_ms", "hand_off_ms", "patience_ms", "leaves_at_once", "talk_ms", "after_ms")


def followed(demand: Demand, *rules: Rule, **draws: Sequence[Mapping[str, Any]]) -> Demand:
    """The same customers with pools for their follow-ups."""
    return replace(demand, pools=pools(*rules, types=len(demand.types), **draws))


def bot_limits(
    *changes: tuple[float, int, int], bot_of: Sequence[int] = (0,), waits: Sequence[int] | bool = True
) -> BotLimits:
    """Changes as (seconds, bot, capacity); `waits` for all types or for those given."""
    found = sorted((round(at * S), bot, capacity) for at, bot, capacity in changes)
    at, bot, capacity = np.array(found, dtype=np.int64).reshape(-1, 3).T
    types = range(len(bot_of))
    return BotLimits(
        bot_of=np.array(bot_of, dtype=np.int32),
        waits=np.array([waits if isinstance(waits, bool) else k in waits for k in types]),
        bot=bot.astype(np.int32),
        change_ms=at.copy(),
        capacity=capacity.astype(np.int32),
    )


def strain(
    types: int = 1,
    *,
    per_hour: Sequence[int] = (0,),
    most: Sequence[int] = (0,),
    recovery: Sequence[int] = (0,),
    switch: Sequence[float] = (0,),
    channel_of: Sequence[int] | None = None,
) -> Strain:
    """Fatigue and switching by group; one channel unless told."""
    return Strain(
        per_hour=np.array(per_hour, dtype=np.int64),
        most=np.array(most, dtype=np.int64),
        recovery=np.array(recovery, dtype=np.int64),
        switch_ms=np.array([round(s * S) for s in switch], dtype=np.int64),
        channel_of=np.array([0] * types if channel_of is None else channel_of, dtype=np.int32),
    )


def paced(staffing: Staffing, *permille: int) -> Staffing:
    """The same agents, each with a factor of their own."""
    return replace(staffing, permille=np.array(permille, dtype=np.int32))


def high(key: int, purpose: int) -> int:
    """The half of a mix that decides."""
    return mix(int(key), purpose) >> 32


def low(key: int, purpose: int, rows: int) -> int:
    """The row of a pool that the other half picks."""
    return mix(int(key), purpose) & WORD & (rows - 1)


def chance_between(a: int, b: int) -> float:
    """A chance whose word says yes to the lower and no to the higher of two halves."""
    return (a + b) / 2 / ALWAYS


__all__ = [
    "FOREVER",
    "Rule",
    "bot_limits",
    "by_type",
    "chance_between",
    "deferral",
    "follow_ups",
    "followed",
    "full",
    "high",
    "lines",
    "low",
    "offers",
    "paced",
    "pools",
    "silence",
    "slots",
    "strain",
]
