"""Settings of gunicorn: ``gunicorn -c python:api.gunicorn_conf "api:create_app()"``.

Address, workers and threads are for the command line; here is what the service needs from the
server whatever its size.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
from typing import Any, Protocol

from api.shared import shared

worker_class = "api.worker.Worker"
preload_app = False  # native libraries with thread pools do not survive a fork
accesslog = None  # the service writes its own, without the ids of listeners
keepalive = 5
limit_request_line = 8190  # an id of 512 characters takes up to 6,144 in an address, a cursor 4,096
graceful_timeout = 30
control_socket_disable = True  # nothing here uses it, and services would share its path
logconfig_dict = {
    "formatters": {"generic": {"()": "api.jsonlog.JsonFormatter"}},
    "loggers": {"gunicorn.error": {"level": "INFO", "handlers": ["error_console"]}},
}

DRAIN_VARIABLE = "RECSYS_SERVE__DRAIN_SECONDS"
DRAIN_SECONDS = 1.0


class WorkerLike(Protocol):
    """What this module reads of a gunicorn worker."""

    pid: int


class ServerLike(Protocol):
    """What this module calls of gunicorn's arbiter."""

    def signal(self, sig: int, frame: Any) -> None:
        """Queue a signal."""


_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_owned: list[str] = []


def on_starting(server: object) -> None:  # noqa: ARG001
    """Give the workers to come a directory for their shared metrics, and memory to share."""
    shared()
    if _VARIABLE not in os.environ:
        os.environ[_VARIABLE] = tempfile.mkdtemp(prefix="recsys-metrics-")
        _owned.append(os.environ[_VARIABLE])


def when_ready(server: ServerLike) -> None:
    """Let SIGTERM make the service not ready at first, and end it a moment later."""
    seconds = float(os.environ.get(DRAIN_VARIABLE, DRAIN_SECONDS))

    def drain(number: int, frame: object) -> None:
        if shared().draining:  # somebody is in a hurry
            server.signal(number, frame)
            return
        shared().drain()
        end = threading.Timer(seconds, server.signal, (number, frame))
        end.daemon = True
        end.start()

    signal.signal(signal.SIGTERM, drain)


def child_exit(server: object, worker: WorkerLike) -> None:  # noqa: ARG001
    """Drop the gauges of a worker that has ended."""
    # The library chooses shared or private metrics when it is imported, and forked workers
    # inherit the choice: importing it above would precede `on_starting`.
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(server: object) -> None:  # noqa: ARG001
    """Remove the directory of the shared metrics."""
    for directory in _owned:
        shutil.rmtree(directory, ignore_errors=True)
