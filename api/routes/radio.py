"""Music without end."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response

from api.lists import as_json, track_list
from api.problems import problem_responses
from api.schemas.asking import RadioQuery
from api.schemas.lists import LIST_EXAMPLE, TrackList
from api.scopes import needs
from api.services import services
from data.access import Scope
from recsys.seeds import Seed

blueprint = APIBlueprint("radio", __name__)


@blueprint.get("/v1/users/<id:user_id>/radio")
@blueprint.input(RadioQuery, location="query", arg_name="query")
@blueprint.output(TrackList, example=LIST_EXAMPLE)
@blueprint.doc(
    responses=problem_responses(
        {
            404: "The track to begin from is not in the catalogue",
            409: "The track to begin from has not been analysed",
            422: "A parameter is outside its range",
            503: "No model has been published",
        }
    )
)
@needs(Scope.READ)
def radio(user_id: str, query: RadioQuery) -> Response:
    """The next tracks of a listener's radio, none of which it has sent before.

    Ask again with `cursor` set to `next` of the answer. Post what is played, skipped and liked as
    events: the tracks that follow go by it.
    """
    here = services()
    recommender = here.recommender()
    found = recommender.radio(
        user_id,
        query.n,
        cursor=query.cursor,
        mode=query.mode,
        filters=query.filters,
        seeds=() if query.track_id is None else (Seed(track_id=query.track_id),),
        dials=query.dials(recommender.radio_dials),
    )
    here.metrics.listing(found)
    return as_json(track_list(found, here.store))
