"""The application: services, routes, error handling and headers put together."""

from __future__ import annotations

import atexit
import json
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO, Any

from apiflask import APIFlask
from flask import Request, Response, request
from flask.json.provider import DefaultJSONProvider
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.exceptions import BadRequest

from api.auth import Guard, install_guard
from api.cors import install_cors
from api.decoding import UploadDecoder
from api.document import plain_names
from api.gate import Gate, install_gate
from api.metrics import Metrics, install_metrics
from api.paths import EncodedPath, IdConverter, add_address_limits
from api.problems import add_problem_schema, install_problem_handlers
from api.proof import probe_once
from api.requestlog import configure_log, install_request_log
from api.routes import (
    artists,
    audio,
    events,
    health,
    library,
    maps,
    models,
    pages,
    paths,
    playlists,
    radio,
    recommendations,
    session,
    similar,
    sounds,
    tracks,
    users,
)
from api.scopes import add_security
from api.services import Services
from audio_model.pool import AnalysisPool
from recsys.access import settle_access
from recsys.analyst import start_analyst
from recsys.live import LiveRecommender
from recsys.workspace import Workspace

MAX_JSON_BYTES = 8 * 2**20
"""Largest body other than an upload: 10,000 events of long ids."""

_DESCRIPTION = """\
Recommendations that know how a track sounds and who listens to it.

Errors are RFC 9457 problem details. Every response carries an `X-Request-ID`, the client's if it
sent one of at most 64 letters, digits, dots, dashes and underscores.
"""

_CONTENT_POLICY = (
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "object-src 'none'; media-src 'self' blob:"
)
"""Blobs are files that a visitor chose: the page plays them without sending them anywhere."""


def create_app(home: str | Path | None = None) -> APIFlask:
    """Application over the workspace at `home`.

    Parameters
    ----------
    home : str or Path, optional
        Folder of the workspace; RECSYS_HOME or ``./recsys-data`` when absent.
    """
    workspace = Workspace.open(None if home is None else Path(home))
    serve = workspace.config.serve
    store = workspace.open_store()
    keys = workspace.open_keys()
    metrics = Metrics()
    decoder = UploadDecoder(
        partial(
            AnalysisPool,
            workers=serve.decode_workers,
            limits=workspace.config.analysis.limits,
        ),
        capacity=serve.decode_workers + serve.upload_queue,
        under_way=metrics.uploading.track_inprogress,
    )
    live = LiveRecommender(
        workspace,
        store,
        prove=probe_once,
        serving=lambda manifest: metrics.serving(manifest.version, manifest.created),
    )
    app = build_app(
        Services(
            store=store,
            live=live,
            decoder=decoder,
            max_upload_bytes=serve.max_upload_mb * 2**20,
            metrics=metrics,
            guard=Guard(keys, settle_access(serve.auth, serve.host, any_keys=keys.any())),
            workspace=workspace,
        )
    )
    live.follow()
    start_analyst(workspace, store)
    atexit.register(decoder.close)
    atexit.register(live.stop)
    return app


def build_app(services: Services) -> APIFlask:
    """Application over `services`."""
    app = APIFlask(
        __name__,
        title="recsys",
        version=_version(),
        docs_path=None,
        json_errors=False,
    )
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_JSON_BYTES,
        DESCRIPTION=_DESCRIPTION,
        AUTO_SERVERS=False,  # the first request's Host header would be kept in the document
        AUTO_404_RESPONSE=False,
        AUTO_VALIDATION_ERROR_RESPONSE=False,
        AUTO_OPERATION_ID=True,
    )
    app.request_class = _Request
    app.json = _Json(app)
    app.url_map.converters["id"] = IdConverter
    app.url_map.merge_slashes = False  # its redirects would undo the escapes of `EncodedPath`
    app.wsgi_app = EncodedPath(app.wsgi_app)  # type: ignore[method-assign]

    services.attach(app)
    _install(app, services)
    for module in (
        recommendations,
        radio,
        similar,
        paths,
        sounds,
        events,
        users,
        tracks,
        audio,
        artists,
        playlists,
        maps,
        library,
        models,
        session,
        health,
        pages,
    ):
        app.register_blueprint(module.blueprint)
    return app


def _install(app: APIFlask, services: Services) -> None:
    """Give `app` what happens around every request."""
    serve, metrics = services.settings, services.metrics
    log = configure_log(serve.log_level)
    # The last to be registered runs first on the way back: metrics and log see the response as it
    # is sent. On the way in it is the first: who may not ask takes no place in the queue.
    install_request_log(app, log)
    install_metrics(app, metrics)
    install_cors(app, serve.cors_origins)
    install_guard(app, services.guard, serve, metrics)
    install_gate(app, Gate(serve.threads, serve.queue, serve.queue_seconds), metrics)
    app.after_request(_secure)
    install_problem_handlers(app, log)
    app.spec_processor(partial(_complete, app))


def _complete(app: APIFlask, spec: dict[str, Any] | str) -> dict[str, Any] | str:
    if isinstance(spec, str):  # apiflask's YAML form, which this service does not offer
        return spec
    add_security(app, spec)
    add_address_limits(spec)
    return plain_names(add_problem_schema(spec))


def _version() -> str:
    try:
        return version("recsys")
    except PackageNotFoundError:  # a checkout that was not installed
        return "0"


class _Parameters(ImmutableMultiDict[str, str]):
    """Parameters of which a repeated one is read as a list, where apiflask reads the first."""

    def to_dict(self, flat: bool = True) -> Any:
        return {
            key: values[0] if flat and len(values) == 1 else values for key, values in self.lists()
        }


class _Request(Request):
    """Request that closes what it spooled, and whose malformed JSON is a problem that says why."""

    parameter_storage_class = _Parameters

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._spooled: list[IO[bytes]] = []

    def _get_file_stream(self, *args: Any, **kwargs: Any) -> IO[bytes]:
        # A form that is cut off at the size limit never reaches `files`, which `close` goes by.
        stream = super()._get_file_stream(*args, **kwargs)
        self._spooled.append(stream)
        return stream

    def close(self) -> None:
        super().close()
        for stream in self._spooled:
            stream.close()

    def on_json_loading_failed(self, e: ValueError | None) -> Any:
        raise BadRequest(f"the body is not valid JSON: {e}" if e else "the body is not JSON")


class _Json(DefaultJSONProvider):
    """JSON as Flask reads it, where nesting without end is a malformed body."""

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        try:
            return json.loads(s, **kwargs)
        except RecursionError as error:
            raise ValueError("it is nested too deeply") from error


def _secure(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = _CONTENT_POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["Referrer-Policy"] = "no-referrer"
    if request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"
    return response
