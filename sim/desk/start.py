"""What is there when the desk begins."""

from typing import Annotated

from pydantic import Field, model_validator

from sim.desk.base import Spec
from sim.distributions import Distribution
from sim.units import Seconds


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
