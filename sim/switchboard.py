"""What a scenario switches on, as tables: Scenario -> Mechanisms. What it does not mention stays None.

Shapes and units are those of `sim.mechanisms`.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.clock import Horizon, held, parse_moment
from sim.mechanisms import (
    NOT_EVER,
    BotLimits,
    Deferral,
    Ending,
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
from sim.outcome import Status
from sim.scenario import AgentGroup, Bot, ContactType, Outage, Scenario
from sim.units import parse_duration, to_ms
from sim.workload import mean_handle_s

Integers = npt.NDArray[np.int64]
NO_LIMIT = 2**31 - 1
"""Sessions of a bot that is never full."""


def mechanisms(scenario: Scenario) -> Mechanisms:
    """All that the scenario switches on."""
    return Mechanisms(
        slots=_slots(scenario),
        deferral=_deferral(scenario),
        lines=_lines(scenario),
        offers=_offers(scenario),
        silence=_silence(scenario),
        follow_ups=_follow_ups(scenario),
        bot_limits=_bot_limits(scenario),
        strain=_strain(scenario),
        resolved_word=_resolved(scenario),
    )


def _kinds(scenario: Scenario) -> Iterable[ContactType]:
    return scenario.contact_types.values()


def _each(values: Iterable[Any], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    return np.array(list(values), dtype=dtype)


# ------------------------------------------------------------------------------------------------------------ agents


def _slots(scenario: Scenario) -> Slots | None:
    """A contact of a channel that takes all slots, or more than the group has, takes the group's capacity."""
    groups = list(scenario.agent_groups.values())
    if all(group.slots == 1 for group in groups):
        return None
    capacity = _each((group.slots for group in groups), np.int32)
    taken = [scenario.channels[kind.channel].slots for kind in _kinds(scenario)]
    wanted = _each((NO_LIMIT if slots == "all" else slots for slots in taken), np.int64)
    return Slots(
        capacity=capacity,
        need=np.minimum(_whole_for_interruptible(scenario, wanted)[:, None], capacity[None, :]).astype(np.int32),
        rate=np.array([_pace(group, int(capacity.max())) for group in groups], dtype=np.int32),
        holds=_each((group.hold_for_voice for group in groups), np.bool_),
    )


def _whole_for_interruptible(scenario: Scenario, wanted: Integers) -> Integers:
    return np.where(_each((kind.interruptible for kind in _kinds(scenario)), np.bool_), NO_LIMIT, wanted)


def _pace(group: AgentGroup, most: int) -> list[int]:
    """Thousandths of full speed with 0, 1, … contacts in hand."""
    return [1000, *(max(1, round(1000 * group.pace_with(n))) for n in range(1, most + 1))]


def _strain(scenario: Scenario) -> Strain | None:
    groups = list(scenario.agent_groups.values())
    if not any(group.fatigue or group.switching for group in groups):
        return None
    tiring = [group.fatigue for group in groups]
    place = {name: c for c, name in enumerate(scenario.channels)}
    return Strain(
        per_hour=_each((round(1000 * f.per_hour) if f else 0 for f in tiring), np.int64),
        most=_each((round(1000 * f.most) if f else 0 for f in tiring), np.int64),
        recovery=_each((f.recovery if f else 0 for f in tiring), np.int64),
        switch_ms=_each((to_ms(group.switching) for group in groups), np.int64),
        channel_of=_each((place[kind.channel] for kind in _kinds(scenario)), np.int32),
    )


def _resolved(scenario: Scenario) -> Integers | None:
    """Words of the chance that a talk resolves the matter: the skill's or the type's, less what tenure takes."""
    chance = np.ones((len(scenario.contact_types), len(scenario.agent_groups)))
    for g, group in enumerate(scenario.agent_groups.values()):
        for k, (name, kind) in enumerate(scenario.contact_types.items()):
            if (skill := group.skills.get(name)) is not None:
                own = kind.resolution if skill.resolution is None else skill.resolution
                chance[k, g] = own * learned(group, "resolution")
    return None if (chance == 1).all() else np.vectorize(word, otypes=[np.int64])(chance)


