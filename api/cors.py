"""Pages of other origins, where the settings name them (https://fetch.spec.whatwg.org/#http-cors)."""

from __future__ import annotations

from flask import Flask, Response, request

_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
_SENT = "Authorization, Content-Type, X-Request-ID"
_READABLE = "X-Request-ID, Retry-After, RateLimit, RateLimit-Policy"
_REMEMBERED_S = "600"


def install_cors(app: Flask, origins: tuple[str, ...]) -> None:
    """Let pages of `origins` use `app` with a key; never with the session of another page.

    Credentials are not allowed, so a page of another origin has no cookies here.
    """
    if not origins:
        return

    @app.before_request
    def _preflight() -> Response | None:
        # Answered here, as views and blueprints expect what the request to come will bring.
        asked = "Access-Control-Request-Method" in request.headers
        if request.method == "OPTIONS" and asked and request.headers.get("Origin") in origins:
            return Response(status=204)
        return None

    @app.after_request
    def _allow(response: Response) -> Response:
        response.vary.add("Origin")
        origin = request.headers.get("Origin")
        if origin not in origins:
            return response
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = _READABLE
        if request.method == "OPTIONS":
            response.headers["Access-Control-Allow-Methods"] = _METHODS
            response.headers["Access-Control-Allow-Headers"] = _SENT
            response.headers["Access-Control-Max-Age"] = _REMEMBERED_S
        return response
