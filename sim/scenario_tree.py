"""A scenario as it was written: a tree of nodes, each of which knows the file and line that it came from.

Files become trees (`sim.scenario_file`, `sim.scenario_tables`), trees are laid over one another here, and whatever is
found wrong later is shown at its place. Trees are never changed: each function gives a new one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

Scalar = str | int | float | bool | None
Place = tuple[str | int, ...]
"""The keys and list indices that lead to a node from the root."""


@dataclass(frozen=True)
class Origin:
    """Where a node was written: the file as it is shown, the line from 1, the folder that its paths start from."""

    file: str
    line: int | None = None
    folder: Path | None = None

    def at(self, line: int) -> "Origin":
        """The same file, another line."""
        return replace(self, line=line)


@dataclass(frozen=True)
class Node:
    """A scalar, a mapping or a list; `whole`: it came as one table, and replaces what it is laid over."""

    value: "Scalar | dict[str, Node] | list[Node]"
    origin: Origin
    whole: bool = False

    @property
    def entries(self) -> "dict[str, Node]":
        """Of a mapping; of anything else none."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def items(self) -> "list[Node]":
        """Of a list; of anything else none."""
        return self.value if isinstance(self.value, list) else []

    @property
    def text(self) -> str:
        """A scalar that is text; anything else is empty."""
        return self.value if isinstance(self.value, str) else ""

    def child(self, part: str | int) -> "Node | None":
        """One step down."""
        if isinstance(part, int):
            return self.items[part] if 0 <= part < len(self.items) else None
        return self.entries.get(part)

    def at(self, *place: str | int) -> "Node | None":
        """The node at a place, if there is one."""
        node: Node | None = self
        for part in place:
            node = node.child(part) if node is not None else None
        return node

    def plain(self) -> Any:
        """The same as Python values, without origins."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


_FORMS = {"staffing": {"levels", "shifts"}, "arrivals": {"per_hour", "per_day", "counts", "forecast"}}
"""Sections that are written in one of several forms."""


def merge(base: Node, over: Node, place: Place = ()) -> Node:
    """`over` laid over `base`: mappings key by key, lists and scalars replaced, null takes a key away.

    What is of another kind replaces: a table from a file, a distribution of another family, staffing or arrivals in
    another form, another routing policy.
    """
    both = isinstance(base.value, dict) and isinstance(over.value, dict)
    if not both or over.whole or _is_other_kind(base, over, place):
        return over
    merged = dict(base.entries)
    for key, node in over.entries.items():
        if key not in merged:
            merged[key] = node
        elif node.value is None:
            del merged[key]
        else:
            merged[key] = merge(merged[key], node, (*place, key))
    return Node(merged, over.origin)


def _is_other_kind(base: Node, over: Node, place: Place) -> bool:
    families = [family.value for node in (base, over) if (family := node.child("family"))]
    if len(families) == 2 and families[0] != families[1]:
        return True
    if place == ("routing",) and "policy" in over.entries:
        return (base.at("policy") or base).value != over.entries["policy"].value
    if ("by_time" in base.entries) != ("by_time" in over.entries):
        return bool({"family", "by_time"} & over.entries.keys())
    is_section = place == ("staffing",) or (len(place) == 3 and place[0] == "contact_types")
    forms = _FORMS.get(str(place[-1]), set()) if is_section else set()
    old, new = _said(base) & forms, _said(over) & forms
    return bool(old and new) and not old & new


def _said(node: Node) -> set[str]:
    return {key for key, entry in node.entries.items() if entry.value is not None}


def find(tree: Node, pattern: str) -> Iterator[tuple[Place, Node]]:
    """All nodes at places such as "contact_types.*.talk"; a star stands for any key or index."""
    found: list[tuple[Place, Node]] = [((), tree)]
    for part in pattern.split("."):
        found = [((*place, step), node) for place, top in found for step, node in children(top, part)]
    yield from found


def children(node: Node, part: str = "*") -> list[tuple[str | int, Node]]:
    """Key or index and node of each child that a part of a pattern stands for."""
    if part != "*":
        child = node.child(part)
        return [] if child is None else [(part, child)]
    return [*node.entries.items(), *enumerate(node.items)]


def mappings(node: Node, place: Place = ()) -> Iterator[tuple[Place, Node]]:
    """All mappings in a tree, parents first; what came as one table is not looked into."""
    if node.whole:
        return
    if isinstance(node.value, dict):
        yield place, node
    for step, child in children(node):
        if isinstance(child.value, dict | list):
            yield from mappings(child, (*place, step))


def put(tree: Node, place: Place, node: Node | None) -> Node:
    """The tree with another node at a place, or (None) without the key; missing mappings on the way are made."""
    if not place:
        assert node is not None, "the root stays"
        return node
    step, rest = place[0], place[1:]
    below = tree.child(step)
    if below is None and node is None:
        return tree
    origin = node.origin if node is not None else tree.origin
    new = put(below or Node({}, origin), rest, node) if rest or node is not None else None
    if isinstance(step, int):
        listed = list(tree.items)
        listed[step : step + 1] = [] if new is None else [new]
        return replace(tree, value=listed)
    kept = {key: old for key, old in tree.entries.items() if key != step or new is not None}
    return replace(tree, value=kept if new is None else {**kept, step: new})


def dotted(place: Place) -> str:
    """The place as people write it: contact_types.presale.talk."""
    return ".".join(map(str, place))
