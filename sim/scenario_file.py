"""Scenario files: YAML with tables beside it in, a `Scenario` or all that is wrong with it out; and back to text.

A file may extend another, overlays are laid over it in order, `--set path=value` changes single values. Every node of
the merged tree knows its file and line, so that each problem is shown where it was written.
"""

import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from io import StringIO
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import ScalarNode, SequenceNode
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

from sim.scenario import Scenario
from sim.scenario_check import CheckReport, check_table, expected_by_day, oddities, whole_file_problems
from sim.scenario_inline import Inliner
from sim.scenario_layers import NoPlace, places_of, with_baselines, with_profiles, with_sources
from sim.scenario_problems import (
    Problem,
    ScenarioErrors,
    asks_for_names,
    dangling,
    did_you_mean,
    file_problem,
    problem,
    translate,
)
from sim.scenario_schema import json_schema
from sim.scenario_tables import NoTable, beside, paths_csv, shifts_csv, trace_csv
from sim.scenario_tree import Node, Origin, Place, Scalar, merge, put

__all__ = [
    "CheckReport",
    "Problem",
    "ScenarioErrors",
    "bundled",
    "check",
    "dump",
    "files_of",
    "json_schema",
    "load",
    "load_text",
    "read",
    "resolve",
    "shifts_csv",
]

Files = Sequence[str | Path]
MOST_NODES = 1_000_000
"""More values than any desk has by hand: aliases of aliases can make a short file endless."""
_SET = "--set"

# ---------------------------------------------------------------------------------------------------------- in and out


def load(path: str | Path, overlays: Files = (), sets: Sequence[str] = (), *, allow_path: bool = False) -> Scenario:
    """The scenario in a file (or of a bundled name), with overlays laid over it and `path=value` texts applied.

    Raises ScenarioErrors with all problems at once.
    """
    return _Reading(allow_path=allow_path).scenario(path, overlays, sets)[0]


def load_text(text: str, sets: Sequence[str] = (), *, name: str = "text", folder: Path | None = None) -> Scenario:
    """The scenario in a YAML text; tables and bases beside it are looked for in `folder`."""
    reading = _Reading(allow_path=False)
    chain = reading.chain_of(_parse_mapping(text, Origin(name, None, folder)), seen=())
    return reading.filled(reading.settled(reading.layered(chain, (), sets, folder)))


def read(path: str | Path, overlays: Files = (), sets: Sequence[str] = (), *, allow_path: bool = False) -> Node:
    """The merged tree that `load` fills a scenario from, each node with its file and line."""
    reading = _Reading(allow_path=allow_path)
    tree = reading.tree(path, overlays, sets)
    reading.complain()
    return tree


def is_overlay(path: str | Path) -> bool:
    """Whether a file is meant to be laid over a scenario: it extends none and has no horizon of its own."""
    file = resolve(path)
    tree = _parse_mapping(_text_of(file, Origin(str(path))), Origin(str(path), None, file.parent))
    return not {"extends", "horizon"} & tree.entries.keys()


def check(path: str | Path, overlays: Files = (), sets: Sequence[str] = (), *, allow_path: bool = False) -> CheckReport:
    """All problems, oddities and expected contacts per day of a scenario file, or of an interval table (CSV)."""
    if Path(path).suffix.lower() in (".csv", ".tsv", ".txt"):
        return check_table(resolve(path))
    try:
        scenario, tree = _Reading(allow_path=allow_path).scenario(path, overlays, sets)
    except ScenarioErrors as errors:
        return CheckReport(file=str(path), problems=errors.problems)
    return CheckReport(
        file=str(path), scenario=scenario, warnings=tuple(oddities(scenario, tree)), expected=expected_by_day(scenario)
    )


def dump(scenario: Scenario) -> str:
    """The scenario as YAML with every table inside; `load_text` of it gives an equal scenario."""
    plain = scenario.model_dump(mode="json", exclude_none=True)
    for name, kind in scenario.contact_types.items():
        if kind.bot is not None and kind.bot.baseline_containment is None:
            plain["contact_types"][name]["bot"]["baseline_containment"] = None
    if scenario.trace:
        plain["trace"] = {"table": LiteralScalarString(trace_csv(scenario.trace))}
    if scenario.forecast:
        plain["forecast"] = {"paths": {"table": LiteralScalarString(paths_csv(scenario.forecast))}}
    yaml, out = YAML(typ="rt"), StringIO()
    yaml.width = 120
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.dump(_styled(plain), out)
    return out.getvalue()


