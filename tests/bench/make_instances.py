"""Writes the instance set in tests/bench/instances: `python tests/bench/make_instances.py [FOLDER OF a.json …]`.

Ten random desks with several skills, the same from the same seed; and a to c, where their definitions are at hand.
Their YAML is committed: this script says where its numbers come from.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

INSTANCES = Path(__file__).resolve().parent / "instances"
SEED = 20261111
WIDTH = 118
Desk = dict[str, Any]

# ---------------------------------------------------------------------------------------------- a, a-long, …, c


def carried_over(data: Desk) -> Desk:
    """The scenario of one of the instances a to c, from its JSON."""
    hour, minute = map(int, data["starts_at"].split(":"))
    start, step = 60 * hour + minute, data["interval_s"] // 60

    def label(interval: int) -> str:
        at = (start + interval * step) % 1440
        return f"{at // 60:02d}:{at % 60:02d}"

    return {
        "name": data["id"],
        "description": data["description"],
        "horizon": {
            "start": f"2026-11-10 {data['starts_at']}",
            "length": f"{data['intervals'] * step // 60} h",
            "interval": f"{step} min",
            "repeats": "day" if data["wraps_around"] else "never",
        },
        "channels": {"desk": {}},
        "contact_types": {f"t{k}": _kind(kind, label) for k, kind in enumerate(data["types"])},
        "agent_groups": {
            f"g{g}": {"skills": [f"t{k}" for k in group["skills"]], "cost_factor": group["cost_factor"]}
            for g, group in enumerate(data["groups"])
        },
        "routing": "fcfs",
        "staffing": {"mode": "by_level", "shifts": []},
        "shift_templates": {f"s{i}": _template(t, label) for i, t in enumerate(data["shift_templates"])},
        "objective": "cost",
        "targets": [_target(target, step) for target in data["targets"]],
    }


def _kind(kind: Desk, label: Any) -> Desk:
    talk, patience = kind["talk"], kind["patience"]
    return {
        "channel": "desk",
        "talk": {"family": "lognormal", "mean": f"{talk['mean_s']:g} s", "cv": talk["cv"]},
        "patience": {"family": "exponential", "mean": f"{patience['mean_s']:g} s"},
        "threshold": f"{kind['threshold_s']:g} s",
        "arrivals": {"counts": {label(i): n for i, n in enumerate(kind["arrivals_per_interval"])}},
    }


def _template(data: Desk, label: Any) -> Desk:
    pause = data["break_after_h"]
    rule = {"length": f"{data['break_h']:g} h", "earliest": f"{pause} h", "latest": f"{pause} h", "paid": True}
    return {
        "starts": [label(i) for i in data["start_intervals"]],
        "lengths": [f"{data['length_h']:g} h"],
        "breaks": [] if pause is None else [rule],
        "cost": data["cost_fte"],
        "fte": data["cost_fte"],
    }


def _target(target: Desk, step: int) -> Desk:
    window = target["window"]
    per = {"each interval": "interval", "day": "horizon"}.get(window)
    return {
        "contact_types": [f"t{k}" for k in target["types"]],
        "formula": "SL-3",
        "at_least": target["level"],
        "per": per or f"{int(window.split()[3]) * step // 60} h",
    }


# ------------------------------------------------------------------------------------------------------- random


def random_desk(number: int) -> Desk:
    """A desk of 2 to 5 types and 3 to 7 groups of 1 to 3 skills: two peaks, three kinds of shifts."""
    rng = np.random.default_rng([SEED, number])
    types, hours = int(rng.integers(2, 6)), int(rng.integers(10, 17))
    names = [f"t{k}" for k in range(types)]
    kinds = {name: _random_kind(rng, 2 * hours) for name in names}
    skills = [[k] for k in range(types)] if types < 4 else [[k] for k in range(types - 1)]
    while len(skills) < types + int(rng.integers(1, 3)) or {k for s in skills for k in s} != set(range(types)):
        drawn = sorted(rng.choice(types, size=int(rng.integers(2, min(types, 3) + 1)), replace=False).tolist())
        if drawn not in skills:
            skills.append(drawn)
    daily = [
        {"contact_types": [name], "formula": "SL-3", "at_least": float(rng.choice([0.7, 0.75, 0.8, 0.85])),
         "per": "horizon"} for name in names
    ]  # fmt: skip
    floors = [{**target, "at_least": 0.5, "per": "2 h"} for target in daily] if number % 2 else []
    return {
        "name": f"random-{number}",
        "description": f"desk {number} of seed {SEED}: {types} types, {len(skills)} groups, {hours} h",
        "horizon": {"start": "2026-11-10 07:00", "length": f"{hours} h", "interval": "30 min"},
        "channels": {"desk": {}},
        "contact_types": kinds,
        "agent_groups": {
            f"g{g}": {"skills": [names[k] for k in s], "cost_factor": round(1 + 0.05 * (len(s) - 1), 2)}
            for g, s in enumerate(skills)
        },
        "routing": "fcfs",
        "staffing": {"mode": "by_level", "shifts": []},
        "shift_templates": _random_shifts(hours),
        "objective": "cost",
        "targets": daily + floors,
    }


def _random_kind(rng: np.random.Generator, intervals: int) -> Desk:
    x = (np.arange(intervals) + 0.5) / intervals
    first, second = rng.uniform(0.15, 0.45), rng.uniform(0.55, 0.9)
    shape = 0.25 + np.exp(-0.5 * ((x - first) / 0.12) ** 2) + rng.uniform(0.5, 1.5) * np.exp(
        -0.5 * ((x - second) / 0.08) ** 2)  # fmt: skip
    counts = np.round(shape / shape.max() * rng.uniform(10, 60), 2)
    at = [420 + 30 * i for i in range(intervals)]
    return {
        "channel": "desk",
        "talk": {"family": "lognormal", "mean": f"{10 * int(rng.integers(18, 60))} s",
                 "cv": round(float(rng.uniform(0.6, 1.2)), 1)},
        "patience": {"family": "exponential", "mean": f"{30 * int(rng.integers(4, 12))} s"},
        "threshold": f"{int(rng.choice([20, 30, 60]))} s",
        "arrivals": {"counts": {f"{m // 60:02d}:{m % 60:02d}": float(n) for m, n in zip(at, counts, strict=True)}},
    }  # fmt: skip


def _random_shifts(hours: int) -> Desk:
    def starts(length: int) -> Desk:
        last = 7 + max(hours - length, 0)
        return {"first": "07:00", "last": f"{last:02d}:00", "step": "30 min"}

    pause = {"length": "30 min", "earliest": "3 h", "latest": "4 h", "step": "30 min", "paid": True}
    return {
        "full": {"starts": starts(8), "lengths": ["8 h"], "breaks": [pause], "cost": 1.0, "fte": 1.0},
        "six": {"starts": starts(6), "lengths": ["6 h"], "breaks": [pause | {"earliest": "2.5 h", "latest": "3 h"}],
                "cost": 0.8, "fte": 0.75},
        "four": {"starts": starts(4), "lengths": ["4 h"], "breaks": [], "cost": 0.6, "fte": 0.5},
    }  # fmt: skip


# --------------------------------------------------------------------------------------------------------- YAML


def written(desk: Desk, heading: str) -> str:
    """The desk as YAML: parts and their entries on lines of their own, what is inside them as flow."""
    lines = [f"# {line}" for line in heading.splitlines()]
    for key, value in desk.items():
        if isinstance(value, dict) and all(isinstance(part, dict) for part in value.values()):
            lines.append(f"{key}:")
            for name, part in value.items():
                lines += _entry(name, part)
        elif isinstance(value, list):
            lines += [f"{key}:", *(f"  - {_flow(part)}" for part in value)]
        else:
            lines += _folded(f"{key}: {_flow(value)}", 2)
    return "\n".join(lines) + "\n"


def _entry(name: str, part: Desk) -> list[str]:
    if len(part) < 4:
        return _folded(f"  {name}: {_flow(part)}", 4)
    return [f"  {name}:", *(line for key, value in part.items() for line in _folded(f"    {key}: {_flow(value)}", 6))]


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(k)}: {_flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(v) for v in value) + "]"
    plain = isinstance(value, str) and all(c.isalnum() or c in " -_." for c in value) and not value[0].isdigit()
    return value if plain else json.dumps(value, ensure_ascii=False)


def _key(key: str) -> str:
    return key if key.isidentifier() else json.dumps(key)


def _folded(line: str, indent: int) -> list[str]:
    """Lines of at most WIDTH characters, broken after commas."""
    found = [""]
    for piece in line.replace(", ", ",\0").split("\0"):
        if len(found[-1]) + len(piece) + 1 > WIDTH:
            found.append(" " * indent + piece)
        else:
            found[-1] += (" " if found[-1] and found[-1] != line else "") + piece if found[-1] else piece
    return found


def main(folders: list[str]) -> None:
    for folder in folders:
        for path in sorted(Path(folder).glob("*.json")):
            data = json.loads(path.read_text(encoding="utf-8"))
            heading = (
                f"Instance {data['id']} of the planner's benchmarks (docs/benchmarks.md); numbers carried over by\n"
                "tests/bench/make_instances.py from the definitions that reference results were measured on."
            )
            (INSTANCES / f"{data['id']}.yaml").write_text(written(carried_over(data), heading), encoding="utf-8")
    for number in range(10):
        heading = f"A random desk: written by tests/bench/make_instances.py, seed {SEED}, number {number}. Made up."
        text = written(random_desk(number), heading)
        (INSTANCES / f"random-{number}.yaml").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
