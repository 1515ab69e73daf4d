"""Tracks that are like another, or like a file."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from apiflask import APIBlueprint
from flask import request

from api.lists import track_list
from api.problems import ProblemError, problem_responses
from api.schemas.lists import ListQuery, TrackList, UploadedTrackList, UploadForm
from api.scopes import needs
from api.services import services
from api.uploads import MULTIPART_OVERHEAD, private_copy
from data.access import Scope
from data.errors import AudioError

blueprint = APIBlueprint("similar", __name__)

P = ParamSpec("P")
R = TypeVar("R")


@blueprint.get("/v1/tracks/<id:track_id>/similar")
@blueprint.input(ListQuery, location="query", arg_name="query")
@blueprint.output(TrackList)
@blueprint.doc(
    responses=problem_responses(
        {
            404: "The track is not in the catalogue",
            422: "A parameter is outside its range",
            409: "The track has not been analysed, or came after the current model",
            503: "No model has been published",
        }
    )
)
@needs(Scope.READ)
def similar(track_id: str, query: ListQuery) -> TrackList:
    """Tracks that sound like a track of the catalogue, without that track.

    Slashes and other reserved characters in `track_id` have to be percent-encoded.
    """
    here = services()
    return track_list(here.recommender().similar(track_id, query.n), here.store)


def _one_upload(view: Callable[P, R]) -> Callable[P, R]:
    """Take one of the places for uploads before the first byte of the body is read."""

    @wraps(view)
    def admitted(*args: P.args, **kwargs: P.kwargs) -> R:
        here = services()
        request.max_content_length = here.max_upload_bytes + MULTIPART_OVERHEAD
        try:
            with here.decoder.slot():
                return view(*args, **kwargs)
        except ProblemError as error:
            here.metrics.uploads.labels("busy" if error.name == "busy" else "failed").inc()
            raise
        except AudioError:
            here.metrics.uploads.labels("failed").inc()
            raise

    return admitted


@blueprint.post("/v1/similar")
@_one_upload
@blueprint.input(UploadForm, location="form_and_files", arg_name="form")
@blueprint.output(UploadedTrackList)
@blueprint.doc(
    responses=problem_responses(
        {
            413: "The file is too large",
            415: "The file is not MP3, FLAC, Ogg or WAV",
            422: "The file cannot be decoded, or a field is missing or outside its range",
            429: "Too many uploads are waiting",
            503: "No model has been published",
        }
    )
)
@needs(Scope.READ)
def similar_to_upload(form: UploadForm) -> UploadedTrackList:
    """Tracks that sound like an uploaded file.

    The file is decoded in a separate process with limits on time and memory, and deleted as
    soon as its vector is known. Its type is told by its content, not by its name.
    """
    here = services()
    recommender = here.recommender()
    with private_copy(form.file, here.max_upload_bytes) as path:
        analysis = here.decoder.analyse(path, recommender.encoder_id, recommender.encoder_dir)
    here.metrics.uploads.labels("analysed").inc()
    found = track_list(recommender.similar_to_vector(analysis.vector, form.n), here.store)
    return UploadedTrackList(**found.model_dump(), duration=analysis.duration)
