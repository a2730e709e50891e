"""What files, overlays and `--set` make of one another: functions from tree to tree.

The talk base of bots, shared profiles and sources are settled here, before the models see the tree.
"""

from pydantic import TypeAdapter, ValidationError

from sim.desk.bots import MAX_ATTEMPTS, passed_over
from sim.scenario import Series, unknown_name
from sim.scenario_problems import Problem, did_you_mean, problem, split, translate
from sim.scenario_schema import keys_at, takes_any_key
from sim.scenario_tree import Node, Place, dotted, find, mappings, put
from sim.units import parse_share


class NoPlace(Exception):
    """A path that leads nowhere, and why."""

    def __init__(self, why: Problem) -> None:
        super().__init__(str(why))
        self.why = why


def with_baselines(tree: Node, before: Node | None = None) -> Node:
    """The tree with the containment of each bot kept as the one at which talk was measured, unless it is there.

    Called after each file of a chain and before overlays, so that what changes a bot later keeps the base of its talk.
    A bot that an overlay brings to a type that had none (`before`) met nobody when talk was measured: 0.
    """
    for place, bot in find(tree, "contact_types.*.bot"):
        if not bot.entries or "baseline_containment" in bot.entries:
            continue
        measured = bot.child("containment")
        if measured is None or (before is not None and before.at(*place[:2]) is not None):
            measured = Node(0, bot.origin)
        if _is_share(measured):
            base = {"baseline_containment": measured}
            if measured.value and (passed_over := _passed_over(bot)):
                base["baseline_passed_over"] = Node(passed_over, bot.origin)
            difficulty = tree.at(*place[:2], "difficulty")
            for key, value in base.items():
                tree = put(tree, (*place, key), value)
                if difficulty is not None and difficulty.entries:  # stays when the bot is taken away
                    tree = put(tree, (*place[:2], "difficulty", key), value)
    return tree


def _passed_over(bot: Node) -> float:
    """The share that a bot passes over; 0 where it cannot be read, and is refused later."""
    recognition, attempts = bot.child("recognition"), bot.child("max_attempts")
    shares = [node.value for _, node in find(bot, "triggers.*.share")]
    try:
        triggered = sum(parse_share(share) for share in shares)
        understood = parse_share(recognition.value) if recognition else 1.0
        return passed_over(triggered, understood, int(str(attempts.value)) if attempts else MAX_ATTEMPTS)
    except ValueError:
        return 0.0


def _is_share(node: Node) -> bool:
    try:
        return 0 <= parse_share(node.value) <= 1
    except ValueError:
        return False


def with_profiles(tree: Node) -> tuple[Node, list[Problem]]:
    """The tree with names of shared profiles replaced by the profiles, and these taken away."""
    shared = tree.child("profiles")
    known = shared.entries if shared is not None else {}
    found: list[Problem] = []
    for name, profile in known.items():
        try:
            TypeAdapter(Series).validate_python(profile.plain())
        except ValidationError as error:
            found += translate(error, tree, ("profiles", name))
    for place, node in find(tree, "contact_types.*.arrivals.profile"):
        if node.text in known:
            tree = put(tree, place, known[node.text])
        elif node.text:
            found.append(problem(node, place, *split(unknown_name(node.text, known, "profile"))))
            tree = put(tree, place, Node({"00:00": Node(1, node.origin)}, node.origin))
    if any(problem.path.startswith("profiles.") for problem in found):
        tree = _harmless(tree)
    return put(tree, ("profiles",), None), found


def _harmless(tree: Node) -> Node:
    """The tree with flat profiles, so that what is wrong with a shared one is not told again for each type."""
    for place, node in find(tree, "contact_types.*.arrivals.profile"):
        tree = put(tree, place, Node({"00:00": Node(1, node.origin)}, node.origin))
    return tree


def with_sources(tree: Node) -> Node:
    """The tree with each `source:` moved into its table of sources, under the place that it stood at."""
    found = {
        place: node.entries["source"]
        for place, node in mappings(tree)
        if place[:1] != ("sources",) and "source" in node.entries and node.entries["source"].text
    }
    for place, source in found.items():
        tree = put(tree, (*place, "source"), None)
        where = ("sources", dotted(place) or "scenario")
        tree = tree if tree.at(*where) else put(tree, where, source)
    return tree


def places_of(tree: Node, path: str, written: Node) -> list[Place]:
    """The places that a dotted path leads to; a star stands for each that is there, the last key may be new.

    Raises NoPlace where there is and can be no such place.
    """
    above, _, last = path.strip().rpartition(".")
    if "*" not in above:
        return [place_of(tree, path, written)]
    found = [place for place, node in find(tree, above) if node.value is not None]
    if not found:
        raise NoPlace(problem(written, (path,), "the star stands for nothing that is there"))
    return [place_of(tree, ".".join(map(str, (*place, last))), written) for place in found]


def place_of(tree: Node, path: str, written: Node) -> Place:
    """The place that a dotted path leads to; raises NoPlace where there is and can be no such place."""
    place: Place = ()
    node: Node | None = tree
    parts = path.strip().split(".")
    for i, part in enumerate(parts):
        step = _step(tree, place, node, part, is_last=i == len(parts) - 1, written=written)
        place, node = (*place, step), node.child(step) if node is not None else None
    return place


def _step(tree: Node, place: Place, node: Node | None, part: str, *, is_last: bool, written: Node) -> str | int:
    if node is not None and isinstance(node.value, list):
        if not part.isdigit() or int(part) >= len(node.items):
            rule = f"{dotted(place)} is a list of {len(node.items)}: its items are numbered from 0"
            raise NoPlace(problem(written, (*place, part), rule))
        return int(part)
    known = dict.fromkeys([*keys_at(tree, place), *(node.entries if node is not None else ())])
    if node is not None and node.value is not None and not isinstance(node.value, dict):
        raise NoPlace(problem(written, (*place, part), f"{dotted(place)} is {node.value}, which has no parts"))
    if part not in known and not (is_last and takes_any_key(tree, place)):
        raise NoPlace(problem(written, (*place, part), "no such key", did_you_mean(part, known)))
    return part
