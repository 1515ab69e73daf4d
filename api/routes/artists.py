"""Artists, as the tags of tracks name them."""

from __future__ import annotations

from apiflask import APIBlueprint

from api.cursors import decode, encode
from api.problems import problem_responses
from api.requestlog import request_id
from api.schemas.tracks import ArtistOut, ArtistQuery, ArtistTrack, TrackOut
from api.scopes import needs
from api.services import services
from data.access import Scope
from data.errors import NotFoundError

blueprint = APIBlueprint("artists", __name__)

_CURSOR = "an artist"


@blueprint.get("/v1/artists/<id:name>")
@blueprint.input(ArtistQuery, location="query", arg_name="query")
@blueprint.output(ArtistOut)
@blueprint.doc(
    responses=problem_responses(
        {404: "No track is by this artist", 422: "A parameter is malformed"}
    )
)
@needs(Scope.READ)
def artist(name: str, query: ArtistQuery) -> ArtistOut:
    """Describe an artist: the tracks, the most played ones first, and how often they were played.

    Case does not matter. A track of several artists is found under each of them.
    """
    here = services()
    (offset,) = decode(_CURSOR, query.cursor, int) if query.cursor else (0,)
    spelling, ids = here.search.of_artist(name)
    if spelling is None:
        raise NotFoundError(f"no track of the catalogue is by {name!r}")
    counts = here.store.plays_of_each(ids)
    ids.sort(key=lambda track_id: (-counts[track_id].plays, track_id))
    page = ids[max(offset, 0) :][: query.limit]
    together = here.store.plays_of(ids)
    following = offset + query.limit
    return ArtistOut(
        name=spelling,
        n_tracks=len(ids),
        plays=together.plays,
        listeners=together.listeners,
        items=[
            ArtistTrack(
                **TrackOut.model_validate(track, from_attributes=True).model_dump(),
                plays=counts[track.track_id].plays,
                listeners=counts[track.track_id].listeners,
            )
            for track in here.store.tracks(page)
        ],
        next=encode(_CURSOR, following) if following < len(ids) else None,
        request_id=request_id(),
    )
