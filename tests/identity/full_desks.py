"""Random small desks of the full model on a clock of whole seconds, with any mix of mechanisms, full of ties.

A desk is drawn from a seed by plain dice: what hypothesis draws leans to zeros and to copies of what it drew before, so
that with twenty tables to fill nobody is ever called back. `KINDS` are the mixes: `any` has each mechanism on or off by
a draw of its own, the others lean towards the ties of one part of the desk. `SEEN` is what runs must show often enough,
or the identity is thin. `shrunk` makes a desk small on which two engines differ.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from random import Random
from typing import Any

import numpy as np
from full_worlds import (
    Rule,
    bot_limits,
    deferral,
    follow_ups,
    followed,
    full,
    lines,
    offers,
    paced,
    silence,
    slots,
    strain,
)
from worlds import customers, desk, levels, persons

from sim.demand import BotFate, Demand
from sim.mechanisms import AgentChoice, ContactChoice, Ending, Predictor, Siblings
from sim.outcome import NEVER, Cause, Status

Run = tuple[Any, Any, Any]
CHANCES = (0, 0.5, 0.5, 1)
FATES = (*[BotFate.HANDED_OFF] * 4, BotFate.RESOLVED, BotFate.CONTAINED, BotFate.GIVES_UP)
RATES = ((1000,), (1000, 500, 250), (1000, 600, 400), (1000, 700), (1000, 1000, 333))
ENDINGS = (
    *[Status.ABANDONED, Status.ANSWERED, Ending.UNRESOLVED, Ending.WAITING] * 4,
    *[status for status in Status if status != Status.AFTER_HORIZON],
)
MECHANISMS = (
    "slots", "deferral", "lines", "offers", "silence", "follow_ups", "bots", "strain", "resolved", "reserve", "choices",
    "last_agent", "carried", "opening",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A mix: mechanisms that are `always` or `never` there, the others with a chance of `others`; sizes."""

    always: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    others: float = 0.35
    most: int = 3
    longest: int = 6
    highest: int = 1
    delays: tuple[int, ...] = (0, 0, 0, 1, 3)
    horizons: tuple[int, ...] = (10, 20, 30)
    numbers: tuple[int, ...] = (5, 15, 30, 40)
    heads: int = 4
    by_person: float = 0.5
    bot: float = 0.25
    chats: bool = False
    least: int = 1
    holds: float = 0.5
    rules: tuple[int, ...] = (1, 2, 3, 4, 5, 6)
    endings: tuple[int, ...] = ENDINGS
    siblings: tuple[int, ...] = (*Siblings, Siblings.SHARED)

    def draw(self, seed: int) -> Run:
        """The desk of a seed."""
        return _Draw(self, Random(seed)).run()


