"""Who asks, and whether they may.

A program sends its key as a bearer token. A page trades the key for a session cookie, which
scripts cannot read and other sites cannot send. The database is asked at most once a second for
each key, so a key that is revoked is refused a second later, in every process.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, g, request

from api.limits import Allowance, RateLimits
from api.metrics import Metrics
from api.problems import ProblemError
from api.scopes import SESSION_COOKIE, declared
from api.shared import shared
from data.access import ApiKey, Scope
from data.store.keys import KeyStore
from recsys.access import Access, is_loopback
from recsys.config import ServeSettings

SESSION_SECONDS = 12 * 3600
REMEMBERED_S = 1.0
_REMEMBERED = 10_000
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_CHALLENGE = 'Bearer realm="recsys"'


class Guard:
    """Keys of one service; threads may share it.

    Parameters
    ----------
    keys : KeyStore or None
        Where keys are; None for a service that has none.
    access : Access
        What a request has to show.
    """

    def __init__(self, keys: KeyStore | None = None, access: Access = Access.OPEN) -> None:
        self._keys = keys
        self._access = access
        self._lock = threading.Lock()
        self._seen: dict[tuple[str, str], tuple[float, ApiKey]] = {}
        self._looked_at = float("-inf")

    @property
    def keys(self) -> KeyStore:
        """Where keys are.

        Raises
        ------
        ProblemError
            404 for a service without keys.
        """
        if self._keys is None:
            raise ProblemError(404, "not-found", "this service has no keys")
        return self._keys

    def asks(self) -> bool:
        """Whether a request has to show a key."""
        if self._access is Access.UNTIL_KEYS and time.monotonic() - self._looked_at > REMEMBERED_S:
            if self.keys.any():
                self._access = Access.KEYS
            self._looked_at = time.monotonic()
        return self._access is Access.KEYS

    @property
    def local(self) -> bool:
        """Whether nothing but its address protects the service."""
        return self._access is Access.UNTIL_KEYS

    def key(self, text: str) -> ApiKey | None:
        """The key that is written `text`, if it is good."""
        return self._known("key", text, self.keys.find)

    def session(self, token: str) -> ApiKey | None:
        """The key that the session `token` stands for, if it is good."""
        return self._known("session", token, self.keys.session)

    def forget(self, token: str) -> None:
        """End the session `token`."""
        self.keys.close_session(token)
        with self._lock:
            self._seen.pop(("session", token), None)

    def _known(self, kind: str, text: str, find: Callable[[str], ApiKey | None]) -> ApiKey | None:
        now = time.monotonic()
        with self._lock:
            until, key = self._seen.get((kind, text), (now, None))
        if key is not None and until > now:
            return key
        key = find(text)
        with self._lock:
            if len(self._seen) >= _REMEMBERED:
                self._seen.clear()
            if key is None:
                self._seen.pop((kind, text), None)
            else:
                self._seen[kind, text] = (now + REMEMBERED_S, key)
        return key


def bearer() -> str | None:
    """The key that the request shows in its Authorization header."""
    given = request.authorization
    return given.token if given is not None and given.type == "bearer" else None


def identified(guard: Guard) -> ApiKey | None:
    """The key behind the current request, by header or session; None for nobody.

    Raises
    ------
    ProblemError
        401 for a key that is unknown or was revoked.
    """
    text = bearer()
    if text is not None:
        key = guard.key(text)
        if key is None:
            raise _unauthorised("this key is unknown or was revoked", ', error="invalid_token"')
        return key
    cookie = request.cookies.get(SESSION_COOKIE)
    return guard.session(cookie) if cookie else None


def install_guard(app: Flask, guard: Guard, settings: ServeSettings, metrics: Metrics) -> None:
    """Make `app` answer only those who may ask, as often as they may."""
    rates = RateLimits(shared())

    @app.before_request
    def _admit() -> None:
        if request.url_rule is None or request.method == "OPTIONS":
            return
        _refuse_forgery(settings.cors_origins)
        if not guard.asks():
            _refuse_rebinding(guard)
            return
        scope = declared(current_app, request.url_rule.endpoint)
        if scope is None:
            return
        g.key = _authorised(guard, scope)
        allowance = rates.take(g.key.key_id, g.key.requests_a_minute or settings.requests_a_minute)
        g.allowance = allowance
        if not allowance.allowed:
            metrics.refused.labels("rate").inc()
            raise ProblemError(
                429,
                "rate",
                f"this key may ask {allowance.limit} times a minute",
                retry_after=int(allowance.wait) + 1,
            )

    @app.after_request
    def _tell(response: Response) -> Response:
        allowance: Allowance | None = g.get("allowance")
        if allowance is not None:  # draft-ietf-httpapi-ratelimit-headers
            response.headers["RateLimit-Policy"] = f'"key";q={allowance.limit};w=60'
            response.headers["RateLimit"] = (
                f'"key";r={allowance.remaining};t={int(allowance.wait) + 1}'
            )
        return response


def _authorised(guard: Guard, scope: Scope) -> ApiKey:
    key = identified(guard)
    if key is None:
        raise _unauthorised(
            "this needs a key: send it as `Authorization: Bearer KEY`; "
            "`recsys keys create` makes one"
        )
    if not key.allows(scope):
        raise ProblemError(
            403,
            "scope",
            f"this needs a key with the scope {scope}, yours has {', '.join(sorted(key.scopes))}",
            headers={
                "WWW-Authenticate": f'{_CHALLENGE}, error="insufficient_scope", scope="{scope}"'
            },
        )
    return key


def _unauthorised(detail: str, reason: str = "") -> ProblemError:
    return ProblemError(401, "key", detail, headers={"WWW-Authenticate": _CHALLENGE + reason})


def _refuse_forgery(origins: tuple[str, ...]) -> None:
    """Refuse a change that a page of another site makes in somebody's browser.

    SameSite=Strict keeps the cookie away from other sites already; this also holds for other ports
    and subdomains, which count as the same site, and where no cookie is asked for.
    """
    if request.method in _SAFE or bearer() is not None:
        return
    origin = request.headers.get("Origin")
    if origin is not None and origin in origins:
        return
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        ours = site in ("same-origin", "none")
    elif origin is not None:
        ours = urlsplit(origin).netloc == request.host
    else:
        # No browser: nothing to forge, unless it shows a cookie.
        ours = SESSION_COOKIE not in request.cookies
    if not ours:
        raise ProblemError(403, "origin", "another site's page may not change anything here")


def _refuse_rebinding(guard: Guard) -> None:
    """Refuse pages whose own name was made to point at this machine (DNS rebinding)."""
    if guard.local and not is_loopback(urlsplit(f"//{request.host}").hostname or ""):
        raise ProblemError(
            421,
            "host",
            "without keys this service answers to localhost only: make one with "
            '`recsys keys create`, or set serve.auth = "off"',
        )
