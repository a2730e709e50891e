"""What staffing and rules alone decide of a full run: the tables of types, groups and agents.

They are the same for every replication with the same agents, and so made once. `Desk` says what they mean.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sim.attendance import Staffing
from sim.engine.compiled.before import by_rank, make_changes, pack
from sim.engine.compiled.full_desk import (
    AGENT,
    BITS,
    BOT,
    CHOICE,
    ENDINGS,
    GROUP,
    HIGHEST,
    JOB,
    KIND,
    MAIL,
    NEVER_PAIR,
    PAIR,
    PERSON,
    POOL,
    RULE,
    STEP,
    TIMER,
    UNRESOLVED,
)
from sim.engine.compiled.loop import KIND_SHIFT, NO_EVENT
from sim.engine.precedence import BOT_CHANGES, TYPE_CLOSES
from sim.mechanisms import ALWAYS, NOT_EVER, AgentChoice, ContactChoice, Ending, Mechanisms, Siblings
from sim.outcome import NEVER, Status
from sim.remembered import remembered
from sim.routing import NEVER_RANK, Rules

Longs = npt.NDArray[np.int64]
HORIZON = 1 << 31
"""Latest instant of what is planned or comes, and longest duration: 24 days."""
LONGEST = 1 << 32
"""Longer durations are cut to this one, which no run lives to see."""
LARGEST = 1 << 30
"""Largest factor in thousandths, and the like."""
TOO_LONG = "the work at hand outlasts the 49 days of the compiled engine: use the reference engine"
TOO_LARGE = "numbers are too large for the compiled engine: use the reference engine"
AFTER_TALK = (1 << Status.ANSWERED) | (1 << Status.CALLED_BACK) | (1 << UNRESOLVED)


class Standing(NamedTuple):
    """Fields of Desk that every run shares, those that each needs for itself, and how many spells a run can have.

    Which columns contacts need: a key, the time worked on them, the circle of their copies.
    """

    shared: dict[str, Any]
    own: dict[str, Any]
    most_spells: int
    keyed: bool
    books: bool
    copies: bool


@remembered
def standing(staffing: Staffing, rules: Rules) -> Standing:
    """The same for every replication with the same agents."""
    check_sizes(staffing, rules)
    m, routing = rules.mechanisms, rules.routing
    kinds, timers, windows, steps = make_kinds(rules)
    pairs = make_pairs(rules, kinds)
    groups, skills, takers, rates = make_groups(staffing, rules, pairs)
    mark(kinds, groups, pairs, takers)
    individual = staffing.permille is not None or m.strain is not None
    turns = m.strain is not None or routing.agent_choice == AgentChoice.LEAST_BUSY
    copies = m.follow_ups is not None and bool((m.follow_ups.siblings != Siblings.NONE).any())
    if not (individual or turns or copies):
        pairs.plain = is_plain(kinds, groups, pairs)
    agents, persons, jobs = make_agents(staffing, groups)
    change_key, change_value = changes(staffing, rules)
    own = {
        "kinds": kinds,
        "groups": groups,
        "bots": make_bots(m),
        "lines": pool(None if m.lines is None else m.lines.lines),
        "places": pool(None if m.lines is None else m.lines.places),
        "agents": agents,
        "persons": persons,
        "jobs": jobs,
        "ends": np.full(2 << max(len(persons) - 1, 1).bit_length(), NO_EVENT, dtype=np.int64),
    }
    shared = {
        "pairs": pairs,
        "skills": skills,
        "takers": takers,
        "rates": rates,
        "timers": timers,
        "windows": windows,
        "steps": steps,
        "rules": make_rules(m),
        "change_key": change_key,
        "change_value": change_value,
        "plan_on": staffing.spell_on_ms,
        "plan_off": staffing.spell_off_ms,
        "plan_keeps": staffing.keeps_length.astype(np.uint8),
        "plan_agent": staffing.spell_agent,
        "horizon_ms": rules.horizon_ms,
        "home_ms": NO_EVENT if staffing.by_person else len(staffing.heads) * staffing.interval_ms,
        "by_person": staffing.by_person,
        "simple": is_simple(rules),
        "agent_choice": int(routing.agent_choice),
        "contact_choice": int(routing.contact_choice),
        "last_agent": routing.last_agent,
        "individual": individual,
        "turns": turns,
        "rechecks": rechecks(rules),
        "told": bool(((pairs.rank < NEVER_PAIR) & ((pairs.direct == 0) | (pairs.heard != 0))).any()),
        "interrupts": m.deferral is not None and bool(m.deferral.interruptible.any()),
    }
    return Standing(
        shared={name: plain(made) for name, made in shared.items()},
        own={name: plain(made) for name, made in own.items()},
        most_spells=most_spells(staffing),
        keyed=m.follow_ups is not None or m.offers is not None or m.resolved_word is not None or (
            routing.agent_choice == AgentChoice.UNIFORM
        ),
        books=any(x is not None for x in (m.slots, m.offers, m.silence, m.deferral)),
        copies=copies,
    )  # fmt: skip


def plain(made: Any) -> Any:
    """An array whose records have attributes, but which has none itself: those take NumPy long to hand on."""
    return made.view(np.ndarray) if isinstance(made, np.recarray) else made


def rings(places: Any, first: int, number: int) -> None:
    """Make each of these places, from the first on, the two ends of an empty ring."""
    ends = places[first : first + number]
    ends["next"] = ends["previous"] = np.arange(first, first + number)
    ends["since"] = NEVER


def rechecks(rules: Rules) -> bool:
    """Whether those who wait look after every event: what keeps agents from them may end without a word."""
    slots, reserve = rules.mechanisms.slots, rules.routing.reserve
    return (reserve is not None and bool((reserve > 0).any())) or (slots is not None and bool(slots.holds.any()))


def is_simple(rules: Rules) -> bool:
    """Whether nothing but ranks, delays and longest waits decides who meets whom: one at a time, nobody boosted."""
    m = rules.mechanisms
    boosts = m.follow_ups is not None and bool(m.follow_ups.boost.any())
    return rules.routing.is_plain and m.slots is None and m.deferral is None and m.offers is None and not boosts


# --------------------------------------------------------------------------------------------------- types and pairs


def make_kinds(rules: Rules) -> tuple[Any, Any, Any, Any]:
    """Records of the types, and what they have slices of: timers, opening windows, steps of balking."""
    m, types = rules.mechanisms, len(rules.routing.group_rank)
    kinds = np.zeros(types, dtype=KIND).view(np.recarray)
    kinds.line = kinds.place = kinds.bot = kinds.channel = -1
    kinds.always_open = rules.always_open
    if m.deferral is not None:
        kinds.deferred, kinds.interruptible = m.deferral.deferred, m.deferral.interruptible
        kinds.always_open |= m.deferral.deferred
    if m.silence is not None:
        kinds.silent, kinds.detection = m.silence.silent, np.minimum(m.silence.detection_ms, LONGEST)
    if m.lines is not None:
        kinds.line, kinds.place = m.lines.line_of, m.lines.place_of
    if m.bot_limits is not None:
        kinds.bot, kinds.awaits_bot = m.bot_limits.bot_of, m.bot_limits.waits
    if m.strain is not None:
        kinds.channel = m.strain.channel_of
    kinds.offer_at = NOT_EVER
    steps = np.empty(0, dtype=STEP).view(np.recarray)
    if m.offers is not None:
        kinds.predictor, kinds.handle, kinds.offer_at = m.offers.predictor, m.offers.handle_ms, m.offers.offer_at
        kinds.accept, kinds.answer = m.offers.accept_word, m.offers.answer_word
        kinds.promise = np.minimum(m.offers.promise_ms, LONGEST)
        kinds.ring = np.minimum(m.offers.ring_ms, LONGEST)
        steps = np.zeros(m.offers.balk_at.size, dtype=STEP).view(np.recarray)
        steps.at, steps.word = m.offers.balk_at.ravel(), m.offers.balk_word.ravel()
        kinds.first_step, kinds.last_step = slices([m.offers.balk_at.shape[1]] * types)
    if m.follow_ups is not None:
        kinds.first_rule, kinds.last_rule = m.follow_ups.first[:-1], m.follow_ups.first[1:]
        for k in range(types):
            of_type = m.follow_ups.on[m.follow_ups.first[k] : m.follow_ups.first[k + 1]].tolist()
            kinds.listens[k] = sum({1 << ENDINGS[on] for on in of_type})
    windows = [np.column_stack(pair).ravel() for pair in zip(rules.opens_ms, rules.closes_ms, strict=True)]
    kinds.first_window, kinds.last_window = slices([len(window) // 2 for window in windows])
    _, _, _, first, last = choices(rules.routing.group_rank)
    kinds.first_taker, kinds.last_taker = first, last
    timers = [make_timers(rules, k) for k in range(types)]
    kinds.first_timer, kinds.last_timer = slices([len(timer) for timer in timers])
    return kinds, np.concatenate(timers).view(np.recarray), np.concatenate(windows), steps


def make_timers(rules: Rules, k: int) -> Any:
    """The delays of a type, of overflow and of asking elsewhere, ascending."""
    may = rules.routing.group_rank[k] < NEVER_RANK
    overflow = {int(d) for d in rules.routing.delay_ms[k][may] if d > 0}
    asking: set[int] = set()
    f = rules.mechanisms.follow_ups
    if f is not None:
        mine = range(int(f.first[k]), int(f.first[k + 1]))
        asking = {min(int(f.after_ms[r]), LONGEST) for r in mine if f.on[r] == Ending.WAITING}
    timers = np.zeros(len(overflow | asking), dtype=TIMER)
    for timer, after in zip(timers, sorted(overflow | asking), strict=True):
        timer["after"], timer["overflows"], timer["asks"] = after, after in overflow, after in asking
    return timers


def slices(lengths: list[int]) -> tuple[Longs, Longs]:
    """Where each of many parts begins and ends when they stand one behind the other."""
    last = np.cumsum(np.array(lengths, dtype=np.int64))
    return last - lengths, last


def choices(ranks: npt.NDArray[np.int16]) -> tuple[Any, Any, Any, Any, Any]:
    """Per row of ranks the columns that are not never, best rank first: row, column, rank; where rows begin and end."""
    first, column, rank = by_rank(ranks)
    row = np.repeat(np.arange(len(ranks)), np.diff(first.astype(np.int64)))
    return row, column.astype(np.int64), rank, first[:-1], first[1:]


def make_pairs(rules: Rules, kinds: Any) -> Any:
    """Records of types and groups."""
    routing, m = rules.routing, rules.mechanisms
    shape = routing.group_rank.shape
    pairs = np.zeros(shape, dtype=PAIR).view(np.recarray)
    pairs.rank, pairs.delay, pairs.permille = routing.group_rank, routing.delay_ms, rules.time_permille
    pairs.reserve = 0 if routing.reserve is None else routing.reserve
    pairs.need = 1 if m.slots is None else m.slots.need
    capacity = np.ones(shape[1], dtype=np.int32) if m.slots is None else m.slots.capacity
    pairs.resolves = ALWAYS if m.resolved_word is None else m.resolved_word
    for name in ("agent_a", "agent_b", "contact_a", "contact_b"):
        pairs[name] = 0 if getattr(routing, name) is None else getattr(routing, name)
    if routing.contact_choice == ContactChoice.QUEUE_RATIO:
        pairs.contact_b = 0 if routing.ratio is None else routing.ratio[:, np.newaxis]
    live = ~kinds.deferred.astype(bool)[:, np.newaxis]
    pairs.all_slots = (pairs.need == capacity) & live & (pairs.rank < NEVER_PAIR)
    pairs.direct = (pairs.need == capacity) & (kinds.interruptible == 0)[:, np.newaxis]
    heard = (kinds.line >= 0) | (kinds.listens & AFTER_TALK != 0) | rechecks(rules)
    pairs.heard = heard[:, np.newaxis]
    return np.ascontiguousarray(pairs.ravel()).view(np.recarray)


def make_groups(staffing: Staffing, rules: Rules, pairs: Any) -> tuple[Any, Any, Any, Any]:
    """Records of the groups; who takes what; rates of several contacts in hand."""
    routing, m, groups = rules.routing, rules.mechanisms, len(staffing.groups)
    group: Any = np.zeros(groups, dtype=GROUP).view(np.recarray)
    group.capacity, rates = 1, np.full((groups, 2), 1000, dtype=np.int64)
    if m.slots is not None:
        group.capacity, group.holds, rates = m.slots.capacity, m.slots.holds, m.slots.rate.astype(np.int64)
    if m.strain is not None:
        group.per_hour, group.most, group.recovery = m.strain.per_hour, m.strain.most, m.strain.recovery
        group.switch = np.minimum(m.strain.switch_ms, LONGEST)
    most = staffing.heads.max(axis=0, initial=0).astype(np.int64)
    group.lowest_away = np.cumsum(most) - most
    group.ring = slices((group.capacity + 1).tolist())[0] + (len(staffing.agent_group) or int(most.sum()))
    group.final_heads = staffing.heads[-1] if len(staffing.heads) else 0
    may = np.where(routing.group_rank < NEVER_RANK, routing.type_rank, NEVER_RANK)
    row, column, rank, group.first_skill, group.last_skill = choices(may.T)
    skills = make_choices(column, rank, column * groups + row, pairs)
    row, column, rank, _, _ = choices(routing.group_rank)
    takers = make_choices(column, rank, row * groups + column, pairs)
    takers.ring = group.ring[takers.other]
    return group, skills, takers, rates.ravel()


def make_choices(other: Any, rank: Any, pair: Any, pairs: Any) -> Any:
    """Records of who may take what."""
    made = np.zeros(len(other), dtype=CHOICE).view(np.recarray)
    made.other, made.rank, made.pair = other, rank, pair
    for name in ("delay", "reserve", "need"):
        made[name] = pairs[name][pair]
    return made


def mark(kinds: Any, group: Any, pairs: Any, takers: Any) -> None:
    """Bits of types and of rings: which type may be taken from which ring."""
    types, groups = len(kinds), len(group)
    kinds.bit = 1 << np.arange(types, dtype=np.int64) % BITS
    kinds.due = NO_EVENT
    of = pairs.reshape(types, groups)
    bits = np.where(of.rank < NEVER_PAIR, kinds.bit[:, np.newaxis], 0)
    group.idle_stirs = np.bitwise_or.reduce(bits, axis=0)  # for a reserve idle agents count whoever may be taken
    group.part_stirs = np.bitwise_or.reduce(np.where(of.need < group.capacity, bits, 0), axis=0)
    group.mail_stirs = np.bitwise_or.reduce(np.where(kinds.deferred[:, np.newaxis], 0, bits), axis=0)
    held = of.all_slots.astype(bool) & (group.holds != 0)
    kinds.frees = np.bitwise_or.reduce(np.where(held, group.idle_stirs, 0), axis=1)
    last = np.minimum(group.capacity[takers.other] - takers.need, HIGHEST)  # below 0: no ring at all
    mail = np.where(kinds.deferred[takers.pair // groups], 0, MAIL) if kinds.interruptible.any() else 0
    takers.levels = (1 << (last.astype(np.int64) + 1)) - 1 | mail


def is_plain(kinds: Any, group: Any, pairs: Any) -> Any:
    """Which pairs are `direct` in groups that have nothing interruptible in hand, where nobody tires or has a speed."""
    types = len(kinds)
    may = (pairs.rank < NEVER_PAIR).reshape(types, len(group))
    interrupted = (may & (kinds.interruptible[:, np.newaxis] > 0)).any(axis=0)
    return pairs.direct.astype(bool) & ~np.tile(interrupted, types)


# ------------------------------------------------------------------------------------------- agents, bots, follow-ups


def make_agents(staffing: Staffing, group: Any) -> tuple[Any, Any, Any]:
    """The agents, what is seldom needed of them, and places for what they have in hand."""
    most = staffing.heads.max(axis=0, initial=0).astype(np.int64)
    group_of = staffing.agent_group if staffing.by_person else np.repeat(np.arange(len(most)), most)
    heads = len(group_of)
    agents = np.zeros(heads + int((group.capacity + 1).sum()), dtype=AGENT).view(np.recarray)
    rings(agents, heads, len(agents) - heads)
    agents["group"][:heads] = group_of
    agents["plan"][:heads] = np.searchsorted(staffing.spell_agent, np.arange(heads)) - 1
    agents["aside"] = agents["ring"] = -1
    agents["jobs"][:heads], last = slices(group.capacity[group_of].tolist())
    persons = np.zeros(len(group_of), dtype=PERSON).view(np.recarray)
    persons.channel = -1
    persons.permille = 1000 if staffing.permille is None else staffing.permille
    return agents, persons, np.zeros(last[-1] if len(last) else 0, dtype=JOB).view(np.recarray)


def most_spells(staffing: Staffing) -> int:
    """No run has more spells."""
    come = np.diff(staffing.heads.astype(np.int64), axis=0, prepend=0).clip(min=0).sum()
    return len(staffing.spell_agent) + int(come)


def make_bots(m: Mechanisms) -> Any:
    """Bots without a limit, so far."""
    limits = m.bot_limits
    number = 0 if limits is None else int(max(limits.bot_of.max(initial=-1), limits.bot.max(initial=-1))) + 1
    bots = np.zeros(number, dtype=BOT).view(np.recarray)
    bots.capacity = NOT_EVER
    return bots


def pool(sizes: Any) -> Any:
    """Pools of lines or places, all free."""
    made = np.zeros(0 if sizes is None else len(sizes), dtype=POOL).view(np.recarray)
    if sizes is not None:
        made.most = sizes
    return made


def make_rules(m: Mechanisms) -> Any:
    """The rules of follow-ups."""
    f = m.follow_ups
    rules = np.zeros(0 if f is None else len(f.on), dtype=RULE).view(np.recarray)
    if f is not None:
        rules.after = np.minimum(f.after_ms, LONGEST)
        rules.word, rules.to, rules.at_most = f.word, f.to, f.at_most
        rules.on = [ENDINGS[on] for on in f.on.tolist()]
        rules.duplicate = np.minimum(f.duplicate_ms, LONGEST)
        rules.keeps_patience, rules.keeps_talk, rules.boost = f.keeps_patience, f.keeps_talk, f.boost
        rules.siblings = f.siblings
    return rules


def changes(staffing: Staffing, rules: Rules) -> tuple[Longs, npt.NDArray[np.int32]]:
    """Planned changes by key: attendance, closings of what is not deferred, capacities of bots."""
    keys, values = make_changes(staffing, rules)
    m = rules.mechanisms
    if m.deferral is not None:
        closes = (keys >> KIND_SHIFT) & 15 == TYPE_CLOSES
        kind = np.where(closes, keys & ((1 << KIND_SHIFT) - 1), 0)
        stay = ~(closes & m.deferral.deferred[kind])
        keys, values = keys[stay], values[stay]
    if m.bot_limits is not None:
        more = pack(m.bot_limits.change_ms, BOT_CHANGES, m.bot_limits.bot)
        keys, values = np.concatenate([keys, more]), np.concatenate([values, m.bot_limits.capacity])
        order = np.argsort(keys, kind="stable")
        keys, values = keys[order], values[order]
    return keys, values.astype(np.int32)


def check_sizes(staffing: Staffing, rules: Rules) -> None:
    """Raise OverflowError for what 64-bit integers, or an instant of 32 bits, cannot hold."""
    m, routing = rules.mechanisms, rules.routing
    planned = [staffing.spell_off_ms]
    if m.bot_limits is not None:
        planned.append(m.bot_limits.change_ms)
    if max(int(instants.max(initial=0)) for instants in planned) >= HORIZON:
        raise OverflowError(TOO_LONG)
    if len(staffing.heads) * staffing.interval_ms >= HORIZON:
        raise OverflowError(TOO_LONG)
    factor = int(rules.time_permille.max(initial=1)) * int(
        1000 if staffing.permille is None else staffing.permille.max(initial=1)
    )
    large = [routing.agent_b, routing.contact_b, routing.ratio]
    if m.strain is not None:
        factor *= 1000 + int(m.strain.most.max(initial=0))
        large += [m.strain.per_hour, m.strain.recovery]
    else:
        factor *= 1000
    if m.offers is not None:
        large.append(m.offers.handle_ms)
    if factor // 1_000_000 >= LARGEST or any(x is not None and np.abs(x).max(initial=0) >= LARGEST for x in large):
        raise OverflowError(TOO_LARGE)
