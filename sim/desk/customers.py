"""What customers make of it: when one who does not come back was helped, how content they are, what that is worth."""

from typing import Annotated

from pydantic import Field

from sim.desk.base import Spec
from sim.units import PositiveSeconds, Seconds, Share

Score = Annotated[float, Field(ge=1, le=5)]

LEVELS = {"chat": 4.2, "phone": 3.8, "voice": 3.8}
"""Mean scores of channels with these names, as a platform's service desk reports of 500,000 contacts in six months."""
OTHER_LEVEL = 4.0


class Satisfaction(Spec):
    """A score from 1 to 5 for each contact that asked for a person or was kept by the bot, by a linear rule.

    score = level of the channel + `per_minute` (wait - `usual_wait`) + `resolved` (settled - `usually_resolved`)
    + `per_transfer` times passed on + `by_bot` where it met the bot, kept within 1 to 5; settled is 1 or 0. So a level
    is the mean score of contacts that wait as long as usual and are settled as often as usual. Of deferred work the
    wait counts from when it was due, and nothing is taken off for one in time.

    The levels are reported by a platform's service desk, and that the score's correlation with response time is -0.42
    and with resolution +0.56. A slope is correlation times standard deviation of the score over that of the cause: with
    0.9 (assumed) for the score, 2 min (assumed) for the wait and that of a 92 % resolution they come to -0.19 a minute
    and +1.86. What transfers and the bot take off is assumed.
    """

    level: dict[str, Score] = Field({}, description="by channel; default: chat 4.2, phone and voice 3.8, others 4.0")
    usual_wait: Seconds = 30.0
    usually_resolved: Share = 0.92
    per_minute: float = -0.19
    resolved: float = 1.86
    per_transfer: float = -0.3
    by_bot: float = -0.1

    def level_of(self, channel: str) -> float:
        """Mean score on a channel, all else as usual."""
        return self.level.get(channel, LEVELS.get(channel, OTHER_LEVEL))


class Complaints(Spec):
    """Share of contacts that end in a complaint, by how they ended; what is not said is none."""

    unresolved: Share = Field(0.0, description="of those who talked with somebody and whose matter was not settled")
    unserved: Share = Field(0.0, description="of those who asked for a person and got none")


class Customers(Spec):
    """How customers are judged over all their contacts, and what follows from how they fare."""

    window: PositiveSeconds = Field(86400.0, description="who is not back within it is counted as helped for good")
    satisfaction: Satisfaction | None = None
    complaints: Complaints = Complaints()
    revenue: dict[str, Annotated[float, Field(ge=0)]] = Field(
        {}, description="money that a customer brings whose matter was settled, by contact type"
    )
