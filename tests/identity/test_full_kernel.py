"""The full kernel where random desks do not reach: days of PEAK, many kinds, arrays that grow, numbers too large."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import peak
import peak_full
import pytest
from test_identity import MEASURED, many_kinds
from worlds import customers, desk, levels, persons

from sim import keys
from sim.demand import FOREVER, Pools
from sim.engine import compiled, reference
from sim.engine.compiled import full, full_steps
from sim.engine.compiled.kernel import kernel
from sim.mechanisms import ALWAYS, FollowUps, Mechanisms
from sim.metrics import count
from sim.outcome import Status, differences


def identical(run) -> None:
    assert differences(reference.run(*run), compiled.run(*run)) == []


@pytest.mark.parametrize("name", peak_full.VARIANTS)
def test_a_small_day_of_each_mechanism(name):
    identical(peak_full.variant(name, 40))


@pytest.mark.slow
@pytest.mark.parametrize("name", peak_full.VARIANTS)
def test_a_day_of_each_mechanism(name):
    identical(peak_full.variant(name, 10_000 if name == "all" else 2_000))


def test_the_full_kernel_knows_the_plain_day_as_well():
    run = (peak.draw(200), peak.by_level(200), peak.rules())
    assert differences(compiled.run(*run), full.run(*run)) == []


@kernel
def mixed(key, purpose):
    return full_steps.mix(key, purpose)


def test_the_kernels_mixer_is_the_mixer():
    rng = np.random.default_rng(3)
    for key in rng.integers(0, 2**64, 300, dtype=np.uint64):
        for purpose in (0, 5, keys.FOLLOW_UP, keys.CHILD + 77):
            assert int(mixed(key, purpose)) == keys.mix(int(key), purpose)


def test_more_than_64_kinds_in_the_full_kernel():
    demand, staffing, rules = many_kinds(80)
    identical((demand, staffing, replace(rules, routing=replace(rules.routing, last_agent=True))))


def endless_redials(contacts: int, rounds: int):
    """Nobody is there: whoever gives up redials at once, so often that the rows made for follow-ups never suffice."""
    demand = customers(*({"at": i % 7, "talk": 5, "patience": 1} for i in range(contacts)))
    one = np.zeros((1, 1), dtype=np.int32)
    pools = Pools(
        fate=one.astype(np.uint8), bot_ms=one, hand_off_ms=one, patience_ms=one + FOREVER,
        leaves_at_once=one.astype(bool), talk_ms=one, after_ms=one, delay_ms=one,
    )  # fmt: skip
    redial = FollowUps(
        first=np.array([0, 1], dtype=np.int32), on=np.array([Status.ABANDONED], dtype=np.uint8),
        after_ms=np.zeros(1, dtype=np.int64), word=np.array([ALWAYS]), to=np.zeros(1, dtype=np.int16),
        at_most=np.array([rounds], dtype=np.int32), keeps_patience=np.array([True]), keeps_talk=np.array([True]),
        boost=np.array([False]), siblings=np.zeros(1, dtype=np.uint8), duplicate_ms=np.zeros(1, dtype=np.int64),
    )  # fmt: skip
    rules = replace(desk(), horizon_ms=10**9, mechanisms=Mechanisms(follow_ups=redial))
    return replace(demand, pools=pools), levels(0, 1), rules


def test_rows_and_heap_grow_as_they_must():
    run = endless_redials(300, 12)
    assert len(compiled.run(*run).contacts.type) > 2 * len(run[0]) + 1024
    identical(run)


def faster(permille: int):
    """One agent whose work takes so many thousandths."""
    staffing = replace(persons((0, [(0, 600)])), permille=np.array([permille], dtype=np.int32))
    return customers(*({"at": i, "talk": 60} for i in range(5))), staffing, desk()


def test_sums_of_a_run_with_personal_factors():
    run = faster(1250)
    sums = compiled.sums(*run, MEASURED._replace(limits=MEASURED.limits[:, :1]))
    outcome = reference.run(*run)
    counted = count(outcome, MEASURED._replace(limits=MEASURED.limits[:, :1]), 1)
    assert [name for name in sums._fields if not np.array_equal(getattr(sums, name), getattr(counted, name))] == []


def test_what_64_bits_cannot_hold_is_refused():
    identical(faster(10_000))
    with pytest.raises(OverflowError, match="49 days"):
        compiled.run(*faster(10**9))
    with pytest.raises(OverflowError, match="too large"):
        compiled.run(*faster(2 * 10**9))


def test_the_full_kernel_is_plain_python_too():
    """With the JIT off the same source runs as it stands, so that a debugger and coverage see it."""
    some = "small and (bot or call or interruptible or chats or silent or fatigue or reserves or lines)"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-k", some, __file__]
    done = subprocess.run(
        command, env={**os.environ, "NUMBA_DISABLE_JIT": "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout
