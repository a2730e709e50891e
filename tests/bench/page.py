"""What the benchmarks share: CPU time, PEAK as a scenario, and the page that they write."""

import gc
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import peak

from sim.metrics import BUCKETS
from sim.outcome import Measured
from sim.scenario import Scenario

PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
MEASURED = Measured(peak.HALF_HOUR_MS, 48, np.array([[5_000] * 8, [20_000] * 8]), BUCKETS)
VOLUMES = {1_000: 9, 10_000: 5, 100_000: 2}
"""Contacts an hour at the peak, and how often each rival runs."""


def cpu(task: Callable[[], object]) -> float:
    """CPU seconds of one call, garbage collected before."""
    gc.collect()
    start = time.process_time()
    task()
    return time.process_time() - start


def in_turns(rivals: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median CPU seconds of each rival."""
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
    """Lines of a Markdown table."""
    return ["| " + " | ".join(row) + " |" for row in [columns, ["---"] * len(columns), *rows]]


def scenario(volume: float) -> Scenario:
    """PEAK's customers and levels as a scenario."""
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
