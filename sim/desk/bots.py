"""Bots, what becomes of those who meet one first, and what makes contacts difficult."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sim.desk.base import Spec
from sim.distributions import Distribution
from sim.units import Factor, Share


class Bot(Spec):
    """A bot that contact types may use."""

    cost_per_session: Annotated[float, Field(ge=0)] = 0.0


class HandOff(Spec):
    """The way from the bot to a person: `delay` before the contact asks, talk multiplied by `talk_factor`."""

    delay: Distribution | None = None
    talk_factor: Factor = 1.0


class BotJourney(Spec):
    """What becomes of contacts of a type that meet the bot first.

    `containment`: share of those who enter that the bot keeps (never ask for a person now); `resolved`: the share of
    the kept whose problem is really solved; `give_up`: share of those who enter that hang up in the bot. The rest is
    handed off. `baseline_containment` is the containment at which talk times were measured (see Difficulty); the
    loader keeps it when an overlay changes the bot.
    """

    uses: str = "bot"
    share: Share = 1.0
    containment: Share = 0.0
    resolved: Share = 1.0
    give_up: Share = 0.0
    duration: Distribution
    hand_off: HandOff = HandOff()
    baseline_containment: Share | None = None

    @model_validator(mode="after")
    def _shares_fit(self) -> "BotJourney":
        if self.containment + self.give_up > 1 + 1e-12:
            kept = self.containment + self.give_up
            raise ValueError(f"containment + give_up is {kept:g}, more than all: give less of either")
        return self


class Difficulty(Spec):
    """Hard contacts fail in the bot and talk longer with people (MODEL §3).

    `bot` is the correlation a of a contact's difficulty with failing in the bot, `talk` the exponent b by which it
    lengthens talk.
    """

    bot: Annotated[float, Field(ge=0, lt=1)] = 0.0
    talk: Annotated[float, Field(ge=0)] = 0.0
    measured: Literal["people", "all"] = "people"
    baseline_containment: Share | None = Field(None, description="of the bot that is no more, where talk was measured")
