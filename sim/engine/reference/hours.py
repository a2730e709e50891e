"""Attendance: agents come and go, by person or by level."""

from collections.abc import Generator
from typing import Protocol

import simpy

from sim.attendance import Staffing
from sim.engine.precedence import AGENTS_COME, AGENTS_LEAVE
from sim.engine.reference.clock import At, Clock
from sim.engine.reference.crew import Crew
from sim.engine.reference.people import Agent, Contact
from sim.outcome import NEVER

Life = Generator[simpy.Event, object, None]


class Floor(Protocol):
    """What attendance needs of the desk."""

    env: Clock
    crew: Crew
    unsettled: int

    def look(self, agent: Agent) -> None:
        """The agent looks for work."""

    def hand_back(self, agent: Agent) -> Contact | None:
        """Interruptible work returns to its queue."""

    def finds_agent(self, c: Contact) -> bool:
        """The contact looks for an agent."""

    def happened(self) -> None:
        """An event is over."""


class Hours:
    """Who is at the desk when, and the record of it: `spells` as (agent, group, on, off, left)."""

    def __init__(self, desk: Floor, staffing: Staffing) -> None:
        self.desk, self.env, self.crew, self.staffing = desk, desk.env, desk.crew, staffing
        self.excess = [0] * len(staffing.groups)
        self.spells: list[list[int]] = []
        self.horizon_ms = len(staffing.heads) * staffing.interval_ms
        self.is_home = staffing.by_person

    def begin(self) -> None:
        """Set all attendance going."""
        staffing, env = self.staffing, self.env
        if staffing.by_person:
            factors = [1000] * len(staffing.agent_group) if staffing.permille is None else staffing.permille.tolist()
            for index, spells in enumerate(spells_by_agent(staffing)):
                agent = Agent(index, int(staffing.agent_group[index]), env.event(), factors[index])
                self.crew.agents.append(agent)
                env.process(self.hours(agent, spells))
            return
        for group, most in enumerate(staffing.heads.max(axis=0).tolist()):
            first = len(self.crew.agents)
            self.crew.agents += [Agent(first + i, group, env.event()) for i in range(most)]
            env.process(self.levels(group, self.crew.agents[first:]))
        At(env, self.horizon_ms, AGENTS_LEAVE, len(self.excess), step=self.desk.happened)

    def hours(self, agent: Agent, spells: list[tuple[int, int, bool]]) -> Life:
        """An agent's attendance by person, spell by spell."""
        back = 0
        for i, (on, off, keeps_length) in enumerate(spells):
            if back >= off:
                continue
            yield At(self.env, max(on, back), AGENTS_COME, agent.index)
            self.comes(agent, off)
            self.desk.happened()
            yield At(self.env, off, AGENTS_LEAVE, agent.index)
            back = 0
            is_there = self.is_done(agent)
            self.desk.happened()
            if is_there and keeps_length and i + 1 < len(spells):
                yield agent.gone
                back = self.env.now + spells[i + 1][0] - off

    def is_done(self, agent: Agent) -> bool:
        """The agent's spell is over: gone, unless there is something to finish; whether there is."""
        handed_back = self.desk.hand_back(agent)
        agent.leaving = True
        if agent.jobs:
            self.crew.seat(agent)
        else:
            self.leaves(agent)
        if handed_back is not None:
            self.desk.finds_agent(handed_back)
        return bool(agent.jobs)

    def levels(self, group: int, agents: list[Agent]) -> Life:
        """A group's attendance by level, change by change."""
        heads = 0
        for interval, level in enumerate(self.staffing.heads[:, group].tolist()):
            if level == heads:
                continue
            kind = AGENTS_COME if level > heads else AGENTS_LEAVE
            yield At(self.env, interval * self.staffing.interval_ms, kind, group)
            if level > heads:
                self.rise(group, level - heads, agents)
            else:
                self.fall(group, heads - level)
            heads = level
            self.desk.happened()

    def fall(self, group: int, by: int) -> None:
        """The level falls: idle agents go, longest idle first; the rest is excess."""
        idle = [agent for *_, agent in self.crew.seats[group] if agent.is_idle][:by]
        for agent in idle:
            self.leaves(agent)
        self.excess[group] += by - len(idle)

    def rise(self, group: int, by: int, agents: list[Agent]) -> None:
        """The level rises: the excess shrinks, then agents who are away come, lowest index first."""
        stay = min(by, self.excess[group])
        self.excess[group] -= stay
        for agent in [agent for agent in agents if not agent.present][: by - stay]:
            self.comes(agent, NEVER)

    def comes(self, agent: Agent, off: int) -> None:
        """A spell begins; with an agent who is still there from the one before, that one ends now."""
        now = self.env.now
        if agent.present:
            self.spells[agent.spell][4] = now
        else:
            self.crew.present[agent.group] += 1
        agent.present, agent.leaving, agent.spell = True, False, len(self.spells)
        self.spells.append([agent.index, agent.group, now, off, NEVER])
        self.desk.look(agent)

    def goes(self, agent: Agent) -> None:
        """With empty hands the agent leaves; what was put aside returns to its queue."""
        handed_back = self.desk.hand_back(agent)
        self.leaves(agent)
        if handed_back is not None:
            self.desk.finds_agent(handed_back)

    def leaves(self, agent: Agent) -> None:
        """The agent leaves the desk; whoever has no hours was to leave just now."""
        spell = self.spells[agent.spell]
        spell[4] = self.env.now
        if spell[3] == NEVER:
            spell[3] = self.env.now
        agent.present = agent.leaving = False
        self.crew.present[agent.group] -= 1
        self.crew.seat(agent)
        agent.gone.succeed()
        agent.gone = self.env.event()

    def is_too_many(self, agent: Agent) -> bool:
        """Whether an agent with empty hands goes because the level has fallen; if so they count no more."""
        g = agent.group
        self.excess[g] -= (too_many := self.excess[g] > 0)
        return too_many

    def send_home(self) -> None:
        """After the horizon, once no live contact waits or is on its way, every level falls to 0."""
        if self.is_home or self.desk.unsettled or self.env.now < self.horizon_ms:
            return
        self.is_home = True
        for group, level in enumerate(self.staffing.heads[-1].tolist()):
            self.fall(group, level)


def spells_by_agent(staffing: Staffing) -> list[list[tuple[int, int, bool]]]:
    """Per agent, their spells in order: on, off, whether the break after it keeps its length."""
    spells: list[list[tuple[int, int, bool]]] = [[] for _ in staffing.agent_group]
    for agent, on, off, keeps in zip(
        staffing.spell_agent.tolist(),
        staffing.spell_on_ms.tolist(),
        staffing.spell_off_ms.tolist(),
        staffing.keeps_length.tolist(),
        strict=True,
    ):
        spells[agent].append((on, off, keeps))
    return spells
