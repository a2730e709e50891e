"""What each mechanism costs in the full kernel; writes its tables to docs/benchmarks.md. Asserts no time.

The least of many rounds, not the median: what else the machine does can only add to a time.
"""

import time
from collections.abc import Callable

import peak_full
import pytest
from test_engines import table, write

from sim.engine import compiled
from sim.engine.compiled import before, full, full_before
from sim.engine.compiled.full_desk import CONTACTS, EVENTS

pytestmark = pytest.mark.bench

ROUNDS = 15
SIZES = {1_000: 40, 10_000: ROUNDS, 100_000: 5}


COLUMNS = ["contacts", "with follow-ups", "events", "timers in vain", "run, M contacts/s", "loop, M contacts/s",
           "loop, ns an event", "the same with timers"]  # fmt: skip


def test_the_cost_of_each_mechanism():
    rows = [[name, *measured(name, 10_000, ROUNDS)] for name in peak_full.VARIANTS]
    write("full", *table(["mechanisms", *COLUMNS], rows))


def test_all_mechanisms_by_size():
    rows = [[f"{volume:,}", *measured("all", volume, rounds)] for volume, rounds in SIZES.items()]
    write("full by size", *table(["V", *COLUMNS], rows))


def measured(name: str, volume: float, rounds: int) -> list[str]:
    """What `COLUMNS` ask for: least CPU time."""
    run = peak_full.variant(name, volume)
    state = full.drive(*full_before.prepare(*run))[1]
    made: list[tuple] = []

    def prepare() -> None:
        made[:] = [full_before.prepare(*run)]

    seconds = least(
        {"ready": prepare, "loop": lambda: full.drive(*made[0]), "run": lambda: full.run(*run)}, rounds
    )
    loop, whole = seconds["loop"], seconds["run"]
    n, events, timers = len(run[0]), int(state[EVENTS]), peak_full.in_vain(run, full.run(*run).contacts)
    return [
        f"{n:,}", f"{int(state[CONTACTS]):,}", f"{events:,}", f"{timers:,}", f"{n / whole / 1e6:.1f}",
        f"{n / loop / 1e6:.1f}", f"{1e9 * loop / events:.0f}", f"{1e9 * loop / (events + timers):.0f}",
    ]  # fmt: skip


def least(tasks: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Least CPU seconds of each, done in turns."""
    seconds = dict.fromkeys(tasks, float("inf"))
    for _ in range(rounds):
        for name, task in tasks.items():
            start = time.process_time()
            task()
            seconds[name] = min(seconds[name], time.process_time() - start)
    return seconds


def test_the_full_kernel_on_a_plain_desk():
    rows = []
    for volume, rounds in ((1_000, 60), (10_000, 20), (100_000, 4)):
        run = peak_full.base(volume)

        def plain_loop(run=run) -> object:
            early = before.settle(run[0], run[2])
            return compiled.drive(before.prepare(*run, early), early.last_ms)

        compiled.run(*run), full.run(*run)
        seconds = least(
            {
                "plain": lambda run=run: compiled.run(*run),
                "full": lambda run=run: full.run(*run),
                "plain, no table": plain_loop,
                "full, no table": lambda run=run: full.drive(*full_before.prepare(*run)),
            },
            rounds,
        )
        per = [f"{1e9 * s / len(run[0]):.0f}" for s in seconds.values()]
        ratio = [
            f"{seconds['full'] / seconds['plain']:.2f}",
            f"{seconds['full, no table'] / seconds['plain, no table']:.2f}",
        ]
        rows.append([f"{volume:,}", *per, *ratio])
    columns = ["V", "plain", "full", "plain, no table", "full, no table", "full / plain", "the same without table"]
    write("full or plain", "Nanoseconds of CPU a contact.", "", *table(columns, rows))
