"""What is there when the desk begins."""

from typing import Annotated

from pydantic import Field, model_validator

from sim.desk.base import Spec
from sim.distributions import Distribution
from sim.units import PositiveSeconds, Seconds


class Backlog(Spec):
    """Contacts of a type that are open when the desk begins: a `number`, each of some `age` by then, or all `ages`.

    In a file: `backlog: open.csv`, a table with the columns `contact_type` and `age`.
    """

    number: Annotated[int, Field(ge=0)] | None = None
    age: Distribution | None = None
    ages: tuple[Seconds, ...] | None = None

    @model_validator(mode="after")
    def _one_form(self) -> "Backlog":
        if (self.number is None) != (self.age is None) or (self.number is None) == (self.ages is None):
            raise ValueError("a backlog has either number and age, or ages: give one of these forms")
        return self


class AtWork(Spec):
    """Agents of a group who have a contact of a type in hand when the desk begins.

    A `number` of them, the work left (talk and after-contact work in one) drawn by its equilibrium law; or `remaining`:
    how much is left, of each. Those who are more than the group has at the desk wait for it.
    """

    group: str
    contact_type: str
    number: Annotated[int, Field(ge=0)] | None = None
    remaining: tuple[PositiveSeconds, ...] | None = None

    @model_validator(mode="after")
    def _one_form(self) -> "AtWork":
        if (self.number is None) == (self.remaining is None):
            raise ValueError("agents at work are either a number or what remaining work they have: give one of these")
        return self