def _styled(value: Any) -> Any:
    """Small leaves on one line, anything but words in quotes (a reader of YAML 1.1 takes 8:30 for a number)."""
    if isinstance(value, str) and not isinstance(value, LiteralScalarString):
        return value if re.fullmatch(r"(\w[\w .%/-]*)?[\w%]", value) else DoubleQuotedScalarString(value)
    if not isinstance(value, dict | list):
        return value
    children = list(value.values()) if isinstance(value, dict) else value
    styled: Any = CommentedMap() if isinstance(value, dict) else CommentedSeq()
    if isinstance(value, dict):
        styled.update({_styled(key): _styled(part) for key, part in value.items()})
    else:
        styled.extend(_styled(part) for part in value)
    if len(str(value)) < 100 and not any(isinstance(part, dict | LiteralScalarString) for part in children):
        styled.fa.set_flow_style()
    return styled


# ------------------------------------------------------------------------------------------------------ finding files


@cache
def bundled() -> tuple[str, ...]:
    """Names of the scenarios that come with peakdesk."""
    return tuple(sorted(path.stem for path in _bundle().glob("*.yaml")))


def _bundle() -> Path:
    return Path(str(files("scenarios")))


def resolve(name_or_path: str | Path) -> Path:
    """The file meant by a path, or by the name of a bundled scenario; raises ScenarioErrors if there is none."""
    path, name = Path(name_or_path), str(name_or_path)
    if path.is_file():
        return path
    if name in bundled():
        return _bundle() / f"{name}.yaml"
    if path.is_dir():
        inside = ", ".join(sorted(str(file) for file in path.glob("*.y*ml")))
        fix = f"give a file in it: {inside}" if inside else "give a file: there is no scenario in it"
        raise ScenarioErrors([file_problem(Origin(name), "this is a folder", fix)])
    beside_it = path.parent.glob("*.y*ml") if path.parent.is_dir() else ()
    near = did_you_mean(path.name, [*bundled(), *(other.name for other in beside_it)])
    hint = f"{near} " if near.startswith("did") else ""
    rule = "there is no such file, and no bundled scenario of this name"
    raise ScenarioErrors([file_problem(Origin(name), rule, f"{hint}bundled: {', '.join(bundled()) or 'none'}")])


def files_of(path: Path) -> list[Path]:
    """A scenario file, then all files beside it that it names: what it extends, and tables."""
    found = [path]
    for file in found:
        named = re.findall(r"[\w.-]+\.(?:csv|ya?ml)", file.read_text(encoding="utf-8"))
        others = dict.fromkeys(file.with_name(name) for name in named)
        found += [other for other in others if other.is_file() and other not in found]
    return found


