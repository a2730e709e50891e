"""The PEAK desk as a SimPy user would write it, and as a bare loop over `heapq`: rivals of the compiled engine.

Both take the same inputs as the engines (drawn beforehand) and give, per contact, when it was answered (milliseconds;
-1: never), so that a benchmark can check that the same desk was simulated. By level agents are counted by group: who of
a group answers makes no difference to a wait. Where events fall into one millisecond both may take another
order than the engines, as such models do.
"""

import heapq
from collections import deque

import simpy

from sim.attendance import Staffing
from sim.demand import BotFate, Demand
from sim.routing import NEVER_RANK, Rules


class Desk:
    """Idle agents by group, waiting contacts by type, and the heads that a falling level left too many."""

    def __init__(self, staffing: Staffing, rules: Rules) -> None:
        rank, urgency = rules.routing.group_rank.tolist(), rules.routing.type_rank.tolist()
        types, groups = range(len(rank)), range(len(staffing.groups))
        self.takers = [sorted((g for g in groups if rank[k][g] < NEVER_RANK), key=lambda g: rank[k][g]) for k in types]
        self.skills = [[(urgency[k][g], k) for k in types if rank[k][g] < NEVER_RANK] for g in groups]
        self.levels = staffing.heads.tolist()
        self.interval_ms = staffing.interval_ms
        self.idle = [0] * len(staffing.groups)
        self.excess = [0] * len(staffing.groups)
        self.queues = [deque() for _ in types]

    def find(self, kind):
        """The first group with an idle agent, that agent taken; None where nobody is idle."""
        for group in self.takers[kind]:
            if self.idle[group]:
                self.idle[group] -= 1
                return group
        return None

    def keep(self, group):
        """Whether the agent who has become free stays."""
        if self.excess[group]:
            self.excess[group] -= 1
            return False
        return True

    def group_of(self, group):
        """By level an agent is known by the group alone."""
        return group

    def rest(self, group):
        """An agent of the group becomes idle."""
        self.idle[group] += 1

    def staff(self, env, free):
        """Start the processes by which agents come and go."""
        for group in range(len(self.idle)):
            env.process(self.shifts(env, group, free))

    def shifts(self, env, group, free):
        """A group's level, step by step."""
        heads = 0
        for row in self.levels:
            change, heads = row[group] - heads, row[group]
            for _ in range(max(change, 0)):
                free(group)
            gone = min(self.idle[group], max(-change, 0))
            self.idle[group] -= gone
            self.excess[group] += max(-change, 0) - gone
            yield env.timeout(self.interval_ms)

    def next_contact(self, group):
        """The most urgent, then longest waiting contact that the group serves; None where nobody waits."""
        best = None
        for urgency, kind in self.skills[group]:
            queue = self.queues[kind]
            if queue and (best is None or (urgency, queue[0][:2]) < best[0]):
                best = (urgency, queue[0][:2]), queue
        return best[1].popleft() if best else None


class People(Desk):
    """The same with individual agents: the longest idle of a group answers, and each has spells of their own."""

    def __init__(self, staffing: Staffing, rules: Rules) -> None:
        super().__init__(staffing, rules)
        self.group = staffing.agent_group.tolist()
        self.group_of = self.group.__getitem__
        self.on_duty = [False] * len(self.group)
        self.resting = [deque() for _ in staffing.groups]
        self.spells = [[] for _ in self.group]
        for agent, *spell in zip(staffing.spell_agent, staffing.spell_on_ms, staffing.spell_off_ms, strict=True):
            self.spells[agent].append([int(instant) for instant in spell])

    def find(self, kind):
        for group in self.takers[kind]:
            if self.resting[group]:
                return self.resting[group].popleft()
        return None

    def keep(self, agent):
        return self.on_duty[agent]

    def rest(self, agent):
        self.resting[self.group[agent]].append(agent)

    def staff(self, env, free):
        for agent in range(len(self.spells)):
            env.process(self.work(env, agent, free))

    def work(self, env, agent, free):
        """An agent's spells; one still busy at the end finishes first."""
        for on, off in self.spells[agent]:
            yield env.timeout(on - env.now)
            self.on_duty[agent] = True
            free(agent)
            yield env.timeout(off - env.now)
            self.on_duty[agent] = False
            resting = self.resting[self.group[agent]]
            if agent in resting:
                resting.remove(agent)


