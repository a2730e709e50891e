"""The reference engine: the written meaning of a simulation, in SimPy. When in doubt, this text decides.

Demand (the customers), Staffing (the agents) and Rules (the desk) go in, an OutcomeTable comes out. Nothing is random
here and nothing is measured. Time is whole milliseconds.

**A contact** arrives. If its type is closed it is turned away. If it meets the bot it stays there as long as the
demand says; then it is resolved, contained or gone, or it is handed off and, after the hand-off delay, asks for a
person. When it asks, a closed type turns it away; an agent who is free takes it; else it leaves at once if that is
its nature, or waits. Its wait ends when an agent takes it, when its patience ends, or when it is cut off. Talk and
then after-contact work keep the agent busy: each is what the contact brings times the agent's factor, in thousandths,
rounded half up.

**Closing.** At the end of an opening window those who wait are cut off (`unserved`) where the type disconnects; else
they are served. A closed type whose last skilled agent has gone for good cuts off those who wait at that instant.

**Agents by person** keep hours of their own: spells [on, off). At `off` an idle agent is gone; a busy one is leaving,
takes nothing more and is gone when free. At the next `on` they come back; one who is still leaving then just stays,
and the earlier spell is over at that moment. After a spell whose break keeps its length, they come back that length
after they left; spells that are over by then are lost.

**Agents by level** have no hours: a group has so many heads in each interval. When the level falls, idle agents go,
longest idle first, then by index; what is still too many is the group's excess, and whoever next is free goes before
looking, until the excess is gone. When the level rises the excess shrinks first; then new agents come, lowest free
index first. From the end of the horizon on the last level stays until no contact waits or is on its way; then it is 0.

**Matching.** A contact looks among the idle agents of all groups that may take it now: best rank of the group, then
longest idle, then lowest index. An agent looks among the waiting contacts that they may take now: best rank of the
type, then longest waiting, then lowest id. A group with a delay may take a contact once it has waited that long;
when a delay runs out the contact looks.

**One instant.** Events of one millisecond are handled one at a time, each with all its consequences, in this order:
agents leave, agents come, types close, work ends, bot sessions end, contacts enter, delays end, patience ends; within
a kind by index (agent, or group by level; type; contact). What an event causes for the same instant takes its place
in that order from then on.

The run ends with its last live event; who still waits then is `unserved`.
"""

import gc
from bisect import insort
from collections.abc import Generator
from typing import Any

import numpy as np
import simpy

from sim.attendance import Staffing
from sim.demand import FOREVER, BotFate, Demand
from sim.engine.precedence import (
    AGENTS_COME,
    AGENTS_LEAVE,
    BOT_ENDS,
    CONTACT_ENTERS,
    DELAY_ENDS,
    PATIENCE_ENDS,
    TYPE_CLOSES,
    WORK_ENDS,
)
from sim.outcome import NEVER, Cause, Contacts, OutcomeTable, Spells, Status
from sim.routing import NEVER_RANK, Rules

Life = Generator[simpy.Event, Any, None]


class Clock(simpy.Environment):
    """SimPy's environment with time in whole milliseconds."""

    @property
    def now(self) -> int:
        return self._now  # type: ignore[return-value]  # all delays are integers


class At(simpy.Event):
    """Something that happens at `when`; at one instant lower kinds come first, then lower indices.

    SimPy's own wake-ups have priorities 0 and 1 and so run before the next event of the model: an event and all that
    it sets off are one step.
    """

    def __init__(self, env: Clock, when: int, kind: int, index: int) -> None:
        super().__init__(env)
        self._ok = True
        self._value = None
        env.schedule(self, kind << 32 | index, when - env.now)  # type: ignore[arg-type]  # any integer is a priority


class Agent:
    """One agent: whether they are at the desk, busy, leaving; since when they are idle; their spell's row."""

    __slots__ = ("busy", "gone", "group", "index", "leaving", "present", "since", "spell")

    def __init__(self, index: int, group: int, gone: simpy.Event) -> None:
        self.index, self.group, self.gone = index, group, gone
        self.present = self.busy = self.leaving = False
        self.since = NEVER
        self.spell = -1


