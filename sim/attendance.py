"""Staffing on paper -> Staffing: who is really there, and when, in engine time."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from functools import partial

import numpy as np
import numpy.typing as npt

from sim.clock import Horizon, held
from sim.remembered import remembered
from sim.scenario import Scenario, unknown_name
from sim.shrinkage import Crew, Crews, Team, absent, came, crew_of, short_day
from sim.staffing import ShiftCount, Spell, StaffingPlan, workings, wrapped
from sim.streams import name_key, stream
from sim.units import format_clock, to_ms


@dataclass(frozen=True, kw_only=True, eq=False)
class Staffing:
    """The agents of a run, by level or by person (MODEL §5).

    By level: `heads[interval, group]`, each row from the start of its interval of `interval_ms`; `agents` is
    empty. By person: `agent_group[agent]`, and spells [on, off) of shape [spell], sorted by (agent, on), disjoint for
    each agent; `keeps_length[spell]`: the break after the spell keeps its length when the spell ends late, else its
    end. `heads` then has no rows. `permille[agent]`: work lasts that many thousandths of what it does with others of
    the group (None: of all alike).
    """

    groups: tuple[str, ...]
    interval_ms: int
    heads: npt.NDArray[np.int32]
    agent_group: npt.NDArray[np.int16]
    agent_name: tuple[str, ...]
    spell_agent: npt.NDArray[np.int32]
    spell_on_ms: npt.NDArray[np.int64]
    spell_off_ms: npt.NDArray[np.int64]
    keeps_length: npt.NDArray[np.bool_]
    permille: npt.NDArray[np.int32] | None = None

    @property
    def by_person(self) -> bool:
        """Whether each agent has hours of their own."""
        return len(self.heads) == 0


def attend(
    scenario: Scenario, plan: StaffingPlan, seed: int, replication: int, known: Crews | None = None
) -> Staffing:
    """Who is at the desk in one replication: less those who are absent, the late ones later, breaks as they come.

    By level, absence only. Crews that are `known` (of this scenario and seed) are not drawn again. Raises ValueError
    for a group that the scenario does not know.
    """
    if all(group.is_plain for group in scenario.agent_groups.values()):
        return planned(scenario, plan)
    if plan.by_person:
        groups = tuple(scenario.agent_groups.values())
        return _people(scenario, came(_teams(scenario, plan), groups, seed, replication, known or Crews()))
    paper = planned(scenario, plan)
    return replace(paper, heads=_thinned(scenario, paper.heads, seed, replication))


def _thinned(scenario: Scenario, heads: npt.NDArray[np.int32], seed: int, replication: int) -> npt.NDArray[np.int32]:
    """Levels less the absent: the n-th head of a group on a day comes or does not, all day."""
    found, horizon = heads.copy(), scenario.horizon
    for g, (name, group) in enumerate(scenario.agent_groups.items()):
        for d, day in enumerate(horizon.days):
            today = horizon.day_of_interval == d
            dice = partial(stream, seed, replication, name_key(f"{name}/levels/{day}"))
            luck = short_day(day, seed, replication)
            missing = absent(group, int(heads[today, g].max(initial=0)), dice, luck)
            found[today, g] = np.append(0, np.cumsum(~missing))[heads[today, g]]
    return found


@remembered
def planned(scenario: Scenario, plan: StaffingPlan) -> Staffing:
    """Who is at the desk if all come on time."""
    if not plan.by_person:
        return _by_level(scenario, plan)
    everyone = []
    for team in _teams(scenario, plan):
        spells = tuple((on, off, False) for on, off in team.spells)
        ordinals = range(team.first, team.first + team.number)
        everyone.append((team, crew_of(ordinals, [1000] * team.number, [spells] * team.number)))
    return _people(scenario, everyone)


def levels_of(scenario: Scenario, plan: StaffingPlan) -> npt.NDArray[np.int32]:
    """Heads, shape [interval, group]: as the table says at the interval's start, or who is there throughout it.

    A label of the table holds to the next one, across midnight too; before the first dated label, and in groups without
    labels, there is nobody. Raises ValueError for a group that the scenario does not know.
    """
    horizon, column = scenario.horizon, {name: g for g, name in enumerate(scenario.agent_groups)}
    _refuse_unknown(scenario, [*(plan.levels or {}), *(shift.group for shift in plan.shifts or ())])
    heads = np.zeros((horizon.intervals, len(column)), dtype=np.int32)
    starts = horizon.wall_minutes[:: horizon.interval_ms // 60_000]
    for group, table in (plan.levels or {}).items():
        heads[:, column[group]] = held(table, starts)
    for shift in plan.shifts or ():
        for _, spells in presences(horizon, shift):
            for on, off in spells:
                heads[-(-on // horizon.interval_ms) : off // horizon.interval_ms, column[shift.group]] += shift.number
    return heads


def presences(horizon: Horizon, shift: ShiftCount) -> list[tuple[date, tuple[Spell, ...]]]:
    """When an agent with this shift is at the desk, with the local date of the shift's start, one entry a day.

    What lies before the horizon is cut off, what lasts past its end is not; on a desk that repeats the latter is there
    at the beginning too, as earlier spells of the same agent. Spells are in order and never touch.
    """
    days = []
    for work in workings(horizon, shift):
        spells = _joined([spell for one in wrapped(horizon, work) for spell in one.spells])
        days.append((horizon.local(work.on_ms).date(), spells))
    return [(day, spells) for day, spells in days if spells]


def _joined(spells: list[Spell]) -> tuple[Spell, ...]:
    """From the horizon's start on, those that touch (a clock change may swallow a break) made one."""
    found: list[Spell] = []
    for on, off in spells:
        if found and on <= found[-1][1]:
            found[-1] = (found[-1][0], max(off, found[-1][1]))
        elif off > max(on, 0):
            found.append((max(on, 0), off))
    return tuple(found)


