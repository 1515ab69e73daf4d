"""Sessions: what a page trades its key for, so that players can stream and scripts hold no key."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response, make_response, request

from api.auth import SESSION_SECONDS, bearer, identified
from api.problems import ProblemError, problem_responses
from api.schemas.session import Session
from api.scopes import SESSION_COOKIE, open_to_all
from api.services import services
from data.access import ApiKey, Scope

blueprint = APIBlueprint("session", __name__)


@blueprint.get("/v1/session")
@blueprint.output(Session)
@blueprint.doc(responses=problem_responses({401: "The key is unknown or was revoked"}))
@open_to_all
def session() -> Session:
    """Who asks: whether the service asks for a key, and what the one that was shown may do."""
    guard = services().guard
    if not guard.asks():
        return Session(access="open", scopes=list(Scope))
    key = identified(guard)
    if key is None:
        return Session(access="none", scopes=[])
    return _described(key, "key" if bearer() is not None else "session")


@blueprint.post("/v1/session")
@blueprint.output(Session, 201)
@blueprint.doc(
    responses=problem_responses(
        {401: "No key, or one that is unknown or was revoked", 404: "The service asks for no key"}
    )
)
@open_to_all
def open_session() -> Response:
    """Trade a key for a session cookie.

    Send the key as `Authorization: Bearer KEY`. The cookie holds for 12 hours, is not readable by
    scripts and not sent by other sites; it may do what the key may.
    """
    guard = services().guard
    if not guard.asks():
        raise ProblemError(404, "not-found", "this service asks for no key")
    key = identified(guard) if bearer() is not None else None
    if key is None:
        raise ProblemError(
            401,
            "key",
            "send the key as `Authorization: Bearer KEY`",
            headers={"WWW-Authenticate": 'Bearer realm="recsys"'},
        )
    token = guard.keys.open_session(key.key_id, SESSION_SECONDS)
    response = make_response(_described(key, "session").model_dump(mode="json"), 201)
    response.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=SESSION_SECONDS,
        secure=request.is_secure,
        httponly=True,
        samesite="Strict",
    )
    return response


@blueprint.delete("/v1/session")
@blueprint.output({}, 204)
@open_to_all
def close_session() -> Response:
    """End the session that the request shows, if any."""
    guard = services().guard
    token = request.cookies.get(SESSION_COOKIE)
    if token and guard.asks():
        guard.forget(token)
    response = make_response("", 204)
    response.delete_cookie(SESSION_COOKIE, samesite="Strict", httponly=True)
    return response


def _described(key: ApiKey, access: str) -> Session:
    scopes = [scope for scope in Scope if key.allows(scope)]
    return Session.model_validate({"access": access, "scopes": scopes})
