"""A track of the catalogue, and the catalogue as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.categories import ALBUM, ARTIST, LABEL, Categories
from data.ids import IdMap

BETWEEN_ARTISTS = "; "
"""Between several artists of one track."""


@dataclass(frozen=True, slots=True)
class Track:
    """One recording as the catalogue knows it; every field but the id may be absent.

    Parameters
    ----------
    track_id : str
        External id.
    path : str or None
        Absolute path of the audio file; None for a track without audio.
    title, artist, album, album_artist, genre : str or None
        Tags, as text.
    label : str or None
        Record label.
    year : int or None
        Year of release.
    duration : float or None
        Length in seconds.
    track_number : int or None
        Position on the album.
    recording_mbid : str or None
        MusicBrainz recording id.
    isrc : str or None
        International Standard Recording Code.
    added_at : float or None
        When the track became available here, UNIX seconds.
    """

    track_id: str
    path: str | None = None
    title: str | None = None
    artist: str | None = None
    album: str | None = None
    album_artist: str | None = None
    genre: str | None = None
    label: str | None = None
    year: int | None = None
    duration: float | None = None
    track_number: int | None = None
    recording_mbid: str | None = None
    isrc: str | None = None
    added_at: float | None = None

    @property
    def caption(self) -> str:
        """Text for people: ``artist - title``, or what there is of it."""
        return " - ".join(part for part in (self.artist, self.title or self.track_id) if part)


def artist_names(artist: str | None) -> list[str]:
    """Names under which the artist of a track is found: as it stands, and each of several."""
    if not artist or not artist.strip():
        return []
    parts = [part.strip() for part in artist.split(BETWEEN_ARTISTS) if part.strip()]
    return list(dict.fromkeys([artist.strip(), *parts]))


@dataclass(frozen=True)
class Catalogue:
    """The columns of the catalogue that models use, aligned to `items`.

    Parameters
    ----------
    items : IdMap
        Track ids in lexical order.
    categories : Categories
        Genre, decade, record label, artist and album of each.
    duration : np.ndarray [shape=(n_items,), dtype=float32]
        Seconds, NaN where unknown.
    """

    items: IdMap
    categories: Categories
    duration: NDArray[np.float32]

    @property
    def label(self) -> NDArray[np.int32]:
        """Code of the record label [shape=(n_items,)], −1 where none is known."""
        return self.categories.codes[:, LABEL]

    @property
    def artist(self) -> NDArray[np.int32]:
        """Code of the artist [shape=(n_items,)], −1 where none is known."""
        return self.categories.codes[:, ARTIST]

    @property
    def album(self) -> NDArray[np.int32]:
        """Code of the album [shape=(n_items,)], −1 where none is known."""
        return self.categories.codes[:, ALBUM]

    @classmethod
    def from_tracks(cls, tracks: Sequence[Track]) -> Catalogue:
        """Arrays for `tracks`, whatever their order."""
        ordered = sorted(tracks, key=lambda track: track.track_id)
        return cls(
            items=IdMap(track.track_id for track in ordered),
            categories=Categories.of(ordered),
            duration=np.array(
                [np.nan if track.duration is None else track.duration for track in ordered],
                np.float32,
            ),
        )
