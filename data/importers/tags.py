"""Tags of audio files, by mutagen."""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterable
from math import isfinite
from pathlib import Path
from typing import Any

import mutagen
from mutagen.id3 import ID3
from mutagen.mp4 import MP4Tags

from data.errors import DataError
from data.record_labels import first_label
from data.tracks import BETWEEN_ARTISTS, Track

MAX_LENGTH = 500
"""Characters; longer tags are abuse of the field and are cut."""

_MAX_DURATION = 7 * 86_400.0
_UNREADABLE = (
    # What mutagen raises by itself, and what escapes from it on damaged files.
    mutagen.MutagenError,
    OSError,
    ValueError,
    LookupError,
    ArithmeticError,
    struct.error,
    EOFError,
)
_YEAR = re.compile(r"(?<!\d)([12]\d{3})(?!\d)")
_NUMBER = re.compile(r"\s*(\d{1,4})")
_MBID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ISRC = re.compile(r"[A-Z]{2}[A-Z0-9]{3}\d{7}")

_ID3 = {
    "title": "TIT2", "artist": "TPE1", "album": "TALB", "album_artist": "TPE2",
    "label": "TPUB", "date": "TDRC", "track_number": "TRCK", "isrc": "TSRC",
}  # fmt: skip
_MP4 = {
    "title": "\xa9nam", "artist": "\xa9ART", "album": "\xa9alb", "album_artist": "aART",
    "genre": "\xa9gen", "date": "\xa9day",
    "recording_mbid": "----:com.apple.iTunes:MusicBrainz Track Id",
    "isrc": "----:com.apple.iTunes:ISRC",
}  # fmt: skip
# Of the names that taggers give the label, those of the label itself go first: a publisher may be
# who publishes the notes.
_MP4_LABEL = tuple(f"----:com.apple.iTunes:{name}" for name in ("LABEL", "Label", "publisher"))
_ID3_LABEL = "TXXX:LABEL"
_VORBIS = {
    "title": ("title",), "artist": ("artist",), "album": ("album",), "genre": ("genre",),
    "album_artist": ("albumartist", "album artist", "album_artist"), "date": ("date", "year"),
    "label": ("label", "organization", "publisher"),
    "track_number": ("tracknumber",), "recording_mbid": ("musicbrainz_trackid",),
    "isrc": ("isrc",),
}  # fmt: skip


def read_track(path: Path, track_id: str) -> Track:
    """Describe an audio file by its tags; what they don't say is None.

    Several artists are joined by ``; ``; of several other values the first counts, of labels the
    first that is one.

    Raises
    ------
    DataError
        If the file is empty, is not audio, or is damaged.
    """
    try:
        if path.stat().st_size == 0:
            raise DataError("the file is empty")
        file = _opened(path)
    except _UNREADABLE as error:
        raise DataError(f"not readable as audio: {_reason(error)}") from error
    if file is None:
        raise DataError("not readable as audio: the content is of no known format")
    duration = float(getattr(file.info, "length", 0.0) or 0.0)
    if not duration > 0:
        raise DataError("the file holds no sound: its header announces 0 seconds")
    try:
        values = _values(file.tags)
    except _UNREADABLE as error:
        raise DataError(f"the tags are damaged: {clean_text(str(error))}") from error
    first = {name: found[0] for name, found in values.items() if found}
    return Track(
        track_id=track_id,
        path=str(path),
        title=first.get("title"),
        artist=clean_text(BETWEEN_ARTISTS.join(values.get("artist", ()))),
        album=first.get("album"),
        album_artist=first.get("album_artist"),
        genre=first.get("genre"),
        label=first_label(values.get("label", ())),
        year=parse_year(first.get("date")),
        duration=duration if isfinite(duration) and duration <= _MAX_DURATION else None,
        track_number=_leading_number(first.get("track_number")),
        recording_mbid=_matching(_MBID, first.get("recording_mbid", "").lower()),
        isrc=_matching(_ISRC, first.get("isrc", "").upper().replace("-", "").replace(" ", "")),
    )


def _opened(path: Path) -> Any:
    """The file as mutagen reads it; None for content of no known format."""
    try:
        return mutagen.File(path)
    except _UNREADABLE:
        # mutagen trusts endings more than most content. A file object named by a number has none.
        with open(os.open(path, os.O_RDONLY), "rb") as nameless:  # noqa: PTH123
            file = mutagen.File(nameless)
        if file is None:
            raise
        return file


def _reason(error: Exception) -> str:
    """What mutagen says, unless it wrapped an error that only its own code explains."""
    inner = error.args[0] if error.args and isinstance(error.args[0], Exception) else error
    known = isinstance(inner, mutagen.MutagenError | OSError)
    return (clean_text(str(inner)) if known else None) or "the file is damaged"


def clean_text(text: str | None) -> str | None:
    """Text in one line that every database takes; None for blank text."""
    if not text:
        return None
    # Half a surrogate pair cannot be written as UTF-8, and PostgreSQL refuses NUL.
    whole = text.encode("utf-8", "replace").decode("utf-8").replace("\0", " ")
    return " ".join(whole.split())[:MAX_LENGTH].rstrip() or None


def parse_year(date: str | None) -> int | None:
    """Year in a date of any form, from 1000 to 2999."""
    match = _YEAR.search(date or "")
    return int(match.group(1)) if match else None


def _values(tags: Any) -> dict[str, list[str]]:
    """Field → its values, cleaned, blank ones left out."""
    if tags is None:
        return {}
    if isinstance(tags, ID3):
        raw = {name: _frame_texts(tags, frame) for name, frame in _ID3.items()}
        raw["label"] += _frame_texts(tags, _ID3_LABEL)
        raw["genre"] = [text for frame in tags.getall("TCON") for text in frame.genres]
        raw["recording_mbid"] = [
            frame.data.decode("ascii", "replace")
            for frame in tags.getall("UFID:http://musicbrainz.org")
        ]
    elif isinstance(tags, MP4Tags):
        raw = {
            name: [_as_text(value) for value in tags.get(atom, ())] for name, atom in _MP4.items()
        }
        raw["label"] = [_as_text(value) for atom in _MP4_LABEL for value in tags.get(atom, ())]
        raw["track_number"] = [str(number) for number, _ in tags.get("trkn", ())]
    else:
        raw = {
            name: [str(value) for key in keys for value in tags.get(key, ())]
            for name, keys in _VORBIS.items()
        }
    return {name: list(_cleaned(values)) for name, values in raw.items()}


def _frame_texts(tags: ID3, frame_id: str) -> list[str]:
    return [str(text) for frame in tags.getall(frame_id) for text in frame.text]


def _as_text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _cleaned(values: Iterable[str]) -> Iterable[str]:
    return (text for value in values if (text := clean_text(value)))


def _leading_number(text: str | None) -> int | None:
    match = _NUMBER.match(text or "")
    return int(match.group(1)) if match and int(match.group(1)) > 0 else None


def _matching(pattern: re.Pattern[str], text: str) -> str | None:
    return text if pattern.fullmatch(text) else None
