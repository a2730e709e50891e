"""Memory over a thousand replications: what an experiment keeps is taken at its start, and nothing is left lying."""

import subprocess
import sys
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parents[2]
SCRIPT = """
import sys
import sim
from sim.experiment import experiment

def resident():
    line = next(line for line in open("/proc/self/status") if line.startswith("VmRSS"))
    return int(line.split()[1])

seen = {}
def told(done, total):
    if done in (1, total):
        seen[done] = resident()

desk = sim.load("one-queue")
experiment(desk, replications=2, seed=9, engine="compiled")
experiment(desk, replications=1000, seed=1, engine="compiled", workers=int(sys.argv[1]), progress=told)
print(*seen.values())
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc here")
@pytest.mark.parametrize("workers", ["1", "2"])
def test_memory_is_flat_over_a_thousand_replications(workers: str) -> None:
    """Within 5 % from the first to the last. Red where tallies are kept in a list (8 %)."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, workers], cwd=HOME, capture_output=True, text=True, check=True, timeout=300
    )
    first, last = (int(kib) for kib in done.stdout.split())
    assert last / first == pytest.approx(1, abs=0.05)
