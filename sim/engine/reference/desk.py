"""The desk: lives of contacts from arrival to release, step by step, and how contacts and agents find each other.

Throughout, c is a contact, k a type, g a group; `now` is the instant of the event at hand.
"""

from collections.abc import Callable

import numpy as np

from sim.attendance import Staffing
from sim.demand import FOREVER, BotFate, Demand
from sim.engine.precedence import BOT_ENDS, CONTACT_ENTERS, DELAY_ENDS, PATIENCE_ENDS, WORK_ENDS
from sim.engine.reference.bots import Bots
from sim.engine.reference.clock import At, Clock
from sim.engine.reference.crew import Crew, scaled
from sim.engine.reference.follow_ups import Chain
from sim.engine.reference.hours import Hours
from sim.engine.reference.people import Agent, Contact, Job, Stage
from sim.engine.reference.queues import Queues
from sim.keys import ACCEPTS_CALLBACK, ANSWERS_CALLBACK, BALKS, RESOLVES, mix
from sim.mechanisms import ContactChoice, Ending, Predictor
from sim.outcome import NEVER, Cause, Status
from sim.routing import Rules

IN_BOT = {
    int(BotFate.RESOLVED): Status.RESOLVED_IN_BOT,
    int(BotFate.CONTAINED): Status.CONTAINED_UNRESOLVED,
    int(BotFate.GIVES_UP): Status.GAVE_UP_IN_BOT,
}
TALKED = (Status.ANSWERED, Status.CALLED_BACK)
UNDECIDED = -1


