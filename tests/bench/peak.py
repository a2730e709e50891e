"""PEAK, the speed benchmark: one day of an eight-type desk with V contacts an hour at the peak (docs/benchmarks.md)."""

from collections import deque

import numpy as np

from sim.attendance import Staffing
from sim.demand import BotFate, Demand
from sim.routing import NEVER_RANK, RoutingTable, Rules

SHARES = np.array([0.24, 0.18, 0.15, 0.12, 0.10, 0.09, 0.07, 0.05])
PRIORITIES = np.array([0, 0, 1, 1, 1, 2, 2, 2])
SKILLS = (
    (0,), (0, 1), (1, 2), (2,), (0, 3), (3, 4), (1, 4, 5), (2, 5, 6), (3, 6, 7), (0, 1, 2, 3), (4, 5, 6, 7), (0, 4, 6),
)  # fmt: skip
HALF_HOUR_MS = 1_800_000
TALK_S, PATIENCE_S, BOT_S = 300.0, 180.0, 90.0


def hourly_rates(peak: float) -> np.ndarray:
    """Contacts per hour in each half-hour, shape [48]; the mean of the two highest is `peak`."""
    h = (np.arange(48) + 0.5) / 2
    shape = 0.09 + 0.85 * np.exp(-0.5 * ((h - 11.5) / 2.6) ** 2) + 0.93 * np.exp(-0.5 * ((h - 20) / 2.1) ** 2)
    return shape * peak / np.sort(shape)[-2:].mean()


def draw(peak: float, seed: int = 1) -> Demand:
    """The customers of one day."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(hourly_rates(peak) / 2)
    n = int(counts.sum())
    arrival = np.repeat(np.arange(48) * HALF_HOUR_MS, counts) + rng.integers(0, HALF_HOUR_MS, n)
    arrival.sort()
    bot = rng.random(n) < 0.4
    fate = np.where(bot, np.where(rng.random(n) < 0.5, BotFate.RESOLVED, BotFate.HANDED_OFF), BotFate.NO_BOT)
    sigma2 = np.log(2.0)
    talk = np.exp(rng.normal(np.log(TALK_S * 1000) - sigma2 / 2, np.sqrt(sigma2), n))
    return Demand(
        types=tuple(f"type_{k}" for k in range(8)),
        seed=seed,
        replication=0,
        type=rng.choice(8, n, p=SHARES).astype(np.int16),
        arrival_ms=arrival.astype(np.int64),
        fate=fate.astype(np.uint8),
        bot_ms=np.where(bot, rng.exponential(BOT_S * 1000, n) + 1, 0).astype(np.int32),
        hand_off_ms=np.zeros(n, dtype=np.int32),
        patience_ms=(rng.exponential(PATIENCE_S * 1000, n) + 1).astype(np.int32),
        leaves_at_once=np.zeros(n, dtype=bool),
        talk_ms=(talk + 1).astype(np.int32),
        after_ms=np.zeros(n, dtype=np.int32),
    )


def heads(peak: float) -> np.ndarray:
    """Staffing by half-hour and group, shape [48, 12]."""
    load = 0.8 * hourly_rates(peak)[:, None] * SHARES * TALK_S / 3600
    takers = [[g for g, skills in enumerate(SKILLS) if k in skills] for k in range(8)]
    shared = np.zeros((48, len(SKILLS)))
    for k, groups in enumerate(takers):
        shared[:, groups] += load[:, [k]] / len(groups)
    beta = (1 / 0.9 - 1) * np.sqrt(shared.max(axis=0))
    return np.maximum(1, np.ceil(0.9 * (shared + beta * np.sqrt(shared)))).astype(np.int32)


def by_level(peak: float) -> Staffing:
    """PEAK's staffing."""
    none = np.empty(0, dtype=np.int64)
    return Staffing(
        groups=tuple(f"group_{g}" for g in range(len(SKILLS))),
        interval_ms=HALF_HOUR_MS,
        heads=heads(peak),
        agent_group=none.astype(np.int16),
        agent_name=(),
        spell_agent=none.astype(np.int32),
        spell_on_ms=none,
        spell_off_ms=none,
        keeps_length=none.astype(bool),
    )


def by_person(peak: float) -> Staffing:
    """The same heads as individual agents: where a level falls those leave who came first, and may come back later."""
    levels = heads(peak)
    group_of, spells = [], []
    for group in range(len(SKILLS)):
        there, away = deque(), deque()
        for interval, (before, now) in enumerate(zip([0, *levels[:-1, group]], levels[:, group], strict=True)):
            at = interval * HALF_HOUR_MS
            for _ in range(before - now):
                agent, on = there.popleft()
                spells.append((agent, on, at))
                away.append(agent)
            for _ in range(now - before):
                if not away:
                    away.append(len(group_of))
                    group_of.append(group)
                there.append((away.popleft(), at))
        spells += [(agent, on, len(levels) * HALF_HOUR_MS) for agent, on in there]
    agent, on, off = np.array(sorted(spells), dtype=np.int64).T
    return Staffing(
        groups=tuple(f"group_{g}" for g in range(len(SKILLS))),
        interval_ms=HALF_HOUR_MS,
        heads=np.empty((0, len(SKILLS)), dtype=np.int32),
        agent_group=np.array(group_of, dtype=np.int16),
        agent_name=tuple(map(str, range(len(group_of)))),
        spell_agent=agent.astype(np.int32),
        spell_on_ms=on,
        spell_off_ms=off,
        keeps_length=np.zeros(len(agent), dtype=bool),
    )


def rules() -> Rules:
    """Types prefer groups with fewer skills, then by index; agents the best priority, then the longest wait."""
    order = sorted(range(len(SKILLS)), key=lambda g: (len(SKILLS[g]), g))
    group_rank = np.full((8, len(SKILLS)), NEVER_RANK, dtype=np.int16)
    type_rank = group_rank.copy()
    for g, skills in enumerate(SKILLS):
        for k in skills:
            group_rank[k, g], type_rank[k, g] = order.index(g), PRIORITIES[k]
    none = np.empty(0, dtype=np.int64)
    return Rules(
        routing=RoutingTable(group_rank=group_rank, type_rank=type_rank, delay_ms=np.zeros_like(group_rank, np.int32)),
        opens_ms=(none,) * 8,
        closes_ms=(none,) * 8,
        always_open=np.ones(8, dtype=bool),
        disconnects=np.zeros(8, dtype=bool),
        time_permille=np.full((8, len(SKILLS)), 1000, dtype=np.int32),
    )
