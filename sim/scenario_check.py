"""What only a whole scenario can show: counts with gaps, odd handle times, expected contacts per day.

Also interval tables on their own, so that a planner can check a CSV before it becomes part of a scenario.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import date
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from sim.clock import Horizon, Moment, format_moment, parse_moment
from sim.scenario import ContactType, Scenario
from sim.scenario_problems import Problem, file_problem, problem, split
from sim.scenario_tables import NoTable, Row, Table, read_table
from sim.scenario_tree import Node, Origin, Place, find

SHORTEST_S, LONGEST_S = 10.0, 3600.0
TIMES_THE_MEDIAN = 10.0
"""A mean handle time outside these, or so many times above or below those of other types, is worth a second look."""
DAY = 1440
Stamped = tuple[int, Row]
"""A row of a table and its minute: since the first day of the calendar, or of any day where labels have no date."""
_TIME_WORDS = ("aht", "acw", "handle", "talk", "wait", "asa")


@dataclass(frozen=True, kw_only=True)
class CheckReport:
    """What `check` found. `expected` contacts by contact type (or column) and local day."""

    file: str
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    expected: dict[str, dict[str, float]] = field(default_factory=dict)
    scenario: Scenario | None = None

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong; there may be warnings."""
        return not self.problems

    def as_object(self) -> dict[str, Any]:
        """The report as plain data for JSON, without the scenario."""
        found = {kind: [asdict(one) for one in getattr(self, kind)] for kind in ("problems", "warnings")}
        return {"file": self.file, "good": self.is_good, **found, "expected_contacts": self.expected}


# ------------------------------------------------------------------------------------------------ problems of a whole


def whole_file_problems(scenario: Scenario, tree: Node) -> Iterator[Problem]:
    """Labels given twice in two spellings, and counts that do not cover each interval of the horizon once."""
    for form in ("per_hour", "profile", "counts", "forecast.*"):
        for place, series in find(tree, f"contact_types.*.arrivals.{form}"):
            yield from _twice(place, series)
            has_profile = tree.at(*place[:3], "profile") is not None
            if form == "counts" or (form == "forecast.*" and not has_profile):
                yield from _uncovered(scenario.horizon, place, _listed(series))
    for place, path in find(tree, "forecast.paths.*"):
        for name, series in path.entries.items():
            wrong = [*_twice((*place, name), series), *_uncovered(scenario.horizon, (*place, name), _listed(series))]
            yield from wrong
            if wrong:
                break
    for labelled in ("staffing.levels.*", "bots.*.capacity", "contact_types.*.bot.drift"):
        for place, series in find(tree, labelled):
            yield from _twice(place, series)


def _listed(series: Node) -> Node:
    """A series by label, also where it was written as one number."""
    return series if series.entries else Node({"00:00": series}, series.origin)


def _twice(place: Place, series: Node) -> Iterator[Problem]:
    first: dict[Moment, str] = {}
    for label, node in series.entries.items():
        other = first.setdefault(parse_moment(label), label)
        if other != label:
            yield problem(Node({}, node.origin), (*place, label), f"is given twice (first as {other})")


def _uncovered(horizon: Horizon, place: Place, series: Node) -> Iterator[Problem]:
    """Labels that begin no interval or two, and intervals without a label."""
    starts = [(at.date(), at.hour * 60 + at.minute) for at in horizon.interval_starts]
    often, clocks = Counter(starts), {minutes for _, minutes in starts}
    known = {parse_moment(label): node for label, node in series.entries.items()}
    for moment, node in known.items():
        day, minutes = moment
        where, label = (*place, format_moment(moment)), Node({}, node.origin)
        times = often[day, minutes] if day is not None else int(minutes in clocks)
        if times == 0:
            yield problem(label, where, f"no interval of the horizon begins at {format_moment(moment)}", _grid(horizon))
        elif times > 1:
            rule = f"{format_moment(moment)} exists twice in {horizon.zone} (clock change)"
            yield problem(label, where, rule, "give per_hour instead of counts")
    gaps = [start for start in often if start not in known and (None, start[1]) not in known]
    if gaps:
        shown = ", ".join(format_moment(gap) for gap in gaps[:3]) + (", …" if len(gaps) > 3 else "")
        rule = f"no count for {len(gaps)} of {horizon.intervals} intervals ({shown})"
        yield problem(_before(series, known, gaps[0]), place, rule, "write 0 where nobody comes")


