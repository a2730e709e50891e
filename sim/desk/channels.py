"""Ways to reach the desk, and when they are open."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from sim.clock import parse_day
from sim.desk.base import Spec, added
from sim.units import format_clock, parse_clock

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _parse_opening(value: Any) -> Any:
    if not isinstance(value, dict):
        raise ValueError('opening is a table: write for example {mon-fri: ["08:00-18:00"], sat: ["10:00-14:00"]}')
    out: dict[str, list[list[int]]] = {}
    for key, windows in value.items():
        listed = windows if isinstance(windows, list | tuple) else [] if windows is None else [windows]
        for day in days_of(str(key)):
            out[day] = [_window(window) for window in listed]
    return out


def days_of(key: str) -> list[str]:
    """The weekdays or the date (ISO) that a key such as "mon-fri" stands for."""
    first, _, last = key.lower().partition("-")
    if key.lower() in ("every-day", "every day", "daily"):
        return list(WEEKDAYS)
    if first in WEEKDAYS and (not last or last in WEEKDAYS):
        a, b = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
        return [WEEKDAYS[i % 7] for i in range(a, (b if b >= a else b + 7) + 1)]
    try:
        return [parse_day(key).isoformat()]
    except ValueError:
        allowed = "mon … sun, mon-fri, every-day or a date such as 2026-11-11"
        raise ValueError(f"{key!r} is no day: write {allowed}") from None


def _window(value: Any) -> list[int]:
    if not isinstance(value, str) or value.count("-") != 1:
        raise ValueError(f'{value!r} is no opening window: write for example "08:00-18:00"')
    opens, closes = (parse_clock(part) for part in value.split("-"))
    return [opens, closes if closes > opens else closes + 1440]


def _dump_opening(days: dict[str, tuple[tuple[int, int], ...]]) -> dict[str, list[str]]:
    return {
        day: [f"{format_clock(a)}-{format_clock(b if b <= 1440 else b - 1440)}" for a, b in windows]
        for day, windows in days.items()
    }


Opening = Annotated[
    dict[str, tuple[tuple[int, int], ...]],
    BeforeValidator(_parse_opening, json_schema_input_type=dict[str, list[str] | str | None]),
    PlainSerializer(_dump_opening, when_used="json"),
    Field(description="windows by weekday or date (a date replaces its weekday); a day without windows is closed"),
]


AtClosing = Literal["serve", "disconnect", "keep"]


def _slots(value: Any) -> Any:
    if value == "all" or (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
        return value
    raise ValueError("a contact takes all slots of its agent or a whole number of them: write all, or for example 1")


SlotsTaken = Annotated[
    Literal["all"] | int, BeforeValidator(_slots, json_schema_input_type=Literal["all"] | Annotated[int, Field(ge=1)])
]


class Channel(Spec):
    """A way to reach the desk. Without `opening` it is always open.

    A contact takes `slots` of its agent, and one of the `lines` until its talk ends; with all `waiting_places` taken
    nobody can wait (without numbers there is no limit). `deferred` work (e-mail, tickets) comes in and stays also while
    the channel is closed, and nobody hangs up.
    """

    opening: Opening | None = None
    at_closing: AtClosing = "serve"
    slots: SlotsTaken = added("all")
    lines: Annotated[int, Field(ge=1)] | None = added(None, "trunks")
    waiting_places: Annotated[int, Field(ge=0)] | None = added(None)
    deferred: bool = added(False)

    @model_validator(mode="after")
    def _suits_deferred_work(self) -> "Channel":
        if self.deferred and self.at_closing == "disconnect":
            raise ValueError("no deferred work is cut off at closing, it stays until it is done: write keep")
        if not self.deferred and self.at_closing == "keep":
            raise ValueError("at_closing keep is for deferred work: write serve or disconnect")
        if self.deferred and (self.lines is not None or self.waiting_places is not None):
            raise ValueError("no deferred work needs a line or a waiting place: take lines and waiting_places away")
        return self
