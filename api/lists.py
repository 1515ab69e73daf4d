"""Lists of the recommender, with what the catalogue says of each track."""

from __future__ import annotations

import math

from api.requestlog import request_id
from api.schemas.lists import ListedTrack, TrackList
from data.store import Store
from data.tracks import Track
from recsys.recommender import Recommendation, RecommendationList


def track_list(found: RecommendationList, store: Store) -> TrackList:
    """`found` with the metadata of its tracks.

    A track that was withdrawn after the list was made is left out.
    """
    tracks = {track.track_id: track for track in store.tracks([i.track_id for i in found.items])}
    return TrackList(
        items=[_listed(i, tracks[i.track_id]) for i in found.items if i.track_id in tracks],
        model_version=found.model_version,
        request_id=request_id(),
        fallback=found.fallback,
    )


def _listed(item: Recommendation, track: Track) -> ListedTrack:
    return ListedTrack(
        track_id=item.track_id,
        # JSON has no NaN, the project's "cannot score".
        score=item.score if math.isfinite(item.score) else None,
        sources=list(item.sources),
        reason=item.reason,
        title=track.title,
        artist=track.artist,
        album=track.album,
        duration=track.duration,
    )
