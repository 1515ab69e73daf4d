"""Lists of tracks that come back, and the form of an upload."""

from __future__ import annotations

from typing import Any

from apiflask.fields import UploadFile
from pydantic import BaseModel, Field

from api.schemas.base import Count, Input


class UploadForm(Input):
    """Form of an audio upload."""

    file: UploadFile = Field(description="An MP3, FLAC, Ogg (Vorbis or Opus), WAV or M4A file")
    n: Count = 20


class SourceOut(BaseModel):
    """What one source says of a track."""

    name: str
    score: float | None = Field(description="On the source's own scale; null = cannot score it")
    rank: int | None = Field(description="Place in the source's list; null = did not propose it")


class ExplanationOut(BaseModel):
    """How a track came by its place."""

    ranker_score: float = Field(description="Before modes, seeds and dials change the order")
    base: float = Field(description="The score where no feature says anything")
    contributions: dict[str, float] = Field(
        description="Share of each feature; base and these add up to ranker_score"
    )
    sources: list[SourceOut]


class ListedTrack(BaseModel):
    """One entry of a list, best first."""

    track_id: str
    score: float | None = Field(
        description="Comparable within one list only; cosine similarity for similar tracks"
    )
    sources: list[str] = Field(description="What proposed the track")
    reason: str
    title: str | None
    artist: str | None
    album: str | None
    duration: float | None = Field(description="Seconds")
    explanation: ExplanationOut | None = Field(None, description="Where `explain` asked for it")


class TrackList(BaseModel):
    """An ordered list of tracks."""

    items: list[ListedTrack]
    model_version: str
    request_id: str
    fallback: bool = Field(
        description="True when nothing known of the listener leads to a track: it is not personal"
    )
    next: str | None = Field(
        None, description="`cursor` of the next page; null on the last, and for lists without pages"
    )


class UploadedTrackList(TrackList):
    """Tracks similar to an uploaded file."""

    duration: float = Field(description="Length of the uploaded audio, seconds")
    query_id: str | None = Field(
        description="Names the sound as a seed for an hour; null where the service keeps nothing"
    )
    spectrogram_url: str | None = Field(
        description="Picture of the sound (PNG), for as long; null where there is no query_id"
    )


class ListenerList(BaseModel):
    """The list of one listener, or of nobody but the seeds."""

    user_id: str | None
    items: list[ListedTrack]
    fallback: bool = Field(description="True when nothing known leads to a track: not personal")
    next: str | None = Field(description="`cursor` of the next page; null on the last")


class ListenerLists(BaseModel):
    """Lists in the order of the listeners that were asked for."""

    lists: list[ListenerList]
    model_version: str
    request_id: str


_ENTRY: dict[str, Any] = {
    "track_id": "aeebd808f333d6d0",
    "score": 1.0856,
    "sources": ["collaborative", "audio"],
    "reason": "listeners who share your taste for Wet Ink - Hold The Line play this",
    "title": "Warm Hotel",
    "artist": "The Warm Divers",
    "album": "Numb Moon",
    "duration": 19.57,
    "explanation": None,
}
_ANSWER = {
    "model_version": "20261121T221420719244-2321",
    "request_id": "b55468380fb8545404c0b68c",
}
LIST_EXAMPLE: dict[str, Any] = {"items": [_ENTRY], **_ANSWER, "fallback": False, "next": None}
UPLOAD_EXAMPLE: dict[str, Any] = {
    **LIST_EXAMPLE,
    "duration": 183.4,
    "query_id": "mDbxUo2uVK5_4sXnT2s9cw",
    "spectrogram_url": "/v1/queries/mDbxUo2uVK5_4sXnT2s9cw/spectrogram.png",
}
LISTS_EXAMPLE: dict[str, Any] = {
    "lists": [{"user_id": "ada", "items": [_ENTRY], "fallback": False, "next": None}],
    **_ANSWER,
}
