"""What a contact leads to: redials, repeats, transfers, asking elsewhere are rules of one kind."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from sim.desk.base import Name, Spec, added
from sim.distributions import Distribution
from sim.units import PositiveSeconds, Seconds, Share

EndingName = Literal[
    "closed", "resolved_in_bot", "contained_unresolved", "gave_up_in_bot", "blocked", "balked", "answered", "abandoned",
    "silent", "called_back", "callback_unanswered", "withdrawn", "unserved", "unresolved", "waiting",
]  # fmt: skip


class FollowUp(Spec):
    """With `chance`, a contact that ends so (`on`) comes again after `delay`, as a contact of type `to`.

    `unresolved`: talk ended and the matter is not resolved; `waiting`: the contact still waits `after` so long. Rules
    of one ending are tried in order until one hits. Nothing follows a contact that is already the `at_most`-th in its
    chain. What it does not `keep` is drawn anew. `boost`: before others of its rank. `siblings`: copies that wait at
    once; when one is answered the others are withdrawn (shared) or answered too, for `duplicate` each (separate).
    """

    on: EndingName
    chance: Share = 1.0
    delay: Distribution | None = Field(None, description="none: at once")
    to: str | None = Field(None, description="none: the same type")
    at_most: Annotated[int, Field(ge=1)] = 5
    keep: tuple[Literal["patience", "talk"], ...] = ()
    boost: bool = False
    after: PositiveSeconds | None = None
    siblings: Literal["shared", "separate"] | None = None
    duplicate: Seconds = added(0.0, "seconds of work on a copy whose other was answered")

    @model_validator(mode="after")
    def _fits_together(self) -> "FollowUp":
        if (self.on == "waiting") != (self.after is not None):
            rule = "after is the wait at which a contact asks elsewhere, and belongs to on: waiting"
            raise ValueError(f"{rule}: give both, or take after away")
        if self.siblings and self.on != "waiting":
            raise ValueError("siblings must be copies of one who still waits: give on: waiting, or take siblings away")
        if self.duplicate and self.siblings != "separate":
            raise ValueError("duplicate is work on separate siblings: give siblings: separate, or take it away")
        return self


def _by_name(value: Any) -> Any:
    return {f"rule_{i}": rule for i, rule in enumerate(value, 1)} if isinstance(value, list | tuple) else value


FollowUps = Annotated[
    dict[Name, FollowUp],
    BeforeValidator(_by_name, json_schema_input_type=dict[Name, FollowUp] | list[FollowUp]),
]
"""Rules by name, in the order in which they are tried; a list gives them the names rule_1, rule_2, …"""
