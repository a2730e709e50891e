"""What all parts of a scenario share: frozen models without unknown keys, names, lists of problems."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[^\W\d][\w-]*$", max_length=60)]
Where = tuple[str | int, ...]


class ProblemList(ValueError):
    """Several problems of one model, each with the place inside it."""

    def __init__(self, problems: list[tuple[Where, str]]) -> None:
        super().__init__("; ".join(f"{'.'.join(map(str, where))}: {what}" for where, what in problems))
        self.problems = problems


class Spec(BaseModel):
    """What all parts of a scenario share: frozen, no unknown keys, finite numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def added(default: Any, description: str | None = None, **limits: Any) -> Any:
    """A field that the first files did not know: while at its default it is not written, so their hashes hold."""
    return Field(default, description=description, exclude_if=lambda value: value == default, **limits)


def unknown_name(name: str, known: Any, kind: str) -> str:
    """A message that a name is unknown, with the nearest known one."""
    import difflib

    near = difflib.get_close_matches(name, list(known), n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(list(known)[:8]) or 'none'}"
    return f"there is no {kind} {name!r}: {hint}"
