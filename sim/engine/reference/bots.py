"""Bots that can be full: sessions going on, and contacts that wait for one."""

from sim.engine.reference.people import Contact
from sim.mechanisms import BotLimits


class Bots:
    """All bots with limits; `capacity[b]` is None before a bot's first change."""

    def __init__(self, limits: BotLimits | None, types: int) -> None:
        self.bot_of: list[int] = [-1] * types if limits is None else limits.bot_of.tolist()
        self.waiting_allowed: list[bool] = [False] * types if limits is None else limits.waits.tolist()
        number = 0 if limits is None else int(max(limits.bot_of.max(initial=-1), limits.bot.max(initial=-1))) + 1
        self.capacity: list[int | None] = [None] * number
        self.sessions = [0] * number
        self.queues: list[list[Contact]] = [[] for _ in range(number)]

    def of(self, k: int) -> int:
        """The limited bot of a type, or -1."""
        return self.bot_of[k]

    def is_full(self, k: int) -> bool:
        """Whether the type's bot has no room for one more session."""
        bot = self.bot_of[k]
        capacity = None if bot < 0 else self.capacity[bot]
        return capacity is not None and self.sessions[bot] >= capacity

    def waits(self, k: int) -> bool:
        """Whether contacts of the type wait for a full bot."""
        return self.waiting_allowed[k]

    def begin(self, c: Contact) -> None:
        """A session begins."""
        if self.bot_of[c.k] >= 0:
            self.sessions[self.bot_of[c.k]] += 1

    def finish(self, c: Contact) -> None:
        """A session ends."""
        if self.bot_of[c.k] >= 0:
            self.sessions[self.bot_of[c.k]] -= 1

    def enqueue(self, c: Contact) -> None:
        """The contact waits for the bot."""
        c.waits_for_bot = True
        self.queues[self.bot_of[c.k]].append(c)

    def dequeue(self, c: Contact) -> None:
        """The contact waits no longer."""
        c.waits_for_bot = False
        self.queues[self.bot_of[c.k]].remove(c)

    def next(self, bot: int) -> Contact | None:
        """Who meets the bot now, if it has room and somebody waits; no longer in its queue."""
        if bot < 0 or not self.queues[bot]:
            return None
        capacity = self.capacity[bot]
        if capacity is not None and self.sessions[bot] >= capacity:
            return None
        c = self.queues[bot][0]
        self.dequeue(c)
        return c
