"""The catalogue: looking for tracks, describing, adding, changing and withdrawing them."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from typing import Any

from apiflask import APIBlueprint

from api.bodies import json_only
from api.cursors import decode, encode
from api.problems import created_as, problem_responses
from api.requestlog import request_id
from api.schemas.tracks import (
    TrackDetails,
    TrackIn,
    TrackListeners,
    TrackOut,
    TrackPage,
    TrackPatch,
    TrackQuery,
)
from api.scopes import needs
from api.services import services
from data.access import Scope
from data.errors import UnknownTrackError
from data.search import Found
from data.store import AnalysisState
from data.tracks import Track
from recsys.audio import attach_file

blueprint = APIBlueprint("tracks", __name__)

_UNKNOWN = "The track is not in the catalogue"
_CREATED = created_as("TrackDetails", "The track was not in the catalogue before")
_BY_TEXT, _BY_ID = "found tracks", "tracks"
_BODY = {
    400: "The body is not JSON",
    413: "The body is too large",
    415: "The body is not declared as application/json",
    422: "A field is malformed, or `path` leads out of the library",
}


@blueprint.get("/v1/tracks")
@blueprint.input(TrackQuery, location="query", arg_name="query")
@blueprint.output(TrackPage)
@blueprint.doc(responses=problem_responses({422: "A parameter is malformed"}))
@needs(Scope.READ)
def tracks(query: TrackQuery) -> TrackPage:
    """Look for tracks by words, which may have typos, by genre, artist and record label.

    Without words, all tracks come, ordered by id.
    """
    here = services()
    found, following = _by_text(query) if query.query else _by_id(query)
    return TrackPage(
        items=[
            TrackOut.model_validate(track, from_attributes=True)
            for track in here.store.tracks(found.track_ids)
        ],
        next=following if found.more else None,
        request_id=request_id(),
    )


def _by_text(query: TrackQuery) -> tuple[Found, str]:
    (offset,) = decode(_BY_TEXT, query.cursor, int) if query.cursor else (0,)
    found = services().search.by_text(
        query.query or "",
        query.limit,
        offset=max(offset, 0),
        genre=query.genre,
        artist=query.artist,
        label=query.label,
    )
    return found, encode(_BY_TEXT, offset + query.limit)


def _by_id(query: TrackQuery) -> tuple[Found, str]:
    (after,) = decode(_BY_ID, query.cursor, str) if query.cursor else ("",)
    found = services().search.all(
        query.limit, after=after, genre=query.genre, artist=query.artist, label=query.label
    )
    return found, encode(_BY_ID, found.track_ids[-1] if found.track_ids else "")


@blueprint.get("/v1/tracks/<id:track_id>")
@blueprint.output(TrackDetails)
@blueprint.doc(responses=problem_responses({404: _UNKNOWN}))
@needs(Scope.READ)
def track(track_id: str) -> TrackDetails:
    """Describe a track as the catalogue knows it, and where its audio stands.

    Slashes and other reserved characters in `track_id` have to be percent-encoded.
    """
    return details(services().store.track(track_id))


@blueprint.put("/v1/tracks/<id:track_id>")
@json_only
@blueprint.input(TrackIn, location="json", arg_name="sent")
@blueprint.output(TrackDetails)
@blueprint.doc(
    responses={
        **_CREATED,
        **problem_responses(_BODY),
    }
)
@needs(Scope.ADMIN)
def put_track(track_id: str, sent: TrackIn) -> tuple[TrackDetails, int]:
    """Add a track, or replace the tags of one.

    Its audio stays, unless `path` names another file; a duration that is not sent stays as well.
    A track that was withdrawn comes back.
    """
    store = services().store
    known = store.tracks([track_id], withdrawn=True)
    created = not known or not store.offered([track_id])
    before = known[0] if known else Track(track_id, added_at=time.time())
    kept = {"path": before.path, "added_at": before.added_at, "duration": before.duration}
    _write(before, replace(Track(track_id), **(kept | sent.tags())), sent)
    if created:
        store.set_withdrawn([track_id], False)
    return details(store.track(track_id)), 201 if created else 200


@blueprint.patch("/v1/tracks/<id:track_id>")
@json_only
@blueprint.input(TrackPatch, location="json", arg_name="sent")
@blueprint.output(TrackDetails)
@blueprint.doc(responses=problem_responses({404: _UNKNOWN, **_BODY}))
@needs(Scope.ADMIN)
def patch_track(track_id: str, sent: TrackPatch) -> TrackDetails:
    """Change some tags of a track, or withdraw it and bring it back.

    A withdrawn track can only be brought back, with further changes or without.
    """
    store = services().store
    known = store.tracks([track_id], withdrawn=sent.withdrawn is not None)
    if not known:
        raise UnknownTrackError(track_id)
    _write(known[0], replace(known[0], **sent.tags()), sent)
    if sent.withdrawn is not None:
        store.set_withdrawn([track_id], sent.withdrawn)
    return details(store.tracks([track_id], withdrawn=True)[0])


@blueprint.delete("/v1/tracks/<id:track_id>")
@blueprint.output({}, status_code=204)
@blueprint.doc(responses=problem_responses({404: _UNKNOWN}))
@needs(Scope.ADMIN)
def delete_track(track_id: str) -> tuple[str, int]:
    """Withdraw a track: no list, search or player gets it from now on.

    Events about it stay and go on teaching about its listeners. `PUT`, or `PATCH` with
    `withdrawn` false, brings it back.
    """
    if not services().store.set_withdrawn([track_id]):
        raise UnknownTrackError(track_id)
    return "", 204


@blueprint.get("/v1/tracks/<id:track_id>/listeners")
@blueprint.output(TrackListeners)
@blueprint.doc(responses=problem_responses({404: _UNKNOWN}))
@needs(Scope.READ)
def track_listeners(track_id: str) -> TrackListeners:
    """Count how often a track was played, and by how many listeners; never by whom."""
    store = services().store
    store.track(track_id)
    return TrackListeners(track_id=track_id, **asdict(store.plays_of([track_id])))


def details(found: Track) -> TrackDetails:
    """The shape of a track with the state of its audio."""
    store = services().store
    status = store.analyses.status(found.track_id)
    state = status.state if status else None
    if state is None and store.has_vector(found.track_id):
        state = AnalysisState.DONE
    return TrackDetails(
        **TrackOut.model_validate(found, from_attributes=True).model_dump(),
        has_audio=found.path is not None,
        analysis=state,
        analysis_reason=status.reason if status else None,
    )


def _write(before: Track, after: Track, sent: TrackIn) -> None:
    """Store the tags of `after`, and the file that was sent with them, if any."""
    here = services()
    path: dict[str, Any] = {}
    if "path" in sent.model_fields_set:
        path["path"] = None if sent.path is None else here.library.admit(sent.path)
    after = replace(after, **path)
    if after.path == before.path:
        here.store.upsert_tracks([after])
    else:
        attach_file(here.store, here.library, before, after)
