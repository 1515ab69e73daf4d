"""Which scope a route needs: said beside the view, checked by `api.auth`, told in the OpenAPI."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask

from api.problems import problem_responses
from data.access import Scope

F = TypeVar("F", bound=Callable[..., Any])

KEY_SCHEME, SESSION_SCHEME = "key", "session"
SESSION_COOKIE = "recsys_session"
SECURITY_SCHEMES: dict[str, dict[str, str]] = {
    KEY_SCHEME: {
        "type": "http",
        "scheme": "bearer",
        "description": "A key made by `recsys keys create`. Where the service asks for none, "
        "`GET /v1/session` says `open`.",
    },
    SESSION_SCHEME: {
        "type": "apiKey",
        "in": "cookie",
        "name": SESSION_COOKIE,
        "description": "For pages in a browser: set by `POST /v1/session`.",
    },
}

_REFUSED = {
    401: "No key, or one that is unknown or was revoked",
    403: "The key lacks the scope, or another site's page asks for a change",
    429: "The key has asked too often; `Retry-After` says when to come back",
    503: "Too many requests at once; `Retry-After` says when to come back",
}
"""What any operation that needs a key may answer before its view is called."""
_READING = frozenset({"get", "head"})

_MARK = "__recsys_scope__"
_OPEN = "open"
_OPEN_ENDPOINTS = frozenset({"static", "openapi.spec"})
_OPEN_BLUEPRINT = "pages"
"""Pages hold nothing of anybody: what they show they ask for like every other client."""


def needs(scope: Scope) -> Callable[[F], F]:
    """Declare that a view needs a key with `scope`; goes right above the function."""

    def mark(view: F) -> F:
        setattr(view, _MARK, scope)
        return view

    return mark


def open_to_all(view: F) -> F:
    """Declare that a view needs no key; goes right above the function."""
    setattr(view, _MARK, _OPEN)
    return view


def declared(app: Flask, endpoint: str) -> Scope | None:
    """Scope that `endpoint` needs, None where it is open; undeclared routes are for admins."""
    mark = getattr(app.view_functions[endpoint], _MARK, Scope.ADMIN)
    return None if mark == _OPEN or _is_open(endpoint) else Scope(mark)


def is_declared(app: Flask, endpoint: str) -> bool:
    """Whether somebody thought about who may ask `endpoint`."""
    return _is_open(endpoint) or hasattr(app.view_functions[endpoint], _MARK)


def _is_open(endpoint: str) -> bool:
    return endpoint in _OPEN_ENDPOINTS or endpoint.partition(".")[0] == _OPEN_BLUEPRINT


def add_security(app: Flask, spec: dict[str, Any]) -> None:
    """Write the scopes of `app` into its OpenAPI document, and how requests are refused.

    Scopes stand as role names (3.1).
    """
    endpoints = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower()): rule.endpoint
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
    }
    spec.setdefault("components", {})["securitySchemes"] = SECURITY_SCHEMES
    for path, operations in spec["paths"].items():
        for method, operation in operations.items():
            if (path, method) not in endpoints:
                continue
            scope = declared(app, endpoints[path, method])
            operation["security"] = (
                [] if scope is None else [{KEY_SCHEME: [scope]}, {SESSION_SCHEME: [scope]}]
            )
            if "requestBody" in operation:
                operation["requestBody"]["required"] = True
            refused = _REFUSED if scope else {} if method in _READING else {403: _REFUSED[403]}
            for status, response in problem_responses(refused).items():
                operation["responses"].setdefault(str(status), response)
