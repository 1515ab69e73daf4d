"""When two descriptions mean one recording."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from data.tracks import Track

DURATION_TOLERANCE = 2.0
"""Seconds by which one recording may differ between two encodings."""

_NOT_WORD = re.compile(r"[\W_]+")

# Canonical combining classes from 10 on are accents and vowel points, which people leave out.
# Below are nukta, dakuten and virama, which tell letters apart: か is not が.
_FIRST_ACCENT_CLASS = 10


def normalise(text: str | None) -> str:
    """Text for comparing: case, accents and punctuation gone; empty for None.

    A name of punctuation alone (``!!!``) stays as it is, so that it does not equal every other.
    """
    if not text:
        return ""
    folded = text.casefold()
    if not folded.isascii():
        decomposed = unicodedata.normalize("NFKD", folded)
        folded = unicodedata.normalize(
            "NFC",
            "".join(c for c in decomposed if unicodedata.combining(c) < _FIRST_ACCENT_CLASS),
        )
    # Vowel signs and other marks that remain are no word characters to `re`; they hold words
    # together all the same.
    words = " ".join(_NOT_WORD.sub(_space_unless_mark, folded).split())
    return words or folded.strip()


def name_key(artist: str | None, title: str | None) -> str | None:
    """Key under which artist and title compare; None unless both are known."""
    artist, title = normalise(artist), normalise(title)
    return f"{artist}\x1f{title}" if artist and title else None


class TrackFinder:
    """Finds the track that a file is, among those that have lost theirs.

    MusicBrainz recording id first, then ISRC, then artist and title with a duration within
    `DURATION_TOLERANCE`. Of several that answer, the one with the closest duration is taken.

    Parameters
    ----------
    tracks : iterable of Track
        Tracks to find.
    """

    def __init__(self, tracks: Iterable[Track]) -> None:
        self._tracks: dict[str, Track] = {}
        self._ids_by_key: dict[str, set[str]] = {}
        for track in tracks:
            self._tracks[track.track_id] = track
            for key in _keys(track):
                self._ids_by_key.setdefault(key, set()).add(track.track_id)

    def find(self, track: Track) -> Track | None:
        """Return the track that is the same recording as `track`, or None."""
        for key in _keys(track):
            by_name = key.startswith("name:")
            candidates = [
                (distance, track_id)
                for track_id in self._ids_by_key.get(key, ())
                if (distance := _distance(track, self._tracks[track_id])) <= DURATION_TOLERANCE
                or not by_name
            ]
            if candidates:
                return self._tracks[min(candidates)[1]]
        return None

    def remove(self, track_id: str) -> None:
        """Take a track out that has its file again."""
        track = self._tracks.pop(track_id, None)
        for key in _keys(track) if track else ():
            self._ids_by_key[key].discard(track_id)


def _keys(track: Track) -> list[str]:
    """Keys to look `track` up by, the surest first."""
    name = name_key(track.artist, track.title)
    return [
        prefix + value
        for prefix, value in (
            ("mbid:", track.recording_mbid),
            ("isrc:", track.isrc),
            ("name:", name),
        )
        if value
    ]


def _distance(one: Track, other: Track) -> float:
    """Difference in duration, seconds; 0 where one of the two is not known."""
    if one.duration is None or other.duration is None:
        return 0.0
    return abs(one.duration - other.duration)


def _space_unless_mark(match: re.Match[str]) -> str:
    return "".join(
        character if unicodedata.category(character).startswith("M") else " "
        for character in match.group()
    )
