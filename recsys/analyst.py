"""The service's own analysis of audio that came over HTTP.

Every server process has an analyst, and one of them works: the one that holds the lock in the
workspace. The kernel takes the lock from a process that dies, and another goes on with what it
left. Files are decoded in a child process (`AnalysisPool`), which runs only while there is work.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import threading
import time
from pathlib import Path

import structlog

from audio_model.encoder import EncoderCard
from audio_model.pool import AnalysisPool
from data.errors import AudioError, RecsysError
from data.store import AnalysisJob, Store
from recsys.bundle import ENCODER
from recsys.files import read_pointer
from recsys.workspace import Workspace

LOOK_EVERY = 1.0
"""Seconds between two looks at the queue, and between two tries to get the lock."""
IDLE_SECONDS = 60.0
"""Without work for so long, the child process ends."""
LOCK = "analysis.lock"

_log = structlog.get_logger(__name__)


class Analyst:
    """Works off the analyses that are asked for, in a thread of its own.

    Parameters
    ----------
    workspace : Workspace
        Encoders, limits and the lock.
    store : Store
        The queue, and where vectors go.
    """

    def __init__(self, workspace: Workspace, store: Store) -> None:
        self._workspace = workspace
        self._store = store
        self._stop = threading.Event()
        self._pools: dict[str, AnalysisPool] = {}
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="analyst", daemon=True)

    def start(self) -> None:
        """Begin to look for work."""
        self._thread.start()

    def close(self) -> None:
        """Stop; an analysis under way is given up and stays in the queue."""
        self._stop.set()
        self._close_pools()
        self._thread.join()

    def _run(self) -> None:
        self._workspace.home.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(
            self._workspace.home / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644
        )
        try:
            while not _locked(descriptor):
                if self._stop.wait(LOOK_EVERY):
                    return
            self._watch()
        finally:
            self._close_pools()
            os.close(descriptor)  # and with it goes the lock

    def _watch(self) -> None:
        worked_at = time.monotonic()
        while not self._stop.is_set():
            try:
                job = self._store.analyses.next()
                if job is not None:
                    self._analyse(job)
                    worked_at = time.monotonic()
                    continue
            except RecsysError as error:  # a damaged encoder, a database that is locked
                _log.error("analysis not possible", reason=str(error))
            if time.monotonic() - worked_at > IDLE_SECONDS:
                self._close_pools()
            self._stop.wait(LOOK_EVERY)

    def _analyse(self, job: AnalysisJob) -> None:
        started = time.monotonic()
        duration, vectors = None, {}
        try:
            for encoder_id, folder in self._encoders().items():
                found = self._pool(encoder_id, folder).analyse(job.path)
                duration = found.duration
                vectors[encoder_id] = found.vector, found.digest
        except AudioError as error:
            if self._stop.is_set():
                return
            self._store.analyses.finish(job, failure=str(error))
            _log.info("analysis failed", track_id=job.track_id, reason=str(error))
            return
        self._store.analyses.finish(job, duration=duration, vectors=vectors)
        _log.info("analysed", track_id=job.track_id, seconds=round(time.monotonic() - started, 3))

    def _encoders(self) -> dict[str, Path]:
        """Folders of the encoder that the live model uses, and of the one the next will use."""
        folders = [self._workspace.encoder_dir()]
        live = read_pointer(self._workspace.models)
        if live is not None and (self._workspace.models / live / ENCODER).is_dir():
            folders.insert(0, self._workspace.models / live / ENCODER)
        return {EncoderCard.read(folder).encoder_id: folder for folder in folders}

    def _pool(self, encoder_id: str, folder: Path) -> AnalysisPool:
        with self._lock:
            if self._stop.is_set():
                raise AudioError("the analysis was stopped")
            pool = self._pools.get(encoder_id)
            if pool is None:
                limits = self._workspace.config.analysis.limits
                pool = self._pools[encoder_id] = AnalysisPool(folder, 1, limits)
        return pool

    def _close_pools(self) -> None:
        with self._lock:
            pools, self._pools = self._pools, {}
        for pool in pools.values():
            pool.close()


def start_analyst(workspace: Workspace, store: Store) -> Analyst:
    """Analyst that works until the process ends."""
    analyst = Analyst(workspace, store)
    analyst.start()
    atexit.register(analyst.close)
    return analyst


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