def _grid(horizon: Horizon) -> str:
    first, last = horizon.local(0), horizon.local(horizon.length_ms)
    every = f"every {horizon.interval / 60:g} min"
    return f"they begin {every} from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}"


def _before(series: Node, known: dict[Moment, Node], gap: Moment) -> Node:
    """The label before a gap: the line to look at."""
    earlier = [moment for moment in known if (moment[0] or gap[0], moment[1]) < gap]
    nearest = max(earlier, key=lambda moment: (moment[0] or gap[0], moment[1]), default=None)
    return Node({}, known[nearest].origin if nearest is not None else series.origin)


# ----------------------------------------------------------------------------------------------------------- oddities


def oddities(scenario: Scenario, tree: Node) -> Iterator[Problem]:
    """What is allowed and yet looks like a slip."""
    yield from _odd_handle_times(scenario, tree)
    yield from _odd_times(scenario, tree)
    comes = {row.contact_type for row in scenario.trace or ()} | scenario.backlog.keys()
    comes |= set(scenario.forecast.contact_types) if scenario.forecast else set()
    comes |= {rule.to for kind in scenario.contact_types.values() for rule in kind.follow_ups.values() if rule.to}
    for name, kind in scenario.contact_types.items():
        if kind.arrivals is None and name not in comes:
            yield _at(tree, ("contact_types", name), "nobody ever comes", "give arrivals")
    yield from _idle_settings(scenario, tree)
    yield from _older_first(scenario, tree)
    if scenario.staffing is None:
        yield _at(tree, (), "nobody is scheduled, and a simulation needs staffing", "plan it, or give levels or shifts")
        return
    levels, shifts = scenario.staffing.levels or {}, scenario.staffing.shifts or ()
    present = {group for group, heads in levels.items() if any(heads.values())}
    present |= {shift.group for shift in shifts if shift.number}
    for group in scenario.agent_groups:
        if group not in present:
            yield _at(tree, ("agent_groups", group), "nobody of this group is scheduled")
    yield from _too_many_at_work(scenario, tree)


def _older_first(scenario: Scenario, tree: Node) -> Iterator[Problem]:
    """Groups whose agents take what can wait for hours before a caller, for it is older and ranks the same."""
    kinds = {name: scenario.channels[kind.channel].deferred for name, kind in scenario.contact_types.items()}
    if scenario.routing.policy in {"fcfs", "own_first"} or not any(kinds.values()):
        return  # who says so means it
    from sim.mechanisms import ContactChoice
    from sim.policies import route

    table = route(scenario)
    if table.contact_choice != ContactChoice.LONGEST_WAIT:
        return
    for g, (group, own) in enumerate(scenario.agent_groups.items()):
        rank = {name: table.type_rank[k, g] for k, name in enumerate(kinds) if name in own.skills}
        pairs = [(a, b) for a in rank for b in rank if kinds[a] and not kinds[b] and rank[a] == rank[b]]
        if pairs:
            mail, live = pairs[0]
            rule = f"who is free takes {mail} before {live}, wherever it is older: they rank the same"
            fix = f"let {mail} come second: priority: 1, or what this routing ranks by"
            yield _at(tree, ("agent_groups", group, "skills"), rule, fix)


def _too_many_at_work(scenario: Scenario, tree: Node) -> Iterator[Problem]:
    """Groups that have more in hand when the desk begins than their agents there can hold."""
    if not scenario.at_work or scenario.staffing is None:
        return
    from sim.attendance import levels_of

    there = levels_of(scenario, scenario.staffing)[0].tolist()
    in_hand: Counter[str] = Counter()
    for entry in scenario.at_work:
        in_hand[entry.group] += len(entry.remaining or ()) or entry.number or 0
    for (name, group), heads in zip(scenario.agent_groups.items(), there, strict=True):
        if in_hand[name] > heads * group.slots:
            rule = f"{in_hand[name]} are in hand in {name}, which begins with {heads} there: the others wait for it"
            yield _at(tree, ("at_work",), rule, "give fewer, or more agents from the beginning")


