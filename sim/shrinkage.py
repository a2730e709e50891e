"""Who of a team really comes, when, and how fast each works: absence, lateness, breaks that nobody planned, experience.

A team is people of one group with one shift on one day. Its streams are keyed by its name, and the n-th draw belongs to
its n-th member, so that one member less changes nobody else.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from sim.distributions import gamma_factor
from sim.scenario import AgentGroup, ExtraBreaks, Lateness
from sim.staffing import Spell
from sim.streams import Quantity, name_key, stream, streams
from sim.switchboard import curve_of
from sim.units import to_ms

Dice = Callable[[int], np.random.Generator]
Bools = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]
Presence = tuple[int, int, bool]
"""A spell [on, off), and whether the break after it keeps its length."""
HOUR_MS = 3_600_000
MOST_MEMBERS = 500_000
"""Members of crews that are remembered, about 150 bytes each."""


@dataclass(frozen=True, kw_only=True)
class Team:
    """`number` people of the group at index `group`; the first is the `first`-th of the name (from 0).

    `spells` are as planned; a gap of at most `longest_break_ms` between two is a break.
    """

    name: str
    group: int
    first: int
    number: int
    day: date
    spells: tuple[Spell, ...]
    longest_break_ms: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Crew:
    """Those of a team who came: `ordinal[member]` in the team (from 0), and the thousandths that their work takes.

    `presences` has a line for each, by member and in time: index of the member, on, off, whether it keeps its length.
    """

    ordinal: Integers
    permille: Integers
    presences: Integers

    def __len__(self) -> int:
        return len(self.ordinal)


class Crews:
    """Crews seen before, by replication and team, of one scenario and seed: plans to compare have most in common."""

    def __init__(self) -> None:
        self._found: dict[tuple[int, Team], Crew] = {}
        self._members = 0

    def get(self, replication: int, team: Team) -> Crew | None:
        """Whom a team came to, if it was asked for before."""
        return self._found.get((replication, team))

    def keep(self, replication: int, team: Team, crew: Crew) -> None:
        """Remember a crew; with too many members all are forgotten."""
        if self._members > MOST_MEMBERS:
            self._found, self._members = {}, 0
        self._found[replication, team] = crew
        self._members += len(crew)


def came(
    teams: Sequence[Team], groups: Sequence[AgentGroup], seed: int, replication: int, known: Crews
) -> list[tuple[Team, Crew]]:
    """Who of each team came in one replication, and when; the crews that are `known` are not drawn again."""
    crews = {team: crew for team in teams if (crew := known.get(replication, team)) is not None}
    new = [team for team in teams if team not in crews]
    luck = {day: short_day(day, seed, replication) for day in {team.day for team in new}}
    all_dice = streams(seed, replication, [name_key(team.name) for team in new]) if new else []
    for team, dice in zip(new, all_dice, strict=True):
        crews[team] = _crew(team, groups[team.group], dice, luck[team.day])
        known.keep(replication, team, crews[team])
    return [(team, crews[team]) for team in teams]


def _crew(team: Team, group: AgentGroup, dice: Dice, luck: float) -> Crew:
    there = ~absent(group, team.first + team.number, dice, luck)
    permille = _permille(group, team, dice)
    presences = _presences(group, team, dice)
    came = [n for n in range(team.first, team.first + team.number) if there[n] and presences[n]]
    return crew_of(came, [permille[n] for n in came], [presences[n] for n in came])


def crew_of(ordinal: Sequence[int], permille: Sequence[int], presences: Sequence[tuple[Presence, ...]]) -> Crew:
    """A crew from what is known of each member."""
    lines = [(member, *presence) for member, one in enumerate(presences) for presence in one]
    return Crew(
        ordinal=np.array(ordinal, dtype=np.int64),
        permille=np.array(permille, dtype=np.int64),
        presences=np.array(lines, dtype=np.int64).reshape(-1, 4),
    )


def short_day(day: date, seed: int, replication: int) -> float:
    """How bad a day it is for unplanned absence: the quantile of a factor that all groups have in common."""
    return float(stream(seed, replication, day.toordinal(), Quantity.SHORT_DAY).random())


def absent(group: AgentGroup, number: int, dice: Dice, luck: float) -> Bools:
    """Who of so many does not come at all on a day of such `luck`."""
    found = np.zeros(number, dtype=np.bool_)
    if group.attendance is None:
        return found
    planned, unplanned = group.attendance.planned, group.attendance.unplanned
    for absence, quantity in ((planned, Quantity.PLANNED_ABSENCE), (unplanned, Quantity.UNPLANNED_ABSENCE)):
        if absence is not None:
            found |= dice(quantity).random(number) < absence.share * gamma_factor(absence.common, np.array([luck]))
    return found


def _permille(group: AgentGroup, team: Team, dice: Dice) -> list[int]:
    """How long work takes each member, in thousandths of what it takes others of the group."""
    number = team.first + team.number
    factor = np.ones(number)
    if group.spread:
        variance = math.log1p(group.spread**2)
        factor *= np.exp(math.sqrt(variance) * dice(Quantity.SPREAD).standard_normal(number) - variance / 2)
    if group.tenure is not None:
        served = group.tenure.served.sample(dice(Quantity.TENURE), number) + team.spells[0][0] / 1000
        factor /= np.interp(served, *curve_of(group.tenure.speed))
    return [max(1, round(1000 * one)) for one in factor.tolist()]


# ----------------------------------------------------------------------------------------------------------- presence


def _presences(group: AgentGroup, team: Team, dice: Dice) -> list[tuple[Presence, ...]]:
    """When each member, come at all, is at the desk."""
    keeps, number = group.attendance is not None and group.attendance.breaks == "keep_length", team.first + team.number
    following = [*(on for on, _ in team.spells[1:]), 2**62]
    planned = tuple(
        (on, off, keeps and then - off <= team.longest_break_ms)
        for (on, off), then in zip(team.spells, following, strict=True)
    )
    found = [planned] * number
    if group.attendance is None:
        return found
    if group.attendance.late is not None:
        late = _lateness(group.attendance.late, number, dice)
        found = [_late(one, by) if by else one for one, by in zip(found, late, strict=True)]
    if group.attendance.extra_breaks is not None:
        breaks = _extra_breaks(group.attendance.extra_breaks, planned, number, dice)
        found = [_broken(one, pauses) if pauses else one for one, pauses in zip(found, breaks, strict=True)]
    return found


def _lateness(late: Lateness, number: int, dice: Dice) -> list[int]:
    """Milliseconds by which each of so many is late."""
    is_late = dice(Quantity.LATENESS).random(number) < late.share
    by = late.by.sample(dice(Quantity.LATE_BY), number)
    return [to_ms(seconds) if late else 0 for seconds, late in zip(by.tolist(), is_late.tolist(), strict=True)]


def _late(presences: tuple[Presence, ...], by_ms: int) -> tuple[Presence, ...]:
    comes = presences[0][0] + by_ms
    return tuple((max(on, comes), off, keeps) for on, off, keeps in presences if off > comes)


def _extra_breaks(
    extra: ExtraBreaks, planned: tuple[Presence, ...], number: int, dice: Dice
) -> list[list[tuple[int, int]]]:
    """Instant and length of the breaks of each of so many, uniform over the time at the desk."""
    present = np.array([off - on for on, off, _ in planned])
    often = dice(Quantity.EXTRA_BREAKS).poisson(extra.per_hour * present.sum() / HOUR_MS, number)
    into = (dice(Quantity.BREAK_AT).random(often.sum()) * present.sum()).astype(np.int64)
    lengths = extra.length.sample(dice(Quantity.BREAK_LENGTH), int(often.sum())).tolist()
    before = np.cumsum(present) - present
    which = np.searchsorted(before, into, side="right") - 1
    at = (np.array([on for on, _, _ in planned])[which] + into - before[which]).tolist()
    ends = np.cumsum(often).tolist()
    pauses = [(instant, to_ms(seconds)) for instant, seconds in zip(at, lengths, strict=True)]
    return [sorted(pauses[end - n : end]) for end, n in zip(ends, often.tolist(), strict=True)]


def _broken(presences: tuple[Presence, ...], pauses: list[tuple[int, int]]) -> tuple[Presence, ...]:
    """Presences with breaks taken out of them; one that would begin in another begins at its end."""
    found, free = list(presences), 0
    for at, length in pauses:
        begins = max(at, free)
        for i, (on, off, keeps) in enumerate(found):
            if on <= begins < off and length:
                free = begins + length
                rest = [(free, off, keeps)] if free < off else []
                found[i : i + 1] = [(on, begins, bool(rest) or keeps), *rest] if on < begins else rest
                break
    return tuple(found)
