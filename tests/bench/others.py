"""PEAK's nearest relatives in Ciw and salabim: one pooled group with priorities, patience and staffing by half-hour.

Neither can say that groups with overlapping skills prefer each other's contacts by rank, so all agents serve all
types; contacts that the bot resolves are left out, and those it hands off arrive as if it took no time.
"""

import numpy as np
import peak

HALF_HOUR_S = 1800.0


def with_ciw(volume: float, seed: int = 1) -> int:
    """Contacts simulated by Ciw."""
    import ciw

    rates = 0.8 * peak.hourly_rates(volume) / 3600
    ends = [HALF_HOUR_S * (i + 1) for i in range(48)]
    heads = peak.heads(volume).sum(axis=1).tolist()
    kinds = [f"type_{k}" for k in range(8)]
    sigma = float(np.sqrt(np.log(2.0)))
    network = ciw.create_network(
        arrival_distributions={
            kind: [ciw.dists.PoissonIntervals((rates * peak.SHARES[k]).tolist(), ends, 86_400.0)]
            for k, kind in enumerate(kinds)
        },
        service_distributions={
            kind: [ciw.dists.Lognormal(float(np.log(peak.TALK_S)) - sigma**2 / 2, sigma)] for kind in kinds
        },
        number_of_servers=[ciw.Schedule(numbers_of_servers=heads, shift_end_dates=ends, preemption=False)],
        priority_classes={kind: int(peak.PRIORITIES[k]) for k, kind in enumerate(kinds)},
        reneging_time_distributions={kind: [ciw.dists.Exponential(1 / peak.PATIENCE_S)] for kind in kinds},
    )
    ciw.seed(seed)
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_time(86_400)
    return len(simulation.get_all_records())


def with_salabim(volume: float, seed: int = 1) -> int:
    """Contacts simulated by salabim, in its faster mode without greenlets."""
    import salabim

    salabim.yieldless(False)
    demand = peak.draw(volume, seed)
    asks = np.flatnonzero(demand.fate != 1)
    heads = peak.heads(volume).sum(axis=1).tolist()
    env = salabim.Environment(trace=False, random_seed=seed)
    agents = salabim.Resource("agents", capacity=heads[0], monitor=False)

    class Contact(salabim.Component):
        def setup(self, i):
            self.i = i

        def process(self):
            i = self.i
            priority = int(peak.PRIORITIES[demand.type[i]])
            yield self.request((agents, 1, priority), fail_delay=demand.patience_ms[i] / 1000)
            if not self.failed():
                yield self.hold(demand.talk_ms[i] / 1000)
                self.release()

    class Arrivals(salabim.Component):
        def process(self):
            for i in asks.tolist():
                yield self.hold(till=demand.arrival_ms[i] / 1000)
                Contact(i=i, name="")

    class Staff(salabim.Component):
        def process(self):
            for level in heads:
                agents.set_capacity(level)
                yield self.hold(HALF_HOUR_S)

    Arrivals()
    Staff()
    env.run()
    return len(asks)
