"""PEAK with the mechanisms of the full model, one at a time and all together (docs/benchmarks.md)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import peak

from sim.attendance import Staffing
from sim.demand import Demand, Pools
from sim.mechanisms import (
    BotLimits,
    Deferral,
    FollowUps,
    Lines,
    Offers,
    Predictor,
    Silence,
    Slots,
    Strain,
    word,
)
from sim.outcome import NEVER, Contacts, Status
from sim.routing import Rules

Run = tuple[Demand, Staffing, Rules]
TYPES, GROUPS, ROWS = 8, len(peak.SKILLS), 4096
MINUTE_MS, HOUR_MS = 60_000, 3_600_000


def base(volume: float) -> Run:
    """PEAK by person: the heads of each half-hour as spells of named people."""
    heads = peak.heads(volume)
    spells: list[tuple[int, int, int]] = []
    agent_group: list[int] = []
    for g in range(GROUPS):
        first = len(agent_group)
        agent_group += [g] * int(heads[:, g].max())
        for ordinal in range(int(heads[:, g].max())):
            there = np.flatnonzero(np.diff(np.r_[False, heads[:, g] > ordinal, False]))
            spells += [
                (first + ordinal, int(on) * peak.HALF_HOUR_MS, int(off) * peak.HALF_HOUR_MS)
                for on, off in there.reshape(-1, 2)
            ]
    agent, on, off = np.array(spells, dtype=np.int64).T
    staffing = replace(
        peak.by_level(volume),
        heads=np.empty((0, GROUPS), dtype=np.int32),
        agent_group=np.array(agent_group, dtype=np.int16),
        agent_name=tuple(map(str, range(len(agent_group)))),
        spell_agent=agent.astype(np.int32),
        spell_on_ms=on,
        spell_off_ms=off,
        keeps_length=np.zeros(len(agent), dtype=bool),
    )
    return peak.draw(volume), staffing, replace(peak.rules(), horizon_ms=24 * HOUR_MS)


def breaks(run: Run) -> Run:
    """A quarter of an hour off after every two hours, and the break keeps its length."""
    demand, staffing, rules = run
    agent, on, off = [], [], []
    for a, start, end in zip(staffing.spell_agent, staffing.spell_on_ms, staffing.spell_off_ms, strict=True):
        for begin in range(int(start), int(end), 2 * HOUR_MS):
            stop = min(int(end), begin + 2 * HOUR_MS)
            agent.append(int(a))
            on.append(begin)
            off.append(stop if stop == end else stop - 15 * MINUTE_MS)
    return (
        demand,
        replace(
            staffing,
            spell_agent=np.array(agent, dtype=np.int32),
            spell_on_ms=np.array(on, dtype=np.int64),
            spell_off_ms=np.array(off, dtype=np.int64),
            keeps_length=np.ones(len(agent), dtype=bool),
        ),
        rules,
    )


def having(run: Run, **mechanisms: Any) -> Run:
    """The desk with more mechanisms."""
    demand, staffing, rules = run
    return demand, staffing, replace(rules, mechanisms=replace(rules.mechanisms, **mechanisms))


def after_work(run: Run) -> Run:
    """A minute of after-contact work each, which customers' lines make an event of its own."""
    demand, staffing, rules = run
    return having(
        (replace(demand, after_ms=np.full(len(demand), MINUTE_MS, dtype=np.int32)), staffing, rules),
        lines=Lines(
            line_of=np.zeros(TYPES, dtype=np.int32),
            lines=np.array([len(demand)], dtype=np.int32),
            place_of=np.full(TYPES, -1, dtype=np.int32),
            places=np.empty(0, dtype=np.int32),
        ),
    )


