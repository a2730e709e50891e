"""How fast the engines are, as ratios inside one run; writes its tables to docs/benchmarks.md. Asserts no time.

Rivals take turns, so that a machine that slows down slows down all; medians of CPU time are compared.
"""

from statistics import median

import idiomatic
import numpy as np
import others
import peak
import pytest
from page import MEASURED, VOLUMES, cpu, in_turns, scenario, table, write

from sim.engine import compiled, reference
from sim.engine.compiled import after, before
from sim.metrics import count

pytestmark = pytest.mark.bench


def test_engines_and_rivals():
    rows, each = [], {}
    for staffing in (peak.by_level, peak.by_person):
        for volume, rounds in VOLUMES.items():
            run = (peak.draw(volume), staffing(volume), peak.rules())
            n, name = len(run[0]), staffing.__name__.replace("_", " ")
            if volume <= 10_000:
                same_desk(run)
            t = medians(run, volume, rounds)
            each[name, volume] = t["table"] / n
            grown = each[name, volume] / each[name, min(VOLUMES)]
            rows.append(
                [
                    name,
                    f"{volume:,}",
                    *(f"{n / t[rival] / 1e6:.2f} M" for rival in ("table", "tally", "loop")),
                    *(f"{n / t[rival] / 1e3:.0f} k" if rival in t else "–" for rival in SLOW),
                    *(f"{t['idiomatic'] / t[rival]:.0f}" for rival in ("table", "tally", "loop")),
                    f"{t['heapq'] / t['table']:.0f}" if "heapq" in t else "–",
                    f"{t['reference'] / t['table']:.0f}" if "reference" in t else "–",
                    f"{grown:.2f}",
                ]
            )  # fmt: skip
    columns = [
        "staffing", "V", "with table", "with tally", "event loop", "reference", "idiomatic SimPy", "heapq",
        "table / idiomatic", "tally / idiomatic", "loop / idiomatic", "table / heapq", "table / reference", "growth",
    ]  # fmt: skip
    write("engines", *table(columns, rows))


SLOW = ("reference", "idiomatic", "heapq")


def same_desk(run) -> None:
    """The rival answers as many contacts, and lets them wait as long; it takes another order inside a millisecond."""
    answered = np.array(idiomatic.with_simpy(*run))
    ours = compiled.run(*run).contacts
    theirs = answered[answered >= 0] - ours.queued[answered >= 0]
    waits = ours.answered[ours.agent >= 0] - ours.queued[ours.agent >= 0]
    assert len(theirs) == pytest.approx(len(waits), rel=0.003)
    assert theirs.mean() == pytest.approx(waits.mean(), rel=0.1)


def medians(run, volume: int, rounds: int) -> dict[str, float]:
    """CPU seconds of each way to run a day."""
    tasks = {"idiomatic": idiomatic.with_simpy}
    if not run[1].by_person:
        tasks["heapq"] = idiomatic.with_heapq
    if volume <= 10_000:
        tasks["reference"] = reference.run
    fast = {"table": [], "tally": [], "loop": []}
    slow: dict[str, list[float]] = {name: [] for name in tasks}
    compiled.sums(*run, MEASURED)
    for _ in range(rounds):
        for _ in range(4):
            fast["table"].append(cpu(lambda: compiled.run(*run)))
            fast["tally"].append(cpu(lambda: compiled.sums(*run, MEASURED)))
            fast["loop"].append(loop_only(*run))
        for name, task in tasks.items():
            slow[name].append(cpu(lambda task=task: task(*run)))
    return {name: median(all_of) for name, all_of in {**fast, **slow}.items()}


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


def whole_day(desk, staffing, rules):
    """All stages of a replication that is only counted."""
    return compiled.sums(compiled.sample(desk, 1, 0), staffing, rules, MEASURED)


def test_stages():
    rows = []
    for volume, rounds in VOLUMES.items():
        desk = scenario(volume)
        demand = compiled.sample(desk, 1, 0)
        run = (demand, peak.by_level(volume), peak.rules())
        early = before.settle(demand, run[2])
        done = before.prepare(*run, early)
        spells = done.spells[: compiled.drive(done, early.last_ms)[0]]
        outcome = compiled.run(*run)
        seconds = in_turns(
            {
                "draw": lambda desk=desk: compiled.sample(desk, 1, 0),
                "run": lambda run=run: compiled.run(*run),
                "measure the table": lambda outcome=outcome: count(outcome, MEASURED, 12),
                "fused tally": lambda d=demand, e=early, k=done, s=spells: after.count(d, e, k, s, MEASURED),
                "draw, run and tally": lambda desk=desk, run=run: whole_day(desk, *run[1:]),
            },
            2 * rounds,
        )
        loop = median(loop_only(*run) for _ in range(2 * rounds))
        n = len(demand)
        per = [f"{1e9 * s / n:.0f}" for s in (*seconds.values(), loop)]
        rows.append([f"{volume:,}", *per, f"{seconds['draw, run and tally'] / loop:.1f}"])
    columns = ["V", "draw", "run", "measure the table", "fused tally", "all fused", "event loop", "all / loop"]
    write("stages", "Nanoseconds of CPU a contact.", "", *table(columns, rows))
