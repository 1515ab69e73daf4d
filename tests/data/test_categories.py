"""Codes of genres, decades, record labels, artists and albums."""

from __future__ import annotations

from data.categories import ALBUM, ARTIST, LABEL, LEVELS, Categories
from data.tracks import Track

TRACKS = [
    Track("a", artist="Ada", album="Hits", genre="Rock", year=1987, label="Warp"),
    Track("b", artist=" ADA", album="hits ", genre="rock", year=1980, label="warp "),
    Track("c", artist="Bo", album="Hits", year=1990),
    Track("d", artist="Ada; Bo", album="Hits", album_artist="Ada"),
    Track("e"),
]


def test_equal_names_are_one_category_whatever_their_capitals() -> None:
    codes = Categories.of(TRACKS).codes
    assert (codes[0] == codes[1]).all()
    assert (codes[4] == -1).all()


def test_albums_of_one_title_are_told_apart_by_who_made_them() -> None:
    album = Categories.of(TRACKS).codes[:, ALBUM]
    assert album[0] == album[3]
    assert album[0] != album[2]


def test_tracks_to_come_share_the_codes_of_known_names_and_get_new_ones_for_others() -> None:
    known = Categories.of(TRACKS)
    later = known.codes_of(
        [Track("x", artist="ada", label="WARP"), Track("y", artist="Cy"), Track("z")]
    )
    assert later.shape == (3, len(LEVELS))
    assert later[0, ARTIST] == known.codes[0, ARTIST]
    assert later[0, LABEL] == known.codes[0, LABEL] == 0
    assert later[1, LABEL] == -1
    assert later[1, ARTIST] == len(known.names[ARTIST])
    assert (later[2] == -1).all()


def test_no_tracks_have_no_codes() -> None:
    assert Categories.of([]).codes.shape == (0, len(LEVELS))
