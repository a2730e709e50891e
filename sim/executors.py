"""Where replications run: one after another, in threads, in processes or on a cluster. Results never depend on which.

In this process a task is a plain function. An executor, any of `concurrent.futures`, gets it as data in chunks of
many replications, and all results come back in order.
"""

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, nullcontext
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from multiprocessing import get_context, parent_process
from multiprocessing.process import BaseProcess
from platform import python_version
from typing import Any, TypeVar

Result = TypeVar("Result")

ALIKE = ("peakdesk", "numpy", "scipy", "numba", "simpy")
"""Packages that a result depends on: a worker must have the same versions, or lack what we lack."""
DEATHS = 3
"""So many workers may die over one task before it is taken for the cause."""
PATIENCE_S = 30
"""Seconds that a cluster has to answer, and to show a first worker."""


class Unlike(RuntimeError):
    """A worker has other versions of what results depend on."""


class NoCluster(RuntimeError):
    """The cluster cannot be used; the message says why."""


def in_order(task: Callable[[int], Result], numbers: range, workers: int = 1) -> Generator[Result, None, None]:
    """`task(number)` for each number, in order, by this many threads; ending early waits for what is under way."""
    if workers < 1:
        raise ValueError(f"workers is {workers}: at least 1")
    if workers == 1:
        yield from map(task, numbers)
        return
    with ThreadPoolExecutor(workers) as pool, closing(_ahead(task, numbers, pool, 2 * workers)) as results:
        yield from results


def in_chunks(
    task: Callable[[range], Sequence[Result]], numbers: range, executor: Executor, size: int
) -> Generator[Result, None, None]:
    """The results of `task(chunk)` for chunks of `size` numbers, one by one and in order.

    `task` must pickle. Raises Unlike where a worker is not like this process.
    """
    chunks = (numbers[start : start + size] for start in range(0, len(numbers), size))
    with closing(_ahead(partial(_alike, installed(), task), chunks, executor, 2 * width(executor))) as results:
        try:
            yield from chain.from_iterable(results)
        except CancelledError:
            raise BrokenExecutor("the executor dropped a task that was wanted: is its cluster gone?") from None


Task = TypeVar("Task")


def _ahead(
    task: Callable[[Task], Result], numbers: Iterable[Task], pool: Executor, most: int
) -> Generator[Result, None, None]:
    """At most `most` tasks are under way or wait to be fetched, so that memory stays flat; an early end drops them."""
    running: deque[Future[Result]] = deque()
    try:
        for number in numbers:
            running.append(pool.submit(task, number))
            if len(running) == most:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    finally:
        for future in running:
            future.cancel()


def width(executor: Executor) -> int:
    """How many tasks an executor works on at once, as far as it tells."""
    known = getattr(executor, "workers", None) or getattr(executor, "_max_workers", None)
    return int(known or os.cpu_count() or 1)


def place(processes: int | None = None, cluster: str | None = None) -> AbstractContextManager[Executor | None]:
    """The executor for so many processes or for the cluster at an address, else None; ends with the context."""
    if processes is not None and cluster is not None:
        raise ValueError("processes and cluster are two places: give one")
    if cluster is not None:
        return Cluster(cluster)
    return nullcontext() if processes is None else Processes(processes)


# ------------------------------------------------------------------------------------------------------------ alike


@cache
def _installed() -> tuple[tuple[str, str], ...]:
    return tuple(_versions())


def _versions() -> Iterator[tuple[str, str]]:
    yield "python", python_version().rpartition(".")[0]
    for package in ALIKE:
        try:
            yield package, version(package)
        except PackageNotFoundError:
            continue


def installed() -> dict[str, str]:
    """Versions here of what results depend on."""
    return dict(_installed())


def unlike(ours: Mapping[str, str], theirs: Mapping[str, str]) -> str:
    """What differs between two sets of versions, in words; empty where nothing does."""
    names = [name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name)]
    return ", ".join(f"{name} {theirs.get(name, 'missing')} instead of {ours.get(name, 'none')}" for name in names)


def _alike(ours: Mapping[str, str], task: Callable[[Any], Result], argument: Any) -> Result:
    """A task, refused where it would give other results than the process that asks for it."""
    if different := unlike(ours, installed()):
        raise Unlike(f"a worker has {different}: give all of them the same versions")
    return task(argument)


# -------------------------------------------------------------------------------------------------------- processes


