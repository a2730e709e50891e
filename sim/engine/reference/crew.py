"""The agents: who is free for whom, and how fast work in hand goes on."""

from bisect import insort
from collections.abc import Iterator
from typing import Any

import numpy.typing as npt

from sim.attendance import Staffing
from sim.engine.reference.clock import Clock
from sim.engine.reference.people import Agent, Contact, Job
from sim.engine.reference.queues import Queues
from sim.keys import CHOOSES_AGENT, mix
from sim.mechanisms import AgentChoice
from sim.routing import NEVER_RANK, Rules

Seat = tuple[int, int, int, Agent]
HOUR_MS = 3_600_000


class Crew:
    """All agents of a run, and the rules by which contacts choose among them.

    `seats[g]`: agents of a group at the desk, not leaving, with a free slot, as (slots used, since, index, agent) in
    order. `takers[k]`: groups that may take a type, by rank; `skills[g]`: types that a group may take.
    """

    def __init__(self, env: Clock, staffing: Staffing, rules: Rules, queues: Queues) -> None:
        self.env, self.queues, self.routing = env, queues, rules.routing
        routing, mechanisms = rules.routing, rules.mechanisms
        types, groups = routing.group_rank.shape
        self.agents: list[Agent] = []
        self.seats: list[list[Seat]] = [[] for _ in range(groups)]
        self.idle = [0] * groups
        self.present = [0] * groups
        self.group_rank: list[list[int]] = routing.group_rank.tolist()
        self.delay: list[list[int]] = routing.delay_ms.tolist()
        self.permille: list[list[int]] = rules.time_permille.tolist()
        self.takers = [_by_rank(row) for row in self.group_rank]
        self.skills = [[k for k in range(types) if self.group_rank[k][g] < NEVER_RANK] for g in range(groups)]
        self.reserve = _table(routing.reserve, types, groups)
        slots, strain, deferral = mechanisms.slots, mechanisms.strain, mechanisms.deferral
        self.capacity: list[int] = [1] * groups if slots is None else slots.capacity.tolist()
        self.need = [[1] * groups for _ in range(types)] if slots is None else slots.need.tolist()
        self.rate: list[list[int]] = [[1000, 1000]] * groups if slots is None else slots.rate.tolist()
        self.holds: list[bool] = [False] * groups if slots is None else slots.holds.tolist()
        self.deferred: list[bool] = [False] * types if deferral is None else deferral.deferred.tolist()
        self.interruptible: list[bool] = [False] * types if deferral is None else deferral.interruptible.tolist()
        self.strain = strain
        self.recovery: list[int] = [0] * groups if strain is None else strain.recovery.tolist()
        self.score_a = _table(routing.agent_a, types, groups)
        self.score_b = _table(routing.agent_b, types, groups)

    # ------------------------------------------------------------------------------------------------- who is free

    def seat(self, agent: Agent) -> None:
        """Put the agent at the right place among those with free slots, or nowhere."""
        g = agent.group
        self.unseat(agent)
        if agent.present and not agent.leaving and agent.used < self.capacity[g] and not agent.is_interruptible:
            agent.seat = (agent.used, agent.since, agent.index, agent)
            insort(self.seats[g], agent.seat)
            self.idle[g] += agent.used == 0

    def unseat(self, agent: Agent) -> None:
        """The agent is looking, or has no free slot."""
        if agent.seat is not None:
            self.seats[agent.group].remove(agent.seat)
            self.idle[agent.group] -= agent.seat[0] == 0
            agent.seat = None

    def is_free(self, agent: Agent, c: Contact) -> bool:
        """Whether the agent, who has a free slot, may take the contact now."""
        g, k = agent.group, c.k
        return (
            agent.used + self.need[k][g] <= self.capacity[g]
            and self.may_take(agent, c)
            and not (agent.suspended is not None and self.deferred[k])
            and not (self.holds[g] and agent.jobs and self.awaits_all_slots(g))
        )

    def may_take(self, agent: Agent, c: Contact) -> bool:
        """Whether delay and reserve allow it."""
        g, k = agent.group, c.k
        others = self.idle[g] - agent.is_idle
        return self.env.now - c.queued >= self.delay[k][g] and others >= self.reserve[k][g]

    def awaits_all_slots(self, g: int) -> bool:
        """Whether a live contact waits that the group may take, with all slots."""
        return any(
            self.need[k][g] == self.capacity[g] and not self.deferred[k] and self.queues.waiting(k)
            for k in self.skills[g]
        )

    # ------------------------------------------------------------------------------------------- a contact chooses

    def choose(self, c: Contact, last_agent: int) -> Agent | None:
        """The agent who takes the contact: the one who had its parent, else the best of those free."""
        if self.routing.last_agent and last_agent >= 0:
            agent = self.agents[last_agent]
            skilled = self.group_rank[c.k][agent.group] < NEVER_RANK
            if skilled and agent.seat is not None and self.is_free(agent, c):
                return agent
        for groups in self.takers[c.k]:
            if self.routing.agent_choice == AgentChoice.LONGEST_IDLE:
                seats = [seat for g in groups if (seat := next(self.free_seats(g, c), None)) is not None]
            else:
                seats = [seat for g in groups for seat in self.free_seats(g, c)]
            if seats:
                return self.best(seats, c)
        return None

    def free_seats(self, g: int, c: Contact) -> Iterator[Seat]:
        """Seats of a group's agents who are free for the contact."""
        return (seat for seat in self.seats[g] if self.is_free(seat[3], c))

    def best(self, seats: list[Seat], c: Contact) -> Agent:
        """Of agents of one rank, by the policy."""
        choice, k = self.routing.agent_choice, c.k
        if choice == AgentChoice.LONGEST_IDLE:
            return min(seats)[3]
        agents = sorted((seat[3] for seat in seats), key=lambda agent: agent.index)
        if choice == AgentChoice.UNIFORM:
            return agents[(mix(c.key, CHOOSES_AGENT) >> 32) * len(agents) >> 32]
        return min(agents, key=lambda agent: (self.value(agent, k), agent.used, agent.since, agent.index))

    def value(self, agent: Agent, k: int) -> int:
        """What the policy wants low."""
        if self.routing.agent_choice == AgentChoice.SCORE:
            return -self.score(agent, k)
        if self.routing.agent_choice == AgentChoice.LEAST_BUSY:
            return self.busy_ms(agent)
        return self.permille[k][agent.group] * agent.permille // 1000

    def score(self, agent: Agent, k: int) -> int:
        """The index of a pair of type and agent (Chan, Koole & L'Ecuyer 2014)."""
        idle = 0 if agent.jobs else self.env.now - agent.since
        return self.score_a[k][agent.group] + self.score_b[k][agent.group] * idle

    def busy_ms(self, agent: Agent) -> int:
        """Time with work in hand so far."""
        return agent.busy_ms + (self.env.now - agent.turned if agent.jobs else 0)

    def interrupted(self, c: Contact) -> Agent | None:
        """The agent whose interruptible work the contact interrupts: best rank, then longest at it, then index."""
        for groups in self.takers[c.k]:
            at_it = [
                (agent.since, agent.index, agent)
                for agent in self.agents
                if agent.group in groups and agent.is_interruptible and self.may_take(agent, c)
            ]
            if at_it:
                return min(at_it)[2]
        return None

    # ----------------------------------------------------------------------------------------------- work goes on

    def catch_up(self, agent: Agent) -> None:
        """Bring the work in hand up to date: needed before the number in hand changes."""
        now = self.env.now
        pace = self.rate[agent.group][len(agent.jobs)] if agent.jobs else 0
        for job in agent.jobs:
            job.left = max(0, job.left - pace * (now - agent.paced))
        agent.paced = now
        agent.turn(now, self.recovery[agent.group])

    def due(self, agent: Agent, job: Job) -> int:
        """When the present stage ends if nothing changes."""
        return self.env.now - -job.left // self.rate[agent.group][len(agent.jobs)]

    def factor(self, agent: Agent, k: int) -> int:
        """Thousandths of what the contact brings: skill, person and fatigue together, rounded half up."""
        tired = 1000
        if self.strain is not None:
            g = agent.group
            tired += min(int(self.strain.most[g]), agent.tired * int(self.strain.per_hour[g]) // HOUR_MS)
        return max(1, (self.permille[k][agent.group] * agent.permille * tired + 500_000) // 1_000_000)

    def switch_ms(self, agent: Agent, k: int) -> int:
        """What it costs the agent to turn to this contact's channel."""
        if self.strain is None:
            return 0
        before, agent.channel = agent.channel, int(self.strain.channel_of[k])
        return int(self.strain.switch_ms[agent.group]) if before not in (-1, agent.channel) else 0


def scaled(ms: int, factor: int) -> int:
    """Work by an agent's factor in thousandths, half up."""
    return (ms * factor + 500) // 1000


def _by_rank(ranks: list[int]) -> list[list[int]]:
    known = sorted({rank for rank in ranks if rank < NEVER_RANK})
    return [[g for g, of in enumerate(ranks) if of == rank] for rank in known]


def _table(values: npt.NDArray[Any] | None, types: int, groups: int) -> list[list[int]]:
    return [[0] * groups for _ in range(types)] if values is None else values.tolist()
