"""Artists of the demo world: each has a sound of its own inside a genre.

Some artists borrow an instrument or the drums from another genre, so that what sounds alike is not
only what is filed alike.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from data.demo.genres import GENRES, Genre, Range, Rhythm
from data.demo.instruments import Kit, Patch

CROSSOVER = 0.4
"""Share of artists that borrow from another genre."""


@dataclass(frozen=True, slots=True)
class Dials:
    """What can be heard of a track on continuous scales, and what listeners have a taste for.

    Parameters
    ----------
    tempo : float
        Quarter notes a minute.
    brightness, density, wetness, grit : float
        Treble, notes a beat, reverberation and distortion, each 0 … 1.
    """

    tempo: float
    brightness: float
    density: float
    wetness: float
    grit: float

    def vector(self) -> NDArray[np.float64]:
        """The dials as numbers of like spread [shape=(5,)]; tempo in octaves above 100."""
        rest = [self.brightness, self.density, self.wetness, self.grit]
        return np.array([np.log2(self.tempo / 100.0), *rest])


@dataclass(frozen=True, slots=True)
class Artist:
    """How one artist sounds; see `Genre` for the fields they share.

    Parameters
    ----------
    name : str
        As in the tags.
    genre : Genre
        Where the artist is filed.
    dials : Dials
        Around which the artist's tracks lie.
    tonic : int
        Semitones above C of the home key.
    scale : str
        Key of ``SCALES``.
    swing : float
        Delay of every second unit as a share of it.
    bass, chords, lead : Patch
        Instruments.
    kit : Kit
        Drums.
    drums : tuple of mappings
        Drum patterns the artist uses.
    bass_lines, chord_rhythms : tuple of str
        Patterns the artist uses.
    chord_style : str
        ``block``, ``strum`` or ``arpeggio``.
    registers : tuple of int
        MIDI notes around which bass, chords and lead are played.
    balance : tuple of float
        Levels of drums, bass, chords and lead.
    echo_beats : float
        Delay of the echo.
    room_seconds : float
        Reverberation time.
    width : float
        How far apart parts stand in stereo, 0 … 1.
    loudness : float
        RMS level that the master aims at.
    label : str or None
        Record label; None for who has none.
    """

    name: str
    genre: Genre
    dials: Dials
    tonic: int
    scale: str
    swing: float
    bass: Patch
    chords: Patch
    lead: Patch
    kit: Kit
    drums: tuple[Rhythm, ...]
    bass_lines: tuple[str, ...]
    chord_rhythms: tuple[str, ...]
    chord_style: str
    registers: tuple[int, int, int]
    balance: tuple[float, float, float, float]
    echo_beats: float
    room_seconds: float
    width: float
    loudness: float
    label: str | None = None


def make_artists(names: list[str], rng: np.random.Generator) -> list[Artist]:
    """One artist a name, dealt to the genres in turn."""
    return [
        _artist(name, GENRES[position % len(GENRES)], rng) for position, name in enumerate(names)
    ]


def vary(dials: Dials, genre: Genre, spread: float, rng: np.random.Generator) -> Dials:
    """`dials` moved by `spread` of the genre's ranges (tempo within them, the rest in 0 … 1)."""

    def move(value: float, within: Range, low: float, high: float) -> float:
        step = spread * (within[1] - within[0]) * rng.standard_normal()
        return float(np.clip(value + step, low, high))

    return Dials(
        tempo=move(dials.tempo, genre.tempo, *genre.tempo),
        **{
            dial.name: move(getattr(dials, dial.name), getattr(genre, dial.name), 0.0, 1.0)
            for dial in fields(Dials)
            if dial.name != "tempo"
        },
    )


def _artist(name: str, genre: Genre, rng: np.random.Generator) -> Artist:
    guest = genre
    borrowed = ""
    if rng.random() < CROSSOVER:
        guest = GENRES[int(rng.integers(len(GENRES)))]
        borrowed = str(rng.choice(["drums", "chords", "lead"]))

    def source(part: str) -> Genre:
        return guest if part == borrowed else genre

    def patch(choices: tuple[Patch, ...]) -> Patch:
        chosen = choices[int(rng.integers(len(choices)))]
        return replace(
            chosen,
            tilt=chosen.tilt * rng.uniform(0.8, 1.25),
            decay=chosen.decay * rng.uniform(0.6, 1.6),
            index=chosen.index * rng.uniform(0.7, 1.4),
            attack=chosen.attack * rng.uniform(0.7, 1.5),
            detune=chosen.detune * rng.uniform(0.5, 1.5),
            gain=chosen.gain * rng.uniform(0.85, 1.15),
        )

    def some(choices: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(str(choice) for choice in rng.permutation(list(choices))[:2])

    drums = source("drums").drums
    return Artist(
        name=name,
        genre=genre,
        dials=Dials(
            rng.uniform(*genre.tempo),
            rng.uniform(*genre.brightness),
            rng.uniform(*genre.density),
            rng.uniform(*genre.wetness),
            rng.uniform(*genre.grit),
        ),
        tonic=int(rng.integers(12)),
        scale=str(rng.choice(genre.scales)),
        swing=rng.uniform(*genre.swing),
        bass=patch(genre.bass),
        chords=patch(source("chords").chords),
        lead=patch(source("lead").lead),
        kit=Kit(rng.uniform(0.8, 1.25), rng.uniform(0.55, 1.5), rng.uniform(0.15, 0.9)),
        drums=tuple(drums[int(k)] for k in rng.permutation(len(drums))[:2]),
        bass_lines=some(genre.bass_lines),
        chord_rhythms=some(genre.chord_rhythms),
        chord_style=genre.chord_style,
        registers=(
            genre.registers[0] + int(rng.integers(-3, 4)),
            genre.registers[1] + int(rng.integers(-5, 6)),
            genre.registers[2] + int(rng.integers(-6, 7)),
        ),
        balance=(
            rng.uniform(0.55, 1.2),
            rng.uniform(0.6, 1.1),
            rng.uniform(0.5, 1.1),
            rng.uniform(0.6, 1.15),
        ),
        echo_beats=float(rng.choice([0.5, 0.75, 1.0, 1.5])),
        room_seconds=rng.uniform(0.4, 1.2) + 1.6 * rng.uniform(*genre.wetness),
        width=rng.uniform(0.2, 0.8),
        loudness=rng.uniform(0.09, 0.16),
    )
