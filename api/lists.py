"""Lists of the recommender, with what the catalogue says of each track."""

from __future__ import annotations

import math
from collections.abc import Sequence

from flask import Response
from pydantic import BaseModel

from api.requestlog import request_id
from api.schemas.lists import (
    ExplanationOut,
    ListedTrack,
    ListenerList,
    ListenerLists,
    SourceOut,
    TrackList,
)
from data.store import Store
from data.tracks import Track
from recsys.lists import Explanation, Recommendation, RecommendationList


def track_list(found: RecommendationList, store: Store) -> TrackList:
    """`found` with the metadata of its tracks.

    A track that was withdrawn after the list was made is left out.
    """
    return TrackList(
        items=_listed(found, _tracks([found], store)),
        model_version=found.model_version,
        request_id=request_id(),
        fallback=found.fallback,
        next=found.next_cursor,
    )


def listener_lists(
    users: Sequence[str | None], found: Sequence[RecommendationList], store: Store
) -> ListenerLists:
    """The list of each of `users`, at least one, with the metadata of all their tracks."""
    tracks = _tracks(found, store)
    return ListenerLists(
        lists=[
            ListenerList(
                user_id=user,
                items=_listed(each, tracks),
                fallback=each.fallback,
                next=each.next_cursor,
            )
            for user, each in zip(users, found, strict=True)
        ],
        model_version=found[0].model_version,
        request_id=request_id(),
    )


def as_json(answer: BaseModel) -> Response:
    """`answer` as it is sent; the framework would go by way of dictionaries, which takes longer."""
    return Response(answer.model_dump_json(by_alias=True), content_type="application/json")


def _tracks(found: Sequence[RecommendationList], store: Store) -> dict[str, Track]:
    """Tags of all tracks in the lists, read where the lists come without them."""
    known = {track_id: tags for each in found for track_id, tags in (each.tracks or {}).items()}
    unread = [item.track_id for each in found if each.tracks is None for item in each.items]
    if unread:
        known |= {track.track_id: track for track in store.tracks(list(dict.fromkeys(unread)))}
    return known


def _listed(found: RecommendationList, tracks: dict[str, Track]) -> list[ListedTrack]:
    return [_entry(i, tracks[i.track_id]) for i in found.items if i.track_id in tracks]


def _entry(item: Recommendation, track: Track) -> ListedTrack:
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
        explanation=None if item.explanation is None else _explained(item.explanation),
    )


def _explained(explanation: Explanation) -> ExplanationOut:
    return ExplanationOut(
        ranker_score=explanation.ranker_score,
        base=explanation.base,
        contributions=dict(explanation.contributions),
        sources=[
            SourceOut(name=source.name, score=source.score, rank=source.rank)
            for source in explanation.sources
        ],
    )