def _idle_settings(scenario: Scenario, tree: Node) -> Iterator[Problem]:
    """What has no effect as it stands."""
    several = [name for name, group in scenario.agent_groups.items() if group.slots > 1]
    kinds = scenario.contact_types
    for name in several:
        skills = scenario.agent_groups[name].skills
        if all(scenario.channels[kinds[skill].channel].slots == "all" for skill in skills):
            fix = "give their channels slots: 1"
            yield _at(tree, ("agent_groups", name, "slots"), "all its contacts take all slots of an agent", fix)
    yield from _idle_busyness(scenario, tree)
    by_person = scenario.staffing is not None and scenario.staffing.by_person
    for name, group in scenario.agent_groups.items():
        if scenario.staffing is not None and not by_person and (group.spread or group.tenure):
            rule = "by level all agents of a group are alike: spread and tenure change nobody's speed"
            yield _at(tree, ("agent_groups", name), rule, "give shifts")
    for name, kind in kinds.items():
        unresolved = any(rule.on == "unresolved" for rule in kind.follow_ups.values())
        settled = kind.resolution == 1 and all(
            group.tenure is None and group.skills[name].resolution in (None, 1)
            for group in scenario.agent_groups.values()
            if name in group.skills
        )
        if unresolved and settled:
            yield _at(tree, ("contact_types", name, "follow_ups"), "every talk resolves the matter", "give resolution")


def _idle_busyness(scenario: Scenario, tree: Node) -> Iterator[Problem]:
    busyness = scenario.busyness
    for name in busyness.by_type:
        arrivals = scenario.contact_types[name].arrivals
        if arrivals is not None and arrivals.forecast is not None:
            rule = "days differ by the forecast here, which takes the place of busyness"
            yield _at(tree, ("busyness", "by_type", name), rule)
    if busyness.correlation != 1 and not (busyness.varies or scenario.forecasts):
        yield _at(tree, ("busyness", "correlation"), "all days are alike, so nothing can go together", "give a cv")


def _odd_handle_times(scenario: Scenario, tree: Node) -> Iterator[Problem]:
    means = {name: _handle_s(kind) for name, kind in scenario.contact_types.items()}
    usual = median(means.values())
    for name, mean in means.items():
        if not SHORTEST_S <= mean <= LONGEST_S:
            rule = f"mean handle time is {mean:.0f} s, is the unit right?"
        elif not usual / TIMES_THE_MEDIAN <= mean <= usual * TIMES_THE_MEDIAN:
            rule = f"mean handle time is {mean:.0f} s, the median of all types {usual:.0f} s, is the unit right?"
        else:
            continue
        yield _at(tree, ("contact_types", name, "talk"), rule)


def _handle_s(kind: ContactType) -> float:
    return kind.talk.average + (kind.after_contact_work.average if kind.after_contact_work else 0.0)


def _odd_times(scenario: Scenario, tree: Node) -> Iterator[Problem]:
    horizon = scenario.horizon
    offsets = [at.utcoffset() for at in horizon.interval_starts]
    for i in range(1, len(offsets)):
        if offsets[i] != offsets[i - 1]:
            at = horizon.interval_starts[i]
            yield _at(tree, ("horizon",), f"the clock is changed on {at:%Y-%m-%d} at {at:%H:%M} in {horizon.zone}")
    for name, event in scenario.events.items():
        if _lies_outside(horizon, event.start, event.within + event.onset + event.plateau + event.decay):
            yield _at(tree, ("events", name), "lies outside the horizon")
    for name, bot in scenario.bots.items():
        for i, outage in enumerate(bot.outages):
            if _lies_outside(horizon, outage.start, outage.length):
                yield _at(tree, ("bots", name, "outages", i), "lies outside the horizon")


def _lies_outside(horizon: Horizon, start: str, length_s: float) -> bool:
    day, minutes = parse_moment(start)
    assert day is not None, "held by the model"
    begins = horizon.first_instant(day, minutes)
    return begins >= horizon.length_ms or begins + 1000 * length_s <= 0


def _at(tree: Node, place: Place, rule: str, fix: str = "") -> Problem:
    node = tree.at(*place)
    return problem(Node({}, (node or tree).origin), place, rule, fix)


