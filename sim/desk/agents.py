"""Groups of agents and their skills."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from sim.desk.base import Spec
from sim.units import Factor, Seconds


class Skill(Spec):
    """One contact type that a group may serve: `preference` 1 is tried first; `after` a wait of that length only."""

    preference: Annotated[int, Field(ge=1)] = 1
    speed: Factor = Field(1.0, description="1.25 works a quarter faster")
    after: Seconds = 0.0


def _skill(value: Any) -> Any:
    return {"preference": value} if isinstance(value, int) and not isinstance(value, bool) else value or {}


def _skills(value: Any) -> Any:
    if isinstance(value, list | tuple) and all(isinstance(name, str) for name in value):
        return dict.fromkeys(value, 1)
    if not isinstance(value, dict):
        raise ValueError("skills are contact types: write a list of them, or a table with preference, speed, after")
    return value


class AgentGroup(Spec):
    """People with the same skills. `skills` is a list of contact types, or a table with preference, speed, after."""

    skills: Annotated[
        dict[str, Annotated[Skill, BeforeValidator(_skill, json_schema_input_type=Skill | int | None)]],
        BeforeValidator(_skills, json_schema_input_type=dict[str, Skill | int | None] | list[str]),
        Field(min_length=1),
    ]
    cost_per_hour: Annotated[float, Field(ge=0)] = 0.0
    cost_factor: Annotated[float, Field(gt=0)] = Field(1.0, description="multiplies the cost of a shift template")
    max_heads: Annotated[int, Field(ge=0)] | None = None
