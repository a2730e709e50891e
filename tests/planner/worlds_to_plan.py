"""Small desks to be planned."""

from typing import Any

from sim.scenario import Scenario


def morning(**parts: Any) -> Scenario:
    """Eight hours, one type of 60 calls an hour, shifts of four hours: about six agents at once."""
    desk: dict[str, Any] = {
        "name": "morning",
        "horizon": {"start": "2026-03-02 08:00", "length": "8 h", "interval": "60 min"},
        "channels": {"phone": {}},
        "contact_types": {
            "calls": {
                "channel": "phone",
                "arrivals": {"per_hour": 60},
                "talk": {"family": "exponential", "mean": "4 min"},
                "patience": {"family": "exponential", "mean": "3 min"},
            }
        },
        "agent_groups": {"agents": {"skills": ["calls"], "cost_per_hour": 20}},
        "shift_templates": {
            "half": {"starts": {"first": "08:00", "last": "12:00", "step": "60 min"}, "lengths": ["4 h"]}
        },
        "objective": "cost",
        "targets": [{"at_least": "80 %"}],
    }
    return Scenario.model_validate({**desk, **parts})
