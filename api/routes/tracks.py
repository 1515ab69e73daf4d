"""One track."""

from __future__ import annotations

from apiflask import APIBlueprint

from api.problems import problem_responses
from api.schemas.tracks import TrackOut
from api.scopes import needs
from api.services import services
from data.access import Scope

blueprint = APIBlueprint("tracks", __name__)


@blueprint.get("/v1/tracks/<id:track_id>")
@blueprint.output(TrackOut)
@blueprint.doc(responses=problem_responses({404: "The track is not in the catalogue"}))
@needs(Scope.READ)
def track(track_id: str) -> TrackOut:
    """Describe a track as the catalogue knows it.

    Slashes and other reserved characters in `track_id` have to be percent-encoded.
    """
    found = services().store.track(track_id)
    return TrackOut.model_validate(found, from_attributes=True)
