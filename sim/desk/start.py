"""What is there when the desk begins."""

from typing import Annotated

from pydantic import Field

from sim.desk.base import Spec
from sim.distributions import Distribution


class Backlog(Spec):
    """Contacts of a type that are open when the desk begins: a `number`, each of some `age` by then."""

    number: Annotated[int, Field(ge=0)]
    age: Distribution
