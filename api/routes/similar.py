"""Tracks that are like another, or like a file."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from apiflask import APIBlueprint
from flask import request, url_for

from api.lists import track_list
from api.problems import ProblemError, problem_responses
from api.schemas.asking import SimilarQuery
from api.schemas.lists import (
    LIST_EXAMPLE,
    UPLOAD_EXAMPLE,
    TrackList,
    UploadedTrackList,
    UploadForm,
)
from api.scopes import needs
from api.services import services
from api.uploads import MULTIPART_OVERHEAD, private_copy
from data.access import Scope
from data.errors import AudioError
from recsys.sounds import SentSound

blueprint = APIBlueprint("similar", __name__)

P = ParamSpec("P")
R = TypeVar("R")


@blueprint.get("/v1/tracks/<id:track_id>/similar")
@blueprint.input(SimilarQuery, location="query", arg_name="query")
@blueprint.output(TrackList, example=LIST_EXAMPLE)
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
def similar(track_id: str, query: SimilarQuery) -> TrackList:
    """Tracks like a track of the catalogue, without that track and copies of it.

    Slashes and other reserved characters in `track_id` have to be percent-encoded.
    """
    here = services()
    found = here.recommender().similar(track_id, query.n, space=query.space, filters=query.filters)
    return track_list(found, here.store)


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
@blueprint.output(UploadedTrackList, example=UPLOAD_EXAMPLE)
@blueprint.doc(
    responses=problem_responses(
        {
            413: "The file is too large",
            415: "The file is not MP3, FLAC, Ogg, WAV or M4A",
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
    soon as its vector is known. Its type is told by its content, not by its name. The vector and a
    picture are kept for an hour, under `query_id`.
    """
    here = services()
    recommender = here.recommender()
    with private_copy(form.file, here.max_upload_bytes) as path:
        analysis = here.decoder.analyse(path, recommender.encoder_id, recommender.encoder_dir)
    here.metrics.uploads.labels("analysed").inc()
    found = track_list(recommender.similar_to_vector(analysis.vector, form.n), here.store)
    query_id = None
    if here.sounds is not None:
        sound = SentSound(recommender.encoder_id, analysis.vector, analysis.picture)
        query_id = here.sounds.put(sound)
    return UploadedTrackList(
        **found.model_dump(),
        duration=analysis.duration,
        query_id=query_id,
        spectrogram_url=query_id and url_for("sounds.spectrogram", query_id=query_id),
    )
