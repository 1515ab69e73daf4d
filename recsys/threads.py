"""How many threads numpy's products take."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


@contextmanager
def one_thread() -> Iterator[None]:
    """Products on one thread: those of one listener are so small that several wait for each other.

    Also a decorator, ``@one_thread()``.
    """
    with threadpool_limits(limits=1, user_api="blas"):
        yield