class Processes(Executor):
    """A pool of fresh processes of this machine that outlives them.

    Where one is killed, the pool is built anew and what was under way runs again; a task that `DEATHS` workers died
    over fails with BrokenExecutor.
    """

    def __init__(self, workers: int) -> None:
        if workers < 1:
            raise ValueError(f"processes is {workers}: at least 1")
        self.workers = workers
        self._lock = threading.Lock()
        self._pool = self._built()
        self._closed = False

    def _built(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(self.workers, mp_context=get_context("spawn"), initializer=_settle_in)

    def submit(self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Future[Result]:
        if self._closed:
            raise RuntimeError("the processes have been shut down")
        asked: Future[Result] = Future()
        self._start(asked, partial(fn, *args, **kwargs), DEATHS)
        return asked

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        with self._lock:
            self._closed, pool = True, self._pool
        pool.shutdown(wait, cancel_futures=cancel_futures)

    def _start(self, asked: Future[Result], call: Callable[[], Result], lives: int) -> None:
        pool = self._pool
        try:
            at_work = pool.submit(call)
        except BrokenExecutor:
            pool = self._replaced(pool)
            at_work = pool.submit(call)
        asked.add_done_callback(lambda _: at_work.cancel())
        at_work.add_done_callback(partial(self._finish, asked, call, lives, pool))

    def _replaced(self, broken: ProcessPoolExecutor) -> ProcessPoolExecutor:
        """The pool to use instead of a broken one; whoever comes first builds it."""
        with self._lock:
            if self._closed:
                raise RuntimeError("the processes have been shut down")
            if self._pool is broken:
                self._pool = self._built()
            return self._pool

    def _finish(
        self,
        asked: Future[Result],
        call: Callable[[], Result],
        lives: int,
        pool: ProcessPoolExecutor,
        at_work: Future[Result],
    ) -> None:
        """Hand a result on, or start again what a dead worker took along."""
        if at_work.cancelled() or asked.cancelled():
            asked.cancel()
            return
        error = at_work.exception()
        if isinstance(error, BrokenExecutor) and lives > 1:
            try:
                self._replaced(pool)
                self._start(asked, call, lives - 1)
            except (OSError, RuntimeError) as why_not:
                error = why_not
            else:
                return
        if not asked.set_running_or_notify_cancel():
            return
        if error is None:
            asked.set_result(at_work.result())
        else:
            asked.set_exception(_plainly(error))


def _plainly(error: BaseException) -> BaseException:
    """What to tell of a task that killed all workers it was given to."""
    if not isinstance(error, BrokenExecutor):
        return error
    advice = 'is there memory for so many, and is a script of yours guarded by `if __name__ == "__main__":`?'
    return BrokenExecutor(f"{DEATHS} processes died over the same task: {advice}")


def _settle_in() -> None:
    """A worker leaves Ctrl-C to the process that it works for, and goes when that is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_go_with, args=(parent,), daemon=True).start()


def _go_with(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


# ---------------------------------------------------------------------------------------------------------- cluster


class Cluster(Executor):
    """A dask.distributed cluster at the address of its scheduler (extra `cluster`).

    TLS settings come from dask's configuration, so from the environment (DASK_DISTRIBUTED__COMM__TLS__…). Raises
    NoCluster where it cannot be reached or has no worker, and Unlike where a worker is not like this process.
    """

    def __init__(self, address: str) -> None:
        self._client = _client(address)
        self.encrypted = address.startswith("tls://")
        try:
            self.workers = self._inspected(address)
        except BaseException:
            self._client.close()
            raise
        self._pool = self._client.get_executor(pure=False, retries=2)

    def _inspected(self, address: str) -> int:
        """How many threads there are, all of them like us."""
        try:
            self._client.wait_for_workers(1, timeout=PATIENCE_S)
        except TimeoutError:
            raise NoCluster(f"the cluster at {address} has no worker: start one with `dask worker {address}`") from None
        found = self._client.run(installed, on_error="return")
        for worker, theirs in found.items():
            if isinstance(theirs, Exception):
                raise NoCluster(f"worker {worker} cannot import peakdesk ({theirs}): install it there")
            if different := unlike(installed(), theirs):
                raise Unlike(f"worker {worker} has {different}: give all of them the same versions")
        return sum(self._client.nthreads().values())

    def submit(self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Future[Result]:
        submitted: Future[Result] = self._pool.submit(fn, *args, **kwargs)
        return submitted

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._pool.shutdown(wait=wait and not cancel_futures)
        self._client.close()


def _client(address: str) -> Any:
    """A client of the scheduler at an address, with TLS as dask's configuration has it."""
    try:
        from distributed import Client, Security
    except ImportError:
        raise NoCluster("--cluster needs dask.distributed: pip install 'peakdesk[cluster]'") from None
    try:
        return Client(address, security=Security(), timeout=PATIENCE_S, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise NoCluster(f"the cluster at {address} cannot be reached: {error}") from None
