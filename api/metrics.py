"""Prometheus metrics of the service.

With several worker processes each answers for itself, unless ``PROMETHEUS_MULTIPROC_DIR`` names
a directory they share (``api.gunicorn_conf`` sets it up); then any of them answers for all.
"""

from __future__ import annotations

import os

from flask import Flask, Response, request
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from api.requestlog import elapsed, route

MULTIPROCESS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})


class Metrics:
    """The service's metrics, in a registry of their own so that apps do not share them.

    Attributes
    ----------
    requests : Histogram
        Seconds per request, by method, route and status.
    events : Counter
        Events acknowledged, by outcome: ``added`` or ``duplicate``.
    uploads : Counter
        Uploaded files, by outcome: ``analysed``, ``failed`` (refused or not decodable), ``busy``.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Histogram(
            "recsys_http_request_seconds",
            "Time to answer a request",
            ["method", "route", "status"],
            buckets=_BUCKETS_S,
            registry=self._registry,
        )
        self.events = Counter(
            "recsys_events",
            "Listening events acknowledged",
            ["outcome"],
            registry=self._registry,
        )
        self.uploads = Counter(
            "recsys_uploads", "Uploaded audio files", ["outcome"], registry=self._registry
        )
        self._bundle = Gauge(
            "recsys_bundle_info",
            "1 for the bundle version that is being served",
            ["version"],
            registry=self._registry,
            multiprocess_mode="livemax",
        )
        self._version: str | None = None

    def serving(self, version: str) -> None:
        """Note that bundle `version` is the one being served."""
        if version == self._version:
            return
        if self._version is not None:
            # Shared metric files cannot drop a label; zero reads as "no longer".
            self._bundle.labels(self._version).set(0)
        self._version = version
        self._bundle.labels(version).set(1)

    def expose(self) -> bytes:
        """All metrics in the text format of Prometheus."""
        if MULTIPROCESS_VARIABLE not in os.environ:
            return generate_latest(self._registry)
        shared = CollectorRegistry()
        MultiProcessCollector(shared)  # type: ignore[no-untyped-call]
        return generate_latest(shared)


def install_metrics(app: Flask, metrics: Metrics) -> None:
    """Time the requests of `app`."""

    @app.after_request
    def _observe(response: Response) -> Response:
        # Methods are the client's to invent; each distinct label would be kept forever.
        method = request.method if request.method in _METHODS else "other"
        metrics.requests.labels(method, route(), str(response.status_code)).observe(elapsed())
        return response


def metrics_response(metrics: Metrics) -> Response:
    """HTTP response with `metrics`."""
    return Response(metrics.expose(), content_type=CONTENT_TYPE_LATEST)
