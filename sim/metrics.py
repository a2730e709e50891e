"""OutcomeTable -> Tally: the exact integer sums of one replication from which every figure is made.

Contacts are booked in the interval in which they asked for a person (`queued`); arrivals and bot figures in that of
arrival; what happens before or after the horizon, in the first or last interval. Sums add up, so days pool.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.attendance import Staffing
from sim.grid import Grid, sum_by
from sim.outcome import NEVER, Contacts, Measured, OutcomeTable, Spells, Status, Sums
from sim.parts import Backlog, Contentment, Endings, InHand, Journeys, Promises
from sim.remembered import remembered
from sim.scenario import Scenario, Target
from sim.units import to_ms

Ints = npt.NDArray[np.int64]
Threshold = tuple[int, int, bool]
"""Type index, milliseconds, and whether a wait equal to them is late (strict)."""

QUANTILES = {"wait_p50": 0.5, "wait_p80": 0.8, "wait_p95": 0.95, "wait_p99": 0.99}
BUCKETS = 64 * 25 + 128
"""Buckets of the wait histogram: enough for 2^32 ms, 49 days."""

_STATUSES = len(Status)
_ASKED = (Status.BLOCKED, Status.BALKED, Status.ANSWERED, Status.ABANDONED, Status.SILENT, Status.UNSERVED)
_OFFERED = np.array(_ASKED)
_IS_OFFERED = np.isin(np.arange(_STATUSES), _OFFERED)
_STAYED_IN_BOT = np.array([Status.RESOLVED_IN_BOT, Status.CONTAINED_UNRESOLVED, Status.GAVE_UP_IN_BOT])


@dataclass(frozen=True, kw_only=True, eq=False)
class Tally:
    """Sums of one replication; `stack` puts a replication axis in front of every array.

    Shape [type, interval]: contacts by what became of them (`offered`: asked for a person while open;
    `abandoned_short`: within the scenario's short-abandonment limit), waits (`wait_answered_ms` of the answered,
    `wait_offered_ms` of all offered), `talk_ms` (answered to ended), `after_ms` (ended to released), and `queue_ms`,
    the integral of the number waiting over the interval by real time.
    Shape [threshold, interval]: `answered_in_time`, `abandoned_in_time` for each of `thresholds`.
    Shape [group, interval], inside the horizon only: `scheduled_ms` agents due by hours or level, `staffed_ms`
    agents there (finishing late included), `busy_ms` handling (contacts in hand, one at a time). Shape [group]:
    `overtime_ms`, time worked past the end of a spell.
    Shape [type]: `wait_max_ms` of the answered, the one field that is no sum; [type, bucket]: `wait_histogram` of the
    answered (int32).
    A run in which more happens has further parts (`sim.full_tally`), a plain one none. `arrived` counts those drawn
    with the demand, never follow-ups: control variates rest on its mean. With call-backs and deferred work talk and
    after-contact work are of all talks (`in_hand.talks`); with slots `busy_ms` is time with anything in hand.
    """

    thresholds: tuple[Threshold, ...]
    arrived: Ints
    offered: Ints
    answered: Ints
    abandoned: Ints
    abandoned_short: Ints
    unserved: Ints
    blocked: Ints
    closed: Ints
    bot_entered: Ints
    bot_resolved: Ints
    bot_contained_unresolved: Ints
    bot_gave_up: Ints
    bot_handed_off: Ints
    wait_answered_ms: Ints
    wait_offered_ms: Ints
    talk_ms: Ints
    after_ms: Ints
    queue_ms: Ints
    answered_in_time: Ints
    abandoned_in_time: Ints
    scheduled_ms: Ints
    staffed_ms: Ints
    busy_ms: Ints
    overtime_ms: Ints
    wait_max_ms: Ints
    wait_histogram: npt.NDArray[np.int32]
    endings: Endings | None = None
    in_hand: InHand | None = None
    journeys: Journeys | None = None
    promises: Promises | None = None
    backlog: Backlog | None = None
    contentment: Contentment | None = None

    @property
    def replications(self) -> int:
        """How many replications are stacked."""
        return len(self.arrived)

    def threshold_rows(self, wanted: Sequence[Threshold]) -> list[int]:
        """Rows of `answered_in_time` for these thresholds; ValueError for one that was not measured."""
        row = {threshold: i for i, threshold in enumerate(self.thresholds)}
        if missing := [threshold for threshold in wanted if threshold not in row]:
            raise ValueError(f"thresholds {missing} were not measured")
        return [row[threshold] for threshold in wanted]


PARTS: dict[str, type[Any]] = {
    "endings": Endings,
    "in_hand": InHand,
    "journeys": Journeys,
    "promises": Promises,
    "backlog": Backlog,
    "contentment": Contentment,
}
ARRAYS = tuple(field.name for field in fields(Tally) if field.name not in ("thresholds", *PARTS))


def _columns(tally: Tally) -> dict[str, npt.NDArray[Any]]:
    """All arrays of a tally by name, those of its parts as "part.name"."""
    found = {name: getattr(tally, name) for name in ARRAYS}
    for part in PARTS:
        if (held := getattr(tally, part)) is not None:
            found |= {f"{part}.{name}": values for name, values in vars(held).items()}
    return found


def _of_columns(thresholds: tuple[Threshold, ...], columns: Mapping[str, npt.NDArray[Any]]) -> Tally:
    parts: dict[str, dict[str, Any]] = {}
    for name, values in columns.items():
        part, _, inner = name.rpartition(".")
        parts.setdefault(part, {})[inner] = values
    built: dict[str, Any] = {part: PARTS[part](**inner) for part, inner in parts.items() if part}
    return Tally(thresholds=thresholds, **parts[""], **built)


def stack(tallies: Sequence[Tally]) -> Tally:
    """Tallies of single replications as one with a leading replication axis."""
    columns = [_columns(tally) for tally in tallies]
    return _of_columns(tallies[0].thresholds, {name: np.stack([of[name] for of in columns]) for name in columns[0]})


class Pile:
    """Room for the tallies of so many replications, all taken with the first one: memory stays as it is then."""

    def __init__(self, most: int) -> None:
        self.most, self.done = most, 0
        self._thresholds: tuple[Threshold, ...] = ()
        self._columns: dict[str, npt.NDArray[Any]] = {}

    def add(self, tally: Tally) -> None:
        """Put the tally of one replication on top."""
        if not self.done:
            self._thresholds = tally.thresholds
            self._columns = {name: self._room(values) for name, values in _columns(tally).items()}
        for name, values in _columns(tally).items():
            self._columns[name][self.done] = values
        self.done += 1

    def _room(self, first: npt.NDArray[Any]) -> npt.NDArray[Any]:
        room = np.empty((self.most, *first.shape), dtype=first.dtype)
        room.fill(0)  # touched, so that it is ours now and not page by page
        return room

    def stacked(self) -> Tally:
        """Those done, stacked; at least one."""
        return _of_columns(self._thresholds, {name: column[: self.done] for name, column in self._columns.items()})


def join(stacked: Sequence[Tally]) -> Tally:
    """Stacked tallies one after another along their replication axis."""
    columns = [_columns(tally) for tally in stacked]
    whole = {name: np.concatenate([of[name] for of in columns]) for name in columns[0]}
    return _of_columns(stacked[0].thresholds, whole)


# ---------------------------------------------------------------------------------------------------- thresholds


def target_types(scenario: Scenario, target: Target) -> list[int]:
    """Indices of the contact types that a target pools."""
    names = list(scenario.contact_types)
    return list(range(len(names))) if target.contact_types == "all" else [names.index(n) for n in target.contact_types]


def target_thresholds(scenario: Scenario, target: Target) -> list[Threshold]:
    """The thresholds by which a target is judged, one for each of its types; none where it needs none.

    A quantile of the wait is at most L exactly when that share of the answered waits at most L.
    """
    types = target_types(scenario, target)
    if target.measure in QUANTILES:
        return [(k, to_ms(target.level), False) for k in types]
    if target.measure != "service_level":
        return []
    kinds = list(scenario.contact_types.values())
    seconds = [kinds[k].threshold if target.threshold is None else target.threshold for k in types]
    return [(k, to_ms(s), target.strict) for k, s in zip(types, seconds, strict=True)]


def own_thresholds(scenario: Scenario) -> list[Threshold]:
    """Each type's own threshold, in the order of types."""
    return [(k, to_ms(kind.threshold), False) for k, kind in enumerate(scenario.contact_types.values())]


