"""Bots, what becomes of those who meet one first, and what makes contacts difficult."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from sim.desk.arrivals import Series, as_series, check_labels, dated
from sim.desk.base import Name, Spec, added
from sim.distributions import Distribution
from sim.units import Factor, PositiveSeconds, Share, SignedSeconds

Sessions = Annotated[
    dict[str, Annotated[int, Field(ge=0)]],
    BeforeValidator(as_series, json_schema_input_type=dict[str, int] | int),
    Field(min_length=1, description="sessions at once, by label, or one number"),
]


class Outage(Spec):
    """From `start` on, for `length`, the bot takes up no more than `capacity` sessions; those begun go on."""

    start: str = Field(description='local "YYYY-MM-DD HH:MM"')
    length: PositiveSeconds
    capacity: Annotated[int, Field(ge=0)] = 0

    _has_a_date = field_validator("start", mode="before")(dated)


class Bot(Spec):
    """A bot that contact types may use; without `capacity` it is never full.

    When it is full, or out of order, contacts wait for it or go straight to a person.
    """

    cost_per_session: Annotated[float, Field(ge=0)] = 0.0
    capacity: Sessions | None = added(None)
    when_full: Literal["wait", "person"] = added("wait")
    outages: tuple[Outage, ...] = added(())

    @field_validator("capacity")
    @classmethod
    def _labels(cls, value: dict[str, int] | None) -> dict[str, int] | None:
        return value if value is None else check_labels(value)


class HandOff(Spec):
    """The way from the bot to a person: `delay` before the contact asks, talk multiplied by `talk_factor`.

    `talk_added` seconds come on top (below 0: saved, because the bot has asked for the order number already).
    """

    delay: Distribution | None = None
    talk_factor: Factor = 1.0
    talk_added: SignedSeconds = added(0.0)


class Trigger(Spec):
    """A reason for which a `share` of those who enter is handed off whatever the bot could do, such as anger.

    It strikes after a part of the session (`time`); talk is multiplied by `talk_factor`.
    """

    share: Share
    time: Share = 0.5
    talk_factor: Factor = 1.0


MAX_ATTEMPTS = 3
"""Failures in a row after which a bot hands off, unless it says otherwise."""


def passed_over(triggered: float, recognition: float, max_attempts: int) -> float:
    """Share whom a trigger strikes, or who are not understood in that many attempts."""
    return 1 - (1 - triggered) * (1 - (1 - recognition) ** max_attempts)


class BotJourney(Spec):
    """What becomes of contacts of a type that meet the bot first.

    `containment`: share of those who enter that the bot keeps (never ask for a person now); `resolved`: the share of
    the kept whose problem is really solved; `give_up`: share of those who enter that hang up in the bot. The rest is
    handed off. `baseline_containment` is the containment at which talk times were measured (see Difficulty); the
    loader keeps it when an overlay changes the bot.

    A session lasts a `duration`, or `turns` on the mean (one, and a Poisson number of others) of a length `turn` each.
    The bot understands with probability `recognition` what it is told; each failure costs a turn more, and after
    `max_attempts` failures in a row, or by a trigger, it hands off. Then containment, resolved and give_up
    are shares of the rest. `drift` is a factor on containment by label.
    """

    uses: str = "bot"
    share: Share = 1.0
    containment: Share = 0.0
    resolved: Share = 1.0
    give_up: Share = 0.0
    duration: Distribution | None = None
    turns: Annotated[float, Field(ge=1)] | None = added(None)
    turn: Distribution | None = added(None)
    recognition: Annotated[Share, Field(gt=0)] = added(1.0)
    max_attempts: Annotated[int, Field(ge=1)] = added(MAX_ATTEMPTS)
    triggers: dict[Name, Trigger] = added({})
    drift: Series | None = added(None)
    hand_off: HandOff = HandOff()
    baseline_containment: Share | None = None
    baseline_passed_over: Share = added(0.0, "share handed off whatever the bot could do, where talk was measured")

    @field_validator("drift")
    @classmethod
    def _labels(cls, value: dict[str, float] | None) -> dict[str, float] | None:
        return value if value is None else check_labels(value)

    @model_validator(mode="after")
    def _has_a_length(self) -> "BotJourney":
        if (self.duration is None) == (self.turns is None):
            raise ValueError("a bot's session needs either duration or turns: give one")
        if (self.turns is not None or self.recognition < 1) and self.turn is None:
            raise ValueError('turn is missing: write for example {family: exponential, mean: "10 s"}')
        if sum(trigger.share for trigger in self.triggers.values()) > 1 + 1e-12:
            raise ValueError("triggers must not strike more than all: give smaller shares")
        return self

    @model_validator(mode="after")
    def _shares_fit(self) -> "BotJourney":
        if self.containment + self.give_up > 1 + 1e-12:
            kept = self.containment + self.give_up
            raise ValueError(f"containment + give_up is {kept:g}, more than all: give less of either")
        return self

    @property
    def passed_over(self) -> float:
        """Share of those who enter that is handed off whatever the bot could do: not understood, or by a trigger."""
        triggered = sum(trigger.share for trigger in self.triggers.values())
        return passed_over(triggered, self.recognition, self.max_attempts)


class Difficulty(Spec):
    """Hard contacts fail in the bot and talk longer with people (MODEL §3).

    `bot` is the correlation a of a contact's difficulty with failing in the bot, `talk` the exponent b by which it
    lengthens talk.
    """

    bot: Annotated[float, Field(ge=0, lt=1)] = 0.0
    talk: Annotated[float, Field(ge=0)] = 0.0
    measured: Literal["people", "all"] = "people"
    baseline_containment: Share | None = Field(None, description="of the bot that is no more, where talk was measured")
    baseline_passed_over: Share = added(0.0)