def learned(group: AgentGroup, curve: str) -> float:
    """Mean of a learning curve over the agents of a group, by their tenure."""
    if group.tenure is None:
        return 1.0
    at, value = curve_of(getattr(group.tenure, curve))
    fine = np.unique(np.concatenate((at, np.linspace(at[0], at[-1], 1001))))
    below = group.tenure.served.cdf(fine)
    heights = np.interp(fine, at, value)
    middles = np.sum(np.diff(below) * (heights[1:] + heights[:-1]) / 2)
    return float(below[0] * heights[0] + middles + (1 - below[-1]) * heights[-1])


def curve_of(curve: dict[str, float]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Seconds at the desk, ascending, and the value at each."""
    points = sorted((parse_duration(tenure), value) for tenure, value in curve.items())
    return np.array([tenure for tenure, _ in points]), np.array([value for _, value in points])


# ----------------------------------------------------------------------------------------------------------- contacts


def _deferral(scenario: Scenario) -> Deferral | None:
    deferred = _each((scenario.channels[kind.channel].deferred for kind in _kinds(scenario)), np.bool_)
    interruptible = _each((kind.interruptible for kind in _kinds(scenario)), np.bool_)
    return Deferral(deferred=deferred, interruptible=interruptible) if deferred.any() else None


def _lines(scenario: Scenario) -> Lines | None:
    """A pool for each channel with a limit."""
    trunks = [name for name, channel in scenario.channels.items() if channel.lines is not None]
    rooms = [name for name, channel in scenario.channels.items() if channel.waiting_places is not None]
    if not trunks and not rooms:
        return None
    used = [kind.channel for kind in _kinds(scenario)]
    return Lines(
        line_of=_each((trunks.index(name) if name in trunks else -1 for name in used), np.int32),
        lines=_each((scenario.channels[name].lines for name in trunks), np.int32),
        place_of=_each((rooms.index(name) if name in rooms else -1 for name in used), np.int32),
        places=_each((scenario.channels[name].waiting_places for name in rooms), np.int32),
    )


def _silence(scenario: Scenario) -> Silence | None:
    if not any(kind.silent for kind in _kinds(scenario)):
        return None
    return Silence(
        silent=_each((kind.silent is not None for kind in _kinds(scenario)), np.bool_),
        detection_ms=_each((to_ms(kind.silent.detection) if kind.silent else 0 for kind in _kinds(scenario)), np.int64),
    )


def _offers(scenario: Scenario) -> Offers | None:
    """Values in milliseconds, or contacts where the length of the queue is told."""
    kinds = list(_kinds(scenario))
    if not any(kind.predictor for kind in kinds):
        return None
    steps = [sorted((_level(step, kind), word(step.share)) for step in kind.balking) for kind in kinds]
    most = max(1, *map(len, steps))
    padded = np.array([found + [(NOT_EVER, 0)] * (most - len(found)) for found in steps], dtype=np.int64)
    backs = [kind.call_back for kind in kinds]
    return Offers(
        predictor=_each((Predictor[(kind.predictor or "none").upper()] for kind in kinds), np.uint8),
        handle_ms=_each((to_ms(seconds) for seconds in mean_handle_s(scenario).tolist()), np.int64),
        balk_at=padded[:, :, 0].copy(),
        balk_word=padded[:, :, 1].copy(),
        offer_at=_each((_level(kind.call_back, kind) if kind.call_back else NOT_EVER for kind in kinds), np.int64),
        accept_word=_each((word(back.accepted) if back else 0 for back in backs), np.int64),
        promise_ms=_each((to_ms(back.promise) if back else 0 for back in backs), np.int64),
        ring_ms=_each((to_ms(back.ring) if back else 0 for back in backs), np.int64),
        answer_word=_each((word(back.answered) if back else 0 for back in backs), np.int64),
    )


def _level(step: Any, kind: ContactType) -> int:
    return int(step.level) if kind.predictor == "queue_length" else to_ms(step.level)


# --------------------------------------------------------------------------------------------------------- follow-ups


def _follow_ups(scenario: Scenario) -> FollowUps | None:
    index = {name: k for k, name in enumerate(scenario.contact_types)}
    rules = [(name, rule) for name, kind in scenario.contact_types.items() for rule in kind.follow_ups.values()]
    if not rules:
        return None
    number = [len(kind.follow_ups) for kind in _kinds(scenario)]
    return FollowUps(
        first=np.concatenate(([0], np.cumsum(number))).astype(np.int32),
        on=_each((_ending(rule.on) for _, rule in rules), np.uint8),
        after_ms=_each((to_ms(rule.after or 0) for _, rule in rules), np.int64),
        word=_each((word(rule.chance) for _, rule in rules), np.int64),
        to=_each((index[rule.to or name] for name, rule in rules), np.int16),
        at_most=_each((rule.at_most for _, rule in rules), np.int32),
        keeps_patience=_each(("patience" in rule.keep for _, rule in rules), np.bool_),
        keeps_talk=_each(("talk" in rule.keep for _, rule in rules), np.bool_),
        boost=_each((rule.boost for _, rule in rules), np.bool_),
        siblings=_each((Siblings[(rule.siblings or "none").upper()] for _, rule in rules), np.uint8),
        duplicate_ms=_each((to_ms(rule.duplicate) for _, rule in rules), np.int64),
    )


def _ending(name: str) -> int:
    return Ending[name.upper()] if name.upper() in Ending.__members__ else Status[name.upper()]


# --------------------------------------------------------------------------------------------------------------- bots


def _bot_limits(scenario: Scenario) -> BotLimits | None:
    """Changes by (instant, bot); where a capacity and outages overlap the least counts."""
    limited = {name: bot for name, bot in scenario.bots.items() if bot.capacity is not None or bot.outages}
    if not any(kind.bot and kind.bot.uses in limited for kind in _kinds(scenario)):
        return None
    place = {name: b for b, name in enumerate(limited)}
    used = [kind.bot.uses if kind.bot and kind.bot.uses in limited else None for kind in _kinds(scenario)]
    changes = [
        (instant, b, capacity)
        for b, bot in enumerate(limited.values())
        for instant, capacity in _changes(bot, scenario.horizon)
    ]
    instants, bots, capacities = np.array(sorted(changes), dtype=np.int64).reshape(-1, 3).T
    return BotLimits(
        bot_of=_each((-1 if name is None else place[name] for name in used), np.int32),
        waits=_each((name is not None and limited[name].when_full == "wait" for name in used), np.bool_),
        bot=bots.astype(np.int32),
        change_ms=instants.copy(),
        capacity=capacities.astype(np.int32),
    )


def _changes(bot: Bot, horizon: Horizon) -> list[tuple[int, int]]:
    """When a bot's capacity changes, and to what, from the first instant on."""
    minutes = np.minimum(held(bot.capacity or {"00:00": NO_LIMIT}, horizon.wall_minutes), NO_LIMIT).astype(np.int64)
    steps = np.flatnonzero(np.append(True, np.diff(minutes) != 0))
    outages = [(*_from_to(outage, horizon), outage.capacity) for outage in bot.outages]
    borders = {int(60_000 * minute) for minute in steps}
    borders |= {min(max(at, 0), horizon.length_ms) for begins, ends, _ in outages for at in (begins, ends)}
    found: list[tuple[int, int]] = []
    for at in sorted(borders):
        usual = int(minutes[min(at // 60_000, len(minutes) - 1)])
        capacity = min([usual, *(least for begins, ends, least in outages if begins <= at < ends)])
        if not found or found[-1][1] != capacity:
            found.append((at, capacity))
    return found


def _from_to(outage: Outage, horizon: Horizon) -> tuple[int, int]:
    day, minutes = parse_moment(outage.start)
    assert day is not None, "an outage has a date"
    begins = horizon.first_instant(day, minutes)
    return begins, begins + to_ms(outage.length)
