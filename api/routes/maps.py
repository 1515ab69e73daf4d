"""The catalogue as a map."""

from __future__ import annotations

from base64 import b64encode

import numpy as np
from apiflask import APIBlueprint
from numpy.typing import NDArray

from api.problems import problem_responses
from api.schemas.maps import MapOut
from api.scopes import needs
from api.services import services
from data.access import Scope
from recsys.catalogue_map import GRID, catalogue_map

blueprint = APIBlueprint("maps", __name__)


@blueprint.get("/v1/map")
@blueprint.output(MapOut)
@blueprint.doc(
    responses=problem_responses(
        {503: "No model has been published, or the current one was trained without a map"}
    )
)
@needs(Scope.READ)
def points() -> MapOut:
    """Places of the tracks in the plane, for drawing them.

    Tracks near to each other sound alike. The views are computed at training; tracks without audio
    and those that came later are not in them.
    """
    here = services()
    recommender = here.recommender()
    found = catalogue_map(recommender.bundle, here.store)
    return MapOut(
        model_version=recommender.version,
        track_ids=list(found.track_ids),
        grid=GRID,
        views={name: _packed(points.astype("<u2")) for name, points in found.views.items()},
        genres=list(found.genres),
        genre=_packed(found.genre.astype("<i4")),
        artist=_packed(found.artist.astype("<i4")),
        listeners=_packed(found.listeners.astype("<i4")),
    )


def _packed(values: NDArray[np.integer]) -> str:
    return b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")
