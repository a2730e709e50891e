"""What is wrong with a scenario file, in plain words: file, line, place, value, rule, fix.

Flows in: what the models of `sim.scenario` refuse, and the tree that they were filled from. Flows out: all problems at
once, each at the line that was written, with no word of the machinery.
"""

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from sim.scenario import ProblemList, unknown_name
from sim.scenario_schema import example_at, families, keys_at
from sim.scenario_tree import Node, Origin, Place, Scalar, dotted, find

Words = tuple[str, str]
"""A rule and a fix; the fix may be empty."""
_FIX = re.compile(r"(?P<rule>.*?): (?P<fix>(?:write|did you mean|known|give) .*)", re.DOTALL)


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, or (as a warning) odd. `path` is dotted, `line` None where a file has no lines."""

    file: str
    line: int | None
    path: str
    value: Scalar
    rule: str
    fix: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(part for part in (where, self._finding, self.fix) if part)

    @property
    def _finding(self) -> str:
        if not self.path or self.rule.startswith("is "):
            return f"{self.path} {self.rule}".strip()
        said = self.value is None or re.search(rf"(?<!\w){re.escape(str(self.value))}(?!\w)", self.rule)
        return f"{self.path}: {self.rule}" if said else f"{self.path} is {_shown(self.value)}: {self.rule}"


class ScenarioErrors(Exception):
    """A scenario that cannot be used, and all the reasons."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(dict.fromkeys(problems))
        super().__init__("\n".join(map(str, self.problems)))


def problem(node: Node, place: Place, rule: str, fix: str = "") -> Problem:
    """A problem of a node, at the line that it was written in."""
    value = None if isinstance(node.value, dict | list) else node.value
    return Problem(node.origin.file, node.origin.line, dotted(place), value, rule, fix)


