"""What kernels draw is what NumPy draws, bit for bit, whatever contacts bring: `sim.demand` is the definition."""

import subprocess
import sys
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from centres import centre
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_scenarios import CLOCKS, DISTRIBUTIONS, FACTORS, SHARES, TRIGGERS

from sim import demand
from sim.engine.compiled import before, dice, drawing
from sim.scenario import Scenario
from sim.scenario_file import load

MINUTE = {"family": "exponential", "mean": "60 s"}
HOURS = {"family": "exponential", "mean": "10 h"}
LOGNORMAL = {"family": "lognormal", "mean": "300 s", "cv": 0.9}
FIVE = {"family": "deterministic", "value": "5 s"}
GAMMA = {"family": "gamma", "mean": "300 s", "cv": 0.7}
BOT = {"share": 0.6, "containment": 0.4, "resolved": 0.75, "give_up": 0.15, "duration": MINUTE}
PLAIN: dict[str, Any] = {"arrivals": {"per_hour": 200}, "talk": LOGNORMAL, "patience": MINUTE, "bot": BOT}


def same(desk: Scenario, seed: int = 1, replication: int = 0) -> demand.Demand:
    """The customers, drawn both ways and found equal."""
    theirs, ours = (draw.sample(desk, seed, replication) for draw in (demand, drawing))
    alike(theirs, ours)
    return ours


def alike(theirs: Any, ours: Any) -> None:
    for field in fields(theirs):
        a, b = getattr(theirs, field.name), getattr(ours, field.name)
        if isinstance(a, demand.Pools):
            alike(a, b)
        elif isinstance(a, np.ndarray):
            assert a.dtype == b.dtype, field.name
            assert np.array_equal(a, b), field.name
        else:
            assert a == b, field.name


# ------------------------------------------------------------------------------------------------------------ numbers


def test_numbers_are_numpys_to_the_last_bit() -> None:
    """Six million of each of three kinds, tails and all. Planted once: normal numbers of the tail too far by 1e-15."""
    assert all(dice.same(seed, 2_000_000) for seed in range(3))


def test_what_is_compared_before_kernels_draw_comes_from_the_tails_too() -> None:
    streams = [demand.stream(1, 0, 0, quantity) for quantity in range(3)]
    assert streams[1].standard_exponential(10_000).max() > dice.TAIL
    assert np.abs(streams[2].standard_normal(10_000)).max() > dice.NORMAL_TAIL
    assert dice.as_numpy()


def test_where_numpy_draws_otherwise_it_draws_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = centre({"a": PLAIN})
    monkeypatch.setattr(drawing, "as_numpy", lambda: False)
    monkeypatch.setattr(drawing, "_drawn", None)
    same(desk)


