"""The staffing instances that lie beside the project, as scenarios; None where they do not."""

import json
from pathlib import Path
from typing import Any

from sim.scenario import Scenario

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "benchmarks" / "plans"


def instance(name: str) -> Scenario | None:
    """Instance a, a-day, a-long, b, b-floor (without its blocks) or c: service level SL-3, staffing by level."""
    path = FOLDER / f"{name}.json"
    return _scenario(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None


def _scenario(data: dict[str, Any]) -> Scenario:
    hour, minute = map(int, data["starts_at"].split(":"))
    start, step = 60 * hour + minute, data["interval_s"] // 60

    def label(interval: int) -> str:
        at = (start + interval * step) % 1440
        return f"{at // 60:02d}:{at % 60:02d}"

    types = {f"t{k}": _contact_type(kind, label) for k, kind in enumerate(data["types"])}
    groups = {
        f"g{g}": {"skills": [f"t{k}" for k in group["skills"]], "cost_factor": group["cost_factor"]}
        for g, group in enumerate(data["groups"])
    }
    windows = {"each interval": "interval", "day": "horizon"}
    return Scenario.model_validate({
        "name": data["id"],
        "horizon": {
            "start": f"2026-11-10 {data['starts_at']}",
            "length": f"{data['intervals'] * step} min",
            "interval": f"{step} min",
            "repeats": "day" if data["wraps_around"] else "never",
        },
        "channels": {"desk": {}},
        "contact_types": types,
        "agent_groups": groups,
        "routing": "fcfs",
        "staffing": {"mode": "by_level", "shifts": []},
        "shift_templates": {f"s{i}": _template(t, label) for i, t in enumerate(data["shift_templates"])},
        "objective": "cost",
        "targets": [
            {"contact_types": [f"t{k}" for k in target["types"]], "formula": "SL-3", "at_least": target["level"],
             "per": windows[target["window"]]}
            for target in data["targets"]
            if target["window"] in windows
        ],
    })  # fmt: skip


def _contact_type(kind: dict[str, Any], label: Any) -> dict[str, Any]:
    talk, patience = kind["talk"], kind["patience"]
    return {
        "channel": "desk",
        "arrivals": {"counts": {label(i): n for i, n in enumerate(kind["arrivals_per_interval"])}},
        "talk": {"family": "lognormal", "mean": f"{talk['mean_s']} s", "cv": talk["cv"]},
        "patience": {"family": "exponential", "mean": f"{patience['mean_s']} s"},
        "threshold": f"{kind['threshold_s']} s",
    }


def _template(data: dict[str, Any], label: Any) -> dict[str, Any]:
    pause = data["break_after_h"]
    rule = {"length": f"{data['break_h']} h", "earliest": f"{pause} h", "latest": f"{pause} h", "paid": True}
    return {
        "starts": [label(i) for i in data["start_intervals"]],
        "lengths": [f"{data['length_h']} h"],
        "breaks": [] if pause is None else [rule],
        "cost": data["cost_fte"],
        "fte": data["cost_fte"],
    }