class _Draw:
    """One desk in the making."""

    def __init__(self, kind: Kind, dice: Random) -> None:
        self.kind, self.dice = kind, dice
        self.on = {
            name: name in kind.always or (name not in kind.never and dice.random() < kind.others) for name in MECHANISMS
        }
        self.types, self.groups = dice.randint(kind.least, kind.most), dice.randint(1, kind.most)
        self.deferred: list[int] = []
        self.horizon = dice.choice(kind.horizons)

    def run(self) -> Run:
        dice, on, types = self.dice, self.on, self.types
        given: dict[str, Any] = {"routing": self.routing()}
        if on["deferral"]:
            self.deferred = dice.sample(range(types), dice.randint(1, max(1, types - (self.kind.least > 1))))
        deferred = self.deferred
        interruptible = [k for k in deferred if dice.random() < 0.7]
        if on["slots"] or on["deferral"]:
            given["slots"] = self.slots(interruptible)
        if on["deferral"]:
            given["deferral"] = deferral(types, deferred, interruptible)
        if on["lines"]:
            given["lines"] = self.lines()
        if on["offers"]:
            given["offers"] = offers(types, **{f"k{k}": self.offer() for k in range(types)})
        if on["silence"]:
            silent = dice.sample(range(types), dice.randint(1, types))
            given["silence"] = silence(types, **{f"k{k}": dice.randint(0, 3) for k in silent})
        if on["bots"]:
            given["bot_limits"] = self.bots()
        if on["strain"]:
            given["strain"] = self.strain()
        if on["resolved"]:
            given["resolved"] = self.table(CHANCES)
        demand = self.customers()
        if on["follow_ups"]:
            rules = [self.rule() for _ in range(dice.choice(self.kind.rules))]
            rows = {f"k{k}": [self.brought() for _ in range(4)] for k in range(types)}
            demand = followed(demand, *rules, **rows)
            given["follow_ups"] = follow_ups(*rules, types=types)
        return demand, self.staffing(), full(self.base(), horizon=self.horizon, **given)

    def table(self, values: Sequence[Any]) -> list[list[Any]]:
        """A value for each [type][group]."""
        return [self.each(self.groups, values) for _ in range(self.types)]

    def each(self, number: int, values: Sequence[Any]) -> list[Any]:
        return [self.dice.choice(values) for _ in range(number)]

    def some(self, number: int, share: float = 0.5) -> list[int]:
        """Each of so many with that chance."""
        return [i for i in range(number) if self.dice.random() < share]

    # ------------------------------------------------------------------------------------------------ customers

    def customers(self) -> Demand:
        dice, kind = self.dice, self.kind
        first = -5 if self.on["carried"] else 0
        people = [
            {"at": dice.randint(first, self.horizon - 1), "type": dice.randrange(self.types), **self.brought()}
            for _ in range(dice.choice(kind.numbers))
        ]
        for contact in people:
            contact["talk"] += dice.randint(0, kind.longest) * (contact["type"] in self.deferred)
        return customers(*sorted(people, key=lambda c: c["at"]), types=self.types)

    def brought(self) -> dict[str, Any]:
        """What a contact brings, of its own or from the pools."""
        dice, longest = self.dice, self.kind.longest
        contact: dict[str, Any] = {
            "talk": dice.randint(0, longest),
            "after": dice.choice((0, 0, dice.randint(0, longest))),
            "patience": dice.choice((None, None, dice.randint(0, 2 * longest))),
            "at_once": dice.random() < 0.1,
        }
        if dice.random() < self.kind.bot:
            contact |= {"bot": dice.randint(0, longest), "fate": dice.choice(FATES), "hand_off": dice.choice((0, 0, 2))}
        return contact

    def rule(self) -> Rule:
        """One follow-up rule."""
        dice = self.dice
        on = dice.choice(self.kind.endings)
        return Rule(
            of=dice.randrange(self.types),
            on=on,
            to=dice.randrange(self.types),
            chance=dice.choice((1, 1, 0.5, 0)),
            delay=self.each(4, (0, 0, 1, 2, 9)),
            after=dice.randint(0, 4) if on == Ending.WAITING else 0,
            at_most=dice.choice((1, 2, 2, 3, 0)),
            keeps_patience=dice.random() < 0.5,
            keeps_talk=dice.random() < 0.5,
            boost=dice.random() < 0.5,
            siblings=dice.choice(self.kind.siblings) if on == Ending.WAITING else Siblings.NONE,
            duplicate=dice.randint(0, 3),
        )

    # --------------------------------------------------------------------------------------------------- agents

    def staffing(self) -> Any:
        """By person, some with a factor of their own, or by level."""
        dice, kind = self.dice, self.kind
        if dice.random() >= kind.by_person:
            step = dice.choice((5, 10))
            numbers = range(kind.heads + 1)
            return levels(*[self.each(self.groups, numbers) for _ in range(self.horizon // step)], interval=step)
        agents = [(dice.randrange(self.groups), self.hours()) for _ in range(dice.randint(1, 2 * kind.heads))]
        crew = persons(*agents, groups=self.groups, keeps_length=dice.random() < 0.5)
        return paced(crew, *self.each(len(agents), (1000, 1000, 500, 1500))) if dice.random() < 0.5 else crew

    def hours(self) -> list[tuple[int, int]]:
        """Disjoint spells, some of which abut."""
        dice = self.dice
        marks = sorted(dice.sample(range(self.horizon + 6), 2 * dice.choice((1, 1, 2, 3))))
        if dice.random() < 0.5:
            marks[0] = 0
        spells = list(zip(marks[::2], marks[1::2], strict=True))
        if len(spells) > 1 and dice.random() < 0.5:
            spells[1] = (spells[0][1], spells[1][1])
        return spells

    def base(self) -> Any:
        """Ranks, delays, opening hours, skill."""
        dice, highest = self.dice, self.kind.highest
        ranks = self.table(range(highest + 1))
        for row in ranks:
            for g in range(1, self.groups):
                if dice.random() < 0.2:
                    row[g] = None
            dice.shuffle(row)
        opening: dict[int, list[tuple[float, float]]] = {}
        for k in self.some(self.types) if self.on["opening"] else []:
            marks = sorted(dice.sample(range(self.horizon + 5), dice.choice((0, 2, 2, 4))))
            opening[k] = list(zip(marks[::2], marks[1::2], strict=True))
        return desk(
            ranks,
            self.table(range(highest + 1)),
            delay=self.table(self.kind.delays),
            opening=opening,
            disconnects=self.some(self.types),
            permille=dice.choice((1000, 1000, 500, 1500)),
        )

    def routing(self) -> dict[str, Any]:
        """Reserves, choices and the last agent."""
        dice, on = self.dice, self.on
        found: dict[str, Any] = {"last_agent": on["last_agent"]}
        if on["reserve"]:
            found["reserve"] = self.table((0, 0, 0, 1, 2))
        if on["choices"]:
            found["agent_choice"] = dice.choice(list(AgentChoice))
            found["contact_choice"] = dice.choice(list(ContactChoice))
            for name, values in (("a", (-1000, 0, 0, 1000, 3000)), ("b", (-1, 0, 1, 2))):
                found[f"agent_{name}"] = self.table(values)
                found[f"contact_{name}"] = self.table(values)
            found["ratio"] = self.each(self.types, (0, 250, 500, 1000))
        return found

    # ----------------------------------------------------------------------------------------------- mechanisms

    def slots(self, interruptible: Sequence[int]) -> Any:
        """Up to three slots; voice takes all of them, as interruptible work does, chats one or two."""
        chats, dice = self.kind.chats, self.dice
        capacity = self.each(self.groups, (2, 2, 3) if chats else (1, 2, 3)) if self.on["slots"] else [1] * self.groups
        needs = self.each(self.types, (1,) if chats else (1, 1, 2, 3))
        need = [[c if k in interruptible else min(needs[k], c) for c in capacity] for k in range(self.types)]
        return slots(
            capacity, need, [dice.choice(RATES) for _ in capacity], holds=self.some(self.groups, self.kind.holds)
        )

    def lines(self) -> Any:
        """Up to two pools of each kind."""
        pools = (-1, 0, 1)
        return lines(
            self.each(self.types, pools),
            self.each(2, (0, 1, 2, 4, 8, 16)),
            place_of=self.each(self.types, pools),
            places=self.each(2, (0, 1, 2, 4)),
        )

    def offer(self) -> dict[str, Any]:
        """What one type is told and offered; limits in the unit of its predictor."""
        dice = self.dice
        steps = sorted(dice.sample(range(6), dice.choice((0, 0, 1, 2))))
        return {
            "predictor": dice.choice(list(Predictor)),
            "handle": dice.randint(0, 6),
            "balk": [(limit, dice.choice(CHANCES)) for limit in steps],
            "offer_at": dice.choice((None, 0, 0, 1, 3)),
            "accept": dice.choice((0, 0.5, 1, 1)),
            "promise": dice.randint(0, 5),
            "ring": dice.randint(0, 3),
            "answer": dice.choice((0, 0.5, 1, 1)),
        }

    def bots(self) -> Any:
        """Two bots that change together or not, each at most once at an instant."""
        dice = self.dice
        moments = [(at, bot) for at in range(self.horizon + 1) for bot in (0, 1)]
        changes = [(at, bot, dice.randint(0, 2)) for at, bot in dice.sample(moments, dice.randint(1, 6))]
        return bot_limits(*changes, bot_of=self.each(self.types, (0, 0, 1, -1)), waits=self.some(self.types))

    def strain(self) -> Any:
        """Ten seconds of work slow down by nothing, a tenth or twice."""
        return strain(
            self.types,
            per_hour=self.each(self.groups, (0, 36_000, 360_000)),
            most=self.each(self.groups, (0, 250, 1000)),
            recovery=self.each(self.groups, (0, 1, 2, 3)),
            switch=self.each(self.groups, (0, 1, 2)),
            channel_of=self.each(self.types, (0, 1)),
        )


KINDS = {
    "any": Kind(),
    "everything": Kind(always=MECHANISMS, bot=0.5, heads=5),
    "chats": Kind(
        always=("slots",), never=("deferral", "bots", "lines", "opening", "carried"), others=0.2, most=2, longest=2,
        highest=0, delays=(0,), horizons=(10,), numbers=(15, 30, 60), chats=True, bot=0,
    ),
    "ends": Kind(
        always=("slots", "follow_ups"), never=("deferral", "bots", "lines", "opening", "carried", "strain"), others=0.1,
        most=2, longest=2, highest=0, delays=(0,), horizons=(10,), numbers=(15, 30), heads=2, bot=0, rules=(3, 5),
        endings=(Status.ANSWERED,),
    ),
    "holds": Kind(
        always=("slots",), never=("bots", "lines", "opening", "carried"), others=0.1, least=2, longest=4, highest=1,
        delays=(0, 0, 1), horizons=(10, 20), numbers=(15, 30), heads=3, bot=0, holds=0.9,
    ),
    "mail": Kind(
        always=("deferral",), never=("opening",), others=0.15, least=2, longest=4, highest=0, horizons=(10, 20), bot=0,
        delays=(0, 0, 1), by_person=0.8, numbers=(15, 30), heads=3,
    ),
    "call-backs": Kind(
        always=("offers",), never=("opening",), others=0.25, most=2, longest=3, delays=(0, 1, 2), horizons=(10, 20),
        numbers=(15, 30), heads=3, bot=0,
    ),
    "trunks": Kind(
        always=("lines", "offers"), never=("opening", "bots"), others=0.1, most=2, longest=4, horizons=(20, 30),
        numbers=(15, 30), heads=1, bot=0,
    ),
    "bots": Kind(
        always=("bots",), never=("opening",), others=0.15, most=2, longest=3, bot=0.95, numbers=(15, 30),
        horizons=(10, 20),
    ),
    "chains": Kind(
        always=("follow_ups", "resolved", "last_agent"), never=("opening",), others=0.2, most=2, longest=3,
        horizons=(20, 30), numbers=(5, 15), heads=3, bot=0.1, rules=(3, 4, 6),
    ),
    "copies": Kind(
        always=("follow_ups",), never=("opening",), others=0.15, least=2, longest=4, horizons=(20, 30), heads=1,
        bot=0.1, numbers=(15, 30), rules=(4, 6, 8),
        endings=(*[Ending.WAITING] * 5, *[Status.WITHDRAWN] * 2, Status.ABANDONED),
        siblings=(*[Siblings.SHARED] * 3, Siblings.SEPARATE, Siblings.NONE),
    ),
    "reserves": Kind(
        always=("reserve", "choices", "slots"), never=("bots", "lines", "opening", "offers"), others=0.15, longest=3,
        highest=0, delays=(0, 1), horizons=(10,), numbers=(15, 30), bot=0,
    ),
}  # fmt: skip
"""chats: nothing but chats of 0, 1 and 2 s, many of one agent end in one millisecond. ends: the order of such ends
decides who is free for what, and the numbers of follow-ups. holds: voice and chats where slots are held. mail: work
that gives way, spells that end and begin everywhere. call-backs: promises, overflow and the ends of patience coincide.
trunks: few lines and places, which call-backs give back. bots: all meet bots, which change when sessions end. chains:
transfers in the millisecond of the talk's end, redials, repeats. copies: the same contact asks here and there.
reserves: agents held back, slots held free, every choice."""


# -------------------------------------------------------------------------------------------------------- shrinking


def shrunk(run: Run, differs: Callable[[Run], bool]) -> Run:
    """A smaller desk that differs too: fewer contacts, agents and mechanisms, one at a time while any can go."""
    changed = True
    while changed:
        changed = False
        for smaller in _smaller(run):
            if differs(smaller):
                run, changed = smaller, True
                break
    return run


def _smaller(run: Run) -> Iterator[Run]:
    demand, staffing, rules = run
    m = rules.mechanisms
    for name in vars(m):
        if getattr(m, name) is not None:
            yield demand, staffing, replace(rules, mechanisms=replace(m, **{name: None}))
    plain = {"reserve": None, "agent_choice": AgentChoice(0), "contact_choice": ContactChoice(0), "last_agent": False}
    for name, value in plain.items():
        if not np.array_equal(getattr(rules.routing, name), value):
            yield demand, staffing, replace(rules, routing=replace(rules.routing, **{name: value}))
    for size in (8, 4, 2, 1):
        for i in range(0, len(demand), size):
            yield without(demand, range(i, min(i + size, len(demand)))), staffing, rules
    for spell in range(len(staffing.spell_agent)):
        kept = {
            n: np.delete(getattr(staffing, n), spell)
            for n in ("spell_agent", "spell_on_ms", "spell_off_ms", "keeps_length")
        }
        yield demand, replace(staffing, **kept), rules


def without(demand: Demand, rows: Sequence[int]) -> Demand:
    """The same customers but for some."""
    columns = {f.name: getattr(demand, f.name) for f in fields(Demand)}
    kept = {n: np.delete(v, rows) for n, v in columns.items() if isinstance(v, np.ndarray)}
    return replace(demand, **kept)


# --------------------------------------------------------------------------------------------------- what is watched


def _status(*wanted: Status) -> Callable[[Any, Any], bool]:
    return lambda _, out: bool(np.isin(out.contacts.status, wanted).any())


def _two_end_together(run: Run, out: Any) -> bool:
    """Two contacts of one agent, both there before, end in one millisecond."""
    c = out.contacts
    served = np.flatnonzero((c.agent >= 0) & (c.released != NEVER))
    seen: dict[tuple[int, int], int] = {}
    for i in served.tolist():
        key = int(c.agent[i]), int(c.released[i])
        if c.answered[i] != NEVER and c.answered[i] < c.released[i]:
            seen[key] = seen.get(key, 0) + 1
    return any(number > 1 for number in seen.values())


def _interrupted(run: Run, out: Any) -> bool:
    """Mail in hand for less time than from its first start to its end."""
    return bool((_mail(run, out) & (out.contacts.released != NEVER) & (_span(out) > out.contacts.work)).any())


def _mail(run: Run, out: Any) -> Any:
    rules = run[2].mechanisms.deferral
    return np.zeros(len(out.contacts.type), bool) if rules is None else rules.interruptible[out.contacts.type]


def _span(out: Any) -> Any:
    return np.where(out.contacts.answered == NEVER, 0, out.contacts.ended - out.contacts.answered)


def _begun_and_left(run: Run, out: Any) -> bool:
    c = out.contacts
    return bool(((c.status == Status.UNSERVED) & (c.answered != NEVER)).any())


def _handed_on(run: Run, out: Any) -> bool:
    """Mail that the last agent who had it cannot have begun: the agent's first spell began later."""
    c, s = out.contacts, out.spells
    first = {int(a): int(on) for a, on in zip(s.agent[::-1], s.on[::-1], strict=True)}
    mine = np.flatnonzero(_mail(run, out) & (c.agent >= 0) & (c.answered != NEVER))
    return any(first[int(c.agent[i])] > c.answered[i] for i in mine)


def _waited_for_bot(run: Run, out: Any) -> bool:
    """Handed off later than its session and its way take."""
    demand, c = run[0], out.contacts
    n = len(demand)
    took = demand.arrival_ms + demand.bot_ms + demand.hand_off_ms
    handed = (demand.fate == BotFate.HANDED_OFF) & (c.queued[:n] != NEVER) & (demand.arrival_ms >= 0)
    return bool((handed & (c.queued[:n] > took)).any())


def _went_around_the_bot(run: Run, out: Any) -> bool:
    demand, c = run[0], out.contacts
    n = len(demand)
    early = demand.arrival_ms + demand.bot_ms
    handed = (demand.fate == BotFate.HANDED_OFF) & (demand.bot_ms > 0) & (demand.arrival_ms >= 0)
    asked = handed & (c.queued[:n] != NEVER) & ~np.isin(c.status[:n], (Status.CLOSED, Status.BLOCKED))
    return bool((asked & (c.queued[:n] < early)).any())


def _share_a_desk(run: Run, out: Any) -> bool:
    """Two contacts in one agent's hands at a time."""
    c = out.contacts
    for agent in np.unique(c.agent[c.agent >= 0]):
        mine = np.flatnonzero((c.agent == agent) & (c.answered != NEVER) & (c.released != NEVER) & ~_mail(run, out))
        mine = mine[np.argsort(c.answered[mine], kind="stable")]
        if (c.answered[mine][1:] < np.maximum.accumulate(c.released[mine])[:-1]).any():
            return True
    return False


def _chain(run: Run, out: Any) -> bool:
    c = out.contacts
    return bool((c.parent[c.parent[c.parent >= 0]] >= 0).any())


def _by_agents_of_the_parent(run: Run, out: Any) -> bool:
    c = out.contacts
    child = np.flatnonzero((c.parent >= 0) & (c.agent >= 0))
    return run[2].routing.last_agent and bool((c.agent[child] == c.agent[c.parent[child]]).any())


SEEN: dict[str, Callable[[Any, Any], bool]] = {
    **{status.name.lower(): _status(status) for status in Status},
    "two chats at a time": _share_a_desk,
    "two of one agent end together": _two_end_together,
    "mail interrupted": _interrupted,
    "mail handed on": _handed_on,
    "mail begun and left": _begun_and_left,
    "waited for the bot": _waited_for_bot,
    "went around the bot": _went_around_the_bot,
    "a follow-up": lambda _, out: bool((out.contacts.parent >= 0).any()),
    "a follow-up's follow-up": _chain,
    "a follow-up at the parent's agent": _by_agents_of_the_parent,
    "a wait foretold": lambda _, out: bool((out.contacts.predicted > 0).any()),
    "carried in and served": lambda _, out: bool(
        ((out.contacts.cause == Cause.CARRIED_IN) & (out.contacts.status == Status.ANSWERED)).any()
    ),
    "not resolved": lambda _, out: bool(
        (~out.contacts.resolved & np.isin(out.contacts.status, (Status.ANSWERED, Status.CALLED_BACK))).any()
    ),
}
"""What a run may show."""
