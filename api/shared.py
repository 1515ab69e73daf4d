"""A page of memory that the server's processes share: made before they fork, gone with them.

The file behind it is memory and has no name. Locks are POSIX record locks, which the kernel
releases when their holder dies, so that a killed worker blocks nobody.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Final

_RECORD: Final = 64
_RECORD_BYTES: Final = 448
BUCKETS: Final = 512
"""Offset of the rate limits."""
BUCKETS_BYTES: Final = 64 * 1024


class Region(IntEnum):
    """What can be locked on its own."""

    RATES = 0
    PROBE = 1


class Shared:
    """Memory of one server: whether it is ending, the version it proved, its rate limits."""

    def __init__(self) -> None:
        self._file = os.memfd_create("recsys")
        weakref.finalize(self, os.close, self._file)
        os.ftruncate(self._file, BUCKETS + BUCKETS_BYTES)
        self.memory = mmap.mmap(self._file, BUCKETS + BUCKETS_BYTES)
        self._threads = {region: threading.Lock() for region in Region}

    @contextmanager
    def locked(self, region: Region) -> Iterator[None]:
        """Keep every other thread and process out of `region`."""
        # Record locks know processes only, so threads take turns beforehand.
        with self._threads[region]:
            fcntl.lockf(self._file, fcntl.LOCK_EX, 1, region, os.SEEK_SET)
            try:
                yield
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, region, os.SEEK_SET)

    @property
    def draining(self) -> bool:
        """Whether the server is about to end, and wants no new listeners."""
        return self.memory[0] == 1

    def drain(self) -> None:
        """Tell every process that the server is about to end."""
        self.memory[0] = 1

    @property
    def proved(self) -> str:
        """What the last probe of a process found to be good; the caller holds the region."""
        (length,) = struct.unpack_from("H", self.memory, _RECORD)
        start = _RECORD + 2
        return self.memory[start : start + length].decode("utf-8")

    @proved.setter
    def proved(self, text: str) -> None:
        content = text.encode("utf-8")[: _RECORD_BYTES - 2]
        struct.pack_into(f"H{len(content)}s", self.memory, _RECORD, len(content), content)


_lock = threading.Lock()
_instance: Shared | None = None


def shared() -> Shared:
    """The memory of this server; that of this process alone where nothing forked it."""
    global _instance
    with _lock:
        if _instance is None:
            _instance = Shared()
        return _instance
