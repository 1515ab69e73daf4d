"""Keeping native libraries from writing to the terminal of whoever runs the program."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def muted_stderr() -> Iterator[None]:
    """Send what any library of this process writes to standard error nowhere.

    TFLite announces its delegates there and has no switch for it. The whole process is muted, so
    keep the block short; what goes wrong in it has to come out as an exception.
    """
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
