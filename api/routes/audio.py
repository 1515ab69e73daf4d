"""The audio of tracks: to the owner's player, and from a client into the library."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from apiflask import APIBlueprint
from flask import Response, request
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.wsgi import FileWrapper

from api.problems import ProblemError, Responses, problem_responses
from api.routes.tracks import details
from api.schemas.tracks import AudioForm, TrackDetails
from api.scopes import needs
from api.services import services
from api.uploads import HEAD_BYTES, MULTIPART_OVERHEAD, audio_suffix, private_copy
from data.access import Scope
from data.errors import NotFoundError
from recsys.audio import attach_file
from recsys.library import AudioFile

blueprint = APIBlueprint("audio", __name__)

P = ParamSpec("P")
R = TypeVar("R")

MEDIA_TYPES = {
    ".mp3": "audio/mpeg",
    ".flac": "audio/flac",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".wav": "audio/wav",
    ".m4a": "audio/mp4",
}
BLOCK_BYTES = 64 * 1024

_CONTENT: dict[str, dict[str, Any]] = {
    "audio/mpeg": {},
    "audio/flac": {},
    "audio/ogg": {},
    "audio/wav": {},
}
_SENT: Responses = {
    200: {"description": "The file as it is", "content": _CONTENT},
    206: {"description": "The part that `Range` asked for", "content": _CONTENT},
    304: {"description": "The client has it: `If-None-Match` names its `ETag`"},
}


@blueprint.get("/v1/tracks/<id:track_id>/audio")
@blueprint.doc(
    responses={
        **_SENT,
        **problem_responses(
            {
                403: "Audio is not sent by this service (`library.stream`)",
                404: "The track is not in the catalogue, or has no file that can be played",
                416: "The range lies outside the file",
            }
        ),
    }
)
@needs(Scope.READ)
def audio(track_id: str) -> Response:
    """Send the audio file of a track, or one range of it, for a player.

    The type is told by the content. `ETag`, `If-None-Match`, `If-Range` and `HEAD` work.
    """
    here = services()
    if not here.require_workspace().config.library.stream:
        raise ProblemError(
            403, "streaming", "audio is not sent by this service: library.stream is off"
        )
    track = here.store.track(track_id)
    if track.path is None:
        raise NotFoundError(f"track {track_id!r} has no audio")
    file = here.library.open(track.path)
    suffix = audio_suffix(file.stream.read(HEAD_BYTES))
    file.stream.seek(0)
    if suffix is None:
        file.stream.close()
        raise NotFoundError(f"the file of track {track_id!r} is not audio of a known type")
    return _response(file, MEDIA_TYPES[suffix])


def _response(file: AudioFile, media_type: str) -> Response:
    # Not the server's own wrapper: it cannot seek, and would read up to the range.
    response = Response(
        FileWrapper(file.stream, BLOCK_BYTES), mimetype=media_type, direct_passthrough=True
    )
    response.content_length = file.size
    response.last_modified = datetime.fromtimestamp(file.mtime_ns // 10**9, UTC)
    response.set_etag(f"{file.size:x}-{file.mtime_ns:x}")
    try:
        response.make_conditional(request, accept_ranges=True, complete_length=file.size)
    except RequestedRangeNotSatisfiable:
        file.stream.close()
        raise
    return response


def _counted(view: Callable[P, R]) -> Callable[P, R]:
    """Bound the body before its first byte is read."""

    @wraps(view)
    def bounded(*args: P.args, **kwargs: P.kwargs) -> R:
        request.max_content_length = services().max_upload_bytes + MULTIPART_OVERHEAD
        return view(*args, **kwargs)

    return bounded


@blueprint.put("/v1/tracks/<id:track_id>/audio")
@_counted
@blueprint.input(AudioForm, location="form_and_files", arg_name="form")
@blueprint.output(TrackDetails, status_code=202)
@blueprint.doc(
    responses=problem_responses(
        {
            404: "The track is not in the catalogue",
            413: "The file is too large",
            415: "The file is not MP3, FLAC, Ogg or WAV",
            422: "A field is missing or misspelt",
        }
    )
)
@needs(Scope.ADMIN)
def put_audio(track_id: str, form: AudioForm) -> tuple[TrackDetails, int]:
    """Give a track its audio, in place of what it had.

    The file is kept in the workspace and analysed in the background, in a separate process with
    limits: `analysis` of the track goes from pending to done or failed. From then on the track is
    found and recommended by its sound, before the next training.
    """
    here = services()
    before = here.store.track(track_id)
    with private_copy(form.file, here.max_upload_bytes) as path:
        kept = here.library.keep(path)
    attach_file(here.store, here.library, before, replace(before, path=str(kept)))
    return details(here.store.track(track_id)), 202
