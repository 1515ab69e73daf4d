"""Lists for a listener."""

from __future__ import annotations

from apiflask import APIBlueprint

from api.lists import track_list
from api.problems import problem_responses
from api.schemas.lists import RecommendationQuery, TrackList
from api.scopes import needs
from api.services import services
from data.access import Scope

blueprint = APIBlueprint("recommendations", __name__)


@blueprint.get("/v1/users/<id:user_id>/recommendations")
@blueprint.input(RecommendationQuery, location="query", arg_name="query")
@blueprint.output(TrackList)
@blueprint.doc(
    responses=problem_responses(
        {422: "A parameter is outside its range", 503: "No model has been published"}
    )
)
@needs(Scope.READ)
def recommend(user_id: str, query: RecommendationQuery) -> TrackList:
    """Tracks for a listener.

    Events posted a moment ago count already. A listener of whom nothing is known gets popular
    tracks, and `fallback` is true. Slashes and other reserved characters in `user_id` have to
    be percent-encoded.
    """
    here = services()
    recommender = here.recommender()
    found = recommender.recommend(
        user_id,
        query.n,
        offset=query.offset,
        exclude_listened=query.exclude_listened,
        dials=query.dials(recommender.dials),
    )
    return track_list(found, here.store)
