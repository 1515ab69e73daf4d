"""Artists that are like one."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, Field

from api.schemas.base import Count, Input
from recsys.similar import Space


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
