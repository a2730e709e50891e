"""Small scenarios for tests of what is drawn from them: one phone channel, types and groups as the test says."""

from typing import Any

from sim.scenario import Scenario

SECOND = {"family": "deterministic", "value": "1 s"}


def centre(contact_types: dict[str, dict[str, Any]], **parts: Any) -> Scenario:
    """A desk of these types; `start`, `length`, `interval`, `zone`, `repeats` go to the horizon, the rest on top."""
    horizon = {"start": "2026-03-02 00:00", "length": "24 h", "interval": "30 min"}
    horizon |= {key: parts.pop(key) for key in ("start", "length", "interval", "zone", "repeats") if key in parts}
    return Scenario.model_validate(
        {
            "horizon": horizon,
            "channels": {"phone": {}},
            "bots": {"bot": {}},
            "contact_types": {
                name: {"channel": "phone", "talk": SECOND} | kind for name, kind in contact_types.items()
            },
            "agent_groups": {"all": {"skills": list(contact_types)}},
            **parts,
        }
    )


def one_type(**kind: Any) -> Scenario:
    """A day of one type, `contact`, 600 an hour unless `arrivals` says otherwise."""
    return centre({"contact": {"arrivals": {"per_hour": 600}} | kind})
