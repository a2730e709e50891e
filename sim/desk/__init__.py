"""The parts of a desk as frozen models: what people write about arrivals, channels, bots, contacts, agents, targets.

`sim.scenario` puts them together; import them from there.
"""
