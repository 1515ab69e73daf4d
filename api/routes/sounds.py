"""What is kept of a sound that a client sent."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response

from api.pictures import spectrogram_png
from api.problems import problem_responses
from api.scopes import needs
from api.services import services
from data.access import Scope
from data.errors import NotFoundError

blueprint = APIBlueprint("sounds", __name__)

_RESPONSES = problem_responses({404: "There is no such query, or its hour is over"})
_RESPONSES[200] = {
    "description": "The picture",
    "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}},
}


@blueprint.get("/v1/queries/<id:query_id>/spectrogram.png")
@blueprint.doc(responses=_RESPONSES)
@needs(Scope.READ)
def spectrogram(query_id: str) -> Response:
    """Picture of an uploaded sound: time from left to right, high notes on top."""
    sounds = services().sounds
    if sounds is None:
        raise NotFoundError("this service keeps no queries")
    return Response(spectrogram_png(sounds.get(query_id).picture), content_type="image/png")
