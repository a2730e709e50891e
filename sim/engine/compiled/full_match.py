"""Who meets whom in the full kernel: an agent looks for a contact, a contact looks for an agent."""

from typing import Any

from sim import keys as plain_keys
from sim.engine.compiled.full_desk import CALLBACK, HAS_LINE, MAIL, NEVER_PAIR
from sim.engine.compiled.full_steps import BLOCKED, first_waiting, give_line_back, high, mix
from sim.engine.compiled.kernel import byte, inlined, whole
from sim.mechanisms import AgentChoice, ContactChoice, Predictor
from sim.outcome import Status

LONGEST_IDLE, BY_SCORE, LEAST_BUSY, FASTEST, UNIFORM = (
    int(choice)
    for choice in (
        AgentChoice.LONGEST_IDLE, AgentChoice.SCORE, AgentChoice.LEAST_BUSY, AgentChoice.FASTEST, AgentChoice.UNIFORM
    )
)  # fmt: skip
LONGEST_WAIT, SCORE, LONGEST_QUEUE = (
    int(choice) for choice in (ContactChoice.LONGEST_WAIT, ContactChoice.SCORE, ContactChoice.LONGEST_QUEUE)
)
NO_FORECAST, HEAD_OF_LINE, LAST_TO_ENTER, MODEL = (
    int(predictor)
    for predictor in (Predictor.NONE, Predictor.HEAD_OF_LINE, Predictor.LAST_TO_ENTER, Predictor.MODEL)
)
ABANDONED, BALKED = int(Status.ABANDONED), int(Status.BALKED)
CHOOSES_AGENT, BALKS = whole(plain_keys.CHOOSES_AGENT), whole(plain_keys.BALKS)
ACCEPTS_CALLBACK = whole(plain_keys.ACCEPTS_CALLBACK)


@inlined
def all_slots_awaited(kinds: Any, groups: Any, skills: Any, pairs: Any, g: int) -> bool:
    """Whether a live contact waits that the group may take, with all slots."""
    for j in range(groups[g].first_skill, groups[g].last_skill):
        if pairs[skills[j].pair].all_slots and kinds[skills[j].other].waiting > 0:
            return True
    return False


@inlined
def is_free(agents: Any, groups: Any, kinds: Any, skills: Any, pairs: Any, a: int, k: int, waited: int) -> bool:
    """Whether this agent may take a contact of type k now."""
    agent = agents[a]
    if agent.ring < 0 or agent.interruptible:
        return False
    g = whole(agent.group)
    pair, group = pairs[k * len(groups) + g], groups[g]
    return not (
        pair.rank == NEVER_PAIR
        or agent.used + pair.need > group.capacity
        or waited < pair.delay
        or group.idle - (agent.number == 0) < pair.reserve
        or (kinds[k].deferred and agent.aside >= 0)
        or (group.holds and agent.number > 0 and all_slots_awaited(kinds, groups, skills, pairs, g))
    )


@inlined
def unfitness(choice: int, agents: Any, persons: Any, pairs: Any, p: int, a: int, now: int) -> Any:
    """What the policy by which contacts choose wants low; 0 where only idleness counts."""
    agent, pair, person = agents[a], pairs[p], persons[a]
    if choice == BY_SCORE:
        idle = now - agent.since if agent.number == 0 else 0
        return -(pair.agent_a + pair.agent_b * idle)
    if choice == LEAST_BUSY:
        return person.busy + (now - person.turned if agent.number > 0 else 0)
    if choice == FASTEST:
        return pair.permille * whole(person.permille) // 1000
    return 0


@inlined
def urgency(choice: int, kinds: Any, pairs: Any, p: int, k: int, waited: int, in_queue: int) -> Any:
    """What the policy by which agents choose wants high; 0 where only the wait counts."""
    if choice == SCORE:
        return pairs[p].contact_a + pairs[p].contact_b * waited
    if choice == LONGEST_QUEUE:
        return whole(kinds[k].waiting)
    return 1000 * kinds[k].waiting - pairs[p].contact_b * in_queue


