"""The PEAK desk as a SimPy user would write it, and as a bare loop over `heapq`: rivals of the compiled engine.

Both take the same inputs as the engines (drawn beforehand) and give, per contact, when it was answered (milliseconds;
-1: never), so that a benchmark can check that the same desk was simulated. Agents are counted by group: who of a
group answers makes no difference to anybody's wait. Where events fall into one millisecond both may take another order
than the engines, as such models do.
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

    def find_group(self, kind):
        """The first group with an idle agent, that agent taken."""
        for group in self.takers[kind]:
            if self.idle[group]:
                self.idle[group] -= 1
                return group
        return None

    def next_contact(self, group):
        """The most urgent, then longest waiting contact that the group serves; None where nobody waits."""
        best = None
        for urgency, kind in self.skills[group]:
            queue = self.queues[kind]
            if queue and (best is None or (urgency, queue[0][:2]) < best[0]):
                best = (urgency, queue[0][:2]), queue
        return best[1].popleft() if best else None


def with_simpy(demand: Demand, staffing: Staffing, rules: Rules) -> list[int]:
    """A process for each contact, one for each group's staffing."""
    env = simpy.Environment()
    desk = Desk(staffing, rules)
    answered = [-1] * len(demand)
    kinds, fates = demand.type.tolist(), demand.fate.tolist()
    bot, patience, talk = demand.bot_ms.tolist(), demand.patience_ms.tolist(), demand.talk_ms.tolist()

    def contact(i):
        if fates[i] != BotFate.NO_BOT:
            yield env.timeout(bot[i])
            if fates[i] != BotFate.HANDED_OFF:
                return
        group = desk.find_group(kinds[i])
        if group is None:
            turn, queued = env.event(), (env.now, i, None)
            ticket = (*queued[:2], turn)
            desk.queues[kinds[i]].append(ticket)
            yield turn | env.timeout(patience[i])
            if not turn.triggered:
                desk.queues[kinds[i]].remove(ticket)
                return
            group = turn.value
        answered[i] = env.now
        yield env.timeout(talk[i])
        free(group)

    def free(group):
        if desk.excess[group]:
            desk.excess[group] -= 1
            return
        waiting = desk.next_contact(group)
        if waiting:
            waiting[2].succeed(group)
        else:
            desk.idle[group] += 1

    def shifts(group):
        heads = 0
        for row in desk.levels:
            change, heads = row[group] - heads, row[group]
            for _ in range(max(change, 0)):
                free(group)
            gone = min(desk.idle[group], max(-change, 0))
            desk.idle[group] -= gone
            desk.excess[group] += max(-change, 0) - gone
            yield env.timeout(desk.interval_ms)

    def arrivals():
        for i, at in enumerate(demand.arrival_ms.tolist()):
            yield env.timeout(at - env.now)
            env.process(contact(i))

    for group in range(len(desk.idle)):
        env.process(shifts(group))
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
            group = desk.find_group(kinds[i])
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