class _Reading:
    """One reading of a scenario: files into one tree, the tree into a Scenario; problems gathered on the way."""

    def __init__(self, *, allow_path: bool) -> None:
        self._allow_path = allow_path
        self._inliner = Inliner(allow_path=allow_path)
        self._problems = self._inliner.problems

    def scenario(self, path: str | Path, overlays: Files, sets: Sequence[str]) -> tuple[Scenario, Node]:
        tree = self.tree(path, overlays, sets)
        return self.filled(tree), tree

    def tree(self, path: str | Path, overlays: Files, sets: Sequence[str]) -> Node:
        file = resolve(path)
        chain = self.chain(file, seen=())
        if "name" not in chain[-1].entries:
            chain[-1] = put(chain[-1], ("name",), Node(file.stem, chain[-1].origin))
        return self.settled(self.layered(chain, overlays, sets, file.parent))

    def complain(self) -> None:
        """Raise what was found so far, in the order of files and lines."""
        if self._problems:
            order = list(dict.fromkeys(wrong.file for wrong in self._problems))
            raise ScenarioErrors(sorted(self._problems, key=lambda wrong: (order.index(wrong.file), wrong.line or 0)))

    def chain(self, path: Path, seen: tuple[Path, ...]) -> list[Node]:
        """The file's tree, preceded by those of the files that it extends, the deepest first."""
        shown = path.name if path.is_relative_to(_bundle()) else str(path)
        origin = Origin(shown, None, path.parent)
        return self.chain_of(_parse_mapping(_text_of(path, origin), origin), (*seen, path.resolve()))

    def chain_of(self, tree: Node, seen: tuple[Path, ...]) -> list[Node]:
        tree = self._inliner.inline(tree)
        base = tree.child("extends")
        if base is None:
            return [tree]
        below = self._base(base)
        if below.resolve() in seen:
            circle = " → ".join(path.name for path in (*seen, below))
            rule = f"files extend each other in a circle ({circle})"
            raise ScenarioErrors([problem(base, ("extends",), rule, "take one extends away")])
        return [*self.chain(below, seen), put(tree, ("extends",), None)]

    def _base(self, base: Node) -> Path:
        if base.text in bundled() and not (base.origin.folder or Path()).joinpath(base.text).is_file():
            return _bundle() / f"{base.text}.yaml"
        try:
            return beside(base, base.text, ("extends",), allow_path=self._allow_path)[0]
        except NoTable as none:
            raise ScenarioErrors([none.why]) from None

    def layered(self, chain: list[Node], overlays: Files, sets: Sequence[str], folder: Path | None) -> Node:
        """A chain of files merged, then overlays, then sets."""
        tree = with_baselines(chain[0])
        for over in chain[1:]:
            tree = with_baselines(merge(tree, over))
        before = tree
        for overlay in overlays:
            tree = merge(tree, self._overlay(overlay))
        for text in sets:
            tree = self._set(tree, text, folder)
        return with_baselines(self._inliner.inline(tree), before)

    def _overlay(self, overlay: str | Path) -> Node:
        over = self.chain(resolve(overlay), seen=())
        if len(over) > 1:
            rule = "an overlay is laid over another scenario and extends none"
            raise ScenarioErrors([file_problem(over[-1].origin, rule, "take extends out, or give it as the scenario")])
        return over[0]

    def _set(self, tree: Node, text: str, folder: Path | None) -> Node:
        path, equals, value = text.partition("=")
        origin = Origin(_SET, None, folder)
        if not equals or not value.strip():
            rule = f"{text!r} sets nothing"
            raise ScenarioErrors([file_problem(origin, rule, "write path=value, for example busyness.cv=10%")])
        node = _parse(value, origin)
        try:
            for place in places_of(tree, path, Node({}, origin)):
                tree = put(tree, place, None if node.value is None else node)
        except NoPlace as nowhere:
            self._problems.append(nowhere.why)
        return tree

    def settled(self, tree: Node) -> Node:
        """The tree with all that is written for people's convenience resolved."""
        tree, wrong = with_profiles(with_sources(tree))
        self._problems += wrong
        return self._inliner.local_arrivals(tree)

    def filled(self, tree: Node) -> Scenario:
        """The scenario that a tree describes; raises all problems found so far."""
        try:
            scenario = Scenario.model_validate(tree.plain())
        except ValidationError as error:
            self._problems += translate(error, tree)
            if not asks_for_names(error):
                self._problems += dangling(tree)
        else:
            told = tuple(f"{wrong.path}." for wrong in self._problems if wrong.path)
            whole = whole_file_problems(scenario, tree)
            self._problems += [wrong for wrong in whole if not f"{wrong.path}.".startswith(told)]
        self.complain()
        return scenario


# --------------------------------------------------------------------------------------------------- YAML into trees

_SYNTAX = (
    ("'\\t'", "a tab stands where YAML wants spaces", "indent with spaces"),
    ("mapping values are not allowed", "a colon stands where none can", "put the text in quotes, or indent it"),
    ("could not find expected ':'", "this line has no colon where one is needed", "write key: value"),
    ("<stream end>", "a bracket is opened and never closed", "close it"),
    ("unexpected end of stream", "a quote is opened and never closed", "close it"),
    ("expected ',' or", "a bracket is not closed, or a comma is missing", "close it"),
    ("expected <block end>", "the indentation does not fit the lines above", "align it with them"),
    ("undefined alias", "the alias stands for nothing", "write the anchor (&name) before it is used (*name)"),
    ("another document", "a second document begins", "one file holds one scenario"),
)


def _text_of(path: Path, origin: Origin) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ScenarioErrors([file_problem(origin.at(line), "this is not UTF-8", "save the file as UTF-8")]) from None
    except OSError as error:
        raise ScenarioErrors([file_problem(origin, f"the file cannot be read: {error.strerror}")]) from None


