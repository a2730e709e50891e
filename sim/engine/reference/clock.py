"""Time in whole milliseconds, and events whose order at one instant is written down."""

from collections.abc import Callable

import simpy


class Clock(simpy.Environment):
    """SimPy's environment with time in whole milliseconds."""

    @property
    def now(self) -> int:
        return self._now  # type: ignore[return-value]  # all delays are integers


class At(simpy.Event):
    """Something that happens at `when`; at one instant lower kinds come first, then lower indices, then contacts.

    `step` is what happens then; a process may wait for the event as well. SimPy's own wake-ups have priorities 0 and 1
    and so run before the next event of the model: an event and all that it sets off are one step.
    """

    def __init__(  # noqa: PLR0917  # an event is its clock and the four parts of its place
        self, env: Clock, when: int, kind: int, index: int, contact: int = 0, step: Callable[[], None] | None = None
    ) -> None:
        super().__init__(env)
        self._ok = True
        self._value = None
        if step is not None:
            self.callbacks.append(lambda _: step())
        env.schedule(self, kind << 64 | index << 32 | contact, when - env.now)  # type: ignore[arg-type]  # any integer
