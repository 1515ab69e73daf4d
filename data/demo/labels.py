"""Record labels of the demo world: two small ones a genre, two large ones across genres.

A small label has a sound of its own, as labels have: of the artists of its genre it signs the
darker ones, or the brighter ones. So a label tells something about who likes its artists, and a
large one tells little. Some artists release their music themselves.

Nothing is drawn at random: what labels there are changes nothing else of the world.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from data.demo.artists import Artist
from data.demo.genres import GENRES

_SMALL = {
    "Ambient": ("Long Exposure", "Pale Harbour"),
    "Folk": ("Slow Ferry", "Hearth & Ledger"),
    "Jazz": ("Cellar Door Sides", "Brass Almanac"),
    "Hip-Hop": ("Corner Relay", "Gilded Needle"),
    "Dub": ("Low Estuary", "Echo Parade"),
    "Techno": ("Pylon", "Static Garden"),
    "Metal": ("Granite Choir", "Iron Meadow"),
    "Chiptune": ("Minor Circuit", "Pocket Arcade"),
}
"""Label of the darker artists and of the brighter ones, by genre."""
_LARGE = ("Meridian Recordings", "Continental Parade")
_EVERY, _WITH_LARGE, _WITHOUT = 7, 4, 6
"""Of each seven artists of a genre the fifth is with a large label, the seventh with none."""


def sign(artists: Sequence[Artist]) -> list[Artist]:
    """`artists` with their labels, in their order."""
    label: dict[str, str | None] = {}
    for genre in GENRES:
        theirs = [artist for artist in artists if artist.genre.name == genre.name]
        small = []
        for position, artist in enumerate(theirs):
            turn = position % _EVERY
            if turn == _WITH_LARGE:
                label[artist.name] = _LARGE[GENRES.index(genre) % len(_LARGE)]
            elif turn == _WITHOUT:
                label[artist.name] = None
            else:
                small.append(artist)
        small.sort(key=lambda artist: artist.dials.brightness)
        for rank, artist in enumerate(small):
            label[artist.name] = _SMALL[genre.name][int(2 * rank >= len(small))]
    return [replace(artist, label=label[artist.name]) for artist in artists]