class Waiting:
    """One contact in a queue: `turn` succeeds with the agent who takes it, or with None when it is cut off."""

    __slots__ = ("i", "k", "queued", "turn")

    def __init__(self, i: int, k: int, queued: int, turn: simpy.Event) -> None:
        self.i, self.k, self.queued, self.turn = i, k, queued, turn


class Desk:
    """Queues, idle agents, and the record of what happened; the lives of contacts and agents as SimPy processes.

    Throughout, i is a contact, k a type, g a group.
    """

    def __init__(self, demand: Demand, staffing: Staffing, rules: Rules) -> None:
        self.env = Clock(initial_time=0)
        self.demand, self.staffing, self.rules = demand, staffing, rules
        n, types, groups = len(demand), len(demand.types), len(staffing.groups)
        self.queues: list[list[tuple[int, int, Waiting]]] = [[] for _ in range(types)]
        self.idle: list[list[tuple[int, int, Agent]]] = [[] for _ in range(groups)]
        self.excess = [0] * groups
        self.unsettled = n  # contacts that no agent has answered yet and that have not ended
        self.horizon_ms = len(staffing.heads) * staffing.interval_ms
        self.last_ms = 0
        self.status = [int(Status.UNSERVED)] * n
        self.queued, self.answered, self.ended, self.released = ([NEVER] * n for _ in range(4))
        self.agent_of = [-1] * n
        self.spells: list[list[int]] = []  # agent, group, on, off, left
        self.type_of: list[int] = demand.type.tolist()
        self.fate: list[int] = demand.fate.tolist()
        self.bot_ms: list[int] = demand.bot_ms.tolist()
        self.hand_off_ms: list[int] = demand.hand_off_ms.tolist()
        self.patience_ms: list[int] = demand.patience_ms.tolist()
        self.leaves_at_once: list[bool] = demand.leaves_at_once.tolist()
        self.talk_ms: list[int] = demand.talk_ms.tolist()
        self.after_ms: list[int] = demand.after_ms.tolist()
        self.group_rank: list[list[int]] = rules.routing.group_rank.tolist()
        self.type_rank: list[list[int]] = rules.routing.type_rank.tolist()
        self.delay: list[list[int]] = rules.routing.delay_ms.tolist()
        self.permille: list[list[int]] = rules.time_permille.tolist()
        self.takers = [[g for g in range(groups) if self.group_rank[k][g] < NEVER_RANK] for k in range(types)]
        self.skills = [[k for k in range(types) if self.group_rank[k][g] < NEVER_RANK] for g in range(groups)]
        self.deserted_ms = [last_presence_ms(staffing, takers) for takers in self.takers]

    # ------------------------------------------------------------------------------------------ life of a contact

    def arrivals(self) -> Life:
        """Contacts arrive one after another, each with a life of its own."""
        for i, arrival in enumerate(self.demand.arrival_ms.tolist()):
            yield At(self.env, arrival, CONTACT_ENTERS, i)
            self.env.process(self.life(i))

    def life(self, i: int) -> Life:
        """From arrival to release."""
        env = self.env
        self.last_ms = env.now
        k = self.type_of[i]
        if not self.is_open(k):
            self.queued[i] = env.now
            return self.end(i, Status.CLOSED)
        if self.fate[i] != BotFate.NO_BOT:
            yield At(env, env.now + self.bot_ms[i], BOT_ENDS, i)
            self.last_ms = env.now
            if self.fate[i] != BotFate.HANDED_OFF:
                return self.end(i, IN_BOT[self.fate[i]])
            yield At(env, env.now + self.hand_off_ms[i], CONTACT_ENTERS, i)
            self.last_ms = env.now
        self.queued[i] = env.now
        if not self.is_open(k):
            return self.end(i, Status.CLOSED)
        agent = self.find_agent(k, env.now)
        if agent is None:
            if self.leaves_at_once[i]:
                return self.end(i, Status.ABANDONED)
            agent = yield from self.wait(i, k)
            if agent is None:
                return None
        self.answered[i], self.agent_of[i], self.status[i] = env.now, agent.index, int(Status.ANSWERED)
        self.settle()
        permille = self.permille[k][agent.group]
        yield At(env, env.now + scaled(self.talk_ms[i], permille), WORK_ENDS, agent.index)
        self.last_ms = self.ended[i] = env.now
        if after := scaled(self.after_ms[i], permille):
            yield At(env, env.now + after, WORK_ENDS, agent.index)
            self.last_ms = env.now
        self.released[i] = env.now
        return self.release(agent)

    def wait(self, i: int, k: int) -> Generator[simpy.Event, Any, Agent | None]:
        """Wait for a turn; None when patience ended first or the contact was cut off."""
        env, queued = self.env, self.env.now
        contact = Waiting(i, k, queued, env.event())
        insort(self.queues[k], (queued, i, contact))
        ends = [contact.turn]
        if self.patience_ms[i] < FOREVER:
            ends.append(At(env, queued + self.patience_ms[i], PATIENCE_ENDS, i))
        for delay in sorted({self.delay[k][g] for g in self.takers[k]} - {0}):
            timer = At(env, queued + delay, DELAY_ENDS, i)
            yield env.any_of([*ends, timer])
            if any(event.processed for event in ends):
                break
            self.last_ms = env.now
            if agent := self.find_agent(k, queued):
                self.queues[k].remove((queued, i, contact))
                return agent
        else:
            yield env.any_of(ends)
        if contact.turn.triggered:
            agent_or_none: Agent | None = contact.turn.value
            if agent_or_none is None:
                self.end(i, Status.UNSERVED)
            return agent_or_none
        self.last_ms = env.now
        self.queues[k].remove((queued, i, contact))
        self.end(i, Status.ABANDONED)
        return None

    def end(self, i: int, status: Status) -> None:
        """The contact ends without a person."""
        self.status[i] = int(status)
        self.ended[i] = self.env.now
        self.settle()

    # ------------------------------------------------------------------------------------------------- matching

    def find_agent(self, k: int, queued: int) -> Agent | None:
        """The idle agent who takes, now, a contact that asked at `queued`; busy from now on. None: nobody."""
        waited = self.env.now - queued
        heads = [
            (self.group_rank[k][g], *self.idle[g][0])
            for g in self.takers[k]
            if self.idle[g] and waited >= self.delay[k][g]
        ]
        if not heads:
            return None
        agent = min(heads)[3]
        del self.idle[agent.group][0]
        agent.busy = True
        return agent

    def look(self, agent: Agent) -> None:
        """An agent with empty hands takes a waiting contact, or is idle from now on."""
        g, now = agent.group, self.env.now
        heads = [
            (self.type_rank[k][g], *self.queues[k][0])
            for k in self.skills[g]
            if self.queues[k] and now - self.queues[k][0][0] >= self.delay[k][g]
        ]
        agent.busy = bool(heads)
        if heads:
            contact = min(heads)[3]
            del self.queues[contact.k][0]
            contact.turn.succeed(agent)
        else:
            agent.since = now
            insort(self.idle[g], (now, agent.index, agent))

    def release(self, agent: Agent) -> None:
        """The agent is free of a contact: goes, if leaving or too many, else looks for the next one."""
        agent.busy = False
        if agent.leaving:
            self.go(agent)
        elif self.excess[agent.group]:
            self.excess[agent.group] -= 1
            self.go(agent)
        else:
            self.look(agent)

    # ------------------------------------------------------------------------------------------------ attendance

    def hours(self, agent: Agent, spells: list[tuple[int, int, bool]]) -> Life:
        """An agent's attendance by person, spell by spell."""
        back = 0
        for i, (on, off, keeps_length) in enumerate(spells):
            if back >= off:
                continue
            yield At(self.env, max(on, back), AGENTS_COME, agent.index)
            self.last_ms = self.env.now
            self.come(agent, off)
            yield At(self.env, off, AGENTS_LEAVE, agent.index)
            self.last_ms = self.env.now
            back = 0
            if not agent.busy:
                self.idle[agent.group].remove((agent.since, agent.index, agent))
                self.go(agent)
                continue
            agent.leaving = True
            if keeps_length and i + 1 < len(spells):
                yield agent.gone
                back = self.env.now + spells[i + 1][0] - off

    def levels(self, group: int, agents: list[Agent]) -> Life:
        """A group's attendance by level, change by change."""
        heads = 0
        for interval, level in enumerate(self.staffing.heads[:, group].tolist()):
            if level == heads:
                continue
            kind = AGENTS_COME if level > heads else AGENTS_LEAVE
            yield At(self.env, interval * self.staffing.interval_ms, kind, group)
            self.last_ms = self.env.now
            if level > heads:
                self.rise(group, level - heads, agents)
            else:
                self.fall(group, heads - level)
            heads = level

    def fall(self, group: int, by: int) -> None:
        """The level falls: idle agents go, longest idle first; the rest is excess."""
        idle = self.idle[group][:by]
        del self.idle[group][:by]
        for _, _, agent in idle:
            self.go(agent)
        self.excess[group] += by - len(idle)

    def rise(self, group: int, by: int, agents: list[Agent]) -> None:
        """The level rises: the excess shrinks, then agents who are away come, lowest index first."""
        stay = min(by, self.excess[group])
        self.excess[group] -= stay
        for agent in [agent for agent in agents if not agent.present][: by - stay]:
            self.come(agent, NEVER)

    def come(self, agent: Agent, off: int) -> None:
        """A spell begins; with an agent who is still busy from the one before, that one ends now."""
        now = self.env.now
        if agent.busy:
            self.spells[agent.spell][4] = now
        agent.present, agent.leaving, agent.spell = True, False, len(self.spells)
        self.spells.append([agent.index, agent.group, now, off, NEVER])
        if not agent.busy:
            self.look(agent)

    def go(self, agent: Agent) -> None:
        """The agent leaves the desk; whoever has no hours was to leave just now."""
        spell = self.spells[agent.spell]
        spell[4] = self.env.now
        if spell[3] == NEVER:
            spell[3] = self.env.now
        agent.present = agent.leaving = False
        agent.gone.succeed()
        agent.gone = self.env.event()

    def settle(self) -> None:
        """A contact is answered or has ended."""
        self.unsettled -= 1
        self.send_home()

    def horizon_ends(self) -> Life:
        """By level, the end of the horizon is an instant of its own."""
        yield At(self.env, self.horizon_ms, AGENTS_LEAVE, len(self.idle))
        self.last_ms = self.env.now
        self.send_home()

    def send_home(self) -> None:
        """After the horizon, once no contact waits or is on its way, every level falls to 0."""
        if self.staffing.by_person or self.unsettled or self.env.now < self.horizon_ms:
            return
        for group, level in enumerate(self.staffing.heads[-1].tolist()):
            self.fall(group, level)

    # --------------------------------------------------------------------------------------------------- closing

    def is_open(self, k: int) -> bool:
        """Whether contacts of this type are let in now."""
        if self.rules.always_open[k]:
            return True
        window = int(np.searchsorted(self.rules.opens_ms[k], self.env.now, side="right")) - 1
        return window >= 0 and self.env.now < int(self.rules.closes_ms[k][window])

    def closings(self, k: int) -> Life:
        """At the end of each window, and when the last skilled agent has gone, a closed type may cut off who waits."""
        instants = set(self.rules.closes_ms[k].tolist())
        if not self.rules.disconnects[k] and self.deserted_ms[k] is not None:
            instants.add(self.deserted_ms[k])
        for instant in sorted(instants):
            yield At(self.env, instant, TYPE_CLOSES, k)
            self.last_ms = self.env.now
            deserted = self.deserted_ms[k]
            if self.is_open(k) or not (self.rules.disconnects[k] or (deserted is not None and instant >= deserted)):
                continue
            cut, self.queues[k] = self.queues[k], []
            for _, _, contact in cut:
                contact.turn.succeed(None)

    # --------------------------------------------------------------------------------------------------- running

    def run(self) -> None:
        """Set all lives going and follow them to the last event."""
        env, staffing = self.env, self.staffing
        for k in np.flatnonzero(~self.rules.always_open).tolist():
            env.process(self.closings(k))
        if staffing.by_person:
            for agent, spells in enumerate(spells_by_agent(staffing)):
                env.process(self.hours(Agent(agent, int(staffing.agent_group[agent]), env.event()), spells))
        else:
            first = 0
            for group, most in enumerate(staffing.heads.max(axis=0).tolist()):
                env.process(self.levels(group, [Agent(first + i, group, env.event()) for i in range(most)]))
                first += most
            env.process(self.horizon_ends())
        env.process(self.arrivals())
        env.run()

    def table(self) -> OutcomeTable:
        """What happened, as columns; who still waits is unserved from the last event on."""
        status = np.array(self.status, dtype=np.uint8)
        ended = np.array(self.ended, dtype=np.int64)
        ended[(status == Status.UNSERVED) & (ended == NEVER)] = self.last_ms
        answered, released = np.array(self.answered, dtype=np.int64), np.array(self.released, dtype=np.int64)
        n = len(self.demand)
        contacts = Contacts(
            type=self.demand.type,
            arrival=self.demand.arrival_ms,
            root=np.arange(n, dtype=np.int32),
            parent=np.full(n, -1, dtype=np.int32),
            cause=np.full(n, Cause.ARRIVAL, dtype=np.int16),
            status=status,
            queued=np.array(self.queued, dtype=np.int64),
            answered=answered,
            ended=ended,
            released=released,
            work=np.where(released == NEVER, 0, released - answered),
            agent=np.array(self.agent_of, dtype=np.int32),
            resolved=status == Status.ANSWERED,
            predicted=np.full(n, NEVER, dtype=np.int64),
        )
        rows = np.array(self.spells, dtype=np.int64).reshape(-1, 5)
        agent, group, on, off, left = rows[np.lexsort((rows[:, 2], rows[:, 0]))].T
        spells = Spells(agent=agent.astype(np.int32), group=group.astype(np.int16), on=on, off=off, left=left)
        return OutcomeTable(contacts=contacts, spells=spells, last_ms=self.last_ms)


