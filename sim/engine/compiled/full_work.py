"""Agents at work in the full kernel: coming and going, beginning a contact, the end of a stage."""

from typing import Any

from sim import keys as plain_keys
from sim.engine.compiled.full_desk import (
    AFTER,
    AWAY,
    BEGUN,
    CALLBACK,
    DETECTION,
    DONE,
    HIGHEST,
    IN_HAND,
    MAIL,
    PRESENT,
    PUT_ASIDE,
    RINGING,
    TALK,
    UNSETTLED,
    WHOLE,
)
from sim.engine.compiled.full_steps import ANSWERED, CALLED_BACK, SILENT, high, insert, mix, moment
from sim.engine.compiled.kernel import byte, index, inlined, whole
from sim.engine.compiled.loop import KIND_SHIFT, NO_EVENT, unlink
from sim.engine.precedence import WORK_ENDS
from sim.mechanisms import ALWAYS
from sim.outcome import NEVER, Status

UNANSWERED = int(Status.CALLBACK_UNANSWERED)
RESOLVES = whole(plain_keys.RESOLVES)
ANSWERS_CALLBACK = whole(plain_keys.ANSWERS_CALLBACK)
WORKS = WORK_ENDS << KIND_SHIFT
THOUSAND = index(1000)


@inlined
def scaled(ms: int, factor: int) -> Any:
    """Work by an agent's factor in thousandths, half up."""
    return whole(index(ms * factor + 500) // THOUSAND)


# ---------------------------------------------------------------------------------------------------- agents and work


@inlined
def settles(contact: Any, word: int) -> bool:
    """Whether the talk settles the matter."""
    return word >= ALWAYS or high(mix(contact.key, RESOLVES)) < word


@inlined
def tire(persons: Any, a: int, now: int) -> None:
    """Count the time with work in hand up to now."""
    person = persons[a]
    person.busy += now - person.turned
    person.tired += now - person.turned
    person.turned = now


@inlined
def rest(persons: Any, a: int, now: int, recovery: int) -> None:
    """Count the time without work in hand up to now."""
    person = persons[a]
    person.tired = max(0, person.tired - recovery * (now - person.turned))
    person.turned = now


@inlined
def factor_of(persons: Any, groups: Any, permille: int, g: int, a: int) -> Any:
    """Thousandths of what the contact brings: skill, person and fatigue together, rounded half up."""
    tired = 1000 + min(groups[g].most, persons[a].tired * groups[g].per_hour // 3_600_000)
    return max(1, (permille * whole(persons[a].permille) * tired + 500_000) // 1_000_000)


@inlined
def catch_up(agents: Any, jobs: Any, a: int, pace: int, now: int) -> None:
    """Bring the work in hand up to date."""
    first, done = whole(agents[a].jobs), pace * (now - agents[a].paced)
    for j in range(first, first + agents[a].number):
        jobs[j].units = max(0, jobs[j].units - done)
    agents[a].paced = now


@inlined
def level(u: int, capacity: int) -> Any:
    """The bit, in masks, of the ring of those with u slots used, u = capacity meaning interruptible work."""
    return MAIL if u == capacity else 1 << min(u, HIGHEST)


@inlined
def seat(agents: Any, group: Any, a: int) -> Any:
    """The agent stands in the ring of those with as many slots used; bits of the types that may find one for that."""
    agent, u = agents[a], whole(agents[a].used)
    ring = group.ring + u
    agent.ring = ring
    insert(agents, ring, a, agent.since)
    if u == 0:
        group.levels |= 1
        group.idle += 1
        return group.idle_stirs
    group.levels |= level(u, whole(group.capacity))
    return group.mail_stirs if u == group.capacity else group.part_stirs


@inlined
def unseat(agents: Any, group: Any, a: int) -> None:
    """The agent stands in no ring any more."""
    ring = whole(agents[a].ring)
    u = ring - group.ring
    agents[a].ring = -1
    unlink(agents, a)
    if u == 0:
        group.idle -= 1
        if group.idle == 0:
            group.levels &= ~1
    elif agents[ring].next == ring and (u < HIGHEST or u == group.capacity):
        group.levels &= ~level(u, whole(group.capacity))


@inlined
def put_aside(agents: Any, persons: Any, jobs: Any, contacts: Any, work: Any, queues: int, a: int, now: int) -> None:
    """The agent, in no ring any more, puts the interruptible work in hand aside."""
    agent, person, job = agents[a], persons[a], jobs[agents[a].jobs]
    c = whole(job.contact)
    work[c] += now - person.begun
    contacts[index(c + queues)].place = PUT_ASIDE
    person.units = max(0, job.units - 1000 * (now - agent.paced))
    person.factor = job.factor
    agent.paced = now
    agent.aside = c
    agent.interruptible = 0
    agent.number = 0
    agent.used = 0


@inlined
def resume(
    contacts: Any, agents: Any, group: Any, persons: Any, jobs: Any, turns: bool, queues: int, a: int, now: int
) -> None:
    """The agent, with nothing else in hand, goes on with what was put aside."""
    agent, person, job = agents[a], persons[a], jobs[agents[a].jobs]
    job.contact = agent.aside
    job.stage = WHOLE
    job.factor = person.factor
    job.units = person.units
    job.after = 0
    if turns:
        rest(persons, a, now, group.recovery)
    person.begun = now
    contacts[index(whole(agent.aside) + queues)].place = IN_HAND
    agent.paced = now
    agent.aside = -1
    agent.interruptible = 1
    agent.number = 1
    agent.used = group.capacity


@inlined
def next_end(agents: Any, jobs: Any, a: int, pace: int) -> Any:
    """When the first of the stages in hand ends if nothing changes."""
    agent, first, least = agents[a], whole(agents[a].jobs), NO_EVENT
    agent.soonest = jobs[first].contact
    for j in range(first, first + agent.number):
        least = min(least, jobs[j].units)
    if pace == 1000:  # as with one in hand: no division
        return agent.paced + (least + 999) // 1000
    return agent.paced + (least + pace - 1) // pace


@inlined
def come(agents: Any, spells: Any, groups: Any, spell: int, a: int, now: int, off: int) -> None:
    """A spell begins; with an agent who is still there from the one before, that one ends now."""
    agent, begun = agents[a], spells[spell]
    if agent.state == AWAY:
        groups[agent.group].present += 1
    else:
        spells[agent.spell].left = now
    agent.state = PRESENT
    agent.spell = spell
    begun.agent = a
    begun.group = agent.group
    begun.on = now
    begun.off = off
    begun.left = NEVER


@inlined
def leave(agents: Any, spells: Any, groups: Any, by_person: bool, a: int, now: int) -> None:
    """The agent leaves the desk; by level, they were to leave just now."""
    agent, group = agents[a], groups[agents[a].group]
    spells[agent.spell].left = now
    agent.state = AWAY
    group.present -= 1
    if not by_person:
        spells[agent.spell].off = now
        group.lowest_away = min(group.lowest_away, a)


@inlined
def send_home(agents: Any, spells: Any, groups: Any, by_person: bool, g: int, now: int) -> int:
    """Idle agents of a group leave, longest idle first, as long as there are too many; how many."""
    group, gone = groups[g], 0
    while group.excess > 0 and group.idle > 0:
        a = whole(agents[group.ring].next)
        group.excess -= 1
        gone += 1
        unseat(agents, group, a)
        leave(agents, spells, groups, by_person, a, now)
    return gone


@inlined
def let_go(agent: Any) -> None:
    """The agent has nothing in hand any more, after a contact of which all was written when it began."""
    agent.direct = 0
    agent.number = 0
    agent.used = 0


@inlined
def stage_ends(
    contacts: Any, answered: Any, ended: Any, released: Any, resolved: Any, work: Any, circles: Any, kinds: Any,
    groups: Any, pairs: Any, agents: Any, persons: Any, jobs: Any, turns: bool, queues: int, a: int, now: int,
) -> tuple[bool, int, int, int]:  # fmt: skip
    """The first stage in hand that is over ends, with all work caught up.

    Whether the agent is free of the contact; the contact and its ending, if it is one; the first of the copies that
    are to be recalled, or -1.
    """
    ender, ending, copy = -1, 0, -1
    agent = agents[a]
    g = whole(agent.group)
    j = whole(agent.jobs)
    while jobs[j].units > 0:
        j += 1
    for i in range(j + 1, whole(agent.jobs) + agent.number):
        if jobs[i].units == 0 and jobs[i].contact < jobs[j].contact:
            j = i
    job = jobs[j]
    done = whole(job.contact)
    contact = contacts[index(done + queues)]
    k = whole(contact.type)
    stage = whole(job.stage)
    if len(work) > 0 and stage != WHOLE:
        work[done] += job.ms
    ms, begins = 0, stage
    if stage == RINGING:
        contact.status = UNANSWERED
        if high(mix(contact.key, ANSWERS_CALLBACK)) < kinds[k].answer:
            contact.status = CALLED_BACK
            answered[done] = now
            ms, begins = scaled(whole(contact.talk), whole(job.factor)), TALK
            job.after = scaled(whole(contact.after), whole(job.factor))
            if len(circles) > 0 and circles[done].founder >= 0:
                i = whole(circles[done].founder)
                if circles[i].served and not circles[i].shared:
                    ms = scaled(circles[i].duplicate, whole(job.factor))
                    job.after = 0
                elif not circles[i].served:
                    circles[i].served = 1
                    copy = i if circles[i].shared else -1
        else:
            answered[done] = NEVER
            ended[done] = now
            resolved[done] = False
            ender, ending = done, UNANSWERED
    elif stage == TALK or stage == WHOLE:
        ended[done] = now
        resolved[done] = settles(contact, whole(pairs[k * len(groups) + g].resolves))
        ender, ending = done, whole(contact.status)
        if job.after > 0:
            ms, begins = job.after, AFTER
    if begins != stage:
        job.stage = begins
        job.ms = ms
        job.units = 1000 * ms
    else:
        released[done] = now
        contact.place = DONE
        if stage == WHOLE:
            work[done] += now - persons[a].begun
            agent.interruptible = 0
        if turns:
            tire(persons, a, now)
        agent.number -= 1
        agent.used -= pairs[k * len(groups) + g].need
        jobs[j] = jobs[whole(agent.jobs) + agent.number]
    return begins == stage, ender, ending, copy


@inlined
def write_ahead(
    contact: Any, ended: Any, released: Any, resolved: Any, work: Any, agent: Any, pair: Any,
    w: int, b: int, ms: int, after: int, now: int,
) -> Any:  # fmt: skip
    """Write all that is to be known of a contact when it begins; the key of the end of all work with it."""
    ended[w] = now + ms
    released[w] = now + ms + after
    resolved[w] = settles(contact, whole(pair.resolves))
    if len(work) > 0:
        work[w] = ms + after
    agent.direct = 1
    if pair.heard:
        agent.direct = 2
        agent.soonest = w
    return moment(now + ms + after) | WORKS | b


@inlined
def is_plain(contact: Any, pair: Any) -> bool:
    """Whether this contact begins in the plainest way: with one event for the end of all work, and known by now."""
    return (
        pair.plain
        and not contact.marks & (CALLBACK | BEGUN)
        and contact.status != SILENT
        and (contact.after == 0 or not pair.heard)
    )


@inlined
def begin_plainly(
    answered: Any, ended: Any, released: Any, resolved: Any, work: Any, kinds: Any, agent: Any, contact: Any, pair: Any,
    state: Any, w: int, b: int, now: int,
) -> Any:  # fmt: skip
    """The agent, with empty hands and in no ring, begins the contact, in no queue; the key of the end of all work."""
    kind, factor = kinds[contact.type], whole(pair.permille)
    contact.agent = b
    contact.place = IN_HAND
    contact.status = ANSWERED
    answered[w] = now
    kind.last_wait = now - contact.queued
    state[UNSETTLED] -= not kind.deferred
    agent.number = 1
    agent.used = pair.need
    ms, after = scaled(whole(contact.talk), factor), scaled(whole(contact.after), factor)
    return write_ahead(contact, ended, released, resolved, work, agent, pair, w, b, ms, after, now)


@inlined
def begin(
    contacts: Any, answered: Any, ended: Any, released: Any, resolved: Any, work: Any, left: Any, circles: Any,
    kinds: Any, groups: Any, pairs: Any, agents: Any, persons: Any, jobs: Any, rates: Any, state: Any,
    turns: bool, individual: bool, width: int, queues: int, w: int, b: int, now: int,
) -> tuple[int, int]:  # fmt: skip
    """The agent, in no ring, begins the contact, in no queue.

    The key of the end of all work with a contact that is `direct`; the first of the copies to be recalled, or -1.
    """
    end_key, copy = NO_EVENT, -1
    agent, contact = agents[b], contacts[index(w + queues)]
    k, g, here = whole(contact.type), whole(agent.group), contact.marks
    pair, group = pairs[k * len(groups) + g], groups[g]
    if is_plain(contact, pair):
        end_key = begin_plainly(
            answered, ended, released, resolved, work, kinds, agent, contact, pair, state, w, b, now
        )  # fmt: skip
        return end_key, copy
    if turns and agent.number > 0:
        tire(persons, b, now)
    elif turns:
        rest(persons, b, now, group.recovery)
    if agent.interruptible:
        put_aside(agents, persons, jobs, contacts, work, queues, b, now)
    if agent.number > 0:
        catch_up(agents, jobs, b, rates[g * width + agent.number], now)
    agent.paced = now
    agent.since = now
    contact.agent = b
    contact.place = IN_HAND
    factor = whole(pair.permille)
    if individual:
        factor = factor_of(persons, groups, factor, g, b)
    extra = 0
    if group.switch > 0:
        if persons[b].channel >= 0 and persons[b].channel != kinds[k].channel:
            extra = group.switch
        persons[b].channel = kinds[k].channel
    stage, ms, after, units = TALK, 0, 0, 0
    if here & BEGUN:
        stage = WHOLE
        units = (min(left[w], (1 << 62) // factor) * factor + 500) // 1000
    else:
        contact.marks = here | byte(BEGUN)
        kinds[k].last_wait = now - contact.queued
        if contact.status == SILENT:
            stage, ms = DETECTION, kinds[k].detection
        else:
            state[UNSETTLED] -= not kinds[k].deferred
            if here & CALLBACK:
                stage, ms = RINGING, kinds[k].ring
            else:
                answered[w] = now
                contact.status = ANSWERED
                ms = scaled(whole(contact.talk), factor) + extra
                after = scaled(whole(contact.after), factor)
                if len(circles) > 0 and circles[w].founder >= 0:
                    i = whole(circles[w].founder)
                    if circles[i].served and not circles[i].shared:
                        ms, after = scaled(circles[i].duplicate, factor), 0
                    elif not circles[i].served:
                        circles[i].served = 1
                        copy = i if circles[i].shared else -1
                if kinds[k].interruptible:
                    stage, ms, after = WHOLE, ms + after, 0
        units = 1000 * ms
    if pair.direct and stage == TALK and (after == 0 or not pair.heard):
        end_key = write_ahead(contact, ended, released, resolved, work, agent, pair, w, b, ms, after, now)
    else:
        if stage == WHOLE:
            agent.interruptible = 1
            persons[b].begun = now
        job = jobs[whole(agent.jobs) + agent.number]
        job.contact = w
        job.stage = stage
        job.factor = factor
        job.units = units
        job.ms = ms
        job.after = after
    agent.number += 1
    agent.used += pair.need
    return end_key, copy
