"""Who plays a track or an artist, and artists that are like one."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, Field

from api.schemas.asking import MAX_USERS
from api.schemas.base import Count, Input
from recsys.similar import Space


class PlayersQuery(Input):
    """Query of those who play something."""

    limit: int = Field(10, ge=1, le=MAX_USERS, description="Listeners at most")


class Player(BaseModel):
    """A listener, and how often they played what was asked about."""

    user_id: str
    display_name: str | None
    plays: int = Field(description="Plays of it, however much was heard")
    last_played_at: float | None = Field(description="UNIX seconds")


class Players(BaseModel):
    """Listeners who played something most, first those who did so most often."""

    items: list[Player]
    request_id: str


class ArtistSpace(StrEnum):
    """In what two artists may be alike."""

    AUDIO = Space.AUDIO.value
    COLLABORATIVE = Space.COLLABORATIVE.value


class SimilarArtistsQuery(Input):
    """Query of artists like an artist."""

    n: Count = 12
    space: ArtistSpace = Field(
        ArtistSpace.AUDIO, description="In what artists are alike: sound, or listeners"
    )


class ArtistEntry(BaseModel):
    """An artist in a list of them."""

    name: str = Field(description="As the tags spell it")
    score: float = Field(description="Cosine similarity")
    track_ids: list[str] = Field(description="Up to four tracks, the nearest first")


class SimilarArtists(BaseModel):
    """Artists like an artist, the most alike first."""

    items: list[ArtistEntry]
    model_version: str
    request_id: str
