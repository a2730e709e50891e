"""The JSON Schema of scenario files, for editors and programs, and what the loader asks of it: which keys are known.

The models of `sim.scenario` give the schema of a finished scenario; files may write more (tables beside the YAML,
shared profiles, sources) and, where they extend another file, less. That is added here.
"""

import copy
import json
from functools import cache
from typing import Any

from sim.scenario import Scenario
from sim.scenario_tree import Node, Place

Schema = dict[str, Any]
TABLE_KEYS = ("file", "table", "column")
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TABLE: Schema = {
    "description": "a table: a CSV beside this file, or its text, and the column to read",
    "type": "object",
    "properties": {key: {"type": "string"} for key in TABLE_KEYS},
    "additionalProperties": False,
}
_FILE: Schema = {"type": "string", "description": "a CSV beside this file"}
_EXAMPLES = {
    "channel": "phone",
    "channels": "{phone: {}}",
    "contact_types": "{orders: {channel: phone, talk: {family: exponential, mean: 5 min}}}",
    "agent_groups": "{service: {skills: [orders]}}",
    "skills": "[orders]",
    "horizon": '{start: "2026-11-10 08:00", length: 12 h}',
    "family": "exponential",
    "cv": "0.9",
    "shape": "0.8",
    "stages": "2",
    "shares": "[0.7, 0.3]",
    "means": "[3 min, 9 min]",
    "values": "[180, 240, 95]",
    "contact_type": "orders",
    "group": "service",
    "starts": '["08:00", "12:00"]',
    "on": "abandoned",
    "share": '"10 %"',
    "accepted": '"30 %"',
    "number": "20",
    "policy": "fcfs",
}


def json_schema() -> Schema:
    """The schema of a scenario file; a file with `extends` may leave anything out and take keys away with null."""
    return copy.deepcopy(_schema())


@cache
def _schema() -> Schema:
    scenario = _without_leftovers(Scenario.model_json_schema())
    defs: Schema = scenario.pop("$defs")
    defs["Scenario"] = scenario
    _add_file_forms(defs)
    partial = {f"Partial{name}": _partial(definition) for name, definition in defs.items()}
    return {
        "$schema": _DIALECT,
        "title": "peakdesk scenario",
        "if": {"type": "object", "required": ["extends"]},
        "then": {"$ref": "#/$defs/PartialScenario"},
        "else": {"$ref": "#/$defs/Scenario"},
        "$defs": {**defs, **partial},
    }