def _refuse_unknown(scenario: Scenario, groups: Iterable[str]) -> None:
    for group in groups:
        if group not in scenario.agent_groups:
            raise ValueError(f"staffing: {unknown_name(group, scenario.agent_groups, 'agent group')}")


def _by_level(scenario: Scenario, plan: StaffingPlan) -> Staffing:
    nobody = np.zeros(0, dtype=np.int64)
    return Staffing(
        groups=tuple(scenario.agent_groups),
        interval_ms=scenario.horizon.interval_ms,
        heads=levels_of(scenario, plan),
        agent_group=nobody.astype(np.int16),
        agent_name=(),
        spell_agent=nobody.astype(np.int32),
        spell_on_ms=nobody,
        spell_off_ms=nobody,
        keeps_length=nobody.astype(np.bool_),
    )


@remembered
def _teams(scenario: Scenario, plan: StaffingPlan) -> list[Team]:
    """Teams by (group, line of the plan, day), named "group/template/2026-11-11 08:00".

    Lines that differ in no part of the name go on counting where the one before ended.
    """
    groups, shifts = tuple(scenario.agent_groups), plan.shifts or ()
    _refuse_unknown(scenario, (shift.group for shift in shifts))
    known: Counter[str] = Counter()
    found = []
    for shift in sorted(shifts, key=lambda shift: groups.index(shift.group)):
        pause_ms = max((to_ms(pause.length) for pause in shift.breaks), default=0)
        for day, spells in presences(scenario.horizon, shift):
            name = f"{shift.group}/{shift.template}/{day} {format_clock(shift.start)}"
            team = Team(
                name=name,
                group=groups.index(shift.group),
                first=known[name],
                number=shift.number,
                day=day,
                spells=spells,
                longest_break_ms=pause_ms,
            )
            found.append(team)
            known[name] += shift.number
    return found


def _people(scenario: Scenario, crews: list[tuple[Team, Crew]]) -> Staffing:
    """Agents in order of their teams, named "group/template/2026-11-11 08:00/3"."""
    groups = tuple(scenario.agent_groups)
    sizes = [len(crew) for _, crew in crews]
    firsts = np.cumsum([0, *sizes])[:-1]
    none = np.zeros((0, 4), dtype=np.int64)
    presences = np.concatenate([none, *(crew.presences for _, crew in crews)])
    agent, on, off, keeps = presences.T
    agent = agent + np.repeat(firsts, [len(crew.presences) for _, crew in crews])
    permille = np.concatenate([none[:, 0], *(crew.permille for _, crew in crews)])
    return Staffing(
        groups=groups,
        interval_ms=scenario.horizon.interval_ms,
        heads=np.zeros((0, len(groups)), dtype=np.int32),
        agent_group=np.repeat(np.array([team.group for team, _ in crews], dtype=np.int16), sizes),
        agent_name=tuple(f"{team.name}/{n + 1}" for team, crew in crews for n in crew.ordinal.tolist()),
        spell_agent=agent.astype(np.int32),
        spell_on_ms=on.copy(),
        spell_off_ms=off.copy(),
        keeps_length=keeps.astype(np.bool_),
        permille=permille.astype(np.int32) if (permille != 1000).any() else None,
    )
