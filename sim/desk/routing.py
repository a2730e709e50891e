"""How contacts find agents: a policy by name, with what it needs to know. `sim.policies` makes tables of them."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from sim.desk.base import Spec, unknown_name
from sim.units import PositiveSeconds, Seconds

TAKES: dict[str, tuple[str, ...]] = {
    "priority": (),
    "fcfs": (),
    "preference": (),
    "specialists": (),
    "ranks": ("group_ranks?", "type_ranks?", "delays?"),
    "own_first": (),
    "overflow": ("after",),
    "longest_queue": (),
    "weighted_wait": ("weights",),
    "cmu": ("costs",),
    "queue_ratio": ("ratios",),
    "fastest": (),
    "least_busy": (),
    "uniform": (),
    "reserves": ("reserve",),
    "scores": ("scores",),
    "last_agent": (),
}
"""The policies, and the parameters that each needs or (with a question mark) may have."""

AgentChoiceName = Literal["longest_idle", "least_busy", "fastest", "uniform"]
Weight = Annotated[float, Field(ge=0, le=1e5)]
Rank = Annotated[int, Field(ge=0, le=10_000)]


class Score(Spec):
    """A pair of type and group scores `constant` (seconds) + `wait` times the wait + `idle` times the idle time."""

    constant: Annotated[float, Field(ge=-1e6, le=1e6)] = 0.0
    wait: Weight = 0.0
    idle: Weight = 0.0


class Routing(Spec):
    """A policy and its parameters; `agents` and `last_agent` go with any policy that does not choose agents itself.

    By contact type: `weights`, `costs` of an hour of waiting, `ratios` of the queues. `group_ranks` by type and group,
    `type_ranks` by group and type, lowest first; `delays` by type and group.
    """

    policy: Annotated[str, Field(json_schema_extra={"enum": list(TAKES)})] = "priority"
    agents: AgentChoiceName | None = None
    last_agent: bool = False
    after: PositiveSeconds | None = None
    reserve: Annotated[int, Field(ge=1)] | None = None
    weights: dict[str, Weight] | None = None
    costs: dict[str, Weight] | None = None
    ratios: dict[str, Weight] | None = None
    group_ranks: dict[str, dict[str, Rank]] | None = None
    type_ranks: dict[str, dict[str, Rank]] | None = None
    delays: dict[str, dict[str, Seconds]] | None = None
    scores: dict[str, dict[str, Score]] | None = Field(None, description="by contact type and agent group")

    @model_validator(mode="after")
    def _takes_these(self) -> "Routing":
        if self.policy not in TAKES:
            raise ValueError(unknown_name(self.policy, TAKES, "routing policy"))
        takes = {name.rstrip("?"): name for name in TAKES[self.policy]}
        for name in ("after", "reserve", "weights", "costs", "ratios", "group_ranks", "type_ranks", "delays", "scores"):
            given = getattr(self, name) is not None
            if given and name not in takes:
                raise ValueError(f"{name} is no parameter of {self.policy}: give another policy, or take it away")
            if not given and takes.get(name) == name:
                raise ValueError(f"the policy {self.policy} needs {name}: give it")
        if self.ratios is not None and not any(self.ratios.values()):
            raise ValueError("ratios must have a value above 0: give each type its part of all who wait")
        return self


def _read(value: Any) -> Any:
    return {"policy": value} if isinstance(value, str) else value


def _written(routing: Routing) -> Any:
    told = routing.model_dump(mode="json", exclude_defaults=True)
    return routing.policy if set(told) <= {"policy"} else {"policy": routing.policy, **told}


RoutingOrName = Annotated[
    Routing,
    BeforeValidator(
        _read, json_schema_input_type=Routing | Annotated[str, Field(json_schema_extra={"enum": list(TAKES)})]
    ),
    PlainSerializer(_written, when_used="json"),
]