@inlined
def first_of_all(contacts: Any, groups: Any, skills: Any, queues: int, g: int, now: int) -> int:
    """The place in a queue of the contact that an agent takes, where only ranks, delays and waits count; -1: none."""
    w, rank, since = -1, 0, 0
    for j in range(groups[g].first_skill, groups[g].last_skill):
        skill = skills[j]
        if w >= 0 and skill.rank != rank:
            break
        first = whole(contacts[2 * skill.other + 1].next)
        if (
            first >= queues
            and now - contacts[first].since >= skill.delay
            and (w < 0 or contacts[first].since < since or (contacts[first].since == since and first < w))
        ):
            w, rank, since = first, skill.rank, contacts[first].since
    return w


@inlined
def find_contact(
    agents: Any, contacts: Any, kinds: Any, groups: Any, skills: Any, pairs: Any,
    choice: int, queues: int, a: int, in_queue: int, now: int,
) -> int:  # fmt: skip
    """The place in a queue of the contact that the agent takes now; -1: none."""
    agent = agents[a]
    g = whole(agent.group)
    group = groups[g]
    room = group.capacity - agent.used
    if group.holds and agent.number > 0 and all_slots_awaited(kinds, groups, skills, pairs, g):
        return -1
    w, rank, best, best_lane = -1, 0, 0, 0
    for j in range(group.first_skill, group.last_skill):
        skill = skills[j]
        if w >= 0 and skill.rank != rank:
            break
        k = whole(skill.other)
        if kinds[k].waiting == 0 or skill.need > room or group.idle < skill.reserve:
            continue
        if agent.aside >= 0 and kinds[k].deferred:
            continue
        for lane in range(2):
            first = whole(contacts[2 * k + lane].next)
            if first < queues or now - contacts[first].since < skill.delay:
                continue
            urgent = 0
            if choice != LONGEST_WAIT:
                urgent = urgency(choice, kinds, pairs, whole(skill.pair), k, now - contacts[first].since, in_queue)
            if w >= 0:
                if lane != best_lane:
                    if lane > best_lane:
                        continue
                elif urgent != best:
                    if urgent < best:
                        continue
                elif contacts[first].since > contacts[w].since or (
                    contacts[first].since == contacts[w].since and first > w
                ):
                    continue
            w, rank, best, best_lane = first, skill.rank, urgent, lane
    return w


@inlined
def may_find(kinds: Any, groups: Any, takers: Any, k: int, waited: int) -> bool:
    """Whether some group has somebody in a ring from which it takes the contact; if not, it finds nobody."""
    for j in range(kinds[k].first_taker, kinds[k].last_taker):
        group = groups[takers[j].other]
        if group.levels & takers[j].levels and waited >= takers[j].delay and group.idle >= takers[j].reserve:
            return True
    return False


@inlined
def longest_idle(agents: Any, kinds: Any, takers: Any, heads: int, k: int, waited: int) -> int:
    """The agent who takes a contact, where only ranks, delays and idleness count; -1: none."""
    b, rank, since = -1, 0, 0
    for j in range(kinds[k].first_taker, kinds[k].last_taker):
        taker = takers[j]
        if b >= 0 and taker.rank != rank:
            break
        first = whole(agents[taker.ring].next)
        if (
            first < heads
            and waited >= taker.delay
            and (b < 0 or agents[first].since < since or (agents[first].since == since and first < b))
        ):
            b, rank, since = first, taker.rank, agents[first].since
    return b


