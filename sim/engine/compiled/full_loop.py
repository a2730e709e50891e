"""The event loop of the full kernel: every mechanism of `sim.mechanisms`, to the reference's letter.

Four sources of packed keys (time, kind, index) are merged: those who come or ask, known beforehand; the ends of work,
one place for each agent; a heap for all that the run brings about; planned changes. An event brings at most one agent
(a) and one contact (c) that look; then, where a reserve or a hold may have ended, the first contact of each type does.
Each step of the inner loop does one thing: an ending and its follow-up, or one look. Plain events take a short way.
"""

from typing import Any

from sim.engine.compiled.full_desk import (
    ASKS,
    AWAITS_BOT,
    AWAY,
    BEFORE_BOT,
    BEGUN,
    BITS,
    BOOSTED,
    BOT_STATUS,
    CALLBACK,
    CARRIED,
    COMES,
    COMING,
    COMING_GROUP,
    CONTACTS,
    DONE,
    EVENTS,
    HANDED,
    HANDED_OFF,
    HAS_LINE,
    HEAP_SIZE,
    HOME,
    IN_QUEUE,
    LAST,
    LEAVING,
    MEETS_BOT,
    NEXT_ASK,
    NEXT_CHANGE,
    NOW,
    OUTLASTS,
    PRESENT,
    RECALLED,
    RUNNING,
    SEATED,
    SPELLS,
    UNDECIDED,
    UNNOTICED,
    UNRESOLVED,
    UNSETTLED,
    WAITING,
    WAITS,
    Desk,
)
from sim.engine.compiled.full_match import (
    deterred,
    find_agent,
    find_contact,
    first_of_all,
    is_free,
    longest_idle,
    may_find,
)
from sim.engine.compiled.full_steps import (
    ANSWERED,
    CALLED_BACK,
    ENTERS,
    LAST_INSTANT,
    SILENT,
    conclude,
    enter,
    find_rule,
    first_waiting,
    follow_up,
    give_line_back,
    insert,
    join_queue,
    leave_queue,
    moment,
    next_delay,
    next_timer,
    push,
)
from sim.engine.compiled.full_work import (
    WORKS,
    begin,
    begin_plainly,
    catch_up,
    come,
    is_plain,
    leave,
    let_go,
    next_end,
    put_aside,
    resume,
    seat,
    send_home,
    stage_ends,
    tire,
    unseat,
)
from sim.engine.compiled.kernel import byte, fetch, index, kernel, whole
from sim.engine.compiled.loop import (
    INDEX_MASK,
    KIND_MASK,
    KIND_SHIFT,
    NO_EVENT,
    TIME_SHIFT,
    next_plan,
    pop,
    set_end,
    unlink,
)
from sim.engine.precedence import (
    AGENTS_COME,
    AGENTS_LEAVE,
    BOT_CHANGES,
    BOT_ENDS,
    CONTACT_ENTERS,
    DELAY_ENDS,
    PATIENCE_ENDS,
    TYPE_CLOSES,
    WORK_ENDS,
)
from sim.outcome import NEVER, Status

ROOM = 32  # places in the heap, and for contacts, that one event can never use up besides two for each who waits
AHEAD = 4  # so many to come are fetched into the cache
GAVE_UP, ABANDONED = int(Status.GAVE_UP_IN_BOT), int(Status.ABANDONED)
WITHDRAWN, UNSERVED = int(Status.WITHDRAWN), int(Status.UNSERVED)
NO_END = whole(NEVER)  # of a spell by level
BOT = BOT_ENDS << KIND_SHIFT


