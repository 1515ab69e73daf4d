"""What the catalogue says belongs together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from data.tracks import Track
from recsys.encoder_report.schema import Label

_NOBODY = {"", "unknown", "unknown artist", "[unknown]", "<unknown>", "various artists", "various"}
"""Names that artist tags carry where nobody, or anybody, is meant."""


@dataclass(frozen=True)
class Labels:
    """Labels of the judged tracks, in their order; None where there is none.

    Parameters
    ----------
    genre, artist, album : tuple of str or None
        Without regard to case and to blanks around them. An album is its title with the album
        artist, or the artist where none is named, as many albums share a title.
    """

    genre: tuple[str | None, ...]
    artist: tuple[str | None, ...]
    album: tuple[str | None, ...]

    @classmethod
    def of(cls, tracks: Sequence[Track]) -> Labels:
        """Labels from the tags of `tracks`."""
        artists = [_folded(track.artist) for track in tracks]
        albums = [
            f"{_folded(track.album)}\0{_folded(track.album_artist) or artist}"
            if _folded(track.album)
            else None
            for track, artist in zip(tracks, artists, strict=True)
        ]
        return cls(
            tuple(_folded(track.genre) for track in tracks),
            tuple(None if artist in _NOBODY else artist for artist in artists),
            tuple(albums),
        )

    def summary(self) -> dict[str, Label]:
        """Tracks and values of each label."""
        columns = {"genre": self.genre, "artist": self.artist, "album": self.album}
        found = {name: [v for v in values if v is not None] for name, values in columns.items()}
        return {
            name: Label(n_tracks=len(values), n_values=len(set(values)))
            for name, values in found.items()
        }


def _folded(text: str | None) -> str | None:
    return (text or "").strip().casefold() or None
