"""Memory: a thousand replications need no more of it than fifty."""

import subprocess
import sys
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parents[2]
SCRIPT = """
import resource
import sys
import sim
from sim.results import to_json
from sim.summary import digested, result_of, tables

desk = sim.load(sys.argv[1])
digested(desk, replications=2, seed=9, engine="compiled")  # compiles, where that was not done before
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = digested(desk, replications=int(sys.argv[2]), seed=1, engine="compiled", workers=2)
to_json(result_of(found, command="simulate"))
tables(found)
print(before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak_kib(desk: str, replications: int) -> int:
    """The most memory that was resident at any time, from the start of the process to the result's text."""
    asked = [sys.executable, "-c", SCRIPT, desk, str(replications)]
    done = subprocess.run(asked, cwd=HOME, capture_output=True, text=True, check=True, timeout=600)
    return int(done.stdout.split()[1])


@pytest.mark.skipif(sys.platform == "win32", reason="no getrusage here")
@pytest.mark.parametrize("desk", ["one-queue", pytest.param("double-eleven-small", marks=pytest.mark.slow)])
def test_memory_is_flat_over_a_thousand_replications(desk: str) -> None:
    """Within 5 %. Red where the tallies of all replications are kept (23 % and 245 %)."""
    few, many = peak_kib(desk, 50), peak_kib(desk, 1000)
    assert many / few == pytest.approx(1, abs=0.05)