@inlined
def find_agent(
    agents: Any, persons: Any, kinds: Any, groups: Any, skills: Any, takers: Any, pairs: Any, contact: Any,
    choice: int, individual: bool, interrupts: bool, heads: int, k: int, waited: int, now: int,
) -> int:  # fmt: skip
    """The agent who takes the contact now, or leaves interruptible work for it; -1: none."""
    b, rank, best, best_level, number = -1, 0, 0, 0, 0
    deferred = kinds[k].deferred
    for j in range(kinds[k].first_taker, kinds[k].last_taker):
        taker = takers[j]
        if b >= 0 and taker.rank != rank:
            break
        p, g = whole(taker.pair), whole(taker.other)
        group = groups[g]
        spare = group.idle - taker.reserve
        if not group.levels & taker.levels or waited < taker.delay or spare < 0:
            continue
        levels = group.capacity - taker.need + 1
        if levels > 1 and group.holds and all_slots_awaited(kinds, groups, skills, pairs, g):
            levels = 1
        walks = (
            choice == UNIFORM
            or choice == LEAST_BUSY
            or (choice == BY_SCORE and pairs[p].agent_b < 0)
            or (choice != LONGEST_IDLE and individual)
        )
        for level in range(0 if spare > 0 else 1, levels):
            i = whole(agents[whole(taker.ring) + level].next)
            while i < heads:
                if not (deferred and agents[i].aside >= 0):
                    number += 1
                    unfit = 0
                    if choice != LONGEST_IDLE:
                        unfit = unfitness(choice, agents, persons, pairs, p, i, now)
                    better = b < 0 or unfit < best
                    if not better and unfit == best:
                        since = agents[i].since
                        better = level < best_level or (
                            level == best_level
                            and (since < agents[b].since or (since == agents[b].since and i < b))
                        )
                    if better:
                        b, rank, best, best_level = i, taker.rank, unfit, level
                    if not walks:
                        break
                i = whole(agents[i].next)
            if b >= 0 and choice == LONGEST_IDLE and level >= best_level:
                break
    if b >= 0 and choice == UNIFORM:
        number = (high(mix(contact.key, CHOOSES_AGENT)) * number) >> 32
        b = -1
        while number >= 0:
            b += 1
            if pairs[k * len(groups) + whole(agents[b].group)].rank == rank:
                number -= is_free(agents, groups, kinds, skills, pairs, b, k, waited)
    if b < 0 and interrupts and not deferred:
        for j in range(kinds[k].first_taker, kinds[k].last_taker):
            taker = takers[j]
            if b >= 0 and taker.rank != rank:
                break
            group = groups[taker.other]
            if not group.levels & MAIL or waited < taker.delay or group.idle < taker.reserve:
                continue
            i = whole(agents[whole(taker.ring) + group.capacity].next)
            if b < 0 or agents[i].since < agents[b].since or (agents[i].since == agents[b].since and i < b):
                b, rank = i, taker.rank
    return b


@inlined
def forecast(contacts: Any, kinds: Any, groups: Any, takers: Any, queues: int, k: int, now: int) -> Any:
    """The wait foretold to one who asks now (`sim.mechanisms.Predictor`)."""
    kind = kinds[k]
    if kind.predictor == HEAD_OF_LINE:
        first = first_waiting(contacts, 2 * k, queues)
        return max(0, now - contacts[first].since) if first >= 0 else 0
    if kind.predictor == LAST_TO_ENTER:
        return kind.last_wait
    if kind.predictor == MODEL:
        there = 0
        for j in range(kind.first_taker, kind.last_taker):
            there += groups[takers[j].other].present
        return (kind.waiting + 1) * kind.handle // max(1, there)
    return whole(kind.waiting)


@inlined
def deterred(
    contacts: Any, predicted: Any, kinds: Any, groups: Any, takers: Any, steps: Any, places: Any, lines: Any,
    contact: Any, queues: int, k: int, c: int, now: int,
) -> Any:  # fmt: skip
    """What keeps one who finds nobody from waiting, as an ending; -1: nothing, though it may be for a call-back."""
    kind = kinds[k]
    if kind.place >= 0 and places[kind.place].used >= places[kind.place].most:
        return BLOCKED
    if kind.deferred:
        return -1
    if contact.at_once:
        return ABANDONED
    if kind.predictor == NO_FORECAST:
        return -1
    wait, word = forecast(contacts, kinds, groups, takers, queues, k, now), 0
    predicted[c] = wait
    for j in range(kind.first_step, kind.last_step):
        if wait >= steps[j].at:
            word = steps[j].word
    if word > 0 and high(mix(contact.key, BALKS)) < word:
        return BALKED
    if wait >= kind.offer_at and high(mix(contact.key, ACCEPTS_CALLBACK)) < kind.accept:
        if contact.marks & HAS_LINE:
            give_line_back(contact, kinds, lines, k)
        contact.marks |= byte(CALLBACK)
    return -1