def expected_by_day(scenario: Scenario) -> dict[str, dict[str, float]]:
    """Expected contacts of each type on each local day of the horizon, at busyness 1."""
    from sim.workload import expected_counts

    counts, horizon = expected_counts(scenario), scenario.horizon
    return {
        name: {
            day.isoformat(): float(counts[horizon.day_of_interval == d, i].sum()) for d, day in enumerate(horizon.days)
        }
        for i, name in enumerate(scenario.contact_types)
    }


# ---------------------------------------------------------------------------------------------------- a table alone


def check_table(path: Path) -> CheckReport:
    """An interval table without its scenario: labels on a regular grid, nothing missing, twice or negative.

    The grid is the most frequent distance between two labels. Columns whose names speak of times are looked over for
    outliers, the others are added up by day.
    """
    origin = Origin(str(path), None, path.parent)
    try:
        table, wrong = read_table(path, origin)
    except NoTable as none:
        return CheckReport(file=str(path), problems=(none.why,))
    moments: list[Stamped] = []
    for row in table.rows:
        try:
            day, minutes = parse_moment(row.cells[table.label_column()])
            moments.append(((day.toordinal() if day else 0) * DAY + minutes, row))
        except ValueError as error:
            wrong.append(file_problem(row.origin, *split(str(error))))
    wrong += _off_grid(moments)
    warnings: list[Problem] = []
    expected: dict[str, dict[str, float]] = {}
    for column, name in enumerate(table.header):
        if column == table.label_column() or name.casefold() in ("end", "length"):
            continue
        values = _column(table, column, moments, wrong)
        if any(word in name.casefold() for word in _TIME_WORDS):
            warnings += _outliers(name, values)
        else:
            expected[name] = _totals(values)
    problems = tuple(sorted(wrong, key=lambda problem: problem.line or 0))
    return CheckReport(file=str(path), problems=problems, warnings=tuple(warnings), expected=expected)


def _off_grid(stamped: list[Stamped]) -> Iterator[Problem]:
    ordered = sorted(stamped, key=lambda stamp: stamp[0])
    steps = Counter(after - before for (before, _), (after, _) in pairwise(ordered) if after > before)
    step = steps.most_common(1)[0][0] if steps else 1
    for minute, row in ordered:
        if (minute - ordered[0][0]) % step:
            yield file_problem(row.origin, f"{_label(minute)} is off the grid of {step} min")
    on_grid = [stamp for stamp in ordered if (stamp[0] - ordered[0][0]) % step == 0]
    for (before, first), (after, row) in pairwise(on_grid):
        if after == before:
            yield file_problem(row.origin, f"{_label(after)} is given twice (first in line {first.origin.line})")
        elif after - before > step and after // DAY == before // DAY:
            missing = f"{(after - before) // step - 1} interval(s) of {step} min are missing"
            yield file_problem(row.origin, f"{missing} between {_label(before)} and {_label(after)}")


def _label(minute: int) -> str:
    day, minutes = divmod(minute, DAY)
    return format_moment((date.fromordinal(day) if day else None, minutes))


def _column(table: Table, column: int, stamped: list[Stamped], wrong: list[Problem]) -> list[tuple[int, Row, float]]:
    values = []
    for minute, row in stamped:
        number = table.number(row.cells[column])
        if number is None or number < 0:
            rule = "must be a number" if number is None else "must not be negative"
            wrong.append(problem(Node(row.cells[column], row.origin), (table.header[column],), rule))
        else:
            values.append((minute, row, number))
    return values


def _outliers(name: str, values: list[tuple[int, Row, float]]) -> Iterator[Problem]:
    usual = median([value for _, _, value in values if value] or [0.0])
    for _, row, value in values:
        if value and not usual / TIMES_THE_MEDIAN <= value <= usual * TIMES_THE_MEDIAN:
            rule = f"the median of the column is {usual:.3g}, is the unit right?"
            yield problem(Node(value, row.origin), (name,), rule)


def _totals(values: list[tuple[int, Row, float]]) -> dict[str, float]:
    totals: dict[str, float] = {}
    for minute, _, value in values:
        day = date.fromordinal(minute // DAY).isoformat() if minute >= DAY else "each day"
        totals[day] = totals.get(day, 0.0) + value
    return totals
