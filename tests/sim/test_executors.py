"""Where replications run makes no difference, and nothing is lost when a worker is killed."""

import gc
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from errands import dies, naps, numbers_of

from sim.executors import Cluster, NoCluster, Processes, Unlike, in_chunks, in_order, installed, place, unlike, width
from sim.experiment import Runs, Stopped, chunk, experiment
from sim.metrics import ARRAYS, Tally
from sim.scenario import Scenario
from sim.scenario_file import load

HOME = Path(__file__).resolve().parents[2]
REPLICATIONS = 12


def equal(one: Tally, two: Tally) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(two, name)) for name in ARRAYS)


@pytest.fixture(scope="module")
def desk() -> Scenario:
    return load("one-queue")


def run(desk: Scenario, executor: Executor | None = None, **more: object) -> Runs:
    return experiment(desk, replications=REPLICATIONS, seed=3, first=2, engine="reference", executor=executor, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def here(desk: Scenario) -> Tally:
    return run(desk).tallies


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes]:
    with Processes(2) as pool:
        yield pool


class AtOnce(Executor):
    """An executor of a user's own: works when asked, and remembers what it was sent."""

    def __init__(self) -> None:
        self.sent: list[range] = []

    def submit(self, fn, /, *args, **kwargs):  # type: ignore[no-untyped-def]
        self.sent.append(args[-1])
        done: Future[object] = Future()
        done.set_result(fn(*args, **kwargs))
        return done


# ------------------------------------------------------------------------------------------------------ any executor


def test_any_executor_gives_the_same(desk: Scenario, here: Tally) -> None:
    own = AtOnce()
    assert equal(run(desk, own).tallies, here)
    assert [number for piece in own.sent for number in piece] == list(range(2, 2 + REPLICATIONS))
    assert {len(piece) for piece in own.sent[:-1]} == {chunk("reference", 4_800)}
    with ThreadPoolExecutor(2) as threads:
        assert equal(run(desk, threads).tallies, here)


def test_processes_give_the_same(desk: Scenario, here: Tally, processes: Processes) -> None:
    assert equal(run(desk, processes).tallies, here)


def test_a_plan_travels_too(desk: Scenario, processes: Processes) -> None:
    assert desk.staffing is not None
    more = desk.staffing.model_copy(
        update={"levels": {group: dict.fromkeys(table, 30) for group, table in (desk.staffing.levels or {}).items()}}
    )
    alone, together = (run(desk, executor, plan=more) for executor in (None, processes))
    assert equal(alone.tallies, together.tallies)
    assert not equal(alone.tallies, run(desk).tallies)


def test_short_replications_travel_together_and_long_ones_alone() -> None:
    assert chunk("compiled", 100) > 50
    assert chunk("compiled", 1_000_000) == chunk("reference", 100_000) == 1
    assert chunk("reference", 100) < chunk("compiled", 100)


def test_a_stop_is_heard_between_chunks(desk: Scenario, here: Tally, processes: Processes) -> None:
    seen: list[int] = []
    with pytest.raises(Stopped) as stopped:
        run(desk, processes, progress=lambda done, _: seen.append(done), stop=lambda: len(seen) == 3)
    assert stopped.value.runs is not None
    assert np.array_equal(stopped.value.runs.tallies.answered, here.answered[:3])


def test_customers_stay_at_home(desk: Scenario) -> None:
    with pytest.raises(ValueError, match="stay in this process"):
        run(desk, AtOnce(), customers=lambda _: None)


def test_few_tasks_are_under_way_at_once() -> None:
    """Twice as many as there are workers: memory does not grow with the number of replications."""
    started: list[range] = []
    with ThreadPoolExecutor(2) as threads:
        results = in_chunks(lambda numbers: started.append(numbers) or list(numbers), range(100), threads, 3)
        assert [next(results) for _ in range(3)] == [0, 1, 2]
        assert len(started) <= 5
        assert list(results) == list(range(3, 100))


def test_an_executor_tells_its_width() -> None:
    assert width(ThreadPoolExecutor(3)) == 3
    assert width(AtOnce()) == os.cpu_count()


def test_one_place_at_a_time() -> None:
    with pytest.raises(ValueError, match="give one"):
        place(2, "tcp://nowhere")
    with place() as nowhere:
        assert nowhere is None
    for wrong in (lambda: Processes(0), lambda: list(in_order(abs, range(3), 0))):
        with pytest.raises(ValueError, match="at least 1"):
            wrong()


