"""Request ids, and one line of JSON per request: who asked is not in it, nor what was sent."""

from __future__ import annotations

import re
import secrets
import time

import structlog
from flask import Flask, Response, g, request
from structlog.typing import FilteringBoundLogger

Log = FilteringBoundLogger

_TOKEN = re.compile(r"[A-Za-z0-9._-]{1,64}")


def configure_log(level: str = "info") -> Log:
    """Make every logger of this process write a JSON object a line to standard output.

    Parameters
    ----------
    level : str
        Least weight of a line: debug, info, warning or error.
    """
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(),
    )
    log: Log = structlog.get_logger("api")
    return log


def request_id() -> str:
    """Id of the current request: the client's X-Request-ID if it is a plain token, else new."""
    if "request_id" not in g:
        sent = request.headers.get("X-Request-ID", "")
        g.request_id = sent if _TOKEN.fullmatch(sent) else secrets.token_hex(12)
    return str(g.request_id)


def route() -> str:
    """Pattern of the matched route, ``unmatched`` for none; never the path, which holds ids."""
    return request.url_rule.rule if request.url_rule else "unmatched"


def elapsed() -> float:
    """Seconds since the current request began."""
    return time.perf_counter() - float(g.get("started", time.perf_counter()))


def install_request_log(app: Flask, log: Log) -> None:
    """Stamp the requests of `app` with ids and write one line each to `log`."""

    @app.before_request
    def _begin() -> None:
        g.started = time.perf_counter()

    @app.after_request
    def _end(response: Response) -> Response:
        response.headers["X-Request-ID"] = request_id()
        write = log.info if response.status_code < 500 else log.warning
        # The id of the key says which program asked; the key itself is nowhere but there.
        key = g.get("key")
        write(
            "request",
            request_id=request_id(),
            method=request.method,
            route=route(),
            status=response.status_code,
            milliseconds=round(elapsed() * 1000, 2),
            **({} if key is None else {"key_id": key.key_id}),
        )
        return response