def test_where_numba_has_no_tables_numpy_draws_everything() -> None:
    script = (
        "import sys; sys.modules['numba.np.random._constants'] = None\n"
        "from sim import demand\n"
        "from sim.engine import compiled\n"
        "assert compiled.sample is demand.sample"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_a_day_with_more_contacts_than_room_is_left_to_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight standard deviations never come; here there is room for none."""
    monkeypatch.setattr(drawing, "ample", lambda _: 1000)
    assert len(same(centre({"a": PLAIN, "b": PLAIN}))) > 9000


# ---------------------------------------------------------------------------------------------------------- mechanisms

KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "no bot": {"bot": None},
    "bot for all": {"bot": BOT | {"share": 1}},
    "bot for none": {"bot": BOT | {"share": 0}},
    "bot that never varies": {"bot": BOT | {"duration": FIVE, "hand_off": {"delay": FIVE}}},
    "hand-off that varies": {"bot": BOT | {"hand_off": {"delay": LOGNORMAL}}},
    "hand-off by gamma": {"bot": BOT | {"hand_off": {"delay": GAMMA}}},
    "hand-off lengthens": {"bot": BOT | {"hand_off": {"talk_factor": 1.5, "talk_added": "-20 s"}}},
    "bot by gamma": {"bot": BOT | {"duration": GAMMA}},
    "bot in turns": {"bot": BOT | {"duration": None, "turns": 3.5, "turn": MINUTE, "recognition": 0.5}},
    "triggers": {"bot": BOT | {"triggers": {"anger": {"share": 0.1, "time": 0.2, "talk_factor": 0.5}}}},
    "trigger that leaves talk": {"bot": BOT | {"triggers": {"anger": {"share": 0.1}}}},
    "drift": {"bot": BOT | {"drift": {"00:00": 1, "12:00": 0.5}}},
    "difficulty": {"difficulty": {"bot": 0.6, "talk": 0.5}},
    "difficulty of talk": {"difficulty": {"talk": 0.5}, "bot": None},
    "messages": {"messages": [{"after": "30 s", "leave": "25 %", "patience_factor": 2}]},
    "no patience given": {"patience": None},
    "patience by time": {"patience": {"by_time": {"00:00": MINUTE, "12:00": FIVE}}},
    "gives up at once": {"gives_up_at_once": 0.2},
    "after-contact work": {"after_contact_work": MINUTE},
    "after-contact work by gamma": {"after_contact_work": GAMMA, "patience": GAMMA, "talk": GAMMA},
    "talk that never varies": {"talk": FIVE, "after_contact_work": LOGNORMAL},
    "durations below a millisecond": {
        "talk": {"family": "exponential", "mean": "0.4 ms"},
        "patience": {"family": "deterministic", "value": 0},
        "bot": BOT | {"duration": {"family": "deterministic", "value": 0}},
    },
    "durations beyond all clocks": {"talk": {"family": "lognormal", "mean": "9e6 s", "cv": 2}},
    "fixed numbers": {"arrivals": {"per_hour": 40, "law": "fixed"}},
    "follow-ups": {"follow_ups": {"redial": {"on": "abandoned", "chance": 0.5, "delay": MINUTE}}},
    "nobody comes": {"arrivals": None},
    "few come": {"arrivals": {"per_hour": {"00:00": 0, "11:00": 3, "12:00": 0}}},
    "forecast": {
        "arrivals": {"profile": {"00:00": 1, "12:00": 3}, "forecast": {"p10": {"00:00": 900}, "p90": {"00:00": 2000}}}
    },
}


@pytest.mark.parametrize("name", KINDS)
def test_a_type_is_drawn_as_by_numpy(name: str) -> None:
    """Alone, and among others that bring something else. Planted once: sessions in the bot of 0 ms."""
    kind = {key: value for key, value in (PLAIN | KINDS[name]).items() if value is not None}
    same(centre({"one": kind}))
    same(centre({"other": PLAIN, "one": kind, "third": PLAIN | {"talk": HOURS}}), seed=2, replication=5)


PARTS: dict[str, dict[str, Any]] = {
    "busy days": {"busyness": {"cv": 0.3}},
    "busy intervals": {"busyness": {"cv": 0.3, "correlation": 0.5, "intervals": {"cv": 0.2, "correlation": 0.4}}},
    "backlog": {"backlog": {"b": {"number": 40, "age": {"family": "uniform", "low": "1 h", "high": "10 h"}}}},
    "trace": {"trace": [{"contact_type": "b", "arrival": "7 h", "talk": "3 min"}]},
    "event": {"events": {"sale": {"start": "2026-03-02 12:00", "plateau": "2 h", "peak_factor": 3}}},
    "event and the bot": {"events": {"sale": {"start": "2026-03-02 12:00", "plateau": "2 h", "bot_share": 0.9}}},
    "event and talk": {"events": {"sale": {"start": "2026-03-02 12:00", "plateau": "2 h", "talk_factor": 1.5}}},
    "incident": {"events": {"sale": {"start": "2026-03-02 12:00", "plateau": "2 h", "peak_factor": 3, "chance": 0.5}}},
    "three days": {"length": "72 h", "busyness": {"cv": 0.5}},
}


@pytest.mark.parametrize("name", PARTS)
def test_a_desk_is_drawn_as_by_numpy(name: str) -> None:
    desk = centre({"a": PLAIN, "b": PLAIN | KINDS["drift"], "c": PLAIN | KINDS["gives up at once"]}, **PARTS[name])
    for replication in range(3):
        same(desk, 7, replication)


@pytest.mark.parametrize(("seed", "replication"), [(0, 0), (2**64 + 3, 2**32), (2**130 + 5, 2**70 + 1)])
def test_large_numbers_begin_the_same_streams(seed: int, replication: int) -> None:
    """Seeds of more than four words, replications of more than one. Planted once: only the lowest word of them."""
    same(centre({"a": PLAIN}), seed, replication)


@given(st.sets(st.integers(-99, 99), max_size=20), st.integers(0, 20), st.integers(0, 2))
def test_two_runs_are_merged_in_place_of_their_own(keys: set[int], share: int, start: int) -> None:
    """Planted once: one step too many where an end has taken all of a run."""
    one = sorted(key for key in keys if hash((key, share)) % 20 < share)
    runs = np.array([0] * start + one + sorted(keys - set(one)) + [0], dtype=np.int64)
    merged = np.full(len(runs), 100)
    before.merge_two(runs, merged, start, start + len(one), start + len(keys))
    assert merged.tolist() == [100] * start + sorted(keys) + [100]


def test_forty_types_are_merged_in_order() -> None:
    """Ties among them by type."""
    found = same(centre({f"type_{k}": PLAIN | {"arrivals": {"per_hour": 3000}} for k in range(41)}, length="1 h"))
    step = np.diff(found.arrival_ms)
    assert (step == 0).sum() > 1000
    assert (step >= 0).all()
    assert (np.diff(found.type.astype(int))[step == 0] >= 0).all()


@pytest.mark.parametrize("name", ["double-eleven-small", "anonymous-bank", "follow-the-sun", "promotion-day"])
def test_bundled_desks_are_drawn_as_by_numpy(name: str) -> None:
    same(load(name, sets=["volume=0.1"]), 3, 1)


# ------------------------------------------------------------------------------------------------------ any desk at all

ARRIVALS = st.one_of(
    st.fixed_dictionaries({"per_hour": st.floats(0, 200) | st.dictionaries(CLOCKS, st.floats(0, 200), min_size=1)}),
    st.just({"per_hour": 50, "shape": "linear"}),
    st.just({"per_hour": 50, "law": "fixed"}),
)
BOTS = st.fixed_dictionaries(
    {"duration": DISTRIBUTIONS, "containment": st.floats(0, 0.5), "give_up": st.floats(0, 0.5)},
    optional={
        "share": SHARES,
        "resolved": SHARES,
        "drift": st.dictionaries(CLOCKS, FACTORS, min_size=1, max_size=2),
        "triggers": st.dictionaries(st.sampled_from("xyz"), TRIGGERS, max_size=2),
        "hand_off": st.fixed_dictionaries({}, optional={"delay": DISTRIBUTIONS, "talk_factor": FACTORS}),
    },
)
TYPES = st.fixed_dictionaries(
    {"arrivals": ARRIVALS, "talk": DISTRIBUTIONS},
    optional={
        "patience": DISTRIBUTIONS,
        "after_contact_work": DISTRIBUTIONS,
        "gives_up_at_once": SHARES,
        "bot": BOTS,
        "difficulty": st.fixed_dictionaries({}, optional={"bot": st.floats(0, 0.99), "talk": FACTORS}),
    },
)


@given(st.lists(TYPES, min_size=1, max_size=5), st.integers(0, 2**40), st.integers(0, 99))
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60, deadline=None)
def test_any_desk_is_drawn_as_by_numpy(types: list[dict[str, Any]], seed: int, replication: int) -> None:
    """Planted once: durations of all types from the streams of the first."""
    same(centre({f"type_{k}": kind for k, kind in enumerate(types)}, length="12 h"), seed, replication)
