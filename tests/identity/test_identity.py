"""The two engines write the same table, cell for cell."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import peak
import pytest
from desks import DESKS
from hypothesis import HealthCheck, given, settings
from worlds import customers, desk, levels

from sim.engine import LONGEST_MS, NoSuchEngine, choose, compiled, reference
from sim.engine.compiled.kernel import kernel
from sim.metrics import BUCKETS, count
from sim.outcome import Measured, differences

IN_TEST = 50  # of each kind: 250 in `make test`
IN_TEST_ALL = 600  # 3,000 more in `make test-all`
LENIENT = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


MEASURED = Measured(5000, 4, np.array([[0] * 80, [2000] * 80, [2**63 - 1] * 80]), BUCKETS)


def identical(run) -> None:
    """Every cell of the table, and every sum of the fused tally."""
    outcome = reference.run(*run)
    assert differences(outcome, compiled.run(*run)) == []
    demand, staffing, _ = run
    measured = MEASURED._replace(limits=MEASURED.limits[:, : len(demand.types)])
    sums = compiled.sums(*run, measured)
    counted = count(outcome, measured, len(staffing.groups))
    assert [name for name in sums._fields if not np.array_equal(getattr(sums, name), getattr(counted, name))] == []


@pytest.mark.parametrize("kind", DESKS)
def test_small_desks_full_of_ties(kind):
    settings(LENIENT, max_examples=IN_TEST)(given(DESKS[kind])(identical))()


@pytest.mark.slow
@pytest.mark.parametrize("kind", DESKS)
def test_many_small_desks_full_of_ties(kind):
    settings(LENIENT, max_examples=IN_TEST_ALL)(given(DESKS[kind])(identical))()


def test_a_medium_day():
    identical((peak.draw(300), peak.by_level(300), peak.rules()))


@pytest.mark.slow
def test_the_peak_day():
    identical((peak.draw(10_000), peak.by_level(10_000), peak.rules()))


def test_more_than_64_types_and_groups():
    demand, staffing, rules = many_kinds(80)
    identical((demand, staffing, rules))
    assert np.bincount(compiled.run(demand, staffing, rules).contacts.status)[6] > 300


def many_kinds(n: int):
    """n types in a ring: group g serves g, g + 1 and g + 2; one agent each."""
    rng = np.random.default_rng(5)
    at = np.sort(rng.integers(0, 300, 900))
    kind, talk, patience = rng.integers(0, n, 900), rng.integers(0, 60, 900), rng.integers(0, 60, 900)
    contacts = [
        {"at": int(t), "type": int(k), "talk": int(d), "patience": int(p)}
        for t, k, d, p in zip(at, kind, talk, patience, strict=True)
    ]
    rank = [[(g - k) % n if (k - g) % n < 3 else None for g in range(n)] for k in range(n)]
    return customers(*contacts, types=n), levels(*[[1] * n] * 3), desk(rank)


def test_the_heap_grows_as_it_must():
    """Three thousand contacts with patience wait, then a thousand agents come: more keys than the heap starts with."""
    waiting = [{"at": 0, "talk": 5, "patience": 500 + i % 40} for i in range(3000)]
    for come in (1000, 2000, 3000):
        run = (customers(*waiting), levels(0, come), desk())
        assert len(compiled.run(*run).spells.agent) == come
        identical(run)


def test_the_kernel_is_plain_python_too():
    """With the JIT off the same source runs as it stands, so that a debugger and coverage see it."""
    stories = Path(__file__).parents[1] / "sim" / "engine" / "test_stories.py"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", str(stories)]
    done = subprocess.run(
        command, env={**os.environ, "NUMBA_DISABLE_JIT": "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout


def test_kernels_compile_where_no_cache_can_be_written(monkeypatch):
    from numba.core import caching

    def nowhere(*_):
        raise RuntimeError("cannot cache function: no locator available")

    monkeypatch.setattr(caching.FunctionCache, "__init__", nowhere)
    assert kernel(lambda x: x + 1)(1) == 2


def test_a_run_that_outlasts_the_packed_clock_is_refused():
    forty_days = 40 * 86_400
    run = (customers({"at": 0, "talk": forty_days // 2}, {"at": 1, "talk": forty_days // 2}), levels(1), desk())
    identical(run)
    long = (customers(*({"at": i, "talk": forty_days // 2} for i in range(3))), levels(1), desk())
    with pytest.raises(OverflowError, match="49 days"):
        compiled.run(*long)
    with pytest.raises(NoSuchEngine, match="24 days"):
        choose("compiled", horizon_ms=LONGEST_MS + 1)
    assert choose("auto", horizon_ms=LONGEST_MS + 1) == "reference"