@kernel
def follow(d: Desk, heap: Any, state: Any) -> None:
    """Follow the run from event to event until the last one, or until something must grow (state[RUNNING] stays 1)."""
    next_ask, next_change, size, spells = state[NEXT_ASK], state[NEXT_CHANGE], state[HEAP_SIZE], state[SPELLS]
    last, in_queue, before_bot, home = state[LAST], state[IN_QUEUE], state[BEFORE_BOT], state[HOME]
    coming, coming_group, now, seated = state[COMING], state[COMING_GROUP], state[NOW], state[SEATED]
    asks, contacts, answered, ended, released, resolved, work, predicted, left, circles, tales = d[:11]
    kinds, groups, pairs, skills, takers, rates, timers, windows, steps, rules, draws, delays = d[11:23]
    bots, lines, places, agents, persons, jobs, ends, spell_rows, change_keys, change_values = d[23:33]
    plan_on, plan_off, plan_keeps, plan_agent, demanded, horizon_ms, home_ms, by_person = d[33:41]
    simple, agent_choice, contact_choice, last_agent, individual, turns, rechecks, interrupts, told = d[41:]
    types, group_count = len(kinds), len(groups)
    width, leaf, heads, queues = len(rates) // group_count, len(ends) >> 1, len(persons), len(contacts) - len(ended)
    grows = len(rules) > 0
    ask_count, change_count = len(asks), len(change_keys)
    ask_key = asks[next_ask] if next_ask < ask_count else NO_EVENT
    change_key = change_keys[next_change] if next_change < change_count else NO_EVENT
    # types as bits: whose first contact may find an agent whom it did not find before; of which somebody waits
    stirred, standing, look_at = -1, -1, NO_EVENT
    short_until = -1 if turns or rechecks else min(home_ms, LAST_INSTANT)
    # what an event may bring about besides a look: `more` if anything of it is left to do
    goes, fills, closes, copy, ender, ending, longed, falling_first, falling_last = -1, -1, -1, -1, -1, -1, 0, 0, 0
    more, concludes, popped, pending = False, True, False, NO_EVENT
    looks, waits, seeks, timed = True, False, True, False  # how agent and contact look
    kind, x, value, recheck, looking = 0, 0, 0, types, 0
    state[RUNNING] = 0
    while True:
        others = in_queue + before_bot
        if size + 2 * others + ROOM > len(heap) or (grows and state[CONTACTS] + others + ROOM > len(ended)):
            state[RUNNING] = 1
            break
        a, c, b, w, live = -1, -1, -1, -1, True
        if coming > 0:  # one more agent of a level that has risen
            coming -= 1
            kind, looks = 0, True
            a = whole(groups[coming_group].lowest_away)
            while agents[a].state != AWAY:
                a += 1
            groups[coming_group].lowest_away = a + 1
            come(agents, spell_rows, groups, spells, a, now, NO_END)
            spells += 1
            live = coming == 0  # the event ends with the last of them
        else:
            work_key = ends[1]
            heap_key = heap[0]
            key = min(ask_key, work_key, heap_key, change_key)
            if key == NO_EVENT:
                break
            now = key >> TIME_SHIFT
            kind = (key >> KIND_SHIFT) & KIND_MASK
            x = key & INDEX_MASK
            if told and work_key != NO_EVENT:
                fetch(contacts, index(agents[index(work_key & INDEX_MASK)].soonest + queues))
            if key == ask_key:
                next_ask += 1
                ask_key = asks[next_ask] if next_ask < ask_count else NO_EVENT
                fetch(contacts, index((asks[min(next_ask + AHEAD, ask_count - 1)] & INDEX_MASK) + queues))
                if now < short_until and simple and seated > 0 and contacts[index(x + queues)].place == ASKS:
                    w, b = x, longest_idle(agents, kinds, takers, heads, whole(contacts[index(x + queues)].type), 0)
            elif key == heap_key:
                popped = True
            elif key == change_key:
                value = whole(change_values[next_change])
                next_change += 1
                change_key = change_keys[next_change] if next_change < change_count else NO_EVENT
            elif now < short_until and (simple or in_queue == 0):
                agent = agents[x]
                if agent.direct == 1 and agent.state == PRESENT and agent.aside < 0 and groups[agent.group].excess <= 0:
                    b = x
                    if in_queue > 0:
                        w = max(first_of_all(contacts, groups, skills, queues, whole(agent.group), now) - queues, -1)
            if b >= 0:  # ------------------------------------------------ the short way: nothing else can come of it
                agent, group = agents[b], groups[agents[b].group]
                if w < 0:
                    key = NO_EVENT
                    let_go(agent)
                    agent.since = now
                    seat(agents, group, b)
                    seated += 1
                else:
                    contact = contacts[index(w + queues)]
                    pair = pairs[contact.type * group_count + agent.group]
                    if not is_plain(contact, pair):
                        b = -1
                    else:
                        if contact.place == WAITS:
                            leave_queue(contacts, kinds, places, queues, whole(contact.type), w)
                            in_queue -= 1
                        if agent.ring >= 0:
                            unseat(agents, group, b)
                            seated -= 1
                        key = begin_plainly(
                            answered, ended, released, resolved, work, kinds, agent, contact, pair, state, w, b, now
                        )
                if b >= 0:
                    set_end(ends, b, key)
                    fetch(agents, index(ends[1] & INDEX_MASK))
                    last = now
                    state[EVENTS] += 1
                    continue
        if kind == WORK_ENDS:  # ------------------------------------------------------------------ a stage of work ends
            a, looks = x, True
            agent = agents[a]
            g = whole(agent.group)
            if agent.direct:  # all that was to be known of the contact was written when it began
                if agent.direct > 1:
                    ender, ending, concludes, more = whole(agent.soonest), ANSWERED, False, True
                let_go(agent)
                if turns:
                    tire(persons, a, now)
            else:
                catch_up(agents, jobs, a, rates[g * width + agent.number], now)
                looks, ender, ending, copy = stage_ends(
                    contacts, answered, ended, released, resolved, work, circles, kinds, groups, pairs, agents, persons,
                    jobs, turns, queues, a, now,
                )  # fmt: skip
                concludes = ender < 0
                more = ender >= 0 or copy >= 0
                if looks and agent.ring >= 0:
                    unseat(agents, groups[g], a)
                    seated -= 1
            if looks:
                if agent.state == LEAVING:
                    looks = False
                    if agent.number == 0:
                        goes, more = a, True
                elif agent.number == 0 and groups[g].excess > 0:
                    groups[g].excess -= 1
                    goes, more = a, True
        elif kind == CONTACT_ENTERS:  # ------------------------------------------------------- a contact comes, or asks
            c, waits, seeks, timed = x, False, True, False
            stands = contacts[index(c + queues)].place
            if stands == COMES or stands == HANDED:
                ending, pending, asking = enter(contacts, kinds, windows, lines, bots, queues, c, now)
                before_bot += contacts[index(c + queues)].place == AWAITS_BOT
                if ending >= 0:
                    ender, more = c, True
                if not asking:
                    c = -1
        elif kind == PATIENCE_ENDS:  # ---------------------------------------------------------------------------------
            contact, live = contacts[index(x + queues)], False
            if contact.place == WAITS:
                kind_of = kinds[contact.type]
                until = max(contact.queued, 0) + contact.patience
                if now == until and not contact.marks & CALLBACK and not kind_of.deferred:
                    live, more = True, True
                    ender, ending = x, SILENT if kind_of.silent else ABANDONED
            elif contact.place == AWAITS_BOT:
                live, more = True, True
                ender, ending = x, GAVE_UP
        elif kind == DELAY_ENDS:  # ------------------------------------------------------------------------------------
            contact = contacts[index(x + queues)]
            live = contact.place == WAITS and not contact.marks & BEGUN
            if live:
                c, waits, seeks, timed = x, True, False, True
                for j in range(kinds[contact.type].first_timer, kinds[contact.type].last_timer):
                    if now - contact.queued == timers[j].after and timers[j].overflows:
                        seeks = True
        elif kind == BOT_ENDS:  # --------------------------------------------------------------------------------------
            contact = contacts[index(x + queues)]
            fills = whole(kinds[contact.type].bot)
            more = True
            if fills >= 0:
                bots[fills].sessions -= 1
            if contact.fate == HANDED_OFF:
                contact.place = HANDED
                pending = moment(now + contact.hand_off) | ENTERS | x
            else:
                ender, ending = x, BOT_STATUS[contact.fate]
        elif kind == BOT_CHANGES:
            fills, bots[x].capacity, more = x, value, True
        elif kind == TYPE_CLOSES:
            closes, more = x if value else -1, True
        elif kind == AGENTS_COME:  # -----------------------------------------------------------------------------------
            looks = True
            if popped:  # after a break that kept its length
                agents[x].held = 0
                agents[x].plan += 1
                a = x
            elif not by_person:
                stay = min(value, whole(groups[x].excess))
                groups[x].excess -= stay
                coming, coming_group = value - stay, x
                live = coming == 0
                last = now
            elif agents[x].plan == value - 1 and not agents[x].held:
                agents[x].plan = value
                a = x
            else:
                live = False
            if a >= 0:
                come(agents, spell_rows, groups, spells, a, now, plan_off[agents[a].plan])
                spells += 1
        elif kind == AGENTS_LEAVE:
            if not by_person:
                if x < group_count:
                    groups[x].excess += value
                    falling_first, falling_last, more = x, x + 1, True
            elif agents[x].plan == value and agents[x].state != AWAY and not agents[x].held:
                goes, more = x, True
            else:
                live = False
        # ------------------------------------------------------------------------------------ what follows at once
        if live:
            last = now
            state[EVENTS] += 1
            if now >= LAST_INSTANT:
                state[OUTLASTS] = 1
                break
        checks = rechecks and live
        if checks:
            recheck, looking = types, 0
        if checks and now >= look_at:
            look_at = NO_EVENT
            for k in range(types):
                if kinds[k].due <= now:
                    stirred |= kinds[k].bit
                    kinds[k].due = NO_EVENT
                look_at = min(look_at, kinds[k].due)
        while True:  # one thing at a time: what follows an ending, an agent looks, a contact looks, those who wait look
            b, w, end_key = -1, -1, NO_EVENT  # agent and contact that meet
            if more:
                if goes >= 0:  # an agent leaves, or is leaving; interruptible work returns to its queue
                    a, looks, goes = goes, False, -1
                    agent = agents[a]
                    if agent.ring >= 0:
                        unseat(agents, groups[agent.group], a)
                        seated -= 1
                    if agent.interruptible:
                        if turns:
                            tire(persons, a, now)
                        put_aside(agents, persons, jobs, contacts, work, queues, a, now)
                    if agent.aside >= 0:
                        c, waits, seeks, timed = whole(agent.aside), True, True, False
                        agent.aside = -1
                        factor = whole(persons[a].factor)
                        left[c] = (persons[a].units * 1000 + factor // 2) // factor
                        k = whole(contacts[index(c + queues)].type)
                        stirred |= join_queue(contacts, kinds, places, queues, k, c)
                        standing |= kinds[k].bit
                        in_queue += 1
                    if agent.number > 0:
                        agent.state = LEAVING
                        agent.held = plan_keeps[value]
                    else:
                        leave(agents, spell_rows, groups, by_person, a, now)
                        if agent.held:
                            agent.held = 0
                            p = agent.plan
                            if p + 1 < len(plan_on) and plan_agent[p + 1] == a:
                                back = now + plan_on[p + 1] - plan_off[p]
                                pending = next_plan(agents, plan_on, plan_off, plan_agent, a, back)
                    continue
                if fills >= 0:  # who waits for the bot meets it, as long as it has room
                    while contacts[2 * types + fills].next >= queues and bots[fills].sessions < bots[fills].capacity:
                        i = whole(contacts[2 * types + fills].next)
                        unlink(contacts, i)
                        before_bot -= 1
                        contacts[i].place = MEETS_BOT
                        bots[fills].sessions += 1
                        size = push(heap, size, moment(now + contacts[i].bot) | BOT | (i - queues), popped)
                        popped = False
                    fills = -1
                    continue
                if ender >= 0:  # --------------------------------------------------------------- an ending, or nearly
                    i, ender = ender, -1
                    contact = contacts[index(i + queues)]
                    k = whole(contact.type)
                    if concludes:
                        if contact.place == AWAITS_BOT:
                            unlink(contacts, i + queues)
                            before_bot -= 1
                        elif contact.place == WAITS and ending != SILENT:
                            stirred |= leave_queue(contacts, kinds, places, queues, k, i)
                            in_queue -= 1
                        conclude(contact, answered, ended, released, resolved, i, ending, now)
                        state[UNSETTLED] -= not kinds[k].deferred
                    if contact.marks & HAS_LINE and ending != WAITING:
                        give_line_back(contact, kinds, lines, k)
                    heard = 1 << ending
                    if ending == ANSWERED or ending == CALLED_BACK:
                        heard |= 1 << UNRESOLVED
                    if kinds[k].listens & heard:
                        first = whole(kinds[k].first_rule)
                        depth = whole(tales[i - demanded].depth) if i >= demanded else 0
                        j = find_rule(
                            rules, contact.key, first, whole(kinds[k].last_rule), ending, resolved[i], longed, depth
                        )
                        if j >= 0:
                            key = follow_up(
                                contacts, answered, ended, released, resolved, work, predicted, circles, tales, kinds,
                                rules, draws, delays, state, demanded, horizon_ms, queues, i, j, j - first,
                                ending == WAITING, now,
                            )  # fmt: skip
                            if key != NO_EVENT:
                                size = push(heap, size, key, popped)
                                popped = False
                    concludes = True
                    continue
                if falling_last > 0:  # ------------------------- idle agents go, longest idle first; the rest is excess
                    for g in range(falling_first, falling_last):
                        seated -= send_home(agents, spell_rows, groups, by_person, g, now)
                    falling_last = 0
                    continue
                if closes >= 0:  # ------------------------------------------------------- those who wait are sent away
                    i = first_waiting(contacts, 2 * closes, queues) - queues
                    if i < 0:
                        closes = -1
                    elif contacts[index(i + queues)].place == UNNOTICED:
                        stirred |= leave_queue(contacts, kinds, places, queues, closes, i)
                        in_queue -= 1
                        contacts[index(i + queues)].place = DONE
                    else:
                        ender, ending = i, UNSERVED
                    continue
                if copy >= 0:  # --------------------------------------------------------- copies of one who is answered
                    i = copy
                    copy = whole(circles[i].next)
                    contact = contacts[index(i + queues)]
                    if contact.status == UNDECIDED:
                        contact.marks |= byte(RECALLED)
                        if contact.place == WAITS or contact.place == AWAITS_BOT:
                            ender, ending = i, WITHDRAWN
                    continue
                more = False
            if a >= 0:  # ---------------------------------------------------------------------------- an agent looks
                b, g = a, whole(agents[a].group)
                if looks and in_queue > 0 and agents[a].used < groups[g].capacity:
                    if simple:
                        w = first_of_all(contacts, groups, skills, queues, g, now)
                    else:
                        w = find_contact(
                            agents, contacts, kinds, groups, skills, pairs, contact_choice, queues, a, in_queue, now
                        )
                    w = w - queues if w >= 0 else -1
            elif c >= 0:  # --------------------------------------------------------------------------- a contact looks
                contact = contacts[index(c + queues)]
                k = whole(contact.type)
                waited = now - contact.queued
                if rechecks and not waits and kinds[k].waiting > 0:  # if not stirred since, they found nobody
                    seeks = stirred & kinds[k].bit != 0
                if seeks and seated > 0:
                    if simple:
                        b = longest_idle(agents, kinds, takers, heads, k, waited)
                    elif may_find(kinds, groups, takers, k, waited):
                        if last_agent and c >= demanded:
                            b = whole(contacts[index(tales[c - demanded].parent + queues)].agent)
                            if b >= 0 and not is_free(agents, groups, kinds, skills, pairs, b, k, waited):
                                b = -1
                        if b < 0:
                            b = find_agent(
                                agents, persons, kinds, groups, skills, takers, pairs, contact, agent_choice,
                                individual, interrupts, heads, k, waited, now,
                            )  # fmt: skip
                if b >= 0:
                    w = c
                elif waits:
                    if not timed:
                        kinds[k].due = min(kinds[k].due, next_delay(kinds, timers, k, contact.queued, False, now + 1))
                        look_at = min(look_at, kinds[k].due)
                    if timed:  # overflow came to nothing: then the promise, then a copy elsewhere
                        if contact.marks & CALLBACK and waited == kinds[k].promise and not contact.marks & BOOSTED:
                            contact.marks |= byte(BOOSTED)
                            unlink(contacts, c + queues)
                            insert(contacts, 2 * k, c + queues, contact.queued)
                            stirred |= kinds[k].bit
                        for j in range(kinds[k].first_timer, kinds[k].last_timer):
                            if waited == timers[j].after and timers[j].asks:
                                ender, ending, concludes, longed, more = c, WAITING, False, waited, True
                        pending = next_timer(kinds, timers, contact, k, c, now + 1)
                else:
                    ending = -1
                    if contact.place != CARRIED:
                        ending = deterred(
                            contacts, predicted, kinds, groups, takers, steps, places, lines, contact, queues, k, c, now
                        )
                    if ending >= 0:
                        ender, more = c, True
                    else:
                        stirred |= join_queue(contacts, kinds, places, queues, k, c)
                        standing |= kinds[k].bit
                        in_queue += 1
                        pending = next_timer(kinds, timers, contact, k, c, now)
                c = -1
            elif checks and (recheck < types or stirred & standing):  # --------- those who wait look after every event
                # A look that found nobody finds nobody again before somebody stands in a ring of a group that takes the
                # type (`seat`), another contact is the first of the type, nobody waits any more of one for which slots
                # are held (`frees`), or the first one's next delay is over (`due`): all else only takes agents away.
                # So types that are not stirred need not look: it would change nothing.
                if recheck == types:
                    recheck, looking, stirred = 0, stirred, 0
                may = (looking | stirred) & standing
                while recheck < types and not may & kinds[recheck].bit:
                    recheck += 1
                if recheck < types:
                    if types <= BITS:
                        stirred &= ~kinds[recheck].bit
                        looking &= ~kinds[recheck].bit
                    if kinds[recheck].waiting == 0:
                        standing &= ~kinds[recheck].bit if types <= BITS else -1
                    else:
                        c = whole(contacts[2 * recheck].next) - queues
                        if c < 0:
                            c = whole(contacts[2 * recheck + 1].next) - queues
                        waits, seeks, timed = True, True, False
                    recheck += 1
            elif live and now >= home_ms and not home and state[UNSETTLED] == 0:  # everyone goes home
                home = 1
                for g in range(group_count):
                    groups[g].excess += groups[g].final_heads
                falling_first, falling_last, more = 0, group_count, True
            else:
                break
            if w >= 0:  # ------------------------------------------------------------------------- the work begins
                agent, contact = agents[b], contacts[index(w + queues)]
                g = whole(agent.group)
                group = groups[g]
                if contact.place == WAITS or contact.place == UNNOTICED:
                    stirred |= leave_queue(contacts, kinds, places, queues, whole(contact.type), w)
                    in_queue -= 1
                if agent.ring >= 0:
                    unseat(agents, group, b)
                    seated -= 1
                end_key, recalls = begin(
                    contacts, answered, ended, released, resolved, work, left, circles, kinds, groups, pairs, agents,
                    persons, jobs, rates, state, turns, individual, width, queues, w, b, now,
                )  # fmt: skip
                if recalls >= 0:
                    copy, more = recalls, True
            if b >= 0:  # ---------------------------------------------------------- the agent looks again, or is done
                if end_key == NO_EVENT:  # else all of them is taken, and the end known
                    agent, group = agents[b], groups[g]
                    if a >= 0 and w >= 0 and agent.used < group.capacity:
                        continue
                    if agent.number == 0 and agent.state == PRESENT:
                        if agent.aside >= 0:  # nobody waits for them: on with what was put aside
                            resume(contacts, agents, group, persons, jobs, turns, queues, b, now)
                        agent.since = now
                    if not agent.direct:
                        if agent.number > 0:
                            end_key = moment(next_end(agents, jobs, b, rates[g * width + agent.number])) | WORKS | b
                    else:
                        end_key = ends[leaf + b]
                    idle = agent.used < group.capacity or agent.interruptible
                    if idle and agent.ring < 0 and agent.state == PRESENT:
                        stirred |= seat(agents, group, b)
                        seated += 1
                a = -1
                if end_key != ends[leaf + b]:
                    set_end(ends, b, end_key)
            if c < 0 and not more and now < home_ms and not (checks and (recheck < types or stirred & standing)):
                break
        # ------------------------------------------------------------------------------------ the heap
        if pending != NO_EVENT:
            size = push(heap, size, pending, popped)
            pending = NO_EVENT
        elif popped:
            size = pop(heap, size)
        # ------------------------------------------------------------------------------------ who comes next is fetched
        fetch(agents, index(ends[1] & INDEX_MASK))
        if popped:
            for j in range(1, 5):  # one of these comes after the root
                fetch(contacts, index((heap[index(j)] & INDEX_MASK) + queues))
            popped = False
    state[NEXT_ASK], state[NEXT_CHANGE], state[HEAP_SIZE], state[SPELLS] = next_ask, next_change, size, spells
    state[LAST], state[IN_QUEUE], state[BEFORE_BOT], state[HOME] = last, in_queue, before_bot, home
    state[COMING], state[COMING_GROUP], state[NOW], state[SEATED] = coming, coming_group, now, seated
