"""Where contacts go: from arrival through bot and queue to their ends, and who of them comes again."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from sim.report.figures import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION, Drawing, blank
from sim.report.records import Records, number, share

BOT_ENDINGS = {
    "bot_resolved": ("resolved in bot", GREEN),
    "bot_contained_unresolved": ("contained, not resolved", ORANGE),
    "bot_gave_up": ("gave up in bot", PURPLE),
}
PERSON_ENDINGS = {
    "answered": ("answered", BLUE),
    "called_back": ("called back", SKY),
    "abandoned": ("abandoned", VERMILION),
    "balked": ("balked", ORANGE),
    "callback_unanswered": ("not there when called back", PURPLE),
    "withdrawn": ("withdrawn", GREY),
    "unserved": ("unserved", BLACK),
    "blocked": ("blocked", BLACK),
    "closed": ("closed", GREY),
}
FOLLOW_UPS = {
    "redials": ("redials", VERMILION),
    "repeats": ("repeats", ORANGE),
    "transfers": ("transfers", BLUE),
    "asked_elsewhere": ("asked elsewhere", PURPLE),
}
LEAST = 0.0005
"""Ends that fewer of the arrived come to are not drawn."""


@dataclass
class _Node:
    """A bar of the flow: place, size in contacts, and how much of it ribbons have used on either side."""

    label: str
    x: float
    top: float
    size: float
    entered: float = 0.0
    left: float = 0.0


def flow(records: Records) -> Drawing | None:
    """Where contacts go, from first contacts and follow-ups to their ends; means of a replication."""
    counts = _counts(records)
    arrived = counts["arrived"]
    if not arrived:
        return None
    nodes = _nodes(counts)
    ends = sum(node.x == 3.0 for node in nodes.values())
    figure = blank(max(3.4, 0.34 * ends + 1.2))
    axes = figure.add_subplot()
    for source, target, count, colour in _links(counts):
        if source in nodes and target in nodes:
            _ribbon(axes, nodes[source], nodes[target], count, colour)
    for node in nodes.values():
        _bar(axes, node, arrived)
    axes.invert_yaxis()
    axes.set_axis_off()
    axes.set_xlim(-2.35 if "first" in nodes else -0.35, 4.6)
    said = ", ".join(f"{node.label} {number(node.size)}" for node in nodes.values())
    return Drawing(title="Flow of contacts", description=f"Mean numbers in one replication: {said}.", figure=figure)


def _counts(records: Records) -> dict[str, float]:
    """Contacts in a replication by measure; what a result does not know of is none."""
    names = ("arrived", "bot_entered", *BOT_ENDINGS, *PERSON_ENDINGS, *FOLLOW_UPS)
    counts = {name: records.mean(name) or 0.0 for name in names}
    return counts | {"first": counts["arrived"] - sum(counts[name] for name in FOLLOW_UPS)}


def _nodes(counts: dict[str, float]) -> dict[str, _Node]:
    arrived, in_bot = counts["arrived"], counts["bot_entered"]
    nodes, asked_top = _stacked(counts, BOT_ENDINGS | PERSON_ENDINGS, 3.0, "answered")
    nodes["asked"] = _Node("asked for a person", 2.0, asked_top, sum(counts[name] for name in PERSON_ENDINGS))
    nodes["arrived"] = _Node("arrived", 0.0, 0.0, arrived)
    if in_bot:
        nodes["bot"] = _Node("bot", 1.0, 0.0, in_bot)
    if any(counts[name] for name in FOLLOW_UPS):
        nodes |= _stacked(counts, {"first": ("first contacts", GREY)} | FOLLOW_UPS, -1.0)[0]
    return nodes


def _stacked(
    counts: dict[str, float], of: dict[str, tuple[str, str]], x: float, marked: str = ""
) -> tuple[dict[str, _Node], float]:
    """Bars below one another with room for their labels, and where the one that is marked begins."""
    arrived, found, top, mark = counts["arrived"], dict[str, _Node](), 0.0, 0.0
    for name, (label, _) in of.items():
        mark = top if name == marked else mark
        if counts[name] > LEAST * arrived:
            found[name] = _Node(label, x, top, counts[name])
            top += max(counts[name] + 0.04 * arrived, 0.085 * arrived)
    return found, mark


def _links(counts: dict[str, float]) -> Iterator[tuple[str, str, float, str]]:
    """Source, target, contacts, colour; from the top of each bar downwards."""
    in_bot = counts["bot_entered"]
    asked = sum(counts[name] for name in PERSON_ENDINGS)
    handed_off = in_bot - sum(counts[name] for name in BOT_ENDINGS)
    links = [("first", "arrived", counts["first"], GREY)]
    links += [(name, "arrived", counts[name], colour) for name, (_, colour) in FOLLOW_UPS.items()]
    links.append(("arrived", "bot", in_bot, SKY))
    links += [("bot", name, counts[name], colour) for name, (_, colour) in BOT_ENDINGS.items()]
    links += [("bot", "asked", handed_off, SKY), ("arrived", "asked", asked - handed_off, GREY)]
    links += [("asked", name, counts[name], colour) for name, (_, colour) in PERSON_ENDINGS.items()]
    yield from (link for link in links if link[2] > 0)


def _ribbon(axes: Axes, source: _Node, target: _Node, count: float, colour: str) -> None:
    """A band of the height of its contacts, bent in an S."""
    at = np.linspace(0.0, 1.0, 40)
    bend = at * at * (3.0 - 2.0 * at)
    start, end = source.top + source.left, target.top + target.entered
    upper = start + (end - start) * bend
    x = source.x + 0.06 + (target.x - source.x - 0.06) * at
    axes.fill_between(x, upper, upper + count, color=colour, alpha=0.35, linewidth=0)
    source.left += count
    target.entered += count


def _bar(axes: Axes, node: _Node, arrived: float) -> None:
    axes.fill_between([node.x, node.x + 0.06], node.top, node.top + node.size, color="#333333", linewidth=0)
    size, middle = number(node.size), node.top + node.size / 2
    size += f" ({share(node.size / arrived)})" if node.x else ""
    if node.x == 3.0:
        axes.text(3.1, middle, f"{node.label}: {size}", ha="left", va="center")
    elif node.x == -1.0:
        axes.text(-1.04, middle, f"{node.label}: {size}", ha="right", va="center")
    else:
        axes.text(node.x + 0.03, node.top - 0.02 * arrived, f"{node.label}\n{size}", ha="center", va="bottom",
                  bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.5})  # fmt: skip


__all__ = ["flow"]
