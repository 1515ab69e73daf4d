"""What goes in and out over HTTP; the OpenAPI document is generated from these models."""

from __future__ import annotations

import time
from typing import Annotated, Self

from apiflask.fields import UploadFile
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from data.events import EventKind
from ranker.config import RerankSettings

MAX_ID_LENGTH = 512
MAX_ITEMS = 200
MAX_OFFSET = 1000
MAX_EVENTS = 10_000
CLOCK_SKEW_S = 86_400.0
"""How far ahead of this machine's clock a client's may be; later times would distort recency."""


def _without_nul(value: str) -> str:
    if "\0" in value:
        raise ValueError("an id must not contain NUL")
    return value


def _not_in_future(value: float) -> float:
    if value > time.time() + CLOCK_SKEW_S:
        raise ValueError("lies more than a day in the future; timestamps are UNIX seconds")
    return value


ExternalId = Annotated[
    str, Field(min_length=1, max_length=MAX_ID_LENGTH), AfterValidator(_without_nul)
]
Count = Annotated[
    int, Field(ge=1, le=MAX_ITEMS, description="How many tracks to list; fewer come if fewer exist")
]


class _Input(BaseModel):
    """Input model; a misspelt field is an error, not silently ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ListQuery(_Input):
    """Query of a list."""

    n: Count = 20


class RecommendationQuery(ListQuery):
    """Query of a listener's list."""

    offset: int = Field(
        0, ge=0, le=MAX_OFFSET, description="Leave out so many tracks at the beginning of the list"
    )
    exclude_listened: bool = Field(
        True, description="Leave out what the listener has already played"
    )
    popularity: float | None = Field(
        None, ge=-1, le=1, description="Towards popular tracks (1) or little-known ones (-1)"
    )
    diversity: float | None = Field(
        None, ge=0, le=1, description="How much tracks should differ from those above them"
    )
    max_per_artist: int | None = Field(
        None, ge=0, description="Tracks of one artist in the whole list; 0 for any number"
    )
    new_tracks: float | None = Field(
        None, ge=0, le=1, description="Share of each page kept for tracks nobody has taken to yet"
    )

    def dials(self, otherwise: RerankSettings) -> RerankSettings:
        """The dials that the query sets, and `otherwise` for the rest."""
        names = ("popularity", "diversity", "max_per_artist", "new_tracks")
        given = {name: getattr(self, name) for name in names}
        return otherwise.model_copy(
            update={name: value for name, value in given.items() if value is not None}
        )


class UploadForm(_Input):
    """Form of an audio upload."""

    file: UploadFile = Field(description="An MP3, FLAC, Ogg or WAV file")
    n: Count = 20


class EventIn(_Input):
    """One thing a listener did."""

    event_id: ExternalId | None = Field(
        None,
        description="Your id of the event: the same id is stored once, however often it is sent. "
        "Without one an id is generated, and sending the event again stores it again.",
    )
    user_id: ExternalId
    track_id: ExternalId
    kind: EventKind
    timestamp: Annotated[float, AfterValidator(_not_in_future)] | None = Field(
        None, ge=0, allow_inf_nan=False, description="UNIX seconds; now when absent"
    )
    play_ratio: float | None = Field(
        None,
        ge=0,
        le=1000,
        allow_inf_nan=False,
        description="Share of the track that was heard; plays only",
    )

    @model_validator(mode="after")
    def _ratio_belongs_to_plays(self) -> Self:
        if self.play_ratio is not None and self.kind is not EventKind.PLAY:
            raise ValueError(
                f"play_ratio belongs to a play, this is a {self.kind}: leave it out, or send a "
                "play with the share that was heard"
            )
        return self


class EventBatch(_Input):
    """Events to store."""

    events: list[EventIn] = Field(min_length=1, max_length=MAX_EVENTS)


class EventReceipt(BaseModel):
    """What became of a batch; every event of it is stored durably."""

    added: int = Field(description="Events stored now")
    duplicates: int = Field(description="Events whose event_id had been stored before")
    generated_ids: int = Field(description="Events that came without event_id and were given one")
    request_id: str


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


class TrackList(BaseModel):
    """An ordered list of tracks."""

    items: list[ListedTrack]
    model_version: str
    request_id: str
    fallback: bool = Field(
        description="True when nothing is known of the listener and the list is not personal"
    )


class UploadedTrackList(TrackList):
    """Tracks similar to an uploaded file."""

    duration: float = Field(description="Length of the uploaded audio, seconds")


class TrackOut(BaseModel):
    """What the catalogue knows of a track."""

    track_id: str
    title: str | None
    artist: str | None
    album: str | None
    album_artist: str | None
    genre: str | None
    year: int | None
    duration: float | None = Field(description="Seconds")
    track_number: int | None
    recording_mbid: str | None
    isrc: str | None
    added_at: float | None = Field(description="UNIX seconds")


class Alive(BaseModel):
    """The process answers."""

    status: str = "alive"


class Ready(BaseModel):
    """Lists can be served."""

    status: str = "ready"
    model_version: str