def test_a_worker_with_other_versions_is_refused() -> None:
    ours = installed()
    assert unlike(ours, ours) == ""
    assert unlike(ours, ours | {"numpy": "1.0"}) == f"numpy 1.0 instead of {ours['numpy']}"
    assert "numba missing" in unlike({"numba": "1"}, {})


def test_a_task_is_refused_by_a_worker_that_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The versions travel with the task: who joins later is asked as well."""

    class Elsewhere(AtOnce):
        def submit(self, fn, /, *args, **kwargs):  # type: ignore[no-untyped-def]
            monkeypatch.setattr("sim.executors.installed", lambda: {"numpy": "0.1"})
            return super().submit(fn, *args, **kwargs)

    with pytest.raises(Unlike, match=r"numpy 0\.1 instead of"):
        list(in_chunks(numbers_of, range(3), Elsewhere(), 1))


# --------------------------------------------------------------------------------------------------------- processes


def test_a_killed_process_loses_nothing(desk: Scenario, here: Tally) -> None:
    """SIGKILL of one worker in mid-run, twice."""
    killed: list[int] = []

    def kill(done: int, _: int) -> None:
        if done in (1, 7):
            victim = next(iter(pool._pool._processes))
            os.kill(victim, signal.SIGKILL)
            killed.append(victim)

    with Processes(2) as pool:
        assert equal(run(desk, pool, progress=kill).tallies, here)
    assert len(set(killed)) == 2


def test_only_what_is_missing_runs_again(tmp_path: Path) -> None:
    with Processes(1) as pool:
        assert pool.submit(dies, str(tmp_path / "done"), 0).result() == "alive"
        assert pool.submit(dies, str(tmp_path / "dies"), 2).result() == "alive"
    assert (tmp_path / "done").read_text() == "x"
    assert (tmp_path / "dies").read_text() == "xxx"


def test_a_task_that_kills_every_worker_is_given_up(tmp_path: Path) -> None:
    with Processes(1) as pool:
        with pytest.raises(BrokenExecutor, match="3 processes died over the same task"):
            pool.submit(dies, str(tmp_path / "dies"), 99).result(60)
        assert pool.submit(abs, -1).result(60) == 1
    assert (tmp_path / "dies").read_text() == "xxx"


def test_a_plain_error_is_handed_on_at_once(processes: Processes) -> None:
    with pytest.raises(ZeroDivisionError):
        processes.submit(divmod, 1, 0).result(60)


def test_who_is_shut_down_takes_no_more() -> None:
    pool = Processes(1)
    pool.shutdown()
    with pytest.raises(RuntimeError, match="shut down"):
        pool.submit(abs, 1)


def test_what_was_not_begun_can_be_dropped(processes: Processes) -> None:
    napping = [processes.submit(naps, 0.3) for _ in range(2)]
    waiting = [processes.submit(naps, 0.5) for _ in range(8)]
    assert waiting[-1].cancel()
    for future in waiting:
        future.cancel()
    assert all(isinstance(nap.result(60), int) for nap in napping)


SCRIPT = """
import sys
from sim.executors import Processes
from sim.experiment import experiment
from sim.scenario_file import load

def told(done, total):
    print(*pool._pool._processes, flush=True)

if __name__ == "__main__":
    with Processes(2) as pool:
        experiment(load("one-queue"), replications=100_000, seed=1, engine="reference", executor=pool, progress=told)
