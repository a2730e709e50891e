"""Kinds of contacts, and what they bring."""

from typing import Annotated, Literal

from pydantic import Field

from sim.desk.arrivals import Arrivals
from sim.desk.base import Spec
from sim.desk.bots import BotJourney, Difficulty
from sim.desk.channels import Opening
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
    at_closing: Literal["serve", "disconnect"] | None = None
