"""How much one process takes on: so many requests at once, so many waiting, the rest told so."""

from __future__ import annotations

import threading

from flask import Flask, g, request

from api.metrics import Metrics
from api.problems import ProblemError

RETRY_S = 1
_UNBOUND = ("health", "static", "openapi")
"""Endpoints that answer however busy the process is: checks that fail under load make it worse."""


class Gate:
    """Lets requests in.

    Parameters
    ----------
    at_once : int
        Requests that are worked on at the same time.
    queue : int
        Requests that may wait for their turn.
    seconds : float
        Longest wait.
    """

    def __init__(self, at_once: int, queue: int, seconds: float) -> None:
        self._turns = threading.Semaphore(at_once)
        self._places = threading.Semaphore(queue)
        self._seconds = seconds

    def enter(self, metrics: Metrics) -> None:
        """Take a turn, after a wait if need be.

        Raises
        ------
        ProblemError
            503 when the queue is full, or the wait too long.
        """
        if self._turns.acquire(blocking=False):
            return
        if not self._places.acquire(blocking=False):
            raise _overloaded(metrics, "full")
        try:
            with metrics.waiting.track_inprogress():
                if not self._turns.acquire(timeout=self._seconds):
                    raise _overloaded(metrics, "late")
        finally:
            self._places.release()

    def leave(self) -> None:
        """Give the turn to another."""
        self._turns.release()


def _overloaded(metrics: Metrics, why: str) -> ProblemError:
    metrics.refused.labels(why).inc()
    return ProblemError(
        503, "overloaded", "too many requests at once; try again in a moment", retry_after=RETRY_S
    )


def install_gate(app: Flask, gate: Gate, metrics: Metrics) -> None:
    """Let requests into `app` through `gate`."""

    @app.before_request
    def _enter() -> None:
        if (request.endpoint or "").split(".")[0] in _UNBOUND:
            return
        gate.enter(metrics)
        g.in_gate = True
        metrics.running.inc()

    @app.teardown_request
    def _leave(error: BaseException | None) -> None:  # noqa: ARG001
        if g.pop("in_gate", False):
            gate.leave()
            metrics.running.dec()
