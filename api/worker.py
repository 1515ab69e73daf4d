"""gunicorn's threaded worker, with an end that leaves nobody without an answer."""

from __future__ import annotations

import contextlib
import errno
import socket
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from api.shared import shared


class Worker(ThreadWorker):  # type: ignore[misc]
    """Worker that, when the server ends, answers the connections the kernel has already taken.

    The kernel completes connections on behalf of the worker and keeps them until they are
    accepted. gunicorn closes the socket over them, so their clients see a reset in the middle of a
    request (https://github.com/benoitc/gunicorn/issues/3397).
    """

    def set_accept_enabled(self, enabled: bool) -> None:
        """Take connections, or no more of them."""
        super().set_accept_enabled(enabled)
        # While the server goes on, other workers take what this one leaves.
        if not enabled and not self.alive and shared().draining:
            for listener in self.sockets:
                self._empty(listener)

    def accept(self, listener: Any) -> None:
        """Take a connection, if there is one."""
        try:
            super().accept(listener)
        except OSError as error:
            # All workers share the socket: one that ended earlier has shut it for this one, too.
            if error.errno != errno.EINVAL or not shared().draining:
                raise

    def _empty(self, listener: Any) -> None:
        listener.setblocking(False)
        taken = -1
        while taken != self.nr_conns:
            taken = self.nr_conns
            self.accept(listener)
        # From here on the kernel refuses, which clients may take to another server.
        with contextlib.suppress(OSError):
            listener.sock.shutdown(socket.SHUT_RD)
        self.accept(listener)