"""


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGKILL])
def test_no_process_is_left_behind(sign: signal.Signals, tmp_path: Path) -> None:
    """Ctrl-C reaches all processes at once: the workers leave it to their parent. Without a parent they go."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    environment = os.environ | {"PYTHONPATH": str(HOME)}
    with subprocess.Popen(
        [sys.executable, str(script)], env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True,
    ) as started:  # fmt: skip
        assert started.stdout is not None
        workers = [int(pid) for pid in started.stdout.readline().split()]
        assert len(workers) == 2
        if sign is signal.SIGINT:
            os.killpg(started.pid, sign)
        else:
            started.send_signal(sign)
        said = started.communicate(timeout=60)[1]
    assert said.count("Traceback") == (1 if sign is signal.SIGINT else 0), said
    deadline = time.monotonic() + 30
    while any(alive(pid) for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(alive(pid) for pid in workers)


def alive(pid: int) -> bool:
    """Whether a process runs; one that is dead and waits to be counted does not."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


# ----------------------------------------------------------------------------------------------------------- cluster

# what dask leaves of a refused handshake may be collected in any later test
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
distributed = pytest.mark.skipif(find_spec("distributed") is None, reason="the extra `cluster` is not installed")


@pytest.fixture(scope="module")
def patient() -> Iterator[None]:
    """On a machine that is busy with other things a handshake may take long; nothing here is about how long."""
    dask = pytest.importorskip("dask")
    with pytest.MonkeyPatch.context() as patch, dask.config.set(
        {"distributed.comm.timeouts.connect": "120s", "distributed.comm.timeouts.tcp": "120s"}
    ):  # fmt: skip
        patch.setattr("sim.executors.PATIENCE_S", 120)
        yield


@pytest.fixture(scope="module")
def cluster(patient: None) -> Iterator[Any]:
    """A scheduler and two workers, each a process of its own with a nanny that replaces it."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as workers:
        yield workers


def refused(address: str, why: str) -> None:
    """No cluster is to be had. What dask leaves of the attempt goes here, and not while another client starts."""
    with pytest.raises(NoCluster, match=why):
        Cluster(address)
    gc.collect()


@distributed
def test_a_cluster_gives_the_same(desk: Scenario, here: Tally, cluster: Any) -> None:
    with Cluster(cluster.scheduler_address) as executor:
        assert executor.workers == 2
        assert not executor.encrypted
        assert equal(run(desk, executor).tallies, here)


@distributed
def test_a_killed_worker_of_a_cluster_loses_nothing(desk: Scenario, here: Tally, cluster: Any) -> None:
    killed: list[int] = []

    def kill(done: int, _: int) -> None:
        if done in (1, 7):
            killed.append(next(nanny.pid for nanny in cluster.workers.values() if nanny.pid not in (None, *killed)))
            os.kill(killed[-1], signal.SIGKILL)

    with Cluster(cluster.scheduler_address) as executor:
        assert equal(run(desk, executor, progress=kill).tallies, here)
    assert len(killed) == 2


@distributed
@pytest.mark.skipif(shutil.which("openssl") is None, reason="certificates are made with openssl")
def test_a_cluster_behind_tls_is_reached_by_the_settings_of_dask(
    desk: Scenario, here: Tally, tmp_path: Path, patient: None
) -> None:
    import dask
    from distributed import LocalCluster, Security

    key, cert = str(tmp_path / "key.pem"), str(tmp_path / "cert.pem")
    words = f"openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=desk -keyout {key} -out {cert}"
    subprocess.run(words.split(), check=True, capture_output=True)
    roles = {f"tls_{role}_{part}": path for role in ("scheduler", "worker", "client") for part, path in
             (("key", key), ("cert", cert))}  # fmt: skip
    security = Security(tls_ca_file=cert, require_encryption=True, **roles)
    with LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=":0", security=security, protocol="tls://"
    ) as cluster:
        address = cluster.scheduler_address
        refused(address, "cannot be reached")
        settings = {"ca-file": cert, "client.key": key, "client.cert": cert}
        tls = {f"distributed.comm.tls.{name}": path for name, path in settings.items()}
        with dask.config.set(tls), Cluster(address) as executor:
            assert executor.encrypted
            assert equal(run(desk, executor).tallies, here)


@distributed
def test_a_cluster_with_other_versions_is_refused_at_the_start(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.executors._installed", lambda: (("numpy", "0.1"),))
    with pytest.raises(Unlike, match=r"worker tcp://.* has numpy .* instead of 0\.1"):
        Cluster(cluster.scheduler_address)


@distributed
def test_a_cluster_without_workers_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from distributed import LocalCluster

    monkeypatch.setattr("sim.executors.PATIENCE_S", 1)
    with LocalCluster(n_workers=0, dashboard_address=":0") as empty:
        refused(empty.scheduler_address, "has no worker")
    refused("tcp://127.0.0.1:9", "cannot be reached")


def test_a_cluster_needs_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(NoCluster, match=r"pip install 'peakdesk\[cluster\]'"):
        Cluster("tcp://127.0.0.1:1")
