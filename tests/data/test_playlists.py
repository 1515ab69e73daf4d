from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import pytest

from data.exporters.playlists import PlaylistFormat, write_playlist
from data.tracks import Track

NAMES = {"x": "http://xspf.org/ns/0/"}
TRACKS = [
    Track(
        "a", "/music/a.mp3", 'Tom & "Jerry" <b>', "Low Orbit", "Ore", duration=61.5,
        recording_mbid="b1a9c0e9-d987-4042-ae91-78d6a3267d69",
    ),
    Track("no tags", "/music/b.mp3"),
    Track("c", None, "Line\none\x0b", "Ada\r\n#EXT"),
]  # fmt: skip


def place(track: Track) -> str | None:
    return None if track.path is None else f"http://here/{track.track_id}"


def written(form: PlaylistFormat) -> str:
    return write_playlist(form, "Sun\nday & more", TRACKS, place)


def test_m3u8_has_two_lines_a_track_that_can_be_played_and_no_line_from_a_tag() -> None:
    assert written(PlaylistFormat.M3U8).splitlines() == [
        "#EXTM3U",
        "#PLAYLIST:Sun day & more",
        '#EXTINF:62,Low Orbit - Tom & "Jerry" <b>',
        "http://here/a",
        "#EXTINF:-1,no tags",
        "http://here/no tags",
    ]


def test_xspf_is_read_back_by_an_xml_parser() -> None:
    root = ET.fromstring(written(PlaylistFormat.XSPF))
    assert root.findtext("x:title", namespaces=NAMES) == "Sun\nday & more"
    rows = root.findall(".//x:track", NAMES)
    assert [row.findtext("x:title", namespaces=NAMES) for row in rows] == [
        'Tom & "Jerry" <b>',
        "no tags",
        "Line\none\ufffd",
    ]
    assert rows[0].findtext("x:duration", namespaces=NAMES) == "61500"
    assert rows[0].findtext("x:location", namespaces=NAMES) == "http://here/a"
    assert rows[2].find("x:location", NAMES) is None
    order = [child.tag.rpartition("}")[2] for child in rows[0]]
    assert order == ["location", "identifier", "title", "creator", "album", "duration"]


def test_jspf_holds_locations_and_identifiers_as_lists() -> None:
    playlist = json.loads(written(PlaylistFormat.JSPF))["playlist"]
    assert playlist["title"] == "Sun\nday & more"
    assert playlist["track"][0] == {
        "location": ["http://here/a"],
        "identifier": ["https://musicbrainz.org/recording/b1a9c0e9-d987-4042-ae91-78d6a3267d69"],
        "title": 'Tom & "Jerry" <b>',
        "creator": "Low Orbit",
        "album": "Ore",
        "duration": 61500,
    }
    assert playlist["track"][1] == {"location": ["http://here/no tags"], "title": "no tags"}


@pytest.mark.parametrize("form", PlaylistFormat)
def test_an_empty_playlist_is_one_too(form: PlaylistFormat) -> None:
    assert write_playlist(form, "empty", [], place)