def short_thresholds(scenario: Scenario, types: Sequence[int]) -> list[Threshold]:
    """The strict short-abandonment limit of each of these types."""
    return [(k, to_ms(scenario.short_abandonment), True) for k in types]


def measured_thresholds(scenario: Scenario) -> tuple[Threshold, ...]:
    """All thresholds that a tally of this scenario counts: the types' own, and those that targets need."""
    wanted = own_thresholds(scenario)
    for target in scenario.targets:
        wanted += target_thresholds(scenario, target)
        if target.strict and target.formula in ("SL-5", "SL-6"):
            wanted += short_thresholds(scenario, target_types(scenario, target))
    return tuple(sorted(set(wanted)))


# ----------------------------------------------------------------------------------------------------- histogram


def bucket_of(ms: Ints) -> Ints:
    """Bucket of each wait in milliseconds: exact below 128, then 64 to the octave.

    The exponent and the six leading digits of a double, side by side, are the bucket.
    """
    octave: Ints = (np.asarray(ms, dtype=np.float64).view(np.int64) >> 46) - (1023 + 5) * 64
    return np.minimum(np.where(ms < 64, ms, octave), BUCKETS - 1, dtype=np.int64)


def bucket_low(bucket: Ints) -> Ints:
    """Least wait of each bucket."""
    octave = np.maximum(bucket // 64 - 1, 0)
    low: Ints = (bucket - 64 * octave) << octave
    return low


def bucket_high(bucket: Ints) -> Ints:
    """Greatest wait of each bucket."""
    return bucket_low(bucket + 1) - 1


# --------------------------------------------------------------------------------------------------------- tally


def tally(outcome: OutcomeTable, scenario: Scenario, staffing: Staffing) -> Tally:
    """Count one replication; `staffing` is what it was run with."""
    return tally_of(count(outcome, measured(scenario), len(scenario.agent_groups)), scenario, staffing)


def measured(scenario: Scenario) -> Measured:
    """What runs of this scenario are counted by."""
    horizon = scenario.horizon
    return Measured(horizon.interval_ms, horizon.intervals, _limits(scenario).columns, BUCKETS)


def count(outcome: OutcomeTable, by: Measured, groups: int, *, by_answer: bool = False) -> Sums:
    """The sums of a table, contacts booked by the instant of asking or by that of the answer (else of the end)."""
    counter = _Counter(by, groups, outcome.spells, by_answer=by_answer)
    for rows in _blocks(outcome.contacts, counter.sums.by_fate.size):
        counter.add(rows)
    counter.add_spells(outcome.spells)
    return counter.sums


def tally_of(sums: Sums, scenario: Scenario, staffing: Staffing) -> Tally:
    """The tally of one replication from its sums."""
    limits = _limits(scenario)
    grid = Grid(scenario.horizon.interval_ms, scenario.horizon.intervals)
    return Tally(
        thresholds=limits.thresholds,
        scheduled_ms=_scheduled(staffing, grid),
        staffed_ms=sums.staffed,
        overtime_ms=sums.overtime,
        **_contact_fields(sums, limits),
    )


class _Limits:
    """Thresholds as columns of inclusive limits: `columns[j][type]`, ascending in j.

    A wait's level is the number of its type's limits that it exceeds; in time for limit j is a level of at most j.
    """

    def __init__(self, scenario: Scenario) -> None:
        short = to_ms(scenario.short_abandonment)
        types = len(scenario.contact_types)
        self.thresholds = measured_thresholds(scenario)
        inclusive = [(k, ms - strict) for k, ms, strict in self.thresholds]
        limits = [sorted({short, *(limit for of, limit in inclusive if of == k)}) for k in range(types)]
        self.columns = np.full((max(map(len, limits)), types), np.iinfo(np.int64).max)
        for k, own in enumerate(limits):
            self.columns[: len(own), k] = own
        self.type_of = np.array([k for k, _ in inclusive], dtype=np.int64)
        self.level_of = np.array([limits[k].index(limit) for k, limit in inclusive], dtype=np.int64)
        self.types = np.arange(types)
        self.level_of_short = np.array([limits[k].index(short) for k in range(types)])


@remembered
def _limits(scenario: Scenario) -> _Limits:
    return _Limits(scenario)


def _level(limits: Ints, kind: Ints, wait: Ints) -> Ints:
    """How many of its type's limits each wait exceeds."""
    level: Ints = np.zeros(len(wait), dtype=np.int64)
    for column in limits:
        level += wait > (column[0] if (column == column[0]).all() else column[kind])
    return level


class _Counter:
    """Sums over blocks of contacts."""

    def __init__(self, by: Measured, groups: int, spells: Spells, *, by_answer: bool) -> None:
        self.by_answer = by_answer
        self.limits, self.types, self.groups = by.limits, by.limits.shape[1], groups
        self.grid = Grid(by.interval_ms, by.intervals)
        self.sums = Sums.zeros(by, self.types, groups)
        self.group_of = np.zeros(int(spells.agent.max(initial=-1)) + 1, dtype=np.int64)
        self.group_of[spells.agent] = spells.group

    def add(self, rows: Contacts) -> None:
        """Count a block of contacts."""
        sums, kind = self.sums, rows.type.astype(np.int64)
        first = kind * self.grid.intervals
        queued = np.where(rows.queued == NEVER, rows.arrival, rows.queued)
        answered = rows.status == Status.ANSWERED
        end = np.where(answered, rows.answered, rows.ended)
        wait = np.where(_IS_OFFERED[rows.status], end - queued, 0)
        interval = self.grid.index(queued)
        asked = first + interval
        cell = first + self.grid.index(_answer(rows, queued)) if self.by_answer else asked
        arrival = first + self.grid.index(rows.arrival)
        level = _level(self.limits, kind, wait)
        fate = ((level * self.types + kind) * _STATUSES + rows.status) * self.grid.intervals + cell - first
        spilt = self.grid.spill(kind, interval, queued + wait, self.types)
        _add(sums.by_fate, np.bincount(fate, minlength=sums.by_fate.size))
        _add(sums.arrived, np.bincount(arrival, minlength=sums.arrived.size))
        _add(sums.handed_off, np.bincount(arrival[queued > rows.arrival], minlength=sums.arrived.size))
        _add(sums.wait_offered, sum_by(cell, wait, sums.arrived.size))
        _add(sums.queue, sum_by(asked, wait, sums.arrived.size) + spilt)
        self._add_answered(np.flatnonzero(answered), rows, kind, cell, wait)

    def _add_answered(self, at: Ints, rows: Contacts, kind: Ints, cell: Ints, wait: Ints) -> None:
        sums, size = self.sums, self.sums.arrived.size
        kind, cell, wait = kind[at], cell[at], wait[at]
        answered, ended, released = rows.answered[at], rows.ended[at], rows.released[at]
        _add(sums.wait_answered, sum_by(cell, wait, size))
        _add(sums.talk, sum_by(cell, ended - answered, size))
        _add(sums.after, sum_by(cell, released - ended, size))
        _add(sums.busy, self.grid.spread(self.group_of[rows.agent[at]], answered, released, self.groups))
        bucket = kind * sums.histogram.shape[1] + bucket_of(wait)
        _add(sums.histogram, np.bincount(bucket, minlength=sums.histogram.size))
        np.maximum.at(sums.wait_max, kind, wait)


    def add_spells(self, spells: Spells) -> None:
        """Count the agents' time at the desk; one who never left is there to the end."""
        group = spells.group.astype(np.int64)
        left = np.where(spells.left == NEVER, self.grid.end_ms, spells.left)
        late = np.where(spells.off == NEVER, 0, np.maximum(left - spells.off, 0))
        _add(self.sums.staffed, self.grid.spread(group, spells.on, left, self.groups))
        _add(self.sums.overtime, sum_by(group, late, self.groups))


def _answer(rows: Contacts, asked: Ints) -> Ints:
    """When a contact was answered, else when it ended, else when it asked."""
    end: Ints = np.where(rows.answered == NEVER, rows.ended, rows.answered)
    return np.where((rows.queued == NEVER) | (end == NEVER), asked, end)


def _add(sums: Ints, more: Ints) -> None:
    sums += more.reshape(sums.shape)


def _contact_fields(sums: Sums, limits: _Limits) -> dict[str, Any]:
    """The fields of a Tally that come from contacts, and `busy_ms`."""
    within = sums.by_fate.copy()  # [level, type, status, interval]: with waits of at most that level
    for j in range(1, len(within)):
        within[j] += within[j - 1]
    status = within[-1].swapaxes(0, 1)
    answered, gone = within[:, :, Status.ANSWERED], within[:, :, Status.ABANDONED] + within[:, :, Status.SILENT]
    in_time = limits.level_of, limits.type_of
    return {
        "arrived": sums.arrived - status[Status.AFTER_HORIZON],
        "offered": status.take(_OFFERED, axis=0).sum(axis=0),
        "answered": status[Status.ANSWERED],
        "abandoned": gone[-1],
        "abandoned_short": gone[limits.level_of_short, limits.types],
        "unserved": status[Status.UNSERVED],
        "blocked": status[Status.BLOCKED],
        "closed": status[Status.CLOSED],
        "bot_entered": status.take(_STAYED_IN_BOT, axis=0).sum(axis=0) + sums.handed_off,
        "bot_resolved": status[Status.RESOLVED_IN_BOT],
        "bot_contained_unresolved": status[Status.CONTAINED_UNRESOLVED],
        "bot_gave_up": status[Status.GAVE_UP_IN_BOT],
        "bot_handed_off": sums.handed_off,
        "wait_answered_ms": sums.wait_answered,
        "wait_offered_ms": sums.wait_offered,
        "talk_ms": sums.talk,
        "after_ms": sums.after,
        "queue_ms": sums.queue,
        "answered_in_time": answered[in_time],
        "abandoned_in_time": gone[in_time],
        "busy_ms": sums.busy,
        "wait_max_ms": sums.wait_max,
        "wait_histogram": sums.histogram.astype(np.int32),
    }


def _blocks(contacts: Contacts, bins: int, least: int = 1 << 15) -> Iterator[Contacts]:
    """The table in pieces that fit a cache, yet outnumber the bins they are counted into."""
    columns = {field.name: getattr(contacts, field.name) for field in fields(Contacts)}
    size = max(least, 2 * bins)
    for start in range(0, len(contacts.type), size):
        yield Contacts(**{name: column[start : start + size] for name, column in columns.items()})


def _scheduled(staffing: Staffing, grid: Grid) -> Ints:
    """Agent time due, [group, interval]."""
    groups = len(staffing.groups)
    if staffing.by_person:
        group = staffing.agent_group[staffing.spell_agent].astype(np.int64)
        return grid.spread(group, staffing.spell_on_ms, staffing.spell_off_ms, groups)
    due: Ints = np.zeros((groups, grid.intervals), dtype=np.int64)
    due[:, : len(staffing.heads)] = staffing.heads.T.astype(np.int64) * grid.length_ms
    return due