def bot_limits(run: Run) -> Run:
    """All types share a bot that is full now and then, and out of order for ten minutes at noon."""
    demand = run[0]
    usual = max(1, round(len(demand) / 24 * 0.4 * peak.BOT_S / 3600 * 2))
    change = np.array([0, 12 * HOUR_MS, 12 * HOUR_MS + 10 * MINUTE_MS], dtype=np.int64)
    return having(
        run,
        bot_limits=BotLimits(
            bot_of=np.zeros(TYPES, dtype=np.int32),
            waits=np.ones(TYPES, dtype=bool),
            bot=np.zeros(3, dtype=np.int32),
            change_ms=change,
            capacity=np.array([usual, 0, usual], dtype=np.int32),
        ),
    )


def call_backs(run: Run) -> Run:
    """Whoever would wait longer than the first in line for half a minute is offered a call within ten."""

    def each(value: float) -> Any:
        return np.full(TYPES, value, dtype=np.int64)

    return having(
        run,
        offers=Offers(
            predictor=np.full(TYPES, Predictor.HEAD_OF_LINE, dtype=np.uint8),
            handle_ms=each(0),
            balk_at=np.full((TYPES, 1), 2 * MINUTE_MS),
            balk_word=np.full((TYPES, 1), word(0.1)),
            offer_at=each(30_000),
            accept_word=each(word(0.3)),
            promise_ms=each(10 * MINUTE_MS),
            ring_ms=each(10_000),
            answer_word=each(word(0.8)),
        ),
    )


def e_mail(run: Run) -> Run:
    """One type of eight is interruptible work."""
    of = np.arange(TYPES) == 7
    return having(run, deferral=Deferral(deferred=of, interruptible=of))


def slots(run: Run) -> Run:
    """Half of the types are chats, three at a time."""
    chats = np.arange(TYPES) % 2 == 1
    need = np.where(chats[:, np.newaxis], 1, 3) * np.ones((1, GROUPS))
    return having(
        run,
        slots=Slots(
            capacity=np.full(GROUPS, 3, dtype=np.int32),
            need=need.astype(np.int32),
            rate=np.tile(np.array([1000, 1000, 700, 500], dtype=np.int32), (GROUPS, 1)),
            holds=np.zeros(GROUPS, dtype=bool),
        ),
    )


def silence(run: Run) -> Run:
    """Half of the types leave without a sign."""
    return having(run, silence=Silence(silent=np.arange(TYPES) % 2 == 1, detection_ms=np.full(TYPES, 20_000)))


def strain(run: Run) -> Run:
    """People tire, and turning to another channel costs ten seconds."""

    def each(value: int) -> Any:
        return np.full(GROUPS, value, dtype=np.int64)

    return having(
        run,
        strain=Strain(
            per_hour=each(20), most=each(100), recovery=each(3), switch_ms=each(10_000),
            channel_of=(np.arange(TYPES) % 2).astype(np.int32),
        ),
    )  # fmt: skip


def delays(run: Run) -> Run:
    """Overflow: a group's second skill after ten seconds, its third after twenty."""
    demand, staffing, rules = run
    delay = rules.routing.delay_ms.copy()
    for g, skills in enumerate(peak.SKILLS):
        for place, k in enumerate(skills):
            delay[k, g] = 10_000 * place
    return demand, staffing, replace(rules, routing=replace(rules.routing, delay_ms=delay))


def reserves(run: Run) -> Run:
    """Groups keep one agent back from what is not their first skill."""
    demand, staffing, rules = run
    reserve = np.zeros((TYPES, GROUPS), dtype=np.int32)
    for g, skills in enumerate(peak.SKILLS):
        for k in skills[1:]:
            reserve[k, g] = 1
    return demand, staffing, replace(rules, routing=replace(rules.routing, reserve=reserve))


