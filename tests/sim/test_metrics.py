"""Sums of one replication: by pencil on tiny tables, and against a plain-Python twin on random ones full of ties."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from outcomes import answered, gone, in_bot, scenario, table
from worlds import S, levels, persons

from sim.metrics import (
    ARRAYS,
    BUCKETS,
    Pile,
    Tally,
    _blocks,
    bucket_high,
    bucket_low,
    bucket_of,
    join,
    measured_thresholds,
    stack,
    tally,
)
from sim.outcome import NEVER, OutcomeTable, Status
from sim.scenario import Scenario

TWO_AGENTS = [(0, 0, 0, 900, 900), (1, 0, 0, 900, 900)]


def count(
    rows: list[dict[str, Any]], spells: Any = TWO_AGENTS, desk: Scenario | None = None, staff: Any = None
) -> Tally:
    return tally(table(rows, spells), desk or scenario(), staff or levels(2, 2, 2, interval=300))


def test_each_ending_has_its_column_and_only_those_who_asked_while_open_are_offered() -> None:
    t = count(
        [
            answered(0),
            gone(Status.ABANDONED, 1, wait=30),
            gone(Status.UNSERVED, 2, wait=40),
            gone(Status.BLOCKED, 3),
            gone(Status.CLOSED, 4),
            in_bot(Status.RESOLVED_IN_BOT, 5),
            in_bot(Status.CONTAINED_UNRESOLVED, 6),
            in_bot(Status.GAVE_UP_IN_BOT, 7),
        ]
    )
    first = {name: int(getattr(t, name)[0, 0]) for name in ("arrived", "offered", "answered", "abandoned", "unserved")}
    assert first == {"arrived": 8, "offered": 4, "answered": 1, "abandoned": 1, "unserved": 1}
    assert [int(x[0, 0]) for x in (t.blocked, t.closed)] == [1, 1]
    assert [int(x[0, 0]) for x in (t.bot_resolved, t.bot_contained_unresolved, t.bot_gave_up)] == [1, 1, 1]
    assert t.bot_entered.sum() == 3


def test_a_contact_is_booked_when_it_asks_and_its_arrival_and_bot_when_it_arrives() -> None:
    t = count([answered(310, arrival=290), in_bot(Status.RESOLVED_IN_BOT, 299)])
    assert t.arrived.tolist() == [[2, 0, 0]]
    assert t.bot_handed_off.tolist() == [[1, 0, 0]]
    assert t.bot_entered.tolist() == [[2, 0, 0]]
    assert t.offered.tolist() == t.answered.tolist() == [[0, 1, 0]]


def test_what_comes_after_the_horizon_is_booked_in_its_last_interval() -> None:
    t = count([answered(910, wait=20, arrival=890)])
    assert t.answered.tolist() == [[0, 0, 1]]
    assert t.wait_answered_ms.tolist() == [[0, 0, 20 * S]]
    assert t.queue_ms.tolist() == [[0, 0, 20 * S]]
    assert t.busy_ms.sum() == 0


def test_a_wait_equal_to_the_threshold_is_in_time_unless_strict() -> None:
    desk = scenario(targets=[{"at_least": 0.8, "strict": True}])
    t = count([answered(0, wait=20), answered(1, wait=19.999), gone(Status.ABANDONED, 2, wait=20)], desk=desk)
    assert t.thresholds == ((0, 20_000, False), (0, 20_000, True))
    assert t.answered_in_time[:, 0].tolist() == [2, 1]
    assert t.abandoned_in_time[:, 0].tolist() == [1, 0]


def test_each_type_is_held_to_its_own_threshold_and_to_those_of_targets() -> None:
    talk = {"family": "exponential", "mean": "3 min"}
    kinds = {n: {"channel": "voice", "talk": talk, "threshold": f"{s} s"} for n, s in (("a", 10), ("b", 60))}
    desk = scenario(types=2, contact_types=kinds, targets=[{"measure": "wait_p80", "at_most": "30 s"}])
    assert measured_thresholds(desk) == ((0, 10_000, False), (0, 30_000, False), (1, 30_000, False), (1, 60_000, False))
    t = count([answered(0, wait=20), answered(0, wait=50, type=1)], desk=desk)
    assert t.answered_in_time[:, 0].tolist() == [0, 1, 0, 1]
    assert t.threshold_rows([(1, 60_000, False)]) == [3]
    with pytest.raises(ValueError, match="not measured"):
        t.threshold_rows([(0, 1, False)])


def test_short_abandonments_are_those_up_to_the_limit() -> None:
    t = count([gone(Status.ABANDONED, at, wait) for at, wait in ((0, 5), (1, 5.001), (2, 0))])
    assert t.abandoned_short.tolist() == [[2, 0, 0]]


def test_the_queue_is_spread_over_the_intervals_in_which_somebody_waits() -> None:
    t = count([answered(290, wait=20), gone(Status.ABANDONED, 100, wait=600), answered(890, wait=100)])
    assert t.wait_offered_ms.tolist() == [[620 * S, 0, 100 * S]]
    assert t.queue_ms.tolist() == [[(10 + 200) * S, (10 + 300) * S, (100 + 100) * S]]


def test_handling_is_busy_time_of_the_agents_group_and_stops_at_the_horizons_end() -> None:
    spells = [(0, 0, 0, 900, 900), (1, 1, 0, 900, 930)]
    desk, staff = scenario(groups=2), levels((1, 1), (1, 1), (1, 1), interval=300)
    t = count([answered(200, talk=80, after=30), answered(700, talk=200, after=30, agent=1)], spells, desk, staff)
    assert t.talk_ms.tolist() == [[80 * S, 0, 200 * S]]
    assert t.after_ms.tolist() == [[30 * S, 0, 30 * S]]
    assert t.busy_ms.tolist() == [[100 * S, 10 * S, 0], [0, 0, 200 * S]]
    assert t.staffed_ms.tolist() == [[300 * S] * 3] * 2
    assert t.overtime_ms.tolist() == [0, 30 * S]


def test_agents_by_person_are_due_by_their_hours_and_staffed_until_they_leave() -> None:
    staff = persons((0, [(0, 250), (280, 600)]))
    t = count([answered(240, talk=30)], [(0, 0, 0, 250, 270), (0, 0, 280, 600, 600)], staff=staff)
    assert t.scheduled_ms.tolist() == [[270 * S, 300 * S, 0]]
    assert t.staffed_ms.tolist() == [[290 * S, 300 * S, 0]]
    assert t.overtime_ms.tolist() == [20 * S]


def test_an_agent_whose_level_never_fell_is_staffed_to_the_horizons_end() -> None:
    spells = table([], [(0, 0, 0, 0, 0)]).spells
    spells.off[:] = spells.left[:] = NEVER
    t = tally(
        OutcomeTable(contacts=table([]).contacts, spells=spells, last_ms=0), scenario(), levels(1, 1, 1, interval=300)
    )
    assert t.staffed_ms.tolist() == [[300 * S] * 3]
    assert t.overtime_ms.tolist() == [0]


def test_an_empty_day_is_all_zeros() -> None:
    t = count([], [])
    assert not any(np.any(getattr(t, name)) for name in ("arrived", "queue_ms", "busy_ms", "wait_histogram"))


def test_buckets_are_exact_below_128_ms_and_never_wider_than_a_sixtyfourth() -> None:
    ms = np.concatenate([np.arange(5000), 2 ** np.arange(12, 32), 2 ** np.arange(12, 32) - 1])
    bucket = bucket_of(ms)
    low, high = bucket_low(bucket), bucket_high(bucket)
    assert (low <= ms).all()
    assert (ms <= high).all()
    assert (low[ms < 128] == high[ms < 128]).all()
    assert ((high - low + 1) * 64 <= np.maximum(low, 64)).all()
    every = np.arange(BUCKETS)
    assert (bucket_low(every)[1:] == bucket_high(every)[:-1] + 1).all()


def test_stacked_and_joined_tallies_keep_their_replications_in_order() -> None:
    one, two = count([answered(0)]), count([answered(0), answered(1)])
    both = join([stack([one, two]), stack([two])])
    assert both.replications == 3
    assert both.answered[:, 0, 0].tolist() == [1, 2, 2]
    assert both.thresholds == one.thresholds


def test_a_pile_has_room_for_so_many_and_gives_those_done() -> None:
    pile, days = Pile(5), [count([answered(at)]) for at in (0, 400)]
    for done, day in enumerate(days, start=1):
        pile.add(day)
        assert pile.done == done
    for name in ARRAYS:
        assert np.array_equal(getattr(pile.stacked(), name), getattr(stack(days), name))
    assert pile.stacked().arrived.base.shape[0] == 5


# ------------------------------------------------------------------------------------------------ against the twin

LENGTH, INTERVALS = 300 * S, 3
OFFERED = {Status.ANSWERED, Status.ABANDONED, Status.SILENT, Status.UNSERVED, Status.BLOCKED, Status.BALKED}


def interval_of(ms: int) -> int:
    return min(ms // LENGTH, INTERVALS - 1)


def twin(outcome: OutcomeTable, desk: Scenario) -> dict[str, Counter[Any]]:
    """The same sums, row by row as the definitions read; keys (type or group, interval)."""
    sums: dict[str, Counter[Any]] = {}

    def add(name: str, *key: int, value: int = 1) -> None:
        sums.setdefault(name, Counter())[key] += value

    group_of = dict(zip(outcome.spells.agent.tolist(), outcome.spells.group.tolist(), strict=True))
    c = outcome.contacts
    for i in range(len(c.type)):
        k, arrival, queued = (int(column[i]) for column in (c.type, c.arrival, c.queued))
        status = Status(int(c.status[i]))
        add("arrived", k, interval_of(arrival))
        if queued == NEVER:
            add("bot_entered", k, interval_of(arrival))
            continue
        if queued > arrival:
            add("bot_handed_off", k, interval_of(arrival))
            add("bot_entered", k, interval_of(arrival))
        at = interval_of(queued)
        if status not in OFFERED:
            add("closed", k, at)
            continue
        add("offered", k, at)
        end = int(c.answered[i] if status == Status.ANSWERED else c.ended[i])
        wait = end - queued
        add("wait_offered_ms", k, at, value=wait)
        for j in range(INTERVALS):
            border = np.inf if j == INTERVALS - 1 else (j + 1) * LENGTH
            add("queue_ms", k, j, value=int(max(0, min(end, border) - max(queued, j * LENGTH))))
        if status in (Status.ABANDONED, Status.SILENT):
            add("abandoned", k, at)
            add("abandoned_short", k, at, value=int(wait <= 5 * S))
        for row, (of, limit, strict) in enumerate(measured_thresholds(desk)):
            in_time = of == k and (wait < limit if strict else wait <= limit)
            add("answered_in_time", row, at, value=int(in_time and status == Status.ANSWERED))
            add("abandoned_in_time", row, at, value=int(in_time and status in (Status.ABANDONED, Status.SILENT)))
        if status == Status.ANSWERED:
            ended, released = int(c.ended[i]), int(c.released[i])
            add("answered", k, at)
            add("wait_answered_ms", k, at, value=wait)
            add("talk_ms", k, at, value=ended - end)
            add("after_ms", k, at, value=released - ended)
            add("wait_histogram", k, int(bucket_of(np.array([wait]))[0]))
            for j in range(INTERVALS):
                overlap = min(released, (j + 1) * LENGTH) - max(end, j * LENGTH)
                add("busy_ms", group_of[int(c.agent[i])], j, value=max(0, overlap))
    return sums


TIMES = st.integers(0, 20).map(lambda n: n * 50)
WAITS = st.sampled_from([0, 5, 10, 20, 50, 100, 300, 700])


@st.composite
def contacts(draw: st.DrawFn) -> dict[str, Any]:
    at, wait = draw(TIMES), draw(WAITS)
    more = {"type": draw(st.integers(0, 1)), "arrival": max(0, at - draw(st.sampled_from([0, 0, 10, 50])))}
    match draw(st.sampled_from(["served", "served", "gone", "bot", "closed"])):
        case "served":
            return answered(at, wait, draw(WAITS), draw(WAITS), agent=draw(st.integers(0, 2)), **more)
        case "gone":
            return gone(draw(st.sampled_from([Status.ABANDONED, Status.UNSERVED, Status.BLOCKED])), at, wait, **more)
        case "closed":
            return gone(Status.CLOSED, at, **more)
        case _:
            return in_bot(draw(st.sampled_from([Status.RESOLVED_IN_BOT, Status.GAVE_UP_IN_BOT])), at, type=more["type"])


@given(st.lists(contacts(), max_size=40), st.integers(1, 9))
def test_the_tally_is_that_of_its_twin(rows: list[dict[str, Any]], size: int) -> None:
    desk = scenario(
        types=2,
        groups=2,
        targets=[
            {"at_least": 0.8, "threshold": "50 s", "strict": True, "contact_types": ["b"]},
            {"measure": "wait_p95", "at_most": "100 s"},
        ],
    )
    outcome = table(rows, [(0, 0, 0, 900, 900), (1, 1, 0, 900, 900), (2, 1, 0, 900, 900)])
    staff = levels((1, 2), (1, 2), (1, 2), interval=300)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sim.metrics._blocks", lambda table, _: _blocks(table, 0, size))
        t = tally(outcome, desk, staff)
    for name, expected in twin(outcome, desk).items():
        found = {index: int(value) for index, value in np.ndenumerate(getattr(t, name)) if value}
        assert found == {key: value for key, value in expected.items() if value}, name
    assert t.queue_ms.sum() == t.wait_offered_ms.sum()
    assert (t.offered == t.answered + t.abandoned + t.unserved + t.blocked).all()