IN_BOT = {
    int(BotFate.RESOLVED): Status.RESOLVED_IN_BOT,
    int(BotFate.CONTAINED): Status.CONTAINED_UNRESOLVED,
    int(BotFate.GIVES_UP): Status.GAVE_UP_IN_BOT,
}


def scaled(duration_ms: int, permille: int) -> int:
    """Work of `duration_ms` by an agent's factor, half up."""
    return (duration_ms * permille + 500) // 1000


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


def last_presence_ms(staffing: Staffing, groups: list[int]) -> int | None:
    """The instant from which no agent of these groups is due any more; None: by level they stay to the end."""
    if staffing.by_person:
        skilled = np.isin(staffing.agent_group[staffing.spell_agent], groups)
        return int(staffing.spell_off_ms[skilled].max(initial=0))
    staffed = np.flatnonzero(staffing.heads[:, groups].any(axis=1))
    last = int(staffed[-1]) + 1 if len(staffed) else 0
    return None if last == len(staffing.heads) else last * staffing.interval_ms


def run(demand: Demand, staffing: Staffing, rules: Rules) -> OutcomeTable:
    """Simulate one replication.

    The garbage collector is frozen meanwhile: millions of live objects would be walked again and again for nothing.
    """
    desk = Desk(demand, staffing, rules)
    collecting = gc.isenabled()
    gc.freeze()
    gc.disable()
    try:
        desk.run()
    finally:
        gc.unfreeze()
        if collecting:
            gc.enable()
    return desk.table()