def _without_leftovers(schema: Any) -> Any:
    """Bounds that could not be put on a text are no words of the schema language."""
    if isinstance(schema, list):
        return [_without_leftovers(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: _without_leftovers(part) for key, part in schema.items() if key not in ("ge", "gt", "le", "lt")}


def _add_file_forms(defs: Schema) -> None:
    source = {"type": "string", "description": "where these numbers come from"}
    for definition in defs.values():
        definition["properties"].setdefault("source", source)
    top, arrivals, staffing = (defs[name]["properties"] for name in ("Scenario", "Arrivals", "StaffingPlan"))
    defs["Table"] = _TABLE
    table = {"$ref": "#/$defs/Table"}
    top["extends"] = {"type": "string", "description": "the file that this one changes"}
    series = {"anyOf": [*arrivals["profile"]["anyOf"], table]}
    top["profiles"] = {"type": "object", "additionalProperties": series, "description": "shared profiles by name"}
    for place, forms in (
        (top["trace"], [table, _FILE]),
        (top["backlog"], [table, _FILE]),
        (arrivals["per_hour"], [table]),
        (arrivals["counts"], [table]),
        (arrivals["forecast"], [table, _FILE]),
        (arrivals["profile"], [table, {"type": "string", "description": "the name of a shared profile"}]),
        (defs["Forecast"]["properties"]["paths"], [table, _FILE]),
        (defs["BotJourney"]["properties"]["drift"], [table]),
        (defs["Bot"]["properties"]["capacity"], [table]),
        (staffing["levels"], [table, _FILE]),
        (staffing["shifts"], [table, _FILE]),
        (defs["TraceRow"]["properties"]["arrival"], [{"type": "string", "description": "or a local time"}]),
    ):
        if "anyOf" not in place:
            place["anyOf"] = [{key: place.pop(key) for key in list(place) if key not in ("title", "description")}]
        place["anyOf"] = [*place["anyOf"], *forms]
    defs["Empirical"]["properties"].update(_TABLE["properties"])
    defs["Empirical"]["required"] = ["family"]


def _partial(schema: Any) -> Any:
    """The same, with nothing required and null allowed for each key."""
    if isinstance(schema, list):
        return [_partial(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    loose = {}
    for key, part in schema.items():
        if key in ("properties", "patternProperties"):
            loose[key] = {name: {"anyOf": [_partial(value), {"type": "null"}]} for name, value in part.items()}
        elif key == "$ref":
            loose[key] = part.replace("#/$defs/", "#/$defs/Partial")
        elif key not in ("required", "discriminator", "minProperties"):
            loose["anyOf" if key == "oneOf" else key] = _partial(part)
    return loose


# ----------------------------------------------------------------------------------------------- asked by the loader


def keys_at(tree: Node, place: Place) -> tuple[str, ...]:
    """The keys that the mapping at a place may have; none where any name will do, or where no mapping belongs."""
    found = (key for schema in _schemas_at(tree, place) for key in schema.get("properties", {}))
    return tuple(dict.fromkeys(key for key in found if key != "source"))


def takes_any_key(tree: Node, place: Place) -> bool:
    """Whether the mapping at a place has keys of the author's own with plain values, such as labels of a series."""
    values = [
        value for schema in _schemas_at(tree, place) if isinstance(value := schema.get("additionalProperties"), dict)
    ]
    return any("properties" not in form for value in values for form in _forms(value, None))


def example_at(tree: Node, place: Place) -> str:
    """Something that could stand at a place, as YAML; empty where the schema knows none."""
    if place and place[-1] in _EXAMPLES:
        return _EXAMPLES[str(place[-1])]
    forms = _schemas_at(tree, place)
    if any(form.get("title") == "Exponential" for form in forms):
        return "{family: exponential, mean: 5 min}"
    texts = [example for form in forms for example in form.get("examples", [])]
    return json.dumps(texts[0]) if texts else ""


@cache
def families() -> tuple[str, ...]:
    """The names of the families of distributions."""
    kinds = (definition.get("properties", {}).get("family", {}) for definition in _schema()["$defs"].values())
    return tuple(dict.fromkeys(kind["const"] for kind in kinds if "const" in kind))


def _schemas_at(tree: Node, place: Place) -> list[Schema]:
    """All readings of the schema at a place, references followed and alternatives side by side."""
    node: Node | None = tree
    found = _forms(_schema()["$defs"]["Scenario"], tree)
    for part in place:
        node = node.child(part) if node is not None else None
        found = [form for schema in found for step in _steps(schema, part) for form in _forms(step, node)]
    return found


def _steps(schema: Schema, part: str | int) -> list[Schema]:
    if isinstance(part, int):
        return [schema["items"]] if "items" in schema else []
    if part in schema.get("properties", {}):
        return [schema["properties"][part]]
    other = schema.get("additionalProperties")
    return [*schema.get("patternProperties", {}).values(), *([other] if isinstance(other, dict) else [])]


def _forms(schema: Schema, node: Node | None) -> list[Schema]:
    if "$ref" in schema:
        return _forms(_schema()["$defs"][schema["$ref"].removeprefix("#/$defs/")], node)
    alternatives = schema.get("anyOf") or schema.get("oneOf")
    if alternatives:
        return [form for alternative in alternatives for form in _forms(alternative, node)]
    family = node.child("family") if node is not None else None
    own = schema.get("properties", {}).get("family", {}).get("const")
    return [] if own and family is not None and family.text in families() and family.text != own else [schema]
