"""The JSON Schema takes what the loader takes: texts for durations, tables, shared profiles, short what-ifs."""

import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from random_scenarios import scenarios

from sim.scenario import Scenario
from sim.scenario_file import dump, json_schema, load
from sim.scenario_schema import example_at, families, keys_at
from sim.scenario_tree import Node, Origin

SCHEMA = json_schema()
TYPES = {"object": dict, "array": list | tuple, "string": str, "boolean": bool, "null": type(None)}


def allows(value: Any, schema: dict[str, Any]) -> bool:
    """Whether a value fits: as much of JSON Schema as this schema uses."""
    if "$ref" in schema:
        return allows(value, SCHEMA["$defs"][schema["$ref"].removeprefix("#/$defs/")])
    if "if" in schema:
        return allows(value, schema["then"] if allows(value, schema["if"]) else schema["else"])
    checks = [
        "anyOf" not in schema or any(allows(value, form) for form in schema["anyOf"]),
        "oneOf" not in schema or sum(allows(value, form) for form in schema["oneOf"]) == 1,
        "const" not in schema or (value == schema["const"] and not isinstance(value, bool)),
        "enum" not in schema or value in schema["enum"],
        "type" not in schema or _is(value, schema["type"]),
        not isinstance(value, str) or re.search(schema.get("pattern", ""), value) is not None,
        not _is(value, "number") or schema.get("minimum", value) <= value <= schema.get("maximum", value),
        not _is(value, "number") or value > schema.get("exclusiveMinimum", -float("inf")),
        not isinstance(value, list) or len(value) >= schema.get("minItems", 0),
        not isinstance(value, list) or all(allows(item, schema.get("items", {})) for item in value),
        not isinstance(value, dict) or _entries_fit(value, schema),
    ]
    return all(checks)


def _is(value: Any, kind: str) -> bool:
    if kind in ("number", "integer"):
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and (kind == "number" or value == int(value))
    return isinstance(value, TYPES[kind])


def _entries_fit(value: dict[str, Any], schema: dict[str, Any]) -> bool:
    if not set(schema.get("required", ())) <= set(value) or len(value) < schema.get("minProperties", 0):
        return False
    for key, part in value.items():
        named = [schema["properties"][key]] if key in schema.get("properties", {}) else []
        named += [form for pattern, form in schema.get("patternProperties", {}).items() if re.search(pattern, key)]
        other = schema.get("additionalProperties", True)
        fits = all(allows(part, form) for form in named) if named else other is True or (other and allows(part, other))
        if not fits:
            return False
    return True


def desk(**parts: Any) -> dict[str, Any]:
    return {
        "horizon": {"start": "2026-11-10 08:00", "length": "4 h"},
        "channels": {"phone": {}},
        "contact_types": {"orders": {"channel": "phone", "talk": {"family": "exponential", "mean": "5 min"}}},
        "agent_groups": {"service": {"skills": ["orders"]}},
    } | parts


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(scenarios())
def test_no_valid_scenario_is_refused(plain: dict[str, Any]) -> None:
    Scenario.model_validate(plain)
    assert allows(plain, SCHEMA)


@pytest.mark.parametrize("name", ["one-queue", "anonymous-bank", "double-eleven-small", "promotion-day"])
def test_frozen_scenarios_are_allowed(name: str) -> None:
    from ruamel.yaml import YAML

    assert allows(YAML(typ="safe", pure=True).load(dump(load(name))), SCHEMA)


@pytest.mark.parametrize(
    "parts",
    [
        {"trace": {"file": "day.csv"}},
        {"staffing": {"levels": "levels.csv"}},
        {"staffing": {"shifts": {"file": "shifts.csv"}}, "source": "made up"},
        {"profiles": {"week": {"file": "week.csv", "column": "share"}, "flat": 1}},
        {"contact_types": {"orders": {"channel": "p", "talk": {"family": "empirical", "file": "talk.csv"}}}},
        {"targets": [{"measure": "asa", "at_most": "20 s"}, {"at_least": "80 %"}]},
        {"channels": {"phone": {"opening": {"mon-fri": "08:00-18:00", "sat": None}}}},
    ],
)
def test_what_only_files_may_write_is_allowed(parts: dict[str, Any]) -> None:
    assert allows(desk(**parts), SCHEMA)


@pytest.mark.parametrize(
    "parts",
    [
        {"horizn": {}},
        {"horizon": {"start": "2026-11-10 08:00", "length": 4}},
        {"routing": "prio"},
        {"targets": [{"measure": "as", "at_most": "20 s"}]},
        {"contact_types": {"orders": {"channel": "phone", "talk": {"family": "gamma", "mean": "5 min"}}}},
        {"agent_groups": {}},
    ],
)
def test_a_slip_is_underlined(parts: dict[str, Any]) -> None:
    assert not allows(desk(**parts), SCHEMA)
    assert not allows({"name": "half a desk"}, SCHEMA)


def test_a_what_if_may_leave_out_and_take_away() -> None:
    short = {"extends": "desk.yaml", "contact_types": {"orders": {"bot": None, "talk": {"mean": "4 min"}}}}
    assert allows(short, SCHEMA)
    assert not allows(short | {"contact_types": {"orders": {"talc": {}}}}, SCHEMA)


def test_the_loader_asks_which_keys_there_are() -> None:
    def node(value: Any) -> Node:
        if isinstance(value, dict):
            return Node({key: node(part) for key, part in value.items()}, Origin("desk"))
        return Node(value, Origin("desk"))

    tree = node(desk())
    assert keys_at(tree, ("contact_types", "orders", "talk")) == ("family", "mean")
    assert "patience" in keys_at(tree, ("contact_types", "new"))
    assert keys_at(tree, ("contact_types",)) == ()
    assert example_at(tree, ("contact_types", "orders", "patience")) == "{family: exponential, mean: 5 min}"
    assert example_at(tree, ("horizon", "length")) == '"5 min"'
    assert set(families()) >= {"exponential", "empirical", "triangular"}
