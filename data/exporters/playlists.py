"""Playlists as files that players open: M3U8, XSPF and JSPF."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from enum import StrEnum
from xml.etree import ElementTree as ET

from data.tracks import Track

Locate = Callable[[Track], str | None]
"""Address or path of a track's audio, None where there is none."""

_XSPF = "http://xspf.org/ns/0/"
_RECORDING = "https://musicbrainz.org/recording/"
# XML 1.0 has no way to write these, escaped or not (section 2.2).
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


class PlaylistFormat(StrEnum):
    """A format of playlists; the value is the suffix of its files."""

    M3U8 = "m3u8"
    XSPF = "xspf"
    JSPF = "jspf"


MEDIA_TYPES = {
    PlaylistFormat.M3U8: "audio/x-mpegurl",
    PlaylistFormat.XSPF: "application/xspf+xml",
    PlaylistFormat.JSPF: "application/jspf+json",
}


def write_playlist(
    form: PlaylistFormat, title: str, tracks: Sequence[Track], locate: Locate
) -> str:
    """Playlist `title` of `tracks` in the format `form`.

    In M3U8 a line is a place, so a track without one is left out there; the others keep it by its
    tags.
    """
    writers = {
        PlaylistFormat.M3U8: _m3u8,
        PlaylistFormat.XSPF: _xspf,
        PlaylistFormat.JSPF: _jspf,
    }
    return writers[form](title, tracks, locate)


def _m3u8(title: str, tracks: Sequence[Track], locate: Locate) -> str:
    lines = ["#EXTM3U", f"#PLAYLIST:{_one_line(title)}"]
    for track in tracks:
        place = locate(track)
        if place is not None:
            seconds = -1 if track.duration is None else round(track.duration)
            lines += [f"#EXTINF:{seconds},{_one_line(track.caption)}", _one_line(place)]
    return "\n".join(lines) + "\n"


def _xspf(title: str, tracks: Sequence[Track], locate: Locate) -> str:
    root = ET.Element("playlist", {"version": "1", "xmlns": _XSPF})
    _add(root, "title", title)
    rows = ET.SubElement(root, "trackList")
    for track in tracks:
        row = ET.SubElement(rows, "track")
        # The schema asks for this order (xspf.org/spec, 4.1.1.2.14).
        _add(row, "location", locate(track))
        _add(row, "identifier", _identifier(track))
        _add(row, "title", track.title or track.track_id)
        _add(row, "creator", track.artist)
        _add(row, "album", track.album)
        _add(row, "duration", _milliseconds(track))
    ET.indent(root)
    return ET.tostring(root, "unicode", xml_declaration=True) + "\n"


def _jspf(title: str, tracks: Sequence[Track], locate: Locate) -> str:
    rows = []
    for track in tracks:
        place, identifier = locate(track), _identifier(track)
        row = {
            "location": None if place is None else [place],
            "identifier": None if identifier is None else [identifier],
            "title": track.title or track.track_id,
            "creator": track.artist,
            "album": track.album,
            "duration": _milliseconds(track),
        }
        rows.append({name: value for name, value in row.items() if value is not None})
    playlist = {"playlist": {"title": title, "track": rows}}
    return json.dumps(playlist, ensure_ascii=False, indent=2) + "\n"


def _add(parent: ET.Element, name: str, value: str | int | None) -> None:
    if value is not None:
        ET.SubElement(parent, name).text = _NOT_XML.sub("\ufffd", str(value))


def _identifier(track: Track) -> str | None:
    return None if track.recording_mbid is None else f"{_RECORDING}{track.recording_mbid}"


def _milliseconds(track: Track) -> int | None:
    return None if track.duration is None else round(track.duration * 1000)


def _one_line(text: str) -> str:
    """`text` without what would begin another line of the file."""
    return " ".join(text.split())
