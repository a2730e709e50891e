"""How fast the engines are, as ratios inside one run; writes its tables to docs/benchmarks.md. Asserts no time.

Rivals take turns, so that a machine that slows down slows down all; medians of CPU time are compared.
"""

import gc
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import idiomatic
import numpy as np
import others
import peak
import pytest

from sim.demand import sample
from sim.engine import compiled, reference
from sim.engine.compiled import after, before
from sim.experiment import experiment
from sim.metrics import BUCKETS, count
from sim.outcome import Measured
from sim.scenario import Scenario

pytestmark = pytest.mark.bench

PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
MEASURED = Measured(peak.HALF_HOUR_MS, 48, np.array([[5_000] * 8, [20_000] * 8]), BUCKETS)
VOLUMES = {1_000: 9, 10_000: 5, 100_000: 3}


def cpu(task: Callable[[], object]) -> float:
    """CPU seconds of one call, garbage collected before."""
    gc.collect()
    start = time.process_time()
    task()
    return time.process_time() - start


def in_turns(rivals: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median CPU seconds of each rival, after one warm-up of those that compile."""
    seconds: dict[str, list[float]] = {name: [] for name in rivals}
    for _ in range(rounds):
        for name, task in rivals.items():
            seconds[name].append(cpu(task))
    return {name: median(all_of) for name, all_of in seconds.items()}


def write(section: str, *lines: str) -> None:
    """Replace one section of the page between its marks."""
    text = PAGE.read_text(encoding="utf-8")
    start, end = f"<!-- {section} -->\n", f"<!-- end {section} -->"
    head, _, rest = text.partition(start)
    _, _, tail = rest.partition(end)
    body = "\n".join(lines)
    print(f"\n{body}")
    PAGE.write_text(f"{head}{start}{body}\n{end}{tail}", encoding="utf-8")


def table(columns: list[str], rows: list[list[str]]) -> list[str]:
    return ["| " + " | ".join(row) + " |" for row in [columns, ["---"] * len(columns), *rows]]


def test_engines_and_rivals():
    rows = []
    for volume, rounds in VOLUMES.items():
        run = (peak.draw(volume), peak.by_level(volume), peak.rules())
        n = len(run[0])
        compiled.run(*run)
        fast: dict[str, list[float]] = {"loop": [], "table": [], "tally": []}
        slow: dict[str, list[float]] = {"reference": [], "idiomatic": [], "heapq": []}
        for _ in range(rounds):
            for _ in range(3):
                fast["loop"].append(loop_only(*run))
                fast["table"].append(cpu(lambda run=run: compiled.run(*run)))
                fast["tally"].append(cpu(lambda run=run: compiled.sums(*run, MEASURED)))
            slow["idiomatic"].append(cpu(lambda run=run: idiomatic.with_simpy(*run)))
            slow["heapq"].append(cpu(lambda run=run: idiomatic.with_heapq(*run)))
            if volume <= 10_000:
                slow["reference"].append(cpu(lambda run=run: reference.run(*run)))
        t = {name: median(all_of) for name, all_of in {**fast, **slow}.items() if all_of}
        rows.append(
            [
                f"{volume:,}",
                f"{n:,}",
                *(f"{n / t[name] / 1e6:.2f} M" for name in ("loop", "table", "tally")),
                *(f"{n / t[name] / 1e3:.0f} k" if name in t else "–" for name in ("reference", "idiomatic", "heapq")),
                *(f"{t['idiomatic'] / t[name]:.0f}" for name in ("loop", "table", "tally")),
                f"{t['heapq'] / t['loop']:.0f}",
                f"{t['reference'] / t['table']:.0f}" if "reference" in t else "–",
            ]
        )
    columns = [
        "V", "contacts", "event loop", "with table", "with tally", "reference", "idiomatic SimPy", "heapq",
        "loop / idiomatic", "table / idiomatic", "tally / idiomatic", "loop / heapq", "table / reference",
    ]  # fmt: skip
    write("engines", *table(columns, rows))


def loop_only(demand, staffing, rules) -> float:
    """CPU seconds of the event loop alone, its arrays made beforehand."""
    early = before.settle(demand, rules)
    desk = before.prepare(demand, staffing, rules, early)
    return cpu(lambda: compiled.drive(desk, early.last_ms))


def test_other_tools():
    volume = 300
    run = (peak.draw(volume), peak.by_level(volume), peak.rules())
    seconds = in_turns(
        {
            "ours": lambda: [compiled.run(*run) for _ in range(100)],
            "Ciw": lambda: others.with_ciw(volume),
            "salabim": lambda: others.with_salabim(volume),
        },
        3,
    )
    ours = seconds["ours"] / 100 / len(run[0])
    asked = int((run[0].fate != 1).sum())
    rows = [
        [name, f"{asked / seconds[name]:,.0f}", f"{seconds[name] / asked / ours:,.0f}"] for name in ("Ciw", "salabim")
    ]
    write("others", *table(["tool", "contacts per CPU second", "times slower than the compiled engine"], rows))


def test_stages():
    rows = []
    for volume, rounds in VOLUMES.items():
        desk = scenario(volume)
        demand = sample(desk, 1, 0)
        run = (demand, peak.by_level(volume), peak.rules())
        early = before.settle(demand, run[2])
        done = before.prepare(*run, early)
        compiled.drive(done, early.last_ms)
        outcome = compiled.run(*run)
        seconds = in_turns(
            {
                "draw": lambda desk=desk: sample(desk, 1, 0),
                "run": lambda run=run: compiled.run(*run),
                "measure the table": lambda outcome=outcome: count(outcome, MEASURED, 12),
                "fused tally": lambda d=demand, e=early, k=done: after.count(d, e, k, MEASURED),
                "draw, run and tally": lambda desk=desk, run=run: compiled.sums(sample(desk, 1, 0), *run[1:], MEASURED),
            },
            rounds,
        )
        loop = median(loop_only(*run) for _ in range(rounds))
        n = len(demand)
        per = [f"{1e9 * s / n:.0f}" for s in (*seconds.values(), loop)]
        rows.append([f"{volume:,}", *per, f"{seconds['draw, run and tally'] / loop:.1f}"])
    columns = ["V", "draw", "run", "measure the table", "fused tally", "all fused", "event loop", "all / loop"]
    write("stages", "Nanoseconds of CPU a contact.", "", *table(columns, rows))


def scenario(volume: float) -> Scenario:
    """PEAK's customers as a scenario, for the cost of drawing them."""
    rates = peak.hourly_rates(volume)
    labels = [f"{i // 2:02d}:{30 * (i % 2):02d}" for i in range(48)]
    kinds = {
        f"type_{k}": {
            "channel": "phone",
            "arrivals": {"per_hour": {at: float(r * peak.SHARES[k]) for at, r in zip(labels, rates, strict=True)}},
            "bot": {"share": 0.4, "containment": 0.5, "duration": {"family": "exponential", "mean": "90 s"}},
            "patience": {"family": "exponential", "mean": "180 s"},
            "talk": {"family": "lognormal", "mean": "300 s", "cv": 1.0},
            "priority": int(peak.PRIORITIES[k]),
        }
        for k in range(8)
    }
    heads = peak.heads(volume)
    return Scenario.model_validate(
        {
            "horizon": {"start": "2026-11-11 00:00", "length": "24 h", "interval": "30 min"},
            "channels": {"phone": {}},
            "bots": {"bot": {}},
            "contact_types": kinds,
            "agent_groups": {
                f"group_{g}": {"skills": [f"type_{k}" for k in skills]} for g, skills in enumerate(peak.SKILLS)
            },
            "staffing": {
                "levels": {f"group_{g}": dict(zip(labels, heads[:, g].tolist(), strict=True)) for g in range(12)}
            },
            "routing": "specialists",
        }
    )


def test_threads():
    desk = scenario(10_000)
    experiment(desk, replications=2, seed=1, engine="compiled")
    rows, single = [], 0.0
    for workers in (1, 2):
        cpu_s, wall_s = [], []
        for _ in range(3):
            start = time.perf_counter()
            cpu_s.append(
                cpu(lambda w=workers: experiment(desk, replications=24, seed=1, engine="compiled", workers=w)) / 24
            )
            wall_s.append((time.perf_counter() - start) / 24)
        single = single or median(cpu_s)
        busy = median(cpu_s) / median(wall_s)
        rows.append([str(workers), f"{median(cpu_s) / single:.2f}", f"{busy:.2f}"])
    columns = ["threads", "CPU per replication against one thread", "busy threads"]
    write("threads", *table(columns, rows))


def test_memory():
    script = (
        "import sys, resource; sys.path[:0] = ['tests/bench']\n"
        "import numpy as np, peak\n"
        "from sim.engine import compiled\n"
        "from sim.outcome import Measured\n"
        "from sim.metrics import BUCKETS\n"
        "m = Measured(1_800_000, 48, np.array([[5_000] * 8]), BUCKETS)\n"
        "small = (peak.draw(100), peak.by_level(100), peak.rules())\n"
        "compiled.run(*small); compiled.sums(*small, m)\n"
        "run = (peak.draw(100_000), peak.by_level(100_000), peak.rules())\n"
        "import gc; gc.collect()\n"
        "kib = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "open('/proc/self/clear_refs', 'w').write('5')\n"
        "held = sum(getattr(run[0], c).nbytes for c in vars(run[0]) if hasattr(getattr(run[0], c), 'nbytes'))\n"
        "rss = lambda key: int(next(l for l in open('/proc/self/status') if l.startswith(key)).split()[1]) * 1024\n"
        "base = rss('VmRSS') - held\n"
        "compiled.sums(*run, m); tally = rss('VmHWM') - base\n"
        "compiled.run(*run); table = rss('VmHWM') - base\n"
        "n = len(run[0]); print(held / n, tally / n, table / n)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    drawn, tally, whole = (float(x) for x in done.stdout.split())
    rows = [
        ["the customers alone", f"{drawn:.0f}"],
        ["run and tally", f"{tally:.0f}"],
        ["run with table", f"{whole:.0f}"],
    ]
    write("memory", *table(["peak live memory at V = 100,000, customers included", "bytes a contact"], rows))


def test_the_machine():
    cores = os.cpu_count()
    write(
        "machine",
        f"{platform.machine()}, {cores} shared cores, {platform.system()}, Python {platform.python_version()}, "
        f"NumPy {np.__version__}.",
    )


def test_threads_do_run_side_by_side():
    """Two event loops at once: the kernel holds no lock."""
    run = (peak.draw(10_000), peak.by_level(10_000), peak.rules())
    compiled.run(*run)
    with ThreadPoolExecutor(2) as pool:
        start = time.perf_counter()
        list(pool.map(lambda _: compiled.run(*run), range(40)))
        both = time.perf_counter() - start
    start = time.perf_counter()
    for _ in range(40):
        compiled.run(*run)
    print(f"\n40 days: one thread {time.perf_counter() - start:.2f} s, two {both:.2f} s of wall time")
