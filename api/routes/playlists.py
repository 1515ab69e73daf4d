"""Lists of tracks as playlist files."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response, url_for

from api.bodies import json_only
from api.problems import Responses, problem_responses
from api.schemas.playlists import PlaylistIn
from api.scopes import needs
from api.services import services
from data.access import Scope
from data.exporters.playlists import MEDIA_TYPES, write_playlist
from data.tracks import Track

blueprint = APIBlueprint("playlists", __name__)

_FILE: Responses = {
    200: {
        "description": "The file; tracks that are not in the catalogue are left out",
        "content": {media: {} for media in MEDIA_TYPES.values()},
    }
}


@blueprint.post("/v1/playlists/export")
@json_only
@blueprint.input(PlaylistIn, location="json", arg_name="wanted")
@blueprint.doc(
    responses=_FILE
    | problem_responses(
        {
            400: "The body is not JSON",
            413: "The body is too large",
            415: "The body is not declared as application/json",
            422: "A field is malformed",
        }
    )
)
@needs(Scope.READ)
def export(wanted: PlaylistIn) -> Response:
    """Write tracks as a playlist: M3U8, XSPF or JSPF.

    Tracks are located by the address of their audio at this service.
    """

    def locate(track: Track) -> str | None:
        if track.path is None:
            return None
        return url_for("audio.audio", track_id=track.track_id, _external=True)

    text = write_playlist(
        wanted.format, wanted.title, services().store.tracks(wanted.track_ids), locate
    )
    response = Response(text, mimetype=MEDIA_TYPES[wanted.format])
    response.headers["Content-Disposition"] = f'attachment; filename="playlist.{wanted.format}"'
    return response
