"""Outcome tables written by hand in seconds, and small scenarios they belong to."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from worlds import S

from sim.attendance import Staffing
from sim.experiment import Runs
from sim.metrics import stack, tally
from sim.outcome import IN_BOT, NEVER, Contacts, OutcomeTable, Spells, Status
from sim.scenario import Scenario

TALKED = (Status.ANSWERED, Status.CALLED_BACK)


def scenario(types: int = 1, groups: int = 1, minutes: int = 15, interval: int = 5, **given: Any) -> Scenario:
    """Types a, b, … (threshold 20 s) all served by groups s, t, …, from 08:00."""
    kind = {"channel": "voice", "talk": {"family": "exponential", "mean": "3 min"}}
    names, teams = "abcdefgh"[:types], "stuvwxyz"[:groups]
    base: dict[str, Any] = {
        "horizon": {"start": "2026-11-11 08:00", "length": f"{minutes} min", "interval": f"{interval} min"},
        "channels": {"voice": {}},
        "bots": {"bot": {"cost_per_session": 0.5}},
        "contact_types": dict.fromkeys(names, kind),
        "agent_groups": {team: {"skills": list(names), "cost_per_hour": 30} for team in teams},
        "staffing": {"levels": {team: {"08:00": 2} for team in teams}},
    }
    return Scenario.model_validate(base | given)


def contact(status: Status, **times: float) -> dict[str, Any]:
    """One contact: type, arrival, queued, answered, ended, released (seconds) and agent."""
    return {"status": status, **times}


def answered(at: float, wait: float = 0, talk: float = 60, after: float = 0, **more: Any) -> dict[str, Any]:
    """A contact that waits `wait` and is then served."""
    start = at + wait
    times = {"arrival": at, "queued": at, "answered": start, "ended": start + talk, "released": start + talk + after}
    return contact(Status.ANSWERED, **{**times, "agent": 0, **more})


def gone(status: Status, at: float, wait: float = 0, **more: Any) -> dict[str, Any]:
    """A contact that asks and is never answered."""
    return contact(status, **{"arrival": at, "queued": at, "ended": at + wait, **more})


def in_bot(status: Status, at: float, **more: Any) -> dict[str, Any]:
    """A contact that ends in the bot after 10 s."""
    assert status in IN_BOT
    return contact(status, arrival=at, ended=at + 10, **more)


def table(rows: Sequence[dict[str, Any]], spells: Sequence[tuple[int, int, float, float, float]] = ()) -> OutcomeTable:
    """Contacts as dicts, spells as (agent, group, on, off, left), all in seconds."""

    def instants(name: str) -> Any:
        return np.array([round(row[name] * S) if name in row else NEVER for row in rows], dtype=np.int64)

    def plain(name: str, default: int, kind: Any) -> Any:
        return np.array([row.get(name, default) for row in rows], dtype=kind)

    times = {name: instants(name) for name in ("arrival", "queued", "answered", "ended", "released")}
    known = np.concatenate([column[column != NEVER] for column in times.values()] or [np.zeros(1, np.int64)])
    spell = np.array(spells, dtype=np.float64).reshape(-1, 5)
    return OutcomeTable(
        contacts=Contacts(
            **times,
            type=plain("type", 0, np.int16),
            root=np.array([row.get("root", i) for i, row in enumerate(rows)], dtype=np.int32),
            parent=plain("parent", -1, np.int32),
            cause=plain("cause", 0, np.int16),
            status=plain("status", 0, np.uint8),
            work=np.array([_work_ms(row) for row in rows], dtype=np.int64),
            agent=plain("agent", -1, np.int32),
            resolved=np.array([row.get("resolved", row["status"] in TALKED) for row in rows], dtype=np.bool_),
            predicted=instants("predicted"),
        ),
        spells=Spells(
            agent=spell[:, 0].astype(np.int32),
            group=spell[:, 1].astype(np.int16),
            on=(spell[:, 2] * S).astype(np.int64),
            off=(spell[:, 3] * S).astype(np.int64),
            left=(spell[:, 4] * S).astype(np.int64),
        ),
        last_ms=int(known.max(initial=0)),
    )


def _work_ms(row: dict[str, Any]) -> int:
    """As given, else all that an agent spent on it."""
    released = row.get("released", 0)
    return round(row.get("work", released - row.get("answered", released)) * S)


def runs(desk: Scenario, days: Sequence[OutcomeTable], staff: Staffing, first: int = 0) -> Runs:
    """Days as if an experiment had simulated them."""
    assert desk.staffing is not None
    return Runs(
        scenario=desk,
        plan=desk.staffing,
        seed=1,
        first=first,
        replications=len(days),
        engine="by hand",
        tallies=stack([tally(day, desk, staff) for day in days]),
    )
