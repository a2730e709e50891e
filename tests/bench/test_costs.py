"""What a run costs besides the engine's time: threads, memory, start-up, the big promotion day. Asserts no time."""

import os
import platform
import re
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import numpy as np
import peak
import pytest
from page import cpu, scenario, table, write

import sim
from sim.engine import compiled
from sim.experiment import experiment

pytestmark = pytest.mark.bench

HOME = Path(__file__).resolve().parents[2]


def python(script: str, *arguments: str, program: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run a script in a fresh interpreter that finds the benchmarks' modules."""
    command = [*program, sys.executable, "-c", "import sys; sys.path[:0] = ['tests/bench']\n" + script, *arguments]
    return subprocess.run(command, cwd=HOME, capture_output=True, text=True, check=True)


def test_threads():
    desk = scenario(10_000)
    experiment(desk, replications=2, seed=1, engine="compiled")
    cpu_s, wall_s = {1: [], 2: []}, {1: [], 2: []}
    for _ in range(7):
        for workers in (1, 2):
            start = time.perf_counter()
            used = cpu(lambda w=workers: experiment(desk, replications=24, seed=1, engine="compiled", workers=w))
            cpu_s[workers].append(used / 24)
            wall_s[workers].append((time.perf_counter() - start) / 24)
    rows = [
        [
            str(workers),
            f"{1000 * median(cpu_s[workers]):.1f} ms",
            f"{median(cpu_s[workers]) / median(cpu_s[1]):.2f}",
            f"{max(c / w for c, w in zip(cpu_s[workers], wall_s[workers], strict=True)):.2f}",
        ]
        for workers in (1, 2)
    ]
    columns = ["threads", "CPU per replication", "against one thread", "busy threads, at best"]
    write("threads", *table(columns, rows))


MEMORY = """
import numpy as np, peak
from sim.engine import compiled
from sim.outcome import Measured
from sim.metrics import BUCKETS

m = Measured(1_800_000, 48, np.array([[5_000] * 8]), BUCKETS)
small = (peak.draw(100), peak.by_level(100), peak.rules())
compiled.run(*small); compiled.sums(*small, m)
run = (peak.draw(100_000), peak.by_level(100_000), peak.rules())
import gc; gc.collect()
open("/proc/self/clear_refs", "w").write("5")
held = sum(getattr(run[0], c).nbytes for c in vars(run[0]) if hasattr(getattr(run[0], c), "nbytes"))
rss = lambda key: int(next(l for l in open("/proc/self/status") if l.startswith(key)).split()[1]) * 1024
base = rss("VmRSS") - held
compiled.sums(*run, m); tally = rss("VmHWM") - base
compiled.run(*run); table = rss("VmHWM") - base
n = len(run[0]); print(held / n, tally / n, table / n)
"""


def test_memory():
    drawn, tally, whole = (float(x) for x in python(MEMORY).stdout.split())
    rows = [
        ["the customers alone", f"{drawn:.0f}"],
        ["run and tally", f"{tally:.0f}"],
        ["run with table", f"{whole:.0f}"],
    ]
    write("memory", *table(["peak live memory at V = 100,000, customers included", "bytes a contact"], rows))


INSTRUCTIONS = """
import idiomatic, peak
from sim.demand import Demand

run = (peak.draw(1_000), peak.by_level(1_000), peak.rules())
for _ in range(int(sys.argv[1])):
    idiomatic.with_simpy(*run)
print(len(run[0]))
"""


def test_the_idiomatic_model_is_sound():
    """Instructions a contact, counted by valgrind: a rival that wastes time would flatter the engine."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        pytest.skip("valgrind counts the instructions, and is not here")
    counted = []
    for times in ("0", "1"):
        program = (valgrind, "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null")
        done = python(INSTRUCTIONS, times, program=program)
        counted.append(int(re.search(r"I +refs: +([\d,]+)", done.stderr)[1].replace(",", "")))
    each = (counted[1] - counted[0]) / int(done.stdout)
    write("instructions", f"Instructions of the idiomatic model a contact at V = 1,000: {each:,.0f}.")


def child_seconds(*command: str) -> tuple[float, float]:
    """Wall and CPU seconds of a command."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, cwd=HOME, capture_output=True, check=False)
    assert done.returncode in (0, 3), done.stderr  # 3: a target is not certified by a single day
    wall, used = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime


def test_start_up(tmp_path):
    rows = []
    for words in (
        "--help",
        "simulate one-queue --replications 1 --engine reference",
        "simulate one-queue --replications 1 --engine compiled",
    ):
        measured = []
        for turn in range(6):
            out = () if words == "--help" else ("--out", str(tmp_path / f"{words[-9:]}-{turn}"))
            measured.append(child_seconds(sys.executable, "-m", "cli", *words.split(), *out))
        least = (min(column[1:]) for column in zip(*measured, strict=True))  # the first fills the caches
        rows.append([f"`peakdesk {words}`", *(f"{seconds:.2f} s" for seconds in least)])
    write("start", *table(["command, in a fresh process", "wall time, least of five", "CPU, least of five"], rows))


def test_the_big_promotion_day():
    """`double-eleven` in units of one PEAK day at V = 10,000 (Demand to table) in the same process."""
    desk, replications = sim.load("double-eleven"), 4
    day = (peak.draw(10_000), peak.by_level(10_000), peak.rules())
    experiment(desk, replications=1, seed=1, engine="compiled")
    compiled.run(*day)
    units = [cpu(lambda: compiled.run(*day)) for _ in range(9)]
    seconds = [
        cpu(lambda: experiment(desk, replications=replications, seed=1, engine="compiled")) / replications
        for _ in range(3)
    ]
    units += [cpu(lambda: compiled.run(*day)) for _ in range(9)]
    contacts = experiment(desk, replications=1, seed=1, engine="compiled").tallies.arrived.sum()
    write(
        "double-eleven",
        f"One replication of `double-eleven` ({contacts:,} contacts; draw, run and tally): {median(seconds):.2f} s of",
        f"CPU, {median(seconds) / median(units):.0f} PEAK days.",
    )


def test_the_machine():
    cores = os.cpu_count()
    write(
        "machine",
        f"{platform.machine()}, {cores} shared cores, {platform.system()}, Python {platform.python_version()}, "
        f"NumPy {np.__version__}.",
    )
