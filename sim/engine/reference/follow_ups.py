"""Contacts that come from contacts: redials, repeats, transfers, copies elsewhere."""

from sim.demand import Demand
from sim.engine.reference.people import Circle, Contact
from sim.keys import CHILD, DRAWS, FOLLOW_UP, mix
from sim.mechanisms import Ending, Siblings
from sim.outcome import Cause, Status
from sim.routing import Rules

TALKED = (Status.ANSWERED, Status.CALLED_BACK)


class Chain:
    """The rules of follow-ups, and what each new contact brings.

    `waits_ms[k]`: how long contacts of a type wait before they ask elsewhere as well.
    """

    def __init__(self, demand: Demand, rules: Rules) -> None:
        self.rules, self.pools, self.horizon_ms = rules.mechanisms.follow_ups, demand.pools, rules.horizon_ms
        types = len(demand.types)
        self.of_type: list[list[int]] = [[] for _ in range(types)]
        if self.rules is not None:
            first = self.rules.first.tolist()
            self.of_type = [list(range(first[k], first[k + 1])) for k in range(types)]
        self.waits_ms = [sorted({self._after(rule) for rule in rules} - {-1}) for rules in self.of_type]

    def _after(self, rule: int) -> int:
        """How long a contact waits before the rule holds; -1: it does not hold of those who wait."""
        assert self.rules is not None
        return int(self.rules.after_ms[rule]) if int(self.rules.on[rule]) == Ending.WAITING else -1

    def follow(self, c: Contact, ending: int, after_ms: int, now: int, number: int) -> tuple[Contact, int] | None:
        """The follow-up of an ending, if any: the new contact, with this number, and its rule."""
        follow_ups, pools = self.rules, self.pools
        if follow_ups is None:
            return None
        endings = (ending, Ending.UNRESOLVED) if ending in TALKED and not c.resolved else (ending,)
        for place, rule in enumerate(self.of_type[c.k]):
            if int(follow_ups.on[rule]) not in endings or (ending == Ending.WAITING and self._after(rule) != after_ms):
                continue
            word = mix(c.key, FOLLOW_UP + place)
            if c.depth < int(follow_ups.at_most[rule]) and word >> 32 < int(follow_ups.word[rule]):
                break
        else:
            return None
        assert pools is not None
        rows = pools.talk_ms.shape[1]
        arrival = now + int(pools.delay_ms[rule, word & (rows - 1)])
        child = Contact(number, int(follow_ups.to[rule]), mix(c.key, CHILD + place), arrival)
        child.root, child.parent, child.cause, child.depth = c.root, c.i, Cause.FOLLOW_UP + rule, c.depth + 1
        child.boosted = bool(follow_ups.boost[rule])
        row = mix(child.key, DRAWS) & (rows - 1)
        child.fate = int(pools.fate[child.k, row])
        child.bot_ms = int(pools.bot_ms[child.k, row])
        child.hand_off_ms = int(pools.hand_off_ms[child.k, row])
        child.leaves_at_once = bool(pools.leaves_at_once[child.k, row])
        child.patience_ms = c.patience_ms if follow_ups.keeps_patience[rule] else int(pools.patience_ms[child.k, row])
        keeps = bool(follow_ups.keeps_talk[rule])
        child.talk_ms = c.talk_ms if keeps else int(pools.talk_ms[child.k, row])
        child.after_ms = c.after_ms if keeps else int(pools.after_ms[child.k, row])
        if arrival >= self.horizon_ms:
            child.status = int(Status.AFTER_HORIZON)
        return child, rule

    def copies(self, rule: int) -> bool:
        """Whether the new contact is a copy of its parent, which still waits."""
        assert self.rules is not None
        return int(self.rules.siblings[rule]) != Siblings.NONE

    def circle(self, rule: int) -> Circle:
        """A new circle of copies."""
        assert self.rules is not None
        return Circle(int(self.rules.siblings[rule]) == Siblings.SHARED, int(self.rules.duplicate_ms[rule]))
