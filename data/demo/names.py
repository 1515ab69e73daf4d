"""Made-up names of artists, albums and tracks, and names that are safe as files."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_ADJECTIVES = _words(
    "Amber Ashen Broken Bright Burning Calm Coastal Cobalt Copper Crooked Crystal Distant Double "
    "Drifting Early Electric Empty Endless Faded Falling Feral Final First Folded Frozen Gentle "
    "Gilded Glass Golden Granite Hidden Hollow Honest Indigo Infinite Iron Ivory Jagged Last "
    "Late Liquid Little Lonesome Lost Lower Lunar Magnetic Midnight Minor Modern Narrow Neon "
    "Northern Numb Open Outer Pale Paper Parallel Patient Pocket Polar Quiet Restless Rusted "
    "Salt Sapphire Scarlet Second Secret Shallow Silent Silver Sleeping Slow Solar Southern "
    "Spare Static Steep Strange Sudden Sunken Tender Twin Upper Velvet Violet Wandering Warm "
    "Wild Winter Wooden"
)
_NOUNS = _words(
    "Almanac Anchor Antenna Arcade Archive Aurora Avenue Ballroom Basin Beacon Bell Bridge Cabin "
    "Canal Candle Canyon Cathedral Cellar Choir Circuit Cloud Coast Comet Compass Corridor "
    "Current Dawn Delta Dune Echo Ember Engine Estuary Factory Feather Ferry Field Fire Flood "
    "Forest Fountain Frame Garden Gate Glacier Harbour Hearth Hill Horizon Hotel Island Juniper "
    "Kite Lantern Ledger Letter Library Lighthouse Machine Magnet Map Market Meadow Meridian "
    "Mirror Monsoon Moon Mountain Museum Needle Ocean Orchard Palace Parade Pattern Pier Pilot "
    "Pine Planet Prism Pylon Quarry Rain Relay Ribbon River Road Satellite Season Shadow Shore "
    "Signal Sky Smoke Snow Sparrow Spiral Stair Station Stone Storm Summer Theatre Thread Tide "
    "Tower Train Tunnel Valley Voyage Wave Weather Window Wire Wolf"
)
_PLURALS = _words(
    "Actuaries Admirals Almonds Astronauts Beekeepers Cartographers Clerks Couriers Divers "
    "Dentists Ferrymen Foxes Gardeners Glaciers Herons Illusions Janitors Keepers Lanterns "
    "Librarians Magpies Mechanics Neighbours Otters Parades Pilots Planets Printers Sailors "
    "Seagulls Sisters Strangers Surveyors Swimmers Tailors Tenants Understudies Weathermen"
)
_FIRST = _words(
    "Ada Alma Anouk Basil Bruna Cato Celeste Dario Edda Elio Fenna Gus Hale Ilse Iver Juno "
    "Kaspar Lark Leda Lorne Maren Milo Nadia Niko Odette Orla Otis Pilar Quill Rafa Rhea Selma "
    "Silas Tamsin Theo Una Vera Wren Yara Zeno"
)
_LAST = _words(
    "Abernath Alderly Barrowe Bexley Calloway Corvane Dunmere Eastlock Fairholm Garrick Halvorn "
    "Harrowgate Inverly Kestrel Kirkwell Larkin Lindqvale Marlowe Merriday Northcott Okonvo "
    "Pellaro Quimby Ravenel Rosmarin Sandoval Silvern Tarrow Thornbury Umberley Valmont "
    "Vantongeren Wexford Winterly Yarrow Zoltane"
)
_VERBS = _words(
    "Calling Carry Chasing Counting Crossing Cutting Drawing Finding Follow Forget Holding "
    "Leaving Losing Mending Moving Naming Passing Reading Remember Sailing Selling Tracing "
    "Turning Waiting Waking Watching"
)

_ARTISTS: tuple[str, ...] = (
    "The {plurals}",
    "{adjectives} {nouns}",
    "{first} {last}",
    "{first} {last}",
    "{nouns} {plurals}",
    "The {adjectives} {plurals}",
)
_TITLES: tuple[str, ...] = (
    "{adjectives} {nouns}",
    "{verbs} the {nouns}",
    "{nouns} in the {nouns2}",
    "{nouns}",
    "The {nouns} and the {nouns2}",
    "{adjectives}",
    "No {nouns}",
    "{verbs} {adjectives} {plurals}",
)


def artist_names(n: int, rng: np.random.Generator) -> list[str]:
    """`n` different names of bands and people."""
    return _distinct(n, lambda: _fill(_ARTISTS, rng))


def titles(n: int, rng: np.random.Generator) -> list[str]:
    """`n` different titles for tracks or albums."""
    return _distinct(n, lambda: _fill(_TITLES, rng))


def _fill(patterns: tuple[str, ...], rng: np.random.Generator) -> str:
    nouns = rng.choice(_NOUNS, 2, False)
    return str(rng.choice(patterns)).format(
        adjectives=rng.choice(_ADJECTIVES),
        nouns=nouns[0],
        nouns2=nouns[1],
        plurals=rng.choice(_PLURALS),
        first=rng.choice(_FIRST),
        last=rng.choice(_LAST),
        verbs=rng.choice(_VERBS),
    )


def _distinct(n: int, draw: Callable[[], str]) -> list[str]:
    """`n` draws without repetition; numbered (``Name 65``) once drawing again does not help."""
    names: dict[str, None] = {}
    while len(names) < n:
        name = draw()
        for _ in range(20):
            if name not in names:
                break
            name = draw()
        names[name if name not in names else f"{name} {len(names) + 1}"] = None
    return list(names)
