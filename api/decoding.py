"""Uploaded audio to vectors: a bounded queue in front of a pool of decoding processes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from api.problems import ProblemError

TIMEOUT_S = 60.0
"""Longest that a client waits for its file, the queue included."""
BUSY_RETRY_S = 5


class AnalysisLike(Protocol):
    """What this module reads of an ``audio_model`` analysis."""

    @property
    def vector(self) -> NDArray[np.float32]:
        """Unit vector [shape=(n_dims,)]."""

    @property
    def duration(self) -> float:
        """Seconds of audio."""

    @property
    def picture(self) -> NDArray[np.uint8]:
        """Small spectrogram [shape=(n_bands, n_columns)]."""


class PoolLike(Protocol):
    """What this module calls of ``audio_model.pool.AnalysisPool``."""

    def analyse(self, path: Path, timeout: float | None = None) -> AnalysisLike:
        """Analyse the file at `path` within `timeout` seconds."""

    def close(self) -> None:
        """End the child processes."""


@dataclass
class _Entry:
    encoder_id: str
    pool: PoolLike
    users: int = 0


class UploadDecoder:
    """Vectors of uploaded files, by the encoder of the bundle that will be asked.

    The pool is made on the first upload, replaced when a bundle brings another encoder, and
    closed once the last upload that uses it is done.

    Parameters
    ----------
    make_pool : Callable[[Path], PoolLike]
        Starts a pool for the encoder in a folder.
    capacity : int
        Uploads that may be under way at once, decoding and waiting together.
    under_way : Callable, optional
        Makes a context that an upload stays in while it is under way, to count it.
    """

    def __init__(
        self,
        make_pool: Callable[[Path], PoolLike],
        capacity: int,
        under_way: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._make_pool = make_pool
        self._under_way = under_way
        self._slots = threading.BoundedSemaphore(capacity)
        self._lock = threading.Lock()
        self._current: _Entry | None = None

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold one place among the uploads under way.

        Raises
        ------
        ProblemError
            429 when all places are taken.
        """
        if not self._slots.acquire(blocking=False):
            raise ProblemError(
                429,
                "busy",
                "too many uploads are waiting to be analysed; try again in a moment",
                retry_after=BUSY_RETRY_S,
            )
        try:
            with self._under_way():
                yield
        finally:
            self._slots.release()

    def analyse(self, path: Path, encoder_id: str, encoder_dir: Path) -> AnalysisLike:
        """Vector and duration of the audio at `path`.

        Parameters
        ----------
        path : Path
            File to decode, in a child process.
        encoder_id : str
            Encoder of the bundle whose vectors the result is compared with.
        encoder_dir : Path
            Folder to load it from when the pool runs another one.

        Raises
        ------
        AudioError
            If the file cannot be decoded within the limits.
        """
        entry = self._lease(encoder_id, encoder_dir)
        try:
            return entry.pool.analyse(path, timeout=TIMEOUT_S)
        finally:
            self._return(entry)

    def close(self) -> None:
        """End the child processes."""
        with self._lock:
            entry, self._current = self._current, None
        if entry is not None:
            entry.pool.close()

    def _lease(self, encoder_id: str, encoder_dir: Path) -> _Entry:
        with self._lock:
            retired = None
            entry = self._current
            if entry is None or entry.encoder_id != encoder_id:
                retired, entry = entry, _Entry(encoder_id, self._make_pool(encoder_dir))
                self._current = entry
            entry.users += 1
            idle = retired is not None and retired.users == 0
        if retired is not None and idle:
            retired.pool.close()
        return entry

    def _return(self, entry: _Entry) -> None:
        with self._lock:
            entry.users -= 1
            unused = entry.users == 0 and entry is not self._current
        if unused:
            entry.pool.close()
