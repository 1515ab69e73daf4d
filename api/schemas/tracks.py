"""Tracks of the catalogue."""

from __future__ import annotations

from pydantic import BaseModel, Field


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
