"""Lists of tracks: what may be asked, what comes back."""

from __future__ import annotations

from apiflask.fields import UploadFile
from pydantic import BaseModel, Field

from api.schemas.base import Count, Input
from ranker.config import RerankSettings

MAX_OFFSET = 1000


class ListQuery(Input):
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


class UploadForm(Input):
    """Form of an audio upload."""

    file: UploadFile = Field(description="An MP3, FLAC, Ogg or WAV file")
    n: Count = 20


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