def with_simpy(demand: Demand, staffing: Staffing, rules: Rules) -> list[int]:
    """A process for each contact, one for each group's level or each agent's spells."""
    env = simpy.Environment()
    desk = (People if staffing.by_person else Desk)(staffing, rules)
    answered = [-1] * len(demand)
    kinds, fates = demand.type.tolist(), demand.fate.tolist()
    bot, patience, talk = demand.bot_ms.tolist(), demand.patience_ms.tolist(), demand.talk_ms.tolist()

    def contact(i):
        if fates[i] != BotFate.NO_BOT:
            yield env.timeout(bot[i])
            if fates[i] != BotFate.HANDED_OFF:
                return
        agent = desk.find(kinds[i])
        if agent is None:
            turn = env.event()
            ticket = (env.now, i, turn)
            desk.queues[kinds[i]].append(ticket)
            yield turn | env.timeout(patience[i])
            if not turn.triggered:
                desk.queues[kinds[i]].remove(ticket)
                return
            agent = turn.value
        answered[i] = env.now
        yield env.timeout(talk[i])
        free(agent)

    def free(agent):
        if not desk.keep(agent):
            return
        waiting = desk.next_contact(desk.group_of(agent))
        if waiting:
            waiting[2].succeed(agent)
        else:
            desk.rest(agent)

    def arrivals():
        for i, at in enumerate(demand.arrival_ms.tolist()):
            yield env.timeout(at - env.now)
            env.process(contact(i))

    desk.staff(env, free)
    env.process(arrivals())
    env.run()
    return answered


def with_heapq(demand: Demand, staffing: Staffing, rules: Rules) -> list[int]:
    """The same desk as one loop over a heap of (time, kind, what)."""
    desk = Desk(staffing, rules)
    idle, excess, queues = desk.idle, desk.excess, desk.queues
    answered = [-1] * len(demand)
    waiting = bytearray(len(demand))
    kinds, fates = demand.type.tolist(), demand.fate.tolist()
    bot, patience, talk = demand.bot_ms.tolist(), demand.patience_ms.tolist(), demand.talk_ms.tolist()
    level, frees, asks, leaves = range(4)
    events = [(row * desk.interval_ms, level, row) for row in range(len(desk.levels))]
    heapq.heapify(events)
    push, pop = heapq.heappush, heapq.heappop

    def answer(i, group, now):
        answered[i] = now
        push(events, (now + talk[i], frees, group))

    def free(group, now):
        if excess[group]:
            excess[group] -= 1
            return
        while contact := desk.next_contact(group):
            if waiting[contact[1]]:
                waiting[contact[1]] = 0
                answer(contact[1], group, now)
                return
        idle[group] += 1

    arrivals = iter(enumerate(demand.arrival_ms.tolist()))
    coming = next(arrivals, None)
    while events or coming:
        if coming and (not events or coming[1] < events[0][0]):
            i, now = coming
            coming = next(arrivals, None)
            if fates[i] == BotFate.NO_BOT:
                kind = asks
            else:
                if fates[i] == BotFate.HANDED_OFF:
                    push(events, (now + bot[i], asks, i))
                continue
        else:
            now, kind, i = pop(events)
        if kind == asks:
            group = desk.find(kinds[i])
            if group is None:
                queues[kinds[i]].append((now, i))
                waiting[i] = 1
                push(events, (now + patience[i], leaves, i))
            else:
                answer(i, group, now)
        elif kind == frees:
            free(i, now)
        elif kind == leaves:
            waiting[i] = 0
        else:
            for group, heads in enumerate(desk.levels[i]):
                change = heads - (desk.levels[i - 1][group] if i else 0)
                for _ in range(max(change, 0)):
                    free(group, now)
                gone = min(idle[group], max(-change, 0))
                idle[group] -= gone
                excess[group] += max(-change, 0) - gone
    return answered
