"""What happens to one who has to wait: announcements, balking, call-backs, messages, leaving without a sign."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sim.desk.base import Spec
from sim.units import Factor, PositiveSeconds, Seconds, Share

PredictorName = Literal["head_of_line", "last_to_enter", "model", "queue_length"]


class Threshold(Spec):
    """What is foretold to one who asks reaches a `wait`, or a `queue` of so many contacts."""

    wait: Seconds | None = None
    queue: Annotated[int, Field(ge=0)] | None = None

    @property
    def level(self) -> float:
        """Seconds or contacts."""
        return self.wait if self.wait is not None else self.queue or 0


class Balk(Threshold):
    """From this value on a `share` leaves at once; the step with the highest value reached counts."""

    share: Share

    @model_validator(mode="after")
    def _one_level(self) -> "Balk":
        if (self.wait is None) == (self.queue is None):
            raise ValueError("a step of balking needs either wait or queue: give one")
        return self


class CallBack(Threshold):
    """From this value on (none: always) those who have to wait are offered to be called back, and so many accept.

    Nobody who accepts loses their place; from the `promise` on they go before others. Ringing takes the agent `ring`
    and is `answered` by a share.
    """

    accepted: Share
    promise: PositiveSeconds
    ring: PositiveSeconds = 20.0
    answered: Share = 1.0

    @model_validator(mode="after")
    def _one_level(self) -> "CallBack":
        if self.wait is not None and self.queue is not None:
            raise ValueError("a call-back is offered from a wait or a queue on, not both: give one")
        return self


class Message(Spec):
    """Who still waits `after` so long hears it: a share will `leave` then, the others' patience changes."""

    after: PositiveSeconds
    leave: Share = 0.0
    patience_factor: Factor = Field(1.0, description="multiplies the patience that is left")


class Silence(Spec):
    """The customer leaves without a sign, and an agent needs `detection` to find out."""

    detection: Seconds = 30.0


class Due(Spec):
    """When deferred work is due: `within` so long of its arrival, on the desk's opening hours or on the wall clock."""

    within: PositiveSeconds
    clock: Literal["opening", "wall"] = "opening"
