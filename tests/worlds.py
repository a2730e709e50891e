"""Tiny desks, written by hand in seconds, for tests that can be checked with a pencil."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from sim.attendance import Staffing
from sim.demand import FOREVER, BotFate, Demand
from sim.engine import compiled, reference
from sim.outcome import NEVER, OutcomeTable
from sim.routing import NEVER_RANK, RoutingTable, Rules

ENGINES = {"reference": reference.run, "compiled": compiled.run}
S = 1000


def customers(*contacts: dict[str, Any], types: int = 1) -> Demand:
    """Contacts as dicts in seconds: at, type, talk, after, patience, bot (seconds), fate, hand_off, at_once."""

    def column(key: str, default: float, dtype: Any, scale: int = 1) -> Any:
        return np.array([round(c.get(key, default) * scale) for c in contacts], dtype=dtype)

    fate = [c.get("fate", BotFate.HANDED_OFF if "bot" in c else BotFate.NO_BOT) for c in contacts]
    patience = [FOREVER if c.get("patience") is None else round(c["patience"] * S) for c in contacts]
    return Demand(
        types=tuple(f"type_{k}" for k in range(types)),
        seed=0,
        replication=0,
        type=column("type", 0, np.int16),
        arrival_ms=column("at", 0, np.int64, S),
        fate=np.array(fate, dtype=np.uint8),
        bot_ms=column("bot", 0, np.int32, S),
        hand_off_ms=column("hand_off", 0, np.int32, S),
        patience_ms=np.array(patience, dtype=np.int32),
        leaves_at_once=column("at_once", 0, np.bool_),
        talk_ms=column("talk", 0, np.int32, S),
        after_ms=column("after", 0, np.int32, S),
    )


def levels(*heads: int | Sequence[int], interval: int = 100) -> Staffing:
    """Heads by interval (of `interval` seconds), one number or one for each group."""
    table = np.array([[h] if isinstance(h, int) else list(h) for h in heads], dtype=np.int32)
    return _staffing(table.shape[1], interval_ms=interval * S, heads=table)


def persons(
    *agents: tuple[int, Sequence[tuple[float, float]]], groups: int = 1, keeps_length: bool = False
) -> Staffing:
    """Agents as (group, [(on, off), …]) in seconds."""
    spells = [(a, on, off) for a, (_, hours) in enumerate(agents) for on, off in hours]
    return _staffing(
        groups,
        agent_group=np.array([group for group, _ in agents], dtype=np.int16),
        agent_name=tuple(str(a) for a in range(len(agents))),
        spell_agent=np.array([a for a, _, _ in spells], dtype=np.int32),
        spell_on_ms=np.array([on * S for _, on, _ in spells], dtype=np.int64),
        spell_off_ms=np.array([off * S for _, _, off in spells], dtype=np.int64),
        keeps_length=np.full(len(spells), keeps_length),
    )


def _staffing(groups: int, **given: Any) -> Staffing:
    none = np.empty(0, dtype=np.int64)
    empty = {
        "interval_ms": 1_800_000,
        "heads": np.empty((0, groups), dtype=np.int32),
        "agent_group": none.astype(np.int16),
        "agent_name": (),
        "spell_agent": none.astype(np.int32),
        "spell_on_ms": none,
        "spell_off_ms": none,
        "keeps_length": none.astype(bool),
    }
    return Staffing(groups=tuple(f"group_{g}" for g in range(groups)), **{**empty, **given})


def desk(
    group_rank: Any = ((0,),),
    type_rank: Any = None,
    *,
    delay: Any = 0,
    opening: dict[int, list[tuple[float, float]]] | None = None,
    disconnects: Sequence[int] = (),
    permille: Any = 1000,
) -> Rules:
    """Rules of a desk: ranks by [type][group] (None: never), delays and opening windows in seconds."""
    ranks = np.array([[NEVER_RANK if r is None else r for r in row] for row in group_rank], dtype=np.int16)
    second = ranks if type_rank is None else np.array(type_rank, dtype=object)
    by_agent = np.array([[NEVER_RANK if r is None else r for r in row] for row in second], dtype=np.int16)
    types = len(ranks)
    windows = opening or {}
    return Rules(
        routing=RoutingTable(
            group_rank=ranks,
            type_rank=np.where(ranks == NEVER_RANK, NEVER_RANK, by_agent).astype(np.int16),
            delay_ms=(np.zeros(ranks.shape) + np.array(delay) * S).astype(np.int32),
        ),
        opens_ms=tuple(np.array([a * S for a, _ in windows.get(k, [])], dtype=np.int64) for k in range(types)),
        closes_ms=tuple(np.array([b * S for _, b in windows.get(k, [])], dtype=np.int64) for k in range(types)),
        always_open=np.array([k not in windows for k in range(types)]),
        disconnects=np.array([k in disconnects for k in range(types)]),
        time_permille=(np.zeros(ranks.shape) + np.array(permille)).astype(np.int32),
    )


def seconds(column: Any) -> list[float | None]:
    """Instants in seconds; None for what never was."""
    return [None if ms == NEVER else ms / S for ms in column.tolist()]


def spells(outcome: OutcomeTable) -> list[tuple[int, float, float, float]]:
    """(agent, on, off, left) in seconds."""
    s = outcome.spells
    return [
        (a, on / S, off / S, left / S)
        for a, on, off, left in zip(s.agent.tolist(), s.on.tolist(), s.off.tolist(), s.left.tolist(), strict=True)
    ]
