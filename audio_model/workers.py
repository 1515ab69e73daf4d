"""Spawned child processes with resource limits, one pipe a child, for files of any origin.

A decoder fed with hostile bytes may crash, hang, or eat memory. Here that costs one job: the child
is killed and replaced, and the job fails with an `AudioError`. `concurrent.futures` cannot do it,
as one dead child breaks its whole pool.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar, cast

from threadpoolctl import threadpool_limits

from audio_model.decode import DecodeLimits
from data.errors import ArtefactError, AudioError, ParameterError, RecsysError

T = TypeVar("T")

START_SECONDS = 120.0
"""Longest wait for a child to import its libraries and load its model."""
_OPEN_FILES = 64
_SPAWN = multiprocessing.get_context("spawn")


@dataclass(slots=True)
class _Child:
    process: Any
    pipe: Connection


class ChildPool(Generic[T]):
    """Children that each build a worker once and then run it on one path at a time.

    Children start by spawning, so the main module of the program is imported in them again: keep
    heavy imports out of its top level. Safe to use from several threads.

    Parameters
    ----------
    factory : callable
        Picklable; called in each child without arguments, returns the function ``path → result``.
        Whatever that function takes or returns crosses a pipe.
    workers : int
        Number of children.
    limits : DecodeLimits
        What one job may cost.
    writes : bool
        Whether the children may write files.

    Raises
    ------
    ParameterError
        If `workers` is below 1.
    ArtefactError
        If a child cannot start; the message is the child's.
    """

    def __init__(
        self,
        factory: Callable[[], Callable[[Path], T]],
        workers: int,
        limits: DecodeLimits,
        *,
        writes: bool = True,
    ) -> None:
        if workers < 1:
            raise ParameterError(f"workers must be at least 1, got {workers}")
        self._factory = factory
        self._workers = workers
        self._limits = limits
        self._writes = writes
        self._idle: SimpleQueue[_Child] = SimpleQueue()
        self._alive: dict[int, _Child] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._finalizer = weakref.finalize(self, _kill_all, self._alive)
        try:
            for child in [self._start() for _ in range(workers)]:
                self._await_ready(child)
                self._idle.put(child)
        except RecsysError:
            self.close()
            raise

    def __enter__(self) -> ChildPool[T]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Kill the children; jobs under way in other threads fail with an `AudioError`."""
        with self._lock:
            self._closed = True
            self._finalizer()

    def run(self, path: Path, timeout: float | None = None) -> T:
        """Run one job and wait for it.

        Parameters
        ----------
        path : Path
            The file to work on.
        timeout : float, optional
            Seconds, the wait for an idle child included; by default `limits.timeout_seconds`.

        Raises
        ------
        AudioError
            If the file cannot be analysed, or its child died, or the time is over.
        """
        deadline = time.monotonic() + (self._limits.timeout_seconds if timeout is None else timeout)
        try:
            child = self._idle.get(timeout=max(0.0, deadline - time.monotonic()))
        except Empty:
            raise AudioError("every analyser is busy; try again later") from None
        try:
            result = self._converse(child, path, deadline)
        except _ChildLostError as lost:
            child = self._replace(child)
            raise AudioError(str(lost)) from None
        finally:
            self._idle.put(child)
        kind, value = result
        if kind == "error":
            raise AudioError(value)
        return cast(T, value)

    def map(self, paths: Iterable[Path]) -> Iterator[tuple[Path, T | AudioError]]:
        """Run a job a path; yield results as they finish, in any order.

        At most twice as many jobs as children are under way, so `paths` may be endless.
        """
        executor = ThreadPoolExecutor(self._workers, thread_name_prefix="analysis")
        waiting: dict[Future[T], Path] = {}
        todo = iter(paths)
        try:
            while True:
                while len(waiting) < 2 * self._workers and (path := next(todo, None)) is not None:
                    waiting[executor.submit(self.run, path)] = path
                if not waiting:
                    return
                done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    error = future.exception()
                    if error is not None and not isinstance(error, AudioError):
                        raise error
                    yield waiting.pop(future), future.result() if error is None else error
        finally:
            executor.shutdown(wait=False, cancel_futures=True)

    def _start(self) -> _Child:
        ours, theirs = _SPAWN.Pipe()
        process = _SPAWN.Process(
            target=_serve, args=(theirs, self._factory, self._limits, self._writes), daemon=True
        )
        with self._lock:
            if self._closed:
                raise AudioError("the analysis was stopped")
            process.start()
            theirs.close()
            child = _Child(process, ours)
            self._alive[id(child)] = child
        return child

    def _await_ready(self, child: _Child) -> None:
        try:
            if not child.pipe.poll(START_SECONDS):
                raise ArtefactError(f"an analysis process did not start in {START_SECONDS:.0f} s")
            kind, value = child.pipe.recv()
        except (EOFError, OSError):
            child.process.join(1.0)
            raise ArtefactError(
                f"an analysis process ended at its start (exit {child.process.exitcode}); "
                "its standard error says why"
            ) from None
        if kind != "ready":
            raise ArtefactError(value)

    def _converse(self, child: _Child, path: Path, deadline: float) -> tuple[str, Any]:
        try:
            child.pipe.send(path)
            if not child.pipe.poll(max(0.0, deadline - time.monotonic())):
                raise _ChildLostError("took too long: the time limit for one file is over")
            result: tuple[str, Any] = child.pipe.recv()
        except (EOFError, OSError):
            if self._closed:
                raise _ChildLostError("the analysis was stopped") from None
            child.process.join(1.0)
            raise _ChildLostError(self._cause(child.process.exitcode)) from None
        return result

    def _cause(self, exitcode: int | None) -> str:
        if exitcode == -signal.SIGXCPU:
            return f"took more than {self._limits.cpu_seconds} s of processor time"
        name = signal.Signals(-exitcode).name if exitcode and exitcode < 0 else f"exit {exitcode}"
        return f"crashed the analyser ({name})"

    def _replace(self, lost: _Child) -> _Child:
        with self._lock:
            self._alive.pop(id(lost), None)
        _kill(lost)
        lost.pipe.close()
        child = self._start()
        self._await_ready(child)
        return child


