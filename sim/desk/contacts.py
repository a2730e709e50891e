"""Kinds of contacts, and what they bring."""

from typing import Annotated

from pydantic import Field, model_validator

from sim.desk.arrivals import Arrivals
from sim.desk.base import Spec, added
from sim.desk.bots import BotJourney, Difficulty
from sim.desk.channels import AtClosing, Opening
from sim.desk.follow_ups import FollowUps
from sim.desk.waiting import Balk, CallBack, Due, Message, PredictorName, Silence
from sim.distributions import Distribution
from sim.units import Seconds, Share


class ContactType(Spec):
    """A kind of contact: one channel, one language, one intent, one tier."""

    channel: str
    language: str = ""
    tier: str = ""
    arrivals: Arrivals | None = None
    bot: BotJourney | None = None
    difficulty: Difficulty = Difficulty()
    gives_up_at_once: Share = Field(0.0, description="share that leaves rather than wait at all")
    patience: Distribution | None = Field(None, description="none: waits as long as it takes")
    talk: Distribution
    after_contact_work: Distribution | None = None
    priority: Annotated[int, Field(ge=0)] = Field(0, description="0 is served first")
    threshold: Seconds = Field(20.0, description="a wait up to this counts as in time")
    lost_value: Annotated[float, Field(ge=0)] = Field(0.0, description="money lost with a contact that is not answered")
    opening: Opening | None = None
    at_closing: AtClosing | None = None
    resolution: Share = added(1.0, "share of talks that resolve the matter")
    messages: tuple[Message, ...] = added(())
    announcement: PredictorName | None = added(None, "how the wait is foretold to one who has to wait")
    balking: tuple[Balk, ...] = added(())
    call_back: CallBack | None = added(None)
    silent: Silence | None = added(None)
    interruptible: bool = added(False, "live contacts take agents from this work")
    due: Due | None = added(None)
    follow_ups: FollowUps = added({})

    @model_validator(mode="after")
    def _fits_together(self) -> "ContactType":
        if self.silent and self.patience is None:
            raise ValueError("silent is for those who lose patience: give patience, or take silent away")
        if self.messages and self.patience is None:
            raise ValueError("messages must find somebody who loses patience: give patience, or take messages away")
        steps = [*self.balking, *([self.call_back] if self.call_back else [])]
        by_queue = [step.queue is not None for step in steps if step.queue is not None or step.wait is not None]
        if any(by_queue) and (not all(by_queue) or self.announcement not in (None, "queue_length")):
            rule = "a queue is foretold by announcement: queue_length, and then no wait is"
            raise ValueError(f"{rule}: give all steps as queue, or all as wait")
        if self.announcement == "queue_length" and not all(by_queue):
            raise ValueError("announcement queue_length tells no wait: give queue in place of wait")
        return self

    @property
    def predictor(self) -> PredictorName | None:
        """How the wait is foretold: as announced, or by the head of the line where somebody reacts to it."""
        queues = any(step.queue is not None for step in (*self.balking, *([self.call_back] if self.call_back else [])))
        reacts = bool(self.balking or self.call_back)
        return self.announcement or ("queue_length" if queues else "head_of_line" if reacts else None)
