"""Lists for listeners, and for whoever names tracks and sounds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from apiflask import APIBlueprint
from flask import Response

from api.bodies import json_only
from api.lists import as_json, listener_lists, track_list
from api.problems import problem_responses
from api.schemas.asking import RecommendationBody, RecommendationQuery, SeedIn
from api.schemas.lists import LIST_EXAMPLE, LISTS_EXAMPLE, ListenerLists, TrackList
from api.scopes import needs
from api.services import services
from data.access import Scope
from data.errors import NotFoundError
from recsys.recommender import Recommender
from recsys.seeds import Seed

blueprint = APIBlueprint("recommendations", __name__)

_BODY_EXAMPLE = {
    "seeds": [
        {"track_id": "aeebd808f333d6d0", "weight": 1.0},
        {"track_id": "706aca7c5dc3784c", "weight": -0.5},
    ],
    "user_id": "ada",
    "n": 10,
    "genre": ["Ambient"],
}


@blueprint.get("/v1/users/<id:user_id>/recommendations")
@blueprint.input(RecommendationQuery, location="query", arg_name="query")
@blueprint.output(TrackList, example=LIST_EXAMPLE)
@blueprint.doc(
    responses=problem_responses(
        {422: "A parameter is outside its range", 503: "No model has been published"}
    )
)
@needs(Scope.READ)
def recommend(user_id: str, query: RecommendationQuery) -> Response:
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
        cursor=query.cursor,
        exclude_listened=query.exclude_listened,
        mode=query.mode,
        filters=query.filters,
        dials=query.dials(recommender.dials),
        explain=query.explain,
    )
    here.metrics.listing(found)
    return as_json(track_list(found, here.store))


@blueprint.post("/v1/recommendations")
@json_only
@blueprint.input(RecommendationBody, location="json", arg_name="body", example=_BODY_EXAMPLE)
@blueprint.output(ListenerLists, example=LISTS_EXAMPLE)
@blueprint.doc(
    responses=problem_responses(
        {
            400: "The body is not JSON",
            404: "A seed is not in the catalogue, or its query is over",
            409: "A seed has not been analysed",
            413: "The body is too large",
            415: "The body is not declared as application/json",
            422: "A field is outside its range",
            503: "No model has been published",
        }
    )
)
@needs(Scope.READ)
def recommend_to_many(body: RecommendationBody) -> Response:
    """Tracks for a listener, for several, or for nobody, near some seeds and far from others.

    A list is made for `user_id`, for each of `users`, or, without either, for the seeds alone.
    """
    here = services()
    recommender = here.recommender()
    seeds = _seeds(body.seeds, recommender)
    users: list[str | None] = [*body.users] if body.users else [body.user_id]
    found = [
        recommender.recommend(
            user,
            body.n,
            offset=body.offset,
            cursor=body.cursor,
            exclude_listened=body.exclude_listened,
            mode=body.mode,
            filters=body.filters,
            seeds=seeds,
            dials=body.dials(recommender.dials),
            explain=body.explain,
        )
        for user in users
    ]
    here.metrics.listing(*found)
    return as_json(listener_lists(users, found, here.store))


def _seeds(given: Sequence[SeedIn], recommender: Recommender) -> list[Seed]:
    """Seeds of a body, queries replaced by the vectors that they stand for."""
    sounds = services().sounds
    seeds = []
    for seed in given:
        if seed.query_id is not None:
            if sounds is None:
                raise NotFoundError("this service keeps no queries: name tracks or vectors")
            vector = sounds.vector(seed.query_id, recommender.encoder_id)
            seeds.append(Seed(seed.weight, vector=vector))
        elif seed.vector is not None:
            seeds.append(Seed(seed.weight, vector=np.array(seed.vector, np.float32)))
        else:
            seeds.append(Seed(seed.weight, track_id=seed.track_id))
    return seeds
