"""What a genre is in the demo world: tempo, harmony, rhythm, instruments and room.

Rhythms are written as text, one character for a sixteenth: ``x`` an accent, ``o`` a plain hit,
``-`` a ghost note, ``.`` silence. Bass lines name what is played: ``1`` root, ``3`` third, ``5``
fifth, ``7`` seventh, ``8`` octave. Ranges are (low, high); artists settle within them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from data.demo.instruments import Patch, Synth

Range = tuple[float, float]
Rhythm = Mapping[str, str]

SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "harmonic": (0, 2, 3, 5, 7, 8, 11),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
}
"""Semitones above the tonic."""


@dataclass(frozen=True, slots=True)
class Genre:
    """A style that artists share.

    Parameters
    ----------
    name : str
        As in the tag.
    tempo : (float, float)
        Quarter notes a minute.
    scales : tuple of str
        Keys of ``SCALES``.
    progressions : tuple of tuples of int
        Scale degree (0 is the tonic) of the chord of each bar.
    chord : tuple of int
        Scale steps above a chord's root.
    drums : tuple of mappings
        Patterns of one bar by the name of the drum; empty for none.
    bass_lines, chord_rhythms : tuple of str
        Patterns of one bar.
    chord_style : str
        ``block``, ``strum`` or ``arpeggio``.
    chord_gate, lead_gate : float
        Length of notes as a share of the time to the next one.
    bass, chords, lead : tuple of Patch
        Instruments to choose from.
    lead_rate : float
        Melody notes a beat at medium density; 0 for none.
    registers : tuple of int
        MIDI notes around which bass, chords and lead are played.
    swing : (float, float)
        Delay of every second unit as a share of it; a third is a triplet feel.
    swing_unit : int
        Sixteenths that swing as one: 2 for eighths, 1 for sixteenths.
    brightness, density, wetness, grit : (float, float)
        Where artists lie on the audible dials, within 0 … 1.
    pump : float
        How far the kick drum pushes everything else down, 0 … 1.
    echo : float
        Level of the echo on chords and lead, 0 … 1.
    crackle : float
        Level of record noise, 0 … 1.
    years : (int, int)
        When its artists began to publish.
    """

    name: str
    tempo: Range
    scales: tuple[str, ...]
    progressions: tuple[tuple[int, ...], ...]
    chord: tuple[int, ...]
    drums: tuple[Rhythm, ...]
    bass_lines: tuple[str, ...]
    chord_rhythms: tuple[str, ...]
    chord_style: str
    bass: tuple[Patch, ...]
    chords: tuple[Patch, ...]
    lead: tuple[Patch, ...]
    lead_rate: float
    registers: tuple[int, int, int]
    brightness: Range
    density: Range
    wetness: Range
    grit: Range
    chord_gate: float = 0.9
    lead_gate: float = 0.85
    swing: Range = (0.0, 0.03)
    swing_unit: int = 2
    pump: float = 0.0
    echo: float = 0.0
    crackle: float = 0.0
    years: tuple[int, int] = (2008, 2022)


def _wave(tilt: float, **more: float) -> Patch:
    return Patch(Synth.WAVE, tilt=tilt, **more)


def _fm(ratio: float, index: float, **more: float) -> Patch:
    return Patch(Synth.FM, ratio=ratio, index=index, **more)


def _pluck(tilt: float, decay: float, **more: float) -> Patch:
    return Patch(Synth.PLUCK, tilt=tilt, decay=decay, sustain=0.6, **more)


AMBIENT = Genre(
    name="Ambient",
    tempo=(54, 78),
    scales=("lydian", "major", "dorian"),
    progressions=((0, 4, 1, 3), (0, 3), (0, 1, 5, 4), (3, 0, 4, 5)),
    chord=(0, 2, 4, 8),
    drums=({}, {}, {"shaker": "-...-...-...-...", "tom": "o.............-."}),
    bass_lines=("1...............", "1.......5......."),
    chord_rhythms=("x...............", "x.......o......."),
    chord_style="block",
    chord_gate=1.15,
    lead_gate=1.6,
    bass=(_wave(2.6, attack=0.3, sustain=0.9, release=0.8),),
    chords=(
        _wave(1.9, attack=0.7, sustain=0.9, release=1.2, detune=9),
        _wave(2.3, even=0.3, attack=0.5, sustain=0.95, release=1.4, detune=5),
        _fm(1.0, 1.0, attack=0.6, decay=2.0, sustain=0.8, release=1.2),
    ),
    lead=(
        _fm(3.5, 1.2, decay=1.4, sustain=0.1, release=1.2),
        _wave(2.8, attack=0.2, sustain=0.8, release=0.8, vibrato=12),
        _pluck(1.6, 1.2, release=1.0),
    ),
    lead_rate=0.55,
    registers=(40, 62, 79),
    brightness=(0.1, 0.55),
    density=(0.05, 0.4),
    wetness=(0.6, 1.0),
    grit=(0.0, 0.15),
    echo=0.35,
)

FOLK = Genre(
    name="Folk",
    tempo=(84, 124),
    scales=("major", "mixolydian", "dorian"),
    progressions=((0, 3, 4, 0), (0, 5, 3, 4), (0, 4, 5, 3), (0, 6, 3, 0)),
    chord=(0, 2, 4, 7),
    drums=(
        {},
        {"shaker": "o.-.x.-.o.-.x.-."},
        {"kick": "o.......o.......", "shaker": "-.o.x.o.-.o.x.o."},
    ),
    bass_lines=("1.......5.......", "1.....1.5......."),
    chord_rhythms=("x...o.oo..o.o.o.", "x.o.o.o.x.o.o.o.", "x..o..o.x..o..o."),
    chord_style="strum",
    chord_gate=1.6,
    bass=(_pluck(2.2, 0.9),),
    chords=(_pluck(1.2, 1.0, release=0.4), _pluck(0.7, 0.7, release=0.3)),
    lead=(
        _wave(2.7, even=0.6, attack=0.05, sustain=0.85, vibrato=14),
        _wave(1.4, attack=0.08, sustain=0.9, vibrato=18, gain=0.8),
        _pluck(0.8, 0.6),
    ),
    lead_rate=1.2,
    registers=(43, 57, 74),
    brightness=(0.3, 0.75),
    density=(0.25, 0.65),
    wetness=(0.05, 0.4),
    grit=(0.0, 0.2),
    years=(2006, 2022),
)

JAZZ = Genre(
    name="Jazz",
    tempo=(104, 176),
    scales=("dorian", "major", "mixolydian"),
    progressions=((1, 4, 0, 0), (0, 5, 1, 4), (2, 5, 1, 4), (0, 3, 1, 4)),
    chord=(2, 4, 6, 8),
    drums=(
        {"ride": "x...x.o.x...x.o.", "hat": "....o.......o...", "kick": "-.......-....."},
        {"ride": "x...o.-.x...o.-.", "rim": "..............o.", "kick": "o.....-...-....."},
        {"hat": "o.-.x.-.o.-.x.-.", "snare": "......-.....-...", "ride": "x.......x......."},
    ),
    bass_lines=("1...3...5...7...", "1...5...8...5...", "1...3...5...3..."),
    chord_rhythms=("x.....o.........", "......x.......o.", "x.........o....."),
    chord_style="block",
    chord_gate=0.4,
    bass=(_pluck(2.4, 0.5), _pluck(2.0, 0.7)),
    chords=(
        _fm(1.0, 1.6, decay=0.7, sustain=0.35),
        _fm(2.0, 0.9, decay=0.5, sustain=0.3),
        _pluck(1.8, 0.4),
    ),
    lead=(
        _wave(1.3, even=0.75, attack=0.04, sustain=0.85, vibrato=16),
        _fm(4.0, 1.0, decay=0.8, sustain=0.1, release=0.5),
        _fm(1.0, 2.2, decay=0.6, sustain=0.3),
    ),
    lead_rate=1.9,
    registers=(41, 60, 71),
    brightness=(0.2, 0.65),
    density=(0.4, 0.85),
    wetness=(0.15, 0.45),
    grit=(0.0, 0.2),
    swing=(0.22, 0.34),
    years=(2005, 2021),
)

HIP_HOP = Genre(
    name="Hip-Hop",
    tempo=(74, 100),
    scales=("minor", "dorian", "phrygian"),
    progressions=((0, 5), (0, 3), (0, 0, 5, 4), (0, 5, 3, 4)),
    chord=(0, 2, 4, 6),
    drums=(
        {"kick": "x.....o...x.....", "snare": "....x.......x...", "hat": "x.o.x.o.x.o.x.o."},
        {"kick": "x..o....o.x.....", "snare": "....x.......x..-", "hat": "xoo.x.o-x.oox.o."},
        {"kick": "x......x..o.....", "clap": "....x.......x...", "hat": "x-o-x-o-x-ooxooo"},
    ),
    bass_lines=("1.....1...1.....", "1..1......5.....", "1......1..8....."),
    chord_rhythms=("x...............", "x.......o.....o.", "x..o......o....."),
    chord_style="block",
    chord_gate=0.7,
    bass=(
        _wave(3.4, decay=0.5, sustain=0.7, gain=1.3),
        _wave(2.4, even=0.4, decay=0.3, sustain=0.6, gain=1.1),
    ),
    chords=(
        _fm(1.0, 1.3, decay=0.6, sustain=0.3),
        _pluck(1.5, 0.5),
        _wave(1.8, attack=0.02, decay=0.4, sustain=0.4, detune=7),
    ),
    lead=(
        _wave(2.2, even=0.5, attack=0.02, sustain=0.6, vibrato=8),
        _fm(3.0, 1.5, decay=0.4, sustain=0.1),
    ),
    lead_rate=0.8,
    registers=(34, 60, 72),
    brightness=(0.1, 0.6),
    density=(0.35, 0.75),
    wetness=(0.0, 0.3),
    grit=(0.15, 0.5),
    swing=(0.1, 0.25),
    swing_unit=1,
    crackle=0.5,
)

DUB = Genre(
    name="Dub",
    tempo=(64, 92),
    scales=("minor", "dorian"),
    progressions=((0, 3), (0, 6), (0, 3, 0, 4), (0, 5, 6, 0)),
    chord=(0, 2, 4),
    drums=(
        {"kick": "........x.......", "rim": "........x....-..", "hat": "o.x.o.x.o.x.o.xo"},
        {"kick": "x...x...x...x...", "rim": "........x.......", "hat": "..x...x...x...x."},
        {"kick": "x.......x.......", "snare": "....x.......x...", "hat": "-.x.-.x.-.x.-.x."},
    ),
    bass_lines=("1..1..5...8.5...", "1...1.3.5.......", "..1.1...5.3.1..."),
    chord_rhythms=("....x.......x...", "....x..o....x...", "..x...x...x...x."),
    chord_style="block",
    chord_gate=0.3,
    bass=(
        _wave(2.8, decay=0.4, sustain=0.8, gain=1.5),
        _wave(2.1, even=0.3, decay=0.3, sustain=0.7, gain=1.3),
    ),
    chords=(
        _wave(1.2, even=0.5, decay=0.1, sustain=0.3, release=0.06),
        _pluck(0.9, 0.3),
        _wave(1.7, even=1.0, decay=0.15, sustain=0.5),
    ),
    lead=(
        _wave(1.9, even=0.2, attack=0.03, sustain=0.7, vibrato=10),
        _wave(2.4, attack=0.06, sustain=0.8, vibrato=15),
    ),
    lead_rate=0.7,
    registers=(33, 64, 71),
    brightness=(0.15, 0.6),
    density=(0.2, 0.6),
    wetness=(0.4, 0.8),
    grit=(0.05, 0.35),
    echo=0.7,
    swing=(0.0, 0.15),
)

TECHNO = Genre(
    name="Techno",
    tempo=(118, 144),
    scales=("minor", "phrygian", "dorian"),
    progressions=((0,), (0, 0, 0, 5), (0, 1), (0, 0, 6, 5)),
    chord=(0, 2, 4, 6),
    drums=(
        {"kick": "x...x...x...x...", "open": "..o...o...o...o.", "clap": "....x.......x..."},
        {"kick": "x...x...x...x..-", "hat": "-oxo-oxo-oxo-oxo", "rim": "...o..o....o..o."},
        {"kick": "x...x...x...x...", "hat": "xoxoxoxoxoxoxoxo", "tom": "......o....o...."},
    ),
    bass_lines=("..11..11..11..11", "1.81.81.1.81.81.", ".111.111.111.151"),
    chord_rhythms=("...x..x.....x...", "x.....x.....x...", "..x...........x."),
    chord_style="block",
    chord_gate=0.35,
    bass=(
        _wave(1.1, decay=0.12, sustain=0.25, release=0.05),
        _wave(1.5, even=0.2, decay=0.15, sustain=0.4, release=0.05),
    ),
    chords=(
        _wave(1.0, decay=0.15, sustain=0.2, detune=12),
        _fm(1.5, 3.0, decay=0.2, sustain=0.1),
        _wave(1.4, attack=0.01, decay=0.3, sustain=0.3, detune=8),
    ),
    lead=(
        _wave(1.0, decay=0.14, sustain=0.15, release=0.06),
        _fm(2.5, 2.5, decay=0.15, sustain=0.05),
    ),
    lead_rate=1.6,
    lead_gate=0.5,
    registers=(36, 62, 69),
    brightness=(0.3, 0.85),
    density=(0.5, 0.95),
    wetness=(0.1, 0.55),
    grit=(0.1, 0.5),
    pump=0.65,
    echo=0.3,
    years=(2007, 2022),
)

METAL = Genre(
    name="Metal",
    tempo=(132, 184),
    scales=("phrygian", "harmonic", "minor"),
    progressions=((0, 0, 1, 0), (0, 5, 6, 0), (0, 5, 2, 6), (0, 1, 0, 4)),
    chord=(0, 4, 7),
    drums=(
        {"kick": "x.x.x.x.x.x.x.x.", "snare": "....x.......x...", "open": "x...x...x...x..."},
        {"kick": "xoxoxoxoxoxoxoxo", "snare": "........x.......", "crash": "x..............."},
        {"kick": "x..xx..xx..x.x..", "snare": "....x.......x.o.", "ride": "x.x.x.x.x.x.x.x."},
    ),
    bass_lines=("1.1.1.1.1.1.1.1.", "1.111.111.111.11", "1..11..11..1.1.."),
    chord_rhythms=("x.ooo.ooo.ooo.oo", "x.......o...o.o.", "x..oo..oo..o.o.."),
    chord_style="block",
    chord_gate=0.8,
    bass=(_pluck(1.0, 0.5, gain=0.8), _wave(1.3, decay=0.4, sustain=0.6, gain=0.7)),
    chords=(_pluck(0.6, 1.2, gain=1.6), _wave(0.9, decay=0.8, sustain=0.7, detune=6, gain=1.5)),
    lead=(
        _wave(1.0, attack=0.01, sustain=0.9, vibrato=22),
        _pluck(0.4, 1.5),
    ),
    lead_rate=2.1,
    registers=(36, 50, 74),
    brightness=(0.45, 0.95),
    density=(0.6, 1.0),
    wetness=(0.0, 0.3),
    grit=(0.65, 1.0),
)

CHIPTUNE = Genre(
    name="Chiptune",
    tempo=(126, 178),
    scales=("major", "minor", "mixolydian"),
    progressions=((0, 4, 5, 3), (5, 3, 0, 4), (0, 5, 3, 4), (0, 3, 4, 4)),
    chord=(0, 2, 4, 7),
    drums=(
        {"kick": "x.....x.x.......", "snare": "....x.......x...", "hat": "o.o.o.o.o.o.o.oo"},
        {"kick": "x...x...x...x...", "snare": "....x.......x.oo", "hat": "..o...o...o...o."},
        {"kick": "x..x..x.x..x..x.", "snare": "....x.......x..."},
    ),
    bass_lines=("1.8.1.8.1.8.1.8.", "1.1.5.5.8.8.5.5.", "1..1..1.5..5..5."),
    chord_rhythms=("xoxoxoxoxoxoxoxo", "x.o.o.o.x.o.o.o.", "xoo.xoo.xoo.xoo."),
    chord_style="arpeggio",
    chord_gate=0.7,
    bass=(_wave(2.0, even=0.0, decay=0.6, sustain=0.8, release=0.02),),
    chords=(
        _wave(1.0, even=0.0, decay=0.2, sustain=0.5, release=0.02, gain=0.8),
        _wave(0.8, even=0.7, decay=0.15, sustain=0.4, release=0.02, gain=0.7),
    ),
    lead=(
        _wave(1.0, even=0.0, decay=0.5, sustain=0.7, release=0.03, vibrato=12),
        _wave(0.7, even=0.6, decay=0.4, sustain=0.6, release=0.03, vibrato=16),
    ),
    lead_rate=1.9,
    registers=(40, 67, 79),
    brightness=(0.4, 1.0),
    density=(0.45, 0.95),
    wetness=(0.0, 0.15),
    grit=(0.0, 0.35),
    echo=0.15,
    years=(2010, 2022),
)

GENRES = (AMBIENT, FOLK, JAZZ, HIP_HOP, DUB, TECHNO, METAL, CHIPTUNE)
"""Genres in the order in which artists are dealt to them."""
