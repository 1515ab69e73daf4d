"""External ids in URLs: any character, slashes included, as long as it is percent-encoded.

WSGI hands over a path that is already decoded, so ``a%2Fb`` and ``a/b`` look the same to the
router. `EncodedPath` goes back to the raw request target and keeps ``/`` and ``%`` escaped
inside each segment; `IdConverter` undoes that for the view.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, unquote_to_bytes

from werkzeug.exceptions import UnprocessableEntity
from werkzeug.routing import BaseConverter

from api.problems import problem_responses
from api.schemas.base import MAX_ID_LENGTH, WITHOUT_NUL

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class EncodedPath:
    """WSGI middleware that keeps encoded slashes apart from the slashes of the path.

    Parameters
    ----------
    app : WSGIApplication
        What runs behind it.
    """

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Handle one request."""
        environ["PATH_INFO"] = _escaped_path(environ)
        return self._app(environ, start_response)


def _escaped_path(environ: WSGIEnvironment) -> str:
    """Path with ``%`` and in-segment ``/`` escaped, in WSGI's Latin-1 disguise of bytes."""
    decoded = str(environ.get("PATH_INFO", ""))
    # gunicorn's name, then the one of uWSGI and mod_wsgi; without either, slashes stay decoded.
    target = str(environ.get("RAW_URI") or environ.get("REQUEST_URI") or "")
    raw = target.partition("?")[0].encode("latin-1", "replace")
    whole = unquote_to_bytes(raw).decode("latin-1")
    prefix = str(environ.get("SCRIPT_NAME", ""))
    if whole != prefix + decoded:  # absolute-form targets and rewriting front ends
        return decoded.replace("%", "%25")
    segments = (unquote_to_bytes(segment).decode("latin-1") for segment in raw.split(b"/"))
    escaped = "/".join(part.replace("%", "%25").replace("/", "%2F") for part in segments)
    return escaped.removeprefix(prefix.replace("%", "%25"))


class IdConverter(BaseConverter):
    """One path segment that is an external id: ``<id:track_id>``."""

    def to_python(self, value: str) -> str:
        """Id of the segment.

        Raises
        ------
        UnprocessableEntity
            If the id holds a NUL or is longer than ``MAX_ID_LENGTH``.
        """
        external = unquote(value)
        if "\0" in external or len(external) > MAX_ID_LENGTH:
            raise UnprocessableEntity(
                f"an id is 1 to {MAX_ID_LENGTH} characters without NUL; "
                f"the one in the path has {len(external)} characters"
            )
        return external

    def to_url(self, value: str) -> str:
        """Segment for the id `value`."""
        return quote(value, safe="")


def add_address_limits(spec: dict[str, Any]) -> None:
    """Write into the OpenAPI document what an address may be, and that others are refused."""
    limits = {"minLength": 1, "maxLength": MAX_ID_LENGTH, **WITHOUT_NUL}
    for operations in spec["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                operation["responses"]["414"] = _TOO_LONG
                if parameter["in"] == "path":
                    parameter["schema"] = parameter["schema"] | limits
                    refused = problem_responses({422: "The id in the path is malformed"})
                    operation["responses"].setdefault("422", refused[422])


_TOO_LONG = {
    "description": "The address is longer than the HTTP server takes; it answers in its own words",
    "content": {"text/html": {}},
}
