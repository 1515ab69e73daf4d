"""How long the parts of one answer take, told to whoever asks, at no cost where nobody does.

The code that works says ``with stage("candidates"):``; the service says ``with recorded() as
seconds:`` around it. Neither knows the other.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_seconds: ContextVar[dict[str, float] | None] = ContextVar("recsys_stages", default=None)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Count the time of the block as `name`; stages may repeat, and add up then."""
    seconds = _seconds.get()
    if seconds is None:
        yield
        return
    began = time.perf_counter()
    try:
        yield
    finally:
        seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - began


@contextmanager
def recorded() -> Iterator[dict[str, float]]:
    """Seconds by stage of what runs within the block, in this thread or task."""
    seconds: dict[str, float] = {}
    token = _seconds.set(seconds)
    try:
        yield seconds
    finally:
        _seconds.reset(token)