class Desk:
    """Contacts, queues and agents of one run, and the record of what happened."""

    def __init__(self, demand: Demand, staffing: Staffing, rules: Rules) -> None:
        self.env = Clock(initial_time=0)
        self.demand, self.staffing, self.rules = demand, staffing, rules
        m = rules.mechanisms
        types = len(demand.types)
        none = [-1] * types
        self.line_of: list[int] = none if m.lines is None else m.lines.line_of.tolist()
        self.free_lines: list[int] = [] if m.lines is None else m.lines.lines.tolist()
        self.place_of: list[int] = none if m.lines is None else m.lines.place_of.tolist()
        self.places: list[int] = [] if m.lines is None else m.lines.places.tolist()
        self.queues = Queues(types, self.place_of)
        self.crew = Crew(self.env, staffing, rules, self.queues)
        self.bots = Bots(rules.mechanisms.bot_limits, types)
        self.chain = Chain(demand, rules)
        self.offers, self.silence, self.resolved_word = m.offers, m.silence, m.resolved_word
        self.deferred, self.interruptible = self.crew.deferred, self.crew.interruptible
        self.silent: list[bool] = [False] * types if m.silence is None else m.silence.silent.tolist()
        self.last_wait = [0] * types
        delay, takers = self.crew.delay, self.crew.takers
        self.timers = [sorted({delay[k][g] for groups in takers[k] for g in groups} - {0}) for k in range(types)]
        self.type_rank: list[list[int]] = rules.routing.type_rank.tolist()
        self.weighs = rules.routing.contact_choice != ContactChoice.LONGEST_WAIT
        self.rechecks = any(map(any, self.crew.reserve)) or any(self.crew.holds)
        self.opens = [w.tolist() for w in rules.opens_ms]
        self.closes = [w.tolist() for w in rules.closes_ms]
        live = ~np.isin(demand.type, np.flatnonzero(self.deferred))
        self.unsettled = int(live.sum())  # live contacts that no agent has taken yet and that have not ended
        self.last_ms = 0
        self.contacts = drawn(demand, keyed=not rules.is_plain)
        self.hours = Hours(self, staffing)

    # ------------------------------------------------------------------------------------------------------- events

    def at(self, when: int, kind: int, index: int, contact: int, step: Callable[[], bool]) -> None:
        """Set an event; `step` tells whether it was still live."""

        def happen() -> None:
            if step():
                self.happened()

        At(self.env, when, kind, index, contact, happen)

    def happened(self) -> None:
        """What follows every live event."""
        self.last_ms = self.env.now
        if self.rechecks:
            self.look_again()
        self.hours.send_home()

    # ------------------------------------------------------------------------------------------ arrival and the bot

    def arrive(self, c: Contact) -> bool:
        """The contact enters the desk: through an open door, by a free line, to the bot or to ask for a person."""
        now, k = self.env.now, c.k
        if c.arrival < 0:
            self.ask(c, c.arrival)
        elif c.recalled:
            self.turn_away(c, Status.WITHDRAWN)
        elif not self.is_open(k):
            self.turn_away(c, Status.CLOSED)
        elif not self.takes_line(c):
            self.turn_away(c, Status.BLOCKED)
        elif c.fate == BotFate.NO_BOT:
            self.ask(c, now)
        elif not self.bots.is_full(k):
            self.start_session(c)
        elif self.bots.waits(k):
            self.bots.enqueue(c)
            if c.patience_ms < FOREVER:
                self.at(now + c.patience_ms, PATIENCE_ENDS, c.i, 0, lambda: self.tires_of_the_bot(c))
        else:
            self.ask(c, now)
        return True

    def turn_away(self, c: Contact, status: Status) -> None:
        """The contact ends where it asks."""
        c.queued = self.env.now
        self.end(c, status)

    def takes_line(self, c: Contact) -> bool:
        """Whether the contact gets the line that its type needs, if any."""
        pool = self.line_of[c.k]
        if pool < 0:
            return True
        if self.free_lines[pool] <= 0:
            return False
        self.free_lines[pool] -= 1
        c.has_line = True
        return True

    def give_line_back(self, c: Contact) -> None:
        """A line held is free again."""
        if c.has_line:
            c.has_line = False
            self.free_lines[self.line_of[c.k]] += 1

    def start_session(self, c: Contact) -> None:
        """The bot turns to the contact."""
        self.bots.begin(c)
        self.at(self.env.now + c.bot_ms, BOT_ENDS, c.i, 0, lambda: self.leaves_bot(c))

    def leaves_bot(self, c: Contact) -> bool:
        """The session ends: the next one begins, and the contact is done or is handed off."""
        self.bots.finish(c)
        self.fill_bot(self.bots.of(c.k))
        if c.fate == BotFate.HANDED_OFF:
            self.at(self.env.now + c.hand_off_ms, CONTACT_ENTERS, c.i, 0, lambda: self.is_handed_off(c))
        else:
            self.end(c, IN_BOT[c.fate])
        return True

    def fill_bot(self, bot: int) -> None:
        """Those who wait for the bot meet it, first come first, as long as it has room."""
        while (c := self.bots.next(bot)) is not None:
            self.start_session(c)

    def tires_of_the_bot(self, c: Contact) -> bool:
        """Patience ends while the contact waits for the bot."""
        if not c.waits_for_bot:
            return False
        self.bots.dequeue(c)
        self.end(c, Status.GAVE_UP_IN_BOT)
        return True

    def is_handed_off(self, c: Contact) -> bool:
        """After the hand-off's delay the contact asks for a person."""
        self.ask(c, self.env.now)
        return True

    # ---------------------------------------------------------------------------------------------------- the queue

    def ask(self, c: Contact, queued: int) -> None:
        """The contact asks for a person: it is taken, turned away, or waits."""
        k, now = c.k, self.env.now
        carried, deferred = c.arrival < 0, self.deferred[k]
        c.queued = queued
        if c.recalled:
            return self.end(c, Status.WITHDRAWN)
        if not carried and not self.is_open(k):
            return self.end(c, Status.CLOSED)
        if self.finds_agent(c):
            return None
        if not carried:
            pool = self.place_of[k]
            if pool >= 0 and self.queues.in_pool[pool] >= self.places[pool]:
                return self.end(c, Status.BLOCKED)
            if c.leaves_at_once and not deferred:
                return self.end(c, Status.ABANDONED)
            if self.offers is not None and not deferred and self.is_put_off(c):
                return None
        self.queues.add(c)
        if c.patience_ms < FOREVER and not deferred and not c.is_callback:
            self.at(now + c.patience_ms, PATIENCE_ENDS, c.i, 0, lambda: self.loses_patience(c))
        return self.set_timer(c)

    def is_put_off(self, c: Contact) -> bool:
        """What the predicted wait makes of the contact: True if it balks; it may become a call-back."""
        offers, k = self.offers, c.k
        assert offers is not None
        if offers.predictor[k] == Predictor.NONE:
            return False
        c.predicted = value = self.prediction(k)
        reached = np.flatnonzero(value >= offers.balk_at[k])
        if len(reached) and mix(c.key, BALKS) >> 32 < int(offers.balk_word[k, reached[-1]]):
            self.end(c, Status.BALKED)
            return True
        if value >= int(offers.offer_at[k]) and mix(c.key, ACCEPTS_CALLBACK) >> 32 < int(offers.accept_word[k]):
            c.is_callback = True
            c.promised = c.queued + int(offers.promise_ms[k])
            self.give_line_back(c)
        return False

    def prediction(self, k: int) -> int:
        """The wait foretold to one who asks now (`Predictor`)."""
        assert self.offers is not None
        predictor, waiting = self.offers.predictor[k], self.queues.waiting(k)
        if predictor == Predictor.HEAD_OF_LINE:
            first = self.queues.first_to_ask(k)
            return 0 if first is None else max(0, self.env.now - first.queued)
        if predictor == Predictor.LAST_TO_ENTER:
            return self.last_wait[k]
        if predictor == Predictor.QUEUE_LENGTH:
            return waiting
        there = sum(self.crew.present[g] for groups in self.crew.takers[k] for g in groups)
        return (waiting + 1) * int(self.offers.handle_ms[k]) // max(1, there)

    def set_timer(self, c: Contact) -> None:
        """One timer at a time: the next delay to run out, of overflow, promise, or asking again elsewhere."""
        now = self.env.now
        delays = [c.queued + ms for ms in self.timers[c.k]] + [c.queued + ms for ms in self.chain.waits_ms[c.k]]
        if c.is_callback:
            delays.append(c.promised)
        due = min((instant for instant in delays if instant > c.due_delay and instant >= now), default=NEVER)
        if due == NEVER:
            return
        c.due_delay = due
        self.at(due, DELAY_ENDS, c.i, 0, lambda: self.delay_ends(c))

    def delay_ends(self, c: Contact) -> bool:
        """What falls due at once, as long as the contact waits: overflow, then the promise, then a copy elsewhere."""
        now = self.env.now
        if not c.waits or c.status != UNDECIDED:
            return False
        if now - c.queued in self.timers[c.k]:
            self.finds_agent(c)
        if c.waits and c.is_callback and now == c.promised:
            self.queues.boost(c)
        if c.waits and now - c.queued in self.chain.waits_ms[c.k]:
            self.follow_up(c, Ending.WAITING, now - c.queued)
        if c.waits:
            self.set_timer(c)
        return True

    def loses_patience(self, c: Contact) -> bool:
        """Patience ends in the queue; where nobody notices, the contact keeps its place."""
        if not c.waits:
            return False
        if self.silent[c.k]:
            self.end(c, Status.SILENT)
        else:
            self.queues.remove(c)
            self.end(c, Status.ABANDONED)
        return True

    def cut_off(self, k: int) -> None:
        """Those who wait are sent away."""
        for c in self.queues.all(k):
            self.queues.remove(c)
            if c.status != Status.SILENT:
                self.end(c, Status.UNSERVED)

    def end(self, c: Contact, status: Status) -> None:
        """The contact ends without a talk."""
        c.status, c.ended = int(status), self.env.now
        self.give_line_back(c)
        self.settle(c)
        self.follow_up(c, int(status))

    def settle(self, c: Contact) -> None:
        """A live contact is in an agent's hands or has ended."""
        self.unsettled -= not self.deferred[c.k]

    # ----------------------------------------------------------------------------------------------------- matching

    def finds_agent(self, c: Contact) -> bool:
        """The contact looks for an agent; whether one takes it."""
        agent = self.crew.choose(c, self.contacts[c.parent].agent if c.parent >= 0 else -1)
        if agent is None and not self.deferred[c.k] and any(self.interruptible):
            agent = self.crew.interrupted(c)
            if agent is not None:
                self.suspend(agent)
        if agent is None:
            return False
        self.take(agent, c)
        return True

    def look(self, agent: Agent) -> None:
        """The agent takes waiting contacts until none is left for them or all slots are full, or is idle."""
        while (c := self.best_waiting(agent)) is not None:
            self.take(agent, c)
        if agent.jobs:
            self.crew.seat(agent)
        elif agent.suspended is not None:
            self.resume(agent)
        else:
            agent.since = self.env.now
            self.crew.seat(agent)

    def best_waiting(self, agent: Agent) -> Contact | None:
        """Of the first in each lane: best rank, boosted ones first, by the policy, longest wait, lowest id."""
        if agent.used >= self.crew.capacity[agent.group]:
            return None
        best = None
        g = agent.group
        for k in self.crew.skills[g]:
            for c in self.queues.heads(k):
                key = (self.type_rank[k][g], not c.boosted, -self.weight(c, g) if self.weighs else 0, c.queued, c.i)
                if (best is None or key < best[0]) and self.crew.is_free(agent, c):
                    best = key, c
        return None if best is None else best[1]

    def weight(self, c: Contact, g: int) -> int:
        """How urgent a contact is by the policy's count."""
        routing, k = self.rules.routing, c.k
        if routing.contact_choice == ContactChoice.LONGEST_QUEUE:
            return self.queues.waiting(k)
        if routing.contact_choice == ContactChoice.QUEUE_RATIO:
            ratio = 0 if routing.ratio is None else int(routing.ratio[k])
            return 1000 * self.queues.waiting(k) - ratio * self.queues.total
        a = 0 if routing.contact_a is None else int(routing.contact_a[k, g])
        b = 0 if routing.contact_b is None else int(routing.contact_b[k, g])
        return a + b * (self.env.now - c.queued)

    def look_again(self) -> None:
        """Where a reserve or a hold may have ended: the first of each type looks, until nothing changes."""
        changed = True
        while changed:
            changed = False
            for k in range(len(self.demand.types)):
                first = next(self.queues.heads(k), None)
                changed |= first is not None and self.finds_agent(first)

    # --------------------------------------------------------------------------------------------------------- work

    def take(self, agent: Agent, c: Contact) -> None:
        """The agent takes the contact."""
        now, k = self.env.now, c.k
        if c.waits:
            self.queues.remove(c)
        self.crew.catch_up(agent)
        factor = self.crew.factor(agent, k)
        again = c.left is not None
        if not again:
            self.last_wait[k] = now - c.queued
        c.agent, agent.since = agent.index, now
        job = Job(contact=c, stage=Stage.TALK, ms=0, left=0, factor=factor, begun=now)
        switch_ms = self.crew.switch_ms(agent, k)
        if c.status == Status.SILENT:
            assert self.silence is not None
            job.stage, job.ms = Stage.DETECTION, int(self.silence.detection_ms[k])
        elif c.is_callback:
            assert self.offers is not None
            job.stage, job.ms = Stage.RINGING, int(self.offers.ring_ms[k])
            self.settle(c)
        elif again:
            job.stage = Stage.WHOLE
        else:
            self.answer(job, switch_ms)
        job.left = scaled(c.left, factor) if c.left is not None else job.ms * 1000
        c.left = None
        agent.jobs.append(job)
        agent.used += self.crew.need[k][agent.group]
        self.retime(agent)
        self.crew.seat(agent)
        if job.stage in (Stage.TALK, Stage.WHOLE) and not again:
            self.settle(c)
            self.recall_copies(c)

    def answer(self, job: Job, switch_ms: int) -> None:
        """The first word: what the talk and the work after it will take."""
        c, factor = job.contact, job.factor
        c.answered = self.env.now
        c.status = int(Status.CALLED_BACK if c.is_callback else Status.ANSWERED)
        if c.circle is not None and c.circle.served and not c.circle.shared:
            job.ms, job.after_ms = scaled(c.circle.duplicate_ms, factor), 0
        else:
            job.ms, job.after_ms = scaled(c.talk_ms, factor) + switch_ms, scaled(c.after_ms, factor)
        job.stage = Stage.TALK
        if self.interruptible[c.k]:
            job.stage, job.ms, job.after_ms = Stage.WHOLE, job.ms + job.after_ms, 0
        job.left = job.ms * 1000

    def retime(self, agent: Agent) -> None:
        """Set the ends of all that is in hand."""
        for job in agent.jobs:
            due = self.crew.due(agent, job)
            if due != job.due:
                job.due = due
                self.set_end(agent, job)

    def set_end(self, agent: Agent, job: Job) -> None:
        self.at(job.due, WORK_ENDS, agent.index, job.contact.i, lambda: self.stage_ends(agent, job))

    def stage_ends(self, agent: Agent, job: Job) -> bool:
        """A stage of work is over, and the next begins or the agent is free of the contact."""
        now, c = self.env.now, job.contact
        if job.due != now or job not in agent.jobs:
            return False
        self.crew.catch_up(agent)
        job.due = NEVER
        if job.stage is not Stage.WHOLE:
            c.work += job.ms
        if job.stage is Stage.RINGING:
            assert self.offers is not None
            if mix(c.key, ANSWERS_CALLBACK) >> 32 < int(self.offers.answer_word[c.k]):
                self.answer(job, 0)
                self.next_stage(agent, job)
                self.recall_copies(c)
                return True
            c.status, c.ended = int(Status.CALLBACK_UNANSWERED), now
            self.follow_up(c, c.status)
        elif job.stage in (Stage.TALK, Stage.WHOLE):
            self.talk_ends(c, agent.group)
            if job.after_ms:
                job.stage, job.ms, job.left = Stage.AFTER, job.after_ms, job.after_ms * 1000
                self.next_stage(agent, job)
                return True
        c.released = now
        self.let_go(agent, job)
        self.free(agent)
        return True

    def next_stage(self, agent: Agent, job: Job) -> None:
        job.due = self.crew.due(agent, job)
        self.set_end(agent, job)

    def talk_ends(self, c: Contact, g: int) -> None:
        """The customer's end, and whether the matter is settled."""
        c.ended = self.env.now
        self.give_line_back(c)
        words = self.resolved_word
        c.resolved = words is None or mix(c.key, RESOLVES) >> 32 < int(words[c.k, g])
        self.follow_up(c, c.status)

    def let_go(self, agent: Agent, job: Job) -> None:
        """The contact is out of the agent's hands; what else is in them goes on at its new pace."""
        now = self.env.now
        if job.stage is Stage.WHOLE:
            job.contact.work += now - job.begun
        agent.jobs.remove(job)
        agent.used -= self.crew.need[job.contact.k][agent.group]
        self.retime(agent)
        if not agent.jobs:
            self.crew.unseat(agent)

    def free(self, agent: Agent) -> None:
        """The agent has less in hand: goes, if leaving or too many and with empty hands, else looks for more."""
        if agent.jobs:
            if not agent.leaving:
                self.look(agent)
        elif agent.leaving or self.hours.is_too_many(agent):
            self.hours.goes(agent)
        else:
            self.look(agent)

    # ---------------------------------------------------------------------------------------- work that can wait

    def suspend(self, agent: Agent) -> None:
        """The agent puts interruptible work aside."""
        self.crew.catch_up(agent)
        job = agent.jobs[0]
        job.due = NEVER
        self.let_go(agent, job)
        agent.suspended = job

    def resume(self, agent: Agent) -> None:
        """The agent goes on with what was put aside."""
        job, agent.suspended = agent.suspended, None
        assert job is not None
        now = self.env.now
        self.crew.catch_up(agent)
        job.begun = agent.since = now
        agent.jobs.append(job)
        agent.used += self.crew.need[job.contact.k][agent.group]
        self.crew.seat(agent)
        self.retime(agent)

    def hand_back(self, agent: Agent) -> Contact | None:
        """Interruptible work, in hand or put aside, returns to its place in the queue."""
        if agent.jobs and agent.jobs[0].stage is Stage.WHOLE:
            self.suspend(agent)
        job, agent.suspended = agent.suspended, None
        if job is None:
            return None
        c = job.contact
        c.left = (job.left * 1000 + job.factor // 2) // job.factor
        self.queues.add(c)
        return c

    # --------------------------------------------------------------------------------------------------- follow-ups

    def follow_up(self, c: Contact, ending: int, after_ms: int = 0) -> None:
        """The first rule that says so makes a new contact."""
        made = self.chain.follow(c, ending, after_ms, self.env.now, len(self.contacts))
        if made is None:
            return
        child, rule = made
        self.contacts.append(child)
        if child.status == Status.AFTER_HORIZON:
            return
        self.unsettled += not self.deferred[child.k]
        if ending == Ending.WAITING and self.chain.copies(rule):
            if c.circle is None:
                c.circle = self.chain.circle(rule)
                c.circle.members.append(c)
            child.circle = c.circle
            child.circle.members.append(child)
        self.at(child.arrival, CONTACT_ENTERS, child.i, 0, lambda: self.arrive(child))

    def recall_copies(self, c: Contact) -> None:
        """An agent has answered: where copies share one history, those that wait or are on their way are withdrawn."""
        circle = c.circle
        if circle is None or circle.served or c.status not in TALKED:
            return
        circle.served = True
        if not circle.shared:
            return
        for copy in sorted(circle.members, key=lambda copy: copy.i):
            if copy is c or copy.status != UNDECIDED:
                continue
            copy.recalled = True
            if copy.waits:
                self.queues.remove(copy)
                self.end(copy, Status.WITHDRAWN)
            elif copy.waits_for_bot:
                self.bots.dequeue(copy)
                self.end(copy, Status.WITHDRAWN)

    # ------------------------------------------------------------------------------------------------------ opening

    def is_open(self, k: int) -> bool:
        """Whether contacts of this type are let in now; work that can wait always is."""
        if self.rules.always_open[k] or self.deferred[k]:
            return True
        return any(opens <= self.env.now < closes for opens, closes in zip(self.opens[k], self.closes[k], strict=True))


def drawn(demand: Demand, keyed: bool) -> list[Contact]:
    """The contacts of a demand as objects; keys only where decisions hang on them."""
    columns = [
        demand.type, demand.key if keyed else np.broadcast_to(0, len(demand)), demand.arrival_ms, demand.fate,
        demand.bot_ms, demand.hand_off_ms, demand.patience_ms, demand.leaves_at_once, demand.talk_ms, demand.after_ms,
    ]  # fmt: skip
    contacts = []
    for i, (k, key, arrival, *brought) in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
        c = Contact(i, k, key, arrival)
        c.fate, c.bot_ms, c.hand_off_ms, c.patience_ms, c.leaves_at_once, c.talk_ms, c.after_ms = brought
        c.cause = int(Cause.ARRIVAL if arrival >= 0 else Cause.CARRIED_IN)
        contacts.append(c)
    return contacts
