"""The two engines write the same table, cell for cell."""

import numpy as np
import peak
import pytest
from desks import DESKS
from hypothesis import HealthCheck, given, settings
from worlds import ENGINES, customers, desk, levels

from sim.engine import compiled, reference
from sim.outcome import differences

IN_TEST = 50  # of each kind: 200 in `make test`
IN_TEST_ALL = 600  # 2,400 more in `make test-all`
LENIENT = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def identical(run) -> None:
    assert differences(reference.run(*run), compiled.run(*run)) == []


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
    waiting = [{"at": 0, "talk": 5, "patience": 50 + i % 40} for i in range(3000)]
    run = (customers(*waiting), levels(0, 1000), desk())
    assert len(compiled.run(*run).spells.agent) == 1000
    identical(run)


def test_both_engines_are_tried():
    assert set(ENGINES) == {"reference", "compiled"}
