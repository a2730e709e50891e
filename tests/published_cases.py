"""Outside results: read from the benchmark file beside the project when it is there, else the numbers in the test."""

import json
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).resolve().parents[2] / "shared" / "benchmarks" / "published.json"


@cache
def _all() -> dict[str, dict[str, Any]]:
    return {case["id"]: case for case in json.loads(FILE.read_text(encoding="utf-8"))} if FILE.exists() else {}


def published(name: str, fallback: dict[str, Any]) -> dict[str, Any]:
    """The published values of a case; a test carries its own copy, and the two must not contradict each other."""
    case = _all().get(name)
    if case is None:
        return fallback
    values = {**case["parameters"], **case["published_values"]}
    for key, number in fallback.items():
        assert values[key] == number, f"{name}: {key} in the test differs from the file"
    return {**fallback, **values}
