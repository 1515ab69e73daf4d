"""Listeners: who there is, profile, events one by one, everything held about them, erasure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

from apiflask import APIBlueprint
from flask import Response

from api.bodies import json_only
from api.cursors import decode, encode
from api.problems import Responses, created_as, problem_responses
from api.requestlog import request_id
from api.schemas.events import EventDeletion, EventOut, EventPageOut, EventQuery, EventsDeleted
from api.schemas.users import UserEntry, UserErased, UserIn, UserOut, UserPage, UserQuery
from api.scopes import needs
from api.services import services
from data.access import Scope
from data.listeners import Listener
from data.store import Store
from recsys.erasure import erase_listener

blueprint = APIBlueprint("users", __name__)

JSON_LINES = "application/x-ndjson"
_UNKNOWN = "Nothing is known of the listener"
_CREATED = created_as("UserOut", "The listener was not known before")
_CURSOR = "events"
_OF_USERS = "listeners"


@blueprint.get("/v1/users")
@blueprint.input(UserQuery, location="query", arg_name="query")
@blueprint.output(UserPage)
@blueprint.doc(responses=problem_responses({422: "A parameter is malformed"}))
@needs(Scope.ADMIN)
def users(query: UserQuery) -> UserPage:
    """List the listeners, and how much they listened, ordered by id.

    A key that may only read can ask about a listener whose id it knows; whom there is to ask about
    it cannot find out.
    """
    (after,) = decode(_OF_USERS, query.cursor, str) if query.cursor else (None,)
    page = services().store.listeners.page(query.limit, beginning=query.query or "", after=after)
    return UserPage(
        items=[UserEntry.model_validate(one, from_attributes=True) for one in page.listeners],
        next=None if page.next is None else encode(_OF_USERS, page.next),
        request_id=request_id(),
    )


@blueprint.get("/v1/users/<id:user_id>")
@blueprint.output(UserOut)
@blueprint.doc(responses=problem_responses({404: _UNKNOWN}))
@needs(Scope.READ)
def user(user_id: str) -> UserOut:
    """Describe a listener: the profile, and how many events there are."""
    return UserOut.of(services().store.listeners.get(user_id))


@blueprint.put("/v1/users/<id:user_id>")
@json_only
@blueprint.input(UserIn, location="json", arg_name="sent")
@blueprint.output(UserOut)
@blueprint.doc(
    responses={
        **_CREATED,
        **problem_responses(
            {
                400: "The body is not JSON",
                413: "The body is too large",
                415: "The body is not declared as application/json",
                422: "A field is malformed",
            }
        ),
    }
)
@needs(Scope.EVENTS)
def put_user(user_id: str, sent: UserIn) -> tuple[UserOut, int]:
    """Write the profile of a listener, in place of the one before.

    Nobody has to be registered before events of theirs come. A listener who was erased comes back
    by this, with nothing of what was before.
    """
    listeners = services().store.listeners
    created = listeners.put(user_id, sent.profile())
    return UserOut.of(listeners.get(user_id)), 201 if created else 200


@blueprint.delete("/v1/users/<id:user_id>")
@blueprint.output(UserErased)
@needs(Scope.ADMIN)
def delete_user(user_id: str) -> UserErased:
    """Erase a listener: profile, events, and what is kept about them beside models.

    Events of theirs that come later are not stored, whoever sends or imports them, until somebody
    writes a profile again. Repeating it does no harm.
    """
    here = services()
    erased = erase_listener(here.require_workspace(), here.store, user_id)
    return UserErased(erased_events=erased, request_id=request_id())


_LINES: Responses = {
    200: {"description": "A JSON object a line, `type` first", "content": {JSON_LINES: {}}}
}


@blueprint.get("/v1/users/<id:user_id>/export")
@blueprint.doc(responses={**_LINES, **problem_responses({404: _UNKNOWN})})
@needs(Scope.ADMIN)
def export_user(user_id: str) -> Response:
    """Everything that is held about a listener, as JSON lines: the profile, then each event."""
    store = services().store
    lines = _lines(store.listeners.get(user_id), store)
    headers = {"Content-Disposition": 'attachment; filename="listener.jsonl"'}
    return Response(lines, content_type=JSON_LINES, headers=headers)


@blueprint.get("/v1/users/<id:user_id>/events")
@blueprint.input(EventQuery, location="query", arg_name="query")
@blueprint.output(EventPageOut)
@blueprint.doc(responses=problem_responses({404: _UNKNOWN, 422: "A parameter is malformed"}))
@needs(Scope.READ)
def user_events(user_id: str, query: EventQuery) -> EventPageOut:
    """Events of a listener, the newest first; those without a time come last."""
    number = (int, float)
    after = query.cursor and decode(_CURSOR, query.cursor, (*number, type(None)), int)
    page = services().store.listeners.events(
        user_id, query.limit, kinds=query.wanted(), after=after or None
    )
    return EventPageOut(
        items=[EventOut.model_validate(event, from_attributes=True) for event in page.events],
        next=None if page.next is None else encode(_CURSOR, *page.next),
        request_id=request_id(),
    )


@blueprint.delete("/v1/users/<id:user_id>/events")
@blueprint.input(EventDeletion, location="query", arg_name="query")
@blueprint.output(EventsDeleted)
@blueprint.doc(responses=problem_responses({404: _UNKNOWN, 422: "A parameter is malformed"}))
@needs(Scope.EVENTS)
def delete_events(user_id: str, query: EventDeletion) -> EventsDeleted:
    """Delete all events of a listener, or the one with `event_id`.

    The next list no longer knows of them. What was deleted may be sent again.
    """
    deleted = services().store.listeners.delete_events(user_id, query.event_id)
    return EventsDeleted(deleted=deleted, request_id=request_id())


def _lines(listener: Listener, store: Store) -> Iterator[str]:
    profile = {
        "type": "listener",
        "user_id": listener.user_id,
        **asdict(listener.profile),
        "created_at": listener.created_at,
        "updated_at": listener.updated_at,
    }
    yield json.dumps(profile) + "\n"
    for event in store.listeners.export(listener.user_id):
        yield json.dumps({"type": "event", **asdict(event)}) + "\n"