def follow_ups(run: Run) -> Run:
    """Redials of the abandoned, repeats of the unresolved, transfers, and the bot's unresolved on another channel."""
    demand, staffing, rules = run
    rng = np.random.default_rng(7)
    on = [Status.ABANDONED, Status.ANSWERED, Status.RESOLVED_IN_BOT]
    chance = [0.5, 0.1, 0.15]
    per_type = len(on)
    rule = np.arange(TYPES * per_type)

    def column(values: list[Any], dtype: Any) -> Any:
        return np.tile(np.array(values, dtype=dtype), TYPES)

    draws = peak.draw(ROWS * 3)
    shape = (TYPES, ROWS)

    def of(values: Any, dtype: Any) -> Any:
        return np.resize(values, shape).astype(dtype)

    delay = np.where((rule % per_type == 1)[:, np.newaxis], 0, rng.exponential(20 * MINUTE_MS, (len(rule), ROWS)))
    pools = Pools(
        fate=of(draws.fate, np.uint8),
        bot_ms=of(draws.bot_ms, np.int32),
        hand_off_ms=of(draws.hand_off_ms, np.int32),
        patience_ms=of(draws.patience_ms, np.int32),
        leaves_at_once=np.zeros(shape, dtype=bool),
        talk_ms=of(draws.talk_ms, np.int32),
        after_ms=np.zeros(shape, dtype=np.int32),
        delay_ms=delay.astype(np.int32),
    )
    return having(
        (replace(demand, pools=pools), staffing, rules),
        follow_ups=FollowUps(
            first=(np.arange(TYPES + 1) * per_type).astype(np.int32),
            on=column(on, np.uint8),
            after_ms=np.zeros(len(rule), dtype=np.int64),
            word=column([word(share) for share in chance], np.int64),
            to=((rule // per_type + (rule % per_type == 1)) % TYPES).astype(np.int16),
            at_most=column([3, 1, 2], np.int32),
            keeps_patience=column([True, False, False], bool),
            keeps_talk=column([True, False, False], bool),
            boost=column([False, True, False], bool),
            siblings=np.zeros(len(rule), dtype=np.uint8),
            duplicate_ms=np.zeros(len(rule), dtype=np.int64),
        ),
    )


def in_vain(run: Run, contacts: Contacts) -> int:
    """Timers that an engine without foresight would set for nothing: whoever waits for a person sets one for the end
    of its patience and one for each delay of its type, and is answered before they ring.
    """
    delays = run[2].routing.delay_ms
    wait = np.where(contacts.answered == NEVER, contacts.ended, contacts.answered) - contacts.queued
    waited = (contacts.queued != NEVER) & (wait > 0)
    found = int((waited & (contacts.status != Status.ABANDONED)).sum())
    for k in range(TYPES):
        own = wait[waited & (contacts.type == k)]
        found += sum(int((own < delay).sum()) for delay in np.unique(delays[k][delays[k] > 0]))
    return found


VARIANTS: dict[str, tuple[Callable[[Run], Run], ...]] = {
    "nothing extra": (),
    "shifts with breaks": (breaks,),
    "a bot with limits": (bot_limits,),
    "predictions, balking, call-backs": (call_backs,),
    "interruptible work": (e_mail,),
    "chats, three at a time": (slots,),
    "silent abandonment": (silence,),
    "fatigue and switching": (strain,),
    "overflow delays": (delays,),
    "reserves": (reserves,),
    "after-contact work and lines": (after_work,),
    "follow-ups": (follow_ups,),
    "breaks, chats, follow-ups": (breaks, slots, follow_ups),
    "all": (
        breaks, slots, follow_ups, bot_limits, call_backs, e_mail, silence, strain, delays, reserves, after_work,
    ),
}  # fmt: skip


def variant(name: str, volume: float) -> Run:
    """PEAK by person with the mechanisms of that name; interruptible work takes every slot."""
    run = base(volume)
    for change in VARIANTS[name]:
        run = change(run)
    demand, staffing, rules = run
    m = rules.mechanisms
    if m.slots is not None and m.deferral is not None:
        need = np.where(m.deferral.interruptible[:, np.newaxis], m.slots.capacity, m.slots.need)
        rules = replace(rules, mechanisms=replace(m, slots=replace(m.slots, need=need.astype(np.int32))))
    return demand, staffing, rules
