"""The catalogue as points in the plane."""

from __future__ import annotations

from pydantic import BaseModel, Field

_CODES = "base64 of little-endian 32-bit integers"


class MapOut(BaseModel):
    """Columns of the map, each aligned to `track_ids`.

    Numbers travel as base64 of their bytes: 100,000 tracks take about 4 MB, and a browser reads
    them without parsing.
    """

    model_version: str
    track_ids: list[str]
    grid: int = Field(description="Largest coordinate")
    views: dict[str, str] = Field(
        description="Name of each view (pca, tsne) → its points: base64 of little-endian 16-bit "
        "unsigned integers, x and y of each track in turn"
    )
    genres: list[str] = Field(description="Names of the genres, the commonest first")
    genre: str = Field(description=f"Positions in `genres`, -1 where unknown: {_CODES}")
    artist: str = Field(description=f"Equal for tracks of one artist, -1 where unknown: {_CODES}")
    listeners: str = Field(
        description=f"Listeners who took to each track, 0 for a cold one: {_CODES}"
    )
