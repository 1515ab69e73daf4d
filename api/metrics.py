"""Prometheus metrics of the service.

With several worker processes each answers for itself, unless ``PROMETHEUS_MULTIPROC_DIR`` names
a directory they share (``api.gunicorn_conf`` sets it up); then any of them answers for all.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

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
from data.stages import recorded
from recsys.lists import RecommendationList

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MULTIPROCESS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_STAGE_BUCKETS_S = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0)
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
    uploading : Gauge
        Uploads under way, decoding and waiting together.
    running, waiting : Gauge
        Requests that are worked on, and that wait for their turn.
    refused : Counter
        Requests turned away, by reason: ``full`` and ``late`` (the queue), ``rate`` (the key).
    lists : Counter
        Lists for listeners, by whether they are ``personal`` or a ``fallback``.
    listed : Counter
        Tracks on those lists, by whether anybody has taken to them: ``warm`` or ``cold``.
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
        self.events = self._counter("recsys_events", "Listening events acknowledged", "outcome")
        self.uploads = self._counter("recsys_uploads", "Uploaded audio files", "outcome")
        self.uploading = self._gauge("recsys_uploads_in_progress", "Uploads under way")
        self.running = self._gauge("recsys_requests_in_progress", "Requests being worked on")
        self.waiting = self._gauge("recsys_requests_waiting", "Requests waiting for their turn")
        self.refused = self._counter("recsys_requests_refused", "Requests turned away", "reason")
        self.lists = self._counter("recsys_lists", "Lists for listeners", "kind")
        self.listed = self._counter("recsys_listed_tracks", "Tracks on those lists", "kind")
        self._stages = Histogram(
            "recsys_stage_seconds",
            "Time of one stage of an answer",
            ["stage"],
            buckets=_STAGE_BUCKETS_S,
            registry=self._registry,
        )
        self._bundle = Gauge(
            "recsys_bundle_info",
            "1 for the bundle version that is being served",
            ["version"],
            registry=self._registry,
            multiprocess_mode="livemax",
        )
        self._created = Gauge(
            "recsys_bundle_created_timestamp_seconds",
            "When the bundle that is being served was made, the oldest over all processes",
            registry=self._registry,
            multiprocess_mode="livemin",
        )
        self._version: str | None = None

    def _gauge(self, name: str, meaning: str) -> Gauge:
        return Gauge(name, meaning, registry=self._registry, multiprocess_mode="livesum")

    def _counter(self, name: str, meaning: str, label: str) -> Counter:
        return Counter(name, meaning, [label], registry=self._registry)

    def serving(self, version: str, created: datetime) -> None:
        """Note that bundle `version`, made at `created`, is the one being served."""
        if self._version is not None:
            # Shared metric files cannot drop a label; zero reads as "no longer".
            self._bundle.labels(self._version).set(0)
        self._version = version
        self._bundle.labels(version).set(1)
        self._created.set(created.timestamp())

    def listing(self, *lists: RecommendationList) -> None:
        """Count lists that listeners got."""
        for found in lists:
            self.lists.labels("fallback" if found.fallback else "personal").inc()
            self.listed.labels("cold").inc(found.n_cold)
            self.listed.labels("warm").inc(len(found.items) - found.n_cold)

    def staged(self, seconds: Mapping[str, float]) -> None:
        """Count what the stages of one answer took."""
        for name, value in seconds.items():
            self._stages.labels(name).observe(value)

    def expose(self) -> bytes:
        """All metrics in the text format of Prometheus."""
        if MULTIPROCESS_VARIABLE not in os.environ:
            return generate_latest(self._registry)
        shared = CollectorRegistry()
        MultiProcessCollector(shared)  # type: ignore[no-untyped-call]
        return generate_latest(shared)


class StageTimer:
    """WSGI middleware that counts what the stages of each answer took.

    Parameters
    ----------
    app : WSGIApplication
        What runs behind it.
    metrics : Metrics
        Where the times go.
    """

    def __init__(self, app: WSGIApplication, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Handle one request."""
        with recorded() as seconds:
            body = self._app(environ, start_response)
        self._metrics.staged(seconds)
        return body


def install_metrics(app: Flask, metrics: Metrics) -> None:
    """Time the requests of `app`."""
    app.wsgi_app = StageTimer(app.wsgi_app, metrics)  # type: ignore[method-assign]

    @app.after_request
    def _observe(response: Response) -> Response:
        # Methods are the client's to invent; each distinct label would be kept forever.
        method = request.method if request.method in _METHODS else "other"
        metrics.requests.labels(method, route(), str(response.status_code)).observe(elapsed())
        return response


def metrics_response(metrics: Metrics) -> Response:
    """HTTP response with `metrics`."""
    return Response(metrics.expose(), content_type=CONTENT_TYPE_LATEST)