def file_problem(origin: Origin, rule: str, fix: str = "") -> Problem:
    """A problem of a file as such, or of one of its lines."""
    return Problem(origin.file, origin.line, "", None, rule, fix)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The nearest of the known names, or the first ones of them."""
    listed = list(known)
    near = difflib.get_close_matches(name, listed, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(listed[:12]) or 'none'}"


def _shown(value: Scalar) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    text = text if len(text) <= 60 else f"{text[:57]} …"
    return f'"{text}"' if isinstance(value, str) and not re.match(r"[+-]?[.\d]", text) else text


# --------------------------------------------------------------------------------------- what the models refuse


@dataclass(frozen=True)
class _Spot:
    """Where a refusal belongs: the place, and the deepest node that was written there.

    Where a value may have several forms, `branch` is the one that was tried on the node `top`.
    """

    place: Place
    node: Node
    branch: str = ""
    top: Node | None = None


def asks_for_names(error: ValidationError) -> bool:
    """Whether the models were in order, so that names were looked up."""
    return any(isinstance(one.get("ctx", {}).get("error"), ProblemList) for one in error.errors(include_url=False))


def translate(error: ValidationError, tree: Node, within: Place = ()) -> list[Problem]:
    """The refusals of a model filled from the node at `within`, in plain words and without those of other forms."""
    found: list[tuple[_Spot, Problem]] = []
    for refusal in error.errors(include_url=False):
        cause = refusal.get("ctx", {}).get("error")
        if isinstance(cause, ProblemList):
            found += [(_Spot((), tree), _cross_reference(tree, where, what)) for where, what in cause.problems]
            continue
        spot = _locate(tree, within + refusal["loc"], missing=refusal["type"] == "missing")
        if not (refusal["type"] == "too_short" and spot.node.value):  # its items are refused already
            found.append((spot, _worded(tree, spot, refusal["type"], dict(refusal))))
    forms: dict[int, set[str]] = {}
    for spot, _ in found:
        forms.setdefault(id(spot.top), set()).add(spot.branch)
    return [told for spot, told in found if spot.top is None or _is_meant(spot, forms[id(spot.top)])]


def _locate(tree: Node, loc: Place, *, missing: bool) -> _Spot:
    spot = _Spot((), tree)
    for i, part in enumerate(loc):
        child = spot.node.child(part)
        if child is not None:
            spot = _Spot((*spot.place, part), child, spot.branch, spot.top)
        elif missing and i == len(loc) - 1:
            spot = _Spot((*spot.place, part), spot.node, spot.branch, spot.top)
        elif part not in families() and part != "[key]" and not spot.branch:
            spot = _Spot(spot.place, spot.node, str(part), spot.node)
    return spot


def _is_meant(spot: _Spot, forms: set[str]) -> bool:
    """Whether a refusal is of the form that the author had in mind: a table, or a list, also where text was written."""
    is_table = spot.top is not None and isinstance(spot.top.value, dict)
    wanted = {form for form in forms if form.startswith("tuple[") != is_table and not form.startswith("literal[")}
    return not wanted or spot.branch in wanted


def _cross_reference(tree: Node, where: Place, what: str) -> Problem:
    node, place = tree, ()  # type: tuple[Node, Place]
    for part in where:
        step = next((i for i, item in enumerate(node.items) if item.value == part), part)
        node, place = node.child(step) or node, (*place, step)
    return problem(node, place, *split(what))


def split(message: str) -> Words:
    """A message such as "there is no bot 'x': did you mean 'y'?" as rule and fix."""
    match = _FIX.fullmatch(message)
    return (match["rule"], match["fix"]) if match else (message, "")


def _worded(tree: Node, spot: _Spot, kind: str, refusal: dict[str, Any]) -> Problem:
    place, node, limits = spot.place, spot.node, refusal.get("ctx", {})
    if kind in ("missing", "union_tag_not_found"):
        place = place if kind == "missing" else (*place, "family")
        example = example_at(tree, place)
        fix = f"write for example {place[-1]}: {example}" if example else "add it"
        return problem(Node({}, node.origin), place, "is missing", fix)
    if kind == "extra_forbidden":
        fix = did_you_mean(str(place[-1]), keys_at(tree, place[:-1]))
        return problem(Node({}, node.origin), place, "no such key", fix)
    if kind == "union_tag_invalid":
        family = node.entries["family"]
        words = f"there is no family {family.value!r}", did_you_mean(str(family.value), families())
        return problem(family, (*place, "family"), *words)
    if node.value is None:
        return problem(node, place, "is empty", "give it a value or leave the key out")
    if kind == "value_error":
        rule, fix = split(str(limits["error"]))
        key = rule[1:].partition("' is no ")[0] if rule.startswith("'") else rule.partition(" ")[0]
        if (meant := node.child(key)) is not None:
            node, place, rule = meant, (*place, key), re.sub(rf"^{re.escape(key)} (?=\w)", "", rule)
        return problem(node, place, rule, fix)
    if kind == "literal_error":
        allowed = re.findall(r"'([^']*)'", limits["expected"])
        return problem(node, place, f"must be one of {', '.join(allowed)}", _near(str(node.value), allowed))
    if kind in ("tuple_type", "list_type"):
        written = "" if isinstance(node.value, dict | list) else f"write [{node.value}]"
        return problem(node, place, "must be a list", written)
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        example = example_at(tree, place)
        return problem(node, place, "must be a table", f"write for example {example}" if example else "")
    if kind == "less_than_equal" and limits["le"] == 1 and "correlation" not in place:
        per_cent = isinstance(node.value, int | float) and 2 <= node.value <= 100
        fix = f'write "{node.value:g} %"' if per_cent else 'write for example 0.35 or "35 %"'
        return problem(node, place, "a probability lies in [0, 1]", fix)
    rule, fix = _RULES.get(kind, (refusal["msg"].replace("Input should", "must"), ""))
    rule = rule.format(**limits)
    fix = fix.format(**limits)
    return problem(node, place, "must not be negative" if rule == "must be at least 0" else rule, fix)


def _near(name: str, known: Iterable[str]) -> str:
    hint = did_you_mean(name, known)
    return hint if hint.startswith("did") else ""


_DAY = ("must be a day", "write for example 2026-11-11")
_WHOLE = ("must be a whole number", "write for example 3")
_NUMBER = ("must be a number", "write for example 12.5")
_YES_NO = ("must be true or false", "write true or false")
_RULES: dict[str, Words] = {
    "greater_than_equal": ("must be at least {ge:g}", "write {ge:g} or more"),
    "greater_than": ("must be above {gt:g}", "write more than {gt:g}"),
    "less_than_equal": ("must be at most {le:g}", "write {le:g} or less"),
    "less_than": ("must be below {lt:g}", "write less than {lt:g}"),
    "finite_number": ("must be a finite number", "write it in digits"),
    "too_short": ("is empty", "give at least one"),
    "string_type": ("must be text", "write it in quotes"),
    "string_too_long": ("a name has at most {max_length} characters", ""),
    "string_pattern_mismatch": ("a name starts with a letter and has letters, digits, _ and - only", ""),
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "bool_type": _YES_NO,
    "bool_parsing": _YES_NO,
    "date_type": _DAY,
    "date_parsing": _DAY,
    "date_from_datetime_parsing": _DAY,
    "date_from_datetime_inexact": _DAY,
}

# ------------------------------------------------------------------------------------------------- names, early


_REFERENCES = (
    ("contact_types.*.channel", "channels", "channel"),
    ("contact_types.*.bot.uses", "bots", "bot"),
    ("agent_groups.*.skills", "contact_types", "contact type"),
    ("contact_types.*.follow_ups.*.to", "contact_types", "contact type"),
    ("backlog", "contact_types", "contact type"),
    ("at_work.*.contact_type", "contact_types", "contact type"),
    ("at_work.*.group", "agent_groups", "agent group"),
    ("routing.weights", "contact_types", "contact type"),
    ("routing.costs", "contact_types", "contact type"),
    ("routing.ratios", "contact_types", "contact type"),
    ("routing.scores", "contact_types", "contact type"),
    ("events.*.contact_types", "contact_types", "contact type"),
    ("events.*.mix", "contact_types", "contact type"),
    ("targets.*.contact_types", "contact_types", "contact type"),
    ("targets.*.agent_groups", "agent_groups", "agent group"),
    ("shift_templates.*.groups", "agent_groups", "agent group"),
    ("trace.*.contact_type", "contact_types", "contact type"),
    ("staffing.levels", "agent_groups", "agent group"),
    ("staffing.shifts.*.group", "agent_groups", "agent group"),
)
_NAMED_BY_KEYS = ("busyness.by_type", "busyness.correlation", "busyness.correlation.*")
"""Tables whose keys are contact types, and whose values are none."""


def dangling(tree: Node) -> Iterator[Problem]:
    """Names that stand for nothing, looked for in the tree itself.

    A scenario whose models are refused is never asked for these; so all problems can be told at once all the same.
    """
    for pattern, section, kind in _REFERENCES:
        known = _section(tree, section)
        for place, node in find(tree, pattern):
            for where, name, at in _names(place, node):
                if name not in known:
                    yield problem(at, where, *split(unknown_name(name, known, kind)))
    types = _section(tree, "contact_types")
    for place, node in (found for pattern in _NAMED_BY_KEYS for found in find(tree, pattern)):
        for name, entry in node.entries.items():
            if name not in types:
                yield problem(entry, (*place, name), *split(unknown_name(name, types, "contact type")))
    bots = _section(tree, "bots")
    for place, node in find(tree, "contact_types.*.bot"):
        if node.entries and "uses" not in node.entries and "bot" not in bots:
            yield problem(node, (*place, "uses"), *split(unknown_name("bot", bots, "bot")))
    served = {name for _, skills in find(tree, "agent_groups.*.skills") for _, name, _ in _names((), skills)}
    for place, node in find(tree, "contact_types.*"):
        if served and place[-1] not in served:
            yield problem(node, place, *split(f"nobody can serve {place[-1]}: give an agent group this skill"))


def _section(tree: Node, name: str) -> dict[str, Node]:
    section = tree.child(name)
    return {} if section is None else section.entries


def _names(place: Place, node: Node) -> Iterator[tuple[Place, str, Node]]:
    if node.text and node.text != "all":
        yield place, node.text, node
    yield from (((*place, i), item.text, item) for i, item in enumerate(node.items) if item.text)
    yield from (((*place, key), key, entry) for key, entry in node.entries.items())
