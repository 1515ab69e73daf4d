"""Playlists to take away."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from api.schemas.base import ExternalId, Input, ShortText
from data.exporters.playlists import PlaylistFormat

MAX_TRACKS = 1000


class PlaylistIn(Input):
    """Tracks to write as a playlist."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"format": "xspf", "title": "Sunday", "track_ids": ["aeebd808f333d6d0"]},
            ]
        }
    )

    format: PlaylistFormat
    title: ShortText = "recsys"
    track_ids: list[ExternalId] = Field(
        min_length=1, max_length=MAX_TRACKS, description="In the order of the playlist"
    )
