"""Artists, as the tags of tracks name them, and who plays them or one of their tracks."""

from __future__ import annotations

from apiflask import APIBlueprint

from api.cursors import decode, encode
from api.problems import problem_responses
from api.requestlog import request_id
from api.schemas.artists import ArtistEntry, SimilarArtists, SimilarArtistsQuery
from api.schemas.players import Player, Players, PlayersQuery
from api.schemas.tracks import ArtistOut, ArtistQuery, ArtistTrack, TrackOut
from api.scopes import needs
from api.services import services
from data.access import Scope
from data.errors import NotFoundError
from recsys.similar import Space

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
    spelling, ids = _of_artist(name)
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


@blueprint.get("/v1/artists/<id:name>/similar")
@blueprint.input(SimilarArtistsQuery, location="query", arg_name="query")
@blueprint.output(SimilarArtists)
@blueprint.doc(
    responses=problem_responses(
        {
            404: "No track is by this artist",
            409: "No track of the artist has been analysed, or has listeners, in the current model",
            422: "A parameter is malformed",
            503: "No model has been published",
        }
    )
)
@needs(Scope.READ)
def similar_artists(name: str, query: SimilarArtistsQuery) -> SimilarArtists:
    """Artists like an artist, by how their tracks sound or by who plays them."""
    here = services()
    _, ids = _of_artist(name)
    recommender = here.recommender()
    found = recommender.similar_artists(ids, query.n, space=Space(query.space))
    first = {track.track_id: track for track in here.store.tracks([a.track_ids[0] for a in found])}
    return SimilarArtists(
        items=[
            ArtistEntry(
                name=first[artist.track_ids[0]].artist or "",
                score=artist.score,
                track_ids=list(artist.track_ids),
            )
            for artist in found
            if artist.track_ids[0] in first
        ],
        model_version=recommender.version,
        request_id=request_id(),
    )


@blueprint.get("/v1/artists/<id:name>/players")
@blueprint.input(PlayersQuery, location="query", arg_name="query")
@blueprint.output(Players)
@blueprint.doc(
    responses=problem_responses(
        {404: "No track is by this artist", 422: "A parameter is malformed"}
    )
)
@needs(Scope.ADMIN)
def artist_players(name: str, query: PlayersQuery) -> Players:
    """Name the listeners who played an artist most."""
    return _players(_of_artist(name)[1], query.limit)


@blueprint.get("/v1/tracks/<id:track_id>/players")
@blueprint.input(PlayersQuery, location="query", arg_name="query")
@blueprint.output(Players)
@blueprint.doc(
    responses=problem_responses(
        {404: "The track is not in the catalogue", 422: "A parameter is malformed"}
    )
)
@needs(Scope.ADMIN)
def track_players(track_id: str, query: PlayersQuery) -> Players:
    """Name the listeners who played a track most."""
    services().store.track(track_id)
    return _players([track_id], query.limit)


def _of_artist(name: str) -> tuple[str, list[str]]:
    """How the catalogue spells an artist, and the ids of the tracks."""
    spelling, ids = services().search.of_artist(name)
    if spelling is None:
        raise NotFoundError(f"no track of the catalogue is by {name!r}")
    return spelling, ids


def _players(track_ids: list[str], limit: int) -> Players:
    found = services().store.plays_by_listener(track_ids, limit)
    return Players(
        items=[Player.model_validate(one, from_attributes=True) for one in found],
        request_id=request_id(),
    )