class _ChildLostError(Exception):
    """The child can no longer be used; the message is the reason."""


def _kill(child: _Child) -> None:
    child.process.kill()
    child.process.join()


def _kill_all(alive: dict[int, _Child]) -> None:
    while alive:
        # Its pipe stays open, as another thread may wait on it: that thread reads the end of file.
        _kill(alive.popitem()[1])


def _serve(
    pipe: Connection,
    factory: Callable[[], Callable[[Path], Any]],
    limits: DecodeLimits,
    writes: bool,
) -> None:
    """Body of a child: build the worker, then answer one path at a time until the pipe closes."""
    # Ctrl-C reaches the whole group; the parent alone decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        work = factory()
    except RecsysError as error:
        pipe.send(("failed", str(error)))
        return
    threadpool_limits(limits=1)
    _silence_libraries()
    _limit(resource.RLIMIT_NOFILE, _OPEN_FILES)
    if not writes:
        _limit(resource.RLIMIT_FSIZE, 0)  # pipes do not count
    _limit(resource.RLIMIT_AS, _address_space() + limits.memory_mb * 2**20)
    pipe.send(("ready", None))
    while True:
        try:
            path = pipe.recv()
        except EOFError:
            return
        spent = resource.getrusage(resource.RUSAGE_SELF)
        _limit(resource.RLIMIT_CPU, int(spent.ru_utime + spent.ru_stime) + 1 + limits.cpu_seconds)
        try:
            answer: tuple[str, Any] = ("ok", work(path))
        except AudioError as error:
            answer = ("error", str(error))
        except MemoryError:
            answer = ("error", f"needs more than {limits.memory_mb} MiB of memory")
        pipe.send(answer)


def _silence_libraries() -> None:
    """Keep decoders from writing to the terminal; what matters comes back through the pipe.

    Python's own standard error stays, so that a traceback is still seen.
    """
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    os.close(null)


def _limit(kind: int, soft: int) -> None:
    """Set the soft limit, below whatever hard limit stands."""
    hard = resource.getrlimit(kind)[1]
    if hard != resource.RLIM_INFINITY:
        soft = min(soft, hard)
    resource.setrlimit(kind, (soft, hard))


def _address_space() -> int:
    """Address space in use, bytes; libraries map far more than they touch, so limits add to it."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * resource.getpagesize()