def _parse_mapping(text: str, origin: Origin) -> Node:
    tree = _parse(text, origin)
    if not isinstance(tree.value, dict):
        raise ScenarioErrors([file_problem(tree.origin, "a scenario is a table of keys", "write key: value")])
    return tree


def _parse(text: str, origin: Origin) -> Node:
    """A YAML text as a tree; raises ScenarioErrors where it is none."""
    try:
        root = YAML(typ="rt").compose(text)
    except MarkedYAMLError as error:
        raise ScenarioErrors([_syntax(error, origin)]) from None
    except (YAMLError, RecursionError) as error:
        rule = "nested too deeply" if isinstance(error, RecursionError) else "a character that YAML does not allow"
        raise ScenarioErrors([file_problem(origin, rule)]) from None
    if root is None:
        raise ScenarioErrors([file_problem(origin.at(1), "the file is empty", "start from peakdesk init")])
    builder = _Builder(origin)
    tree = builder.build(root, ())
    if builder.problems:
        raise ScenarioErrors(builder.problems)
    return tree


def _syntax(error: MarkedYAMLError, origin: Origin) -> Problem:
    text = str(error.problem or error.context or error)
    is_open = any(sign in text for sign in ("stream end", "end of stream", "expected ',' or"))
    mark = (error.context_mark if is_open else None) or error.problem_mark or error.context_mark
    rule, fix = next(((rule, fix) for sign, rule, fix in _SYNTAX if sign in text), (f"YAML: {text}", ""))
    return file_problem(origin.at(mark.line + 1) if mark and origin.file != _SET else origin, rule, fix)


class _Builder:
    """Nodes of the YAML parser into ours; keys given twice and the like are gathered in `problems`."""

    def __init__(self, origin: Origin) -> None:
        self.problems: list[Problem] = []
        self._origin = origin
        self._open: set[int] = set()
        self._built = 0

    def build(self, raw: Any, place: Place, key: Any = None) -> Node:
        origin = self._at(raw if key is None or isinstance(raw, ScalarNode) else key)
        self._built += 1
        if self._built > MOST_NODES:
            raise ScenarioErrors([file_problem(origin, "the file has too many values", "put tables into CSV files")])
        if isinstance(raw, ScalarNode):
            return Node(self._scalar(raw, place), origin)
        if id(raw) in self._open:
            self.problems.append(problem(Node({}, origin), place, "this part contains itself"))
            return Node(None, origin)
        self._open.add(id(raw))
        if isinstance(raw, SequenceNode):
            node = Node([self.build(item, (*place, i)) for i, item in enumerate(raw.value)], origin)
        else:
            node = Node(self._mapping(raw, place), origin)
        self._open.remove(id(raw))
        return node

    def _at(self, raw: Any) -> Origin:
        return self._origin if self._origin.file == _SET else self._origin.at(raw.start_mark.line + 1)

    def _mapping(self, raw: Any, place: Place) -> dict[str, Node]:
        found: dict[str, Node] = {}
        merged: dict[str, Node] = {}
        lines: dict[str, int] = {}
        for key, value in raw.value:
            if key.tag.endswith(":merge"):
                for part in value.value if isinstance(value, SequenceNode) else [value]:
                    merged = {**self.build(part, place).entries, **merged}
                continue
            name, where = _text(key.value), Node({}, self._at(key))
            if not isinstance(key, ScalarNode):
                self.problems.append(problem(where, place, "a key must be text"))
            elif name in lines:
                rule = f"is given twice (first in line {lines[name]})"
                self.problems.append(problem(where, (*place, name), rule, "take one away"))
            lines.setdefault(name, key.start_mark.line + 1)
            found[name] = self.build(value, (*place, name), key)
        return {**merged, **found}

    def _scalar(self, raw: ScalarNode, place: Place) -> Scalar:
        kind, text = str(raw.tag).rpartition(":")[2], _text(raw.value)
        plain = text.replace("_", "")
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        if kind == "int":
            return int(plain, 0 if re.match(r"[+-]?0[box]", plain) else 10)
        if kind == "float":
            return float(re.sub(r"\.(inf|nan)", r"\1", plain, flags=re.IGNORECASE))
        if not str(raw.tag).startswith("tag:yaml.org,2002:"):
            self.problems.append(problem(Node({}, self._at(raw)), place, f"the tag {raw.tag} means nothing here"))
        return text


def _text(value: Any) -> str:
    """Text as it is; JSON writes rare characters as two halves, which are put together."""
    text = str(value)
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
