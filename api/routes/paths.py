"""From one track to another."""

from __future__ import annotations

from apiflask import APIBlueprint

from api.lists import track_list
from api.problems import problem_responses
from api.schemas.asking import PathQuery
from api.schemas.lists import LIST_EXAMPLE, TrackList
from api.scopes import needs
from api.services import services
from data.access import Scope

blueprint = APIBlueprint("paths", __name__)


@blueprint.get("/v1/paths")
@blueprint.input(PathQuery, location="query", arg_name="query")
@blueprint.output(TrackList, example=LIST_EXAMPLE)
@blueprint.doc(
    responses=problem_responses(
        {
            404: "A track is not in the catalogue",
            409: "A track has no audio vector in the current model",
            422: "A parameter is missing or outside its range",
            503: "No model has been published",
        }
    )
)
@needs(Scope.READ)
def path(query: PathQuery) -> TrackList:
    """A smooth sequence of tracks between two, both ends included.

    Each track sounds like the one before, and nearer to the end. The list is shorter than asked
    for where fewer tracks lie between.
    """
    here = services()
    return track_list(here.recommender().path(query.start, query.end, query.n), here.store)
