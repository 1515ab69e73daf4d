"""What tags say that a track is one of: a genre, a decade, a record label, an artist, an album."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from data.ids import IdMap

if TYPE_CHECKING:
    from data.tracks import Track

LEVELS = ("genre", "decade", "label", "artist", "album")
"""From coarse to fine; columns of the codes."""
LABEL, ARTIST, ALBUM = LEVELS.index("label"), LEVELS.index("artist"), LEVELS.index("album")
_WITHIN = "\x1f"
"""Between an album's artist and its title: albums of one title are not one album."""


@dataclass(frozen=True)
class Categories:
    """Codes of tracks, and the names that they stand for.

    Parameters
    ----------
    names : tuple of IdMap
        Of each level.
    codes : np.ndarray [shape=(n_items, n_levels), dtype=int32]
        Position in the level's names, −1 where a track has no such tag.
    """

    names: tuple[IdMap, ...]
    codes: NDArray[np.int32]

    @classmethod
    def of(cls, tracks: Sequence[Track]) -> Categories:
        """Of `tracks`, in their order."""
        named = [_names(track) for track in tracks]
        levels = tuple(IdMap.sorted(row[i] for row in named if row[i]) for i in range(len(LEVELS)))
        return cls(levels, _coded(levels, named))

    def take(self, rows: NDArray[np.int32]) -> Categories:
        """Of the tracks at `rows`; names stay."""
        return Categories(self.names, self.codes[rows])

    def codes_of(self, tracks: Sequence[Track]) -> NDArray[np.int32]:
        """Codes [shape=(len(tracks), n_levels)] of other tracks.

        Names that are not known go on after those that are.
        """
        named = [_names(track) for track in tracks]
        unseen = (
            sorted({row[i] for row in named if row[i]} - set(names))
            for i, names in enumerate(self.names)
        )
        longer = [names.extended(more) for names, more in zip(self.names, unseen, strict=True)]
        return _coded(longer, named)


def _names(track: Track) -> tuple[str, ...]:
    """Name on each level, "" where there is none; capitals do not count."""
    artist, album = _plain(track.artist), _plain(track.album)
    by = _plain(track.album_artist) or artist
    decade = "" if track.year is None else str(track.year // 10 * 10)
    within = f"{by}{_WITHIN}{album}" if album else ""
    return _plain(track.genre), decade, _plain(track.label), artist, within


def _plain(text: str | None) -> str:
    return (text or "").strip().casefold()


def _coded(levels: Sequence[IdMap], named: Sequence[tuple[str, ...]]) -> NDArray[np.int32]:
    columns = [names.indices([row[i] for row in named]) for i, names in enumerate(levels)]
    return np.column_stack(columns) if named else np.zeros((0, len(levels)), np.int32)
