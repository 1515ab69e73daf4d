"""Tracks of the catalogue, and artists."""

from __future__ import annotations

from typing import Annotated, Any

from apiflask.fields import UploadFile
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, StrictBool

from api.cursors import MAX_LENGTH
from api.schemas.base import MAX_ITEMS, Input, ShortText
from data.record_labels import first_label
from data.store import AnalysisState

_EXAMPLE: dict[str, JsonValue] = {
    "title": "Warm Hotel",
    "artist": "The Warm Divers",
    "genre": "Folk",
    "label": "Slow Ferry",
    "year": 2018,
}
_MBID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_ISRC = r"^[A-Z]{2}[A-Z0-9]{3}[0-9]{7}$"
Limit = Annotated[int, Field(ge=1, le=MAX_ITEMS, description="Tracks on a page")]
Cursor = Annotated[str, Field(max_length=MAX_LENGTH, description="`next` of the page before")]


def _label(value: str | None) -> str | None:
    return first_label([value or ""])


class TrackIn(Input):
    """Tags of a track; what is left out is empty afterwards, but for its duration and audio."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    title: ShortText | None = None
    artist: ShortText | None = Field(None, description="Several are joined by `; `")
    album: ShortText | None = None
    album_artist: ShortText | None = None
    genre: ShortText | None = None
    label: Annotated[ShortText | None, AfterValidator(_label)] = Field(
        None,
        description="Record label; of several, joined by `; `, the first counts, and what means "
        "none, like `[no label]`, is null",
    )
    year: int | None = Field(None, ge=1000, le=9999)
    duration: float | None = Field(
        None, gt=0, le=7 * 86_400, description="Seconds; measured where there is audio"
    )
    track_number: int | None = Field(None, ge=1, le=9999)
    recording_mbid: str | None = Field(None, pattern=_MBID, description="MusicBrainz recording id")
    isrc: str | None = Field(None, pattern=_ISRC, description="ISRC, without hyphens")
    path: ShortText | None = Field(
        None, description="Audio file on the server, below one of `library.roots`"
    )

    def tags(self) -> dict[str, Any]:
        """The fields that were sent, the path left out."""
        return self.model_dump(include=self.model_fields_set - {"path", "withdrawn"})


class TrackPatch(TrackIn):
    """Changes to a track; what is left out stays, null empties."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"genre": "Ambient"}]})

    withdrawn: StrictBool | None = Field(
        None, description="true takes the track out of everything at once, false brings it back"
    )


class AudioForm(Input):
    """Form of a track's audio."""

    file: UploadFile = Field(description="An MP3, FLAC, Ogg or WAV file")


class TrackOut(BaseModel):
    """What the catalogue knows of a track."""

    track_id: str
    title: str | None
    artist: str | None
    album: str | None
    album_artist: str | None
    genre: str | None
    label: str | None = Field(description="Record label")
    year: int | None
    duration: float | None = Field(description="Seconds")
    track_number: int | None
    recording_mbid: str | None
    isrc: str | None
    added_at: float | None = Field(description="UNIX seconds")


class TrackDetails(TrackOut):
    """A track, and where its audio stands."""

    has_audio: bool = Field(description="Whether there is a file to play")
    analysis: AnalysisState | None = Field(
        description="pending, done or failed; null for a track that nobody had analysed"
    )
    analysis_reason: str | None = Field(description="Why the analysis failed")


class TrackQuery(Input):
    """Query of the catalogue."""

    query: str | None = Field(
        None, min_length=1, max_length=200, description="Words of title, artist and album"
    )
    genre: ShortText | None = Field(None, description="Only this genre")
    artist: ShortText | None = Field(None, description="Only this artist")
    label: ShortText | None = Field(None, description="Only this record label")
    limit: Limit = 20
    cursor: Cursor | None = None


class TrackPage(BaseModel):
    """Tracks that were found, best first; by id where no words were given."""

    items: list[TrackOut]
    next: str | None = Field(description="`cursor` of the next page; null on the last")
    request_id: str


class TrackListeners(BaseModel):
    """How often a track was played, and by how many; never by whom."""

    track_id: str
    plays: int = Field(description="Plays, however much of the track was heard")
    listeners: int = Field(description="Distinct listeners who played it")
    last_played_at: float | None = Field(description="UNIX seconds")


class ArtistTrack(TrackOut):
    """A track of an artist, and how often it was played."""

    plays: int
    listeners: int


class ArtistQuery(Input):
    """Query of an artist."""

    limit: Limit = 50
    cursor: Cursor | None = None


class ArtistOut(BaseModel):
    """An artist with the most played tracks first."""

    name: str = Field(description="As the catalogue spells it")
    n_tracks: int
    plays: int = Field(description="Plays of all tracks together")
    listeners: int = Field(description="Distinct listeners of any of them")
    items: list[ArtistTrack]
    next: str | None = Field(description="`cursor` of the next page; null on the last")
    request_id: str
