"""From a plan to notes: sections, harmony, bass line, melody and drums.

A track is a row of phrases of two bars. Melodies are built from two motifs that come back, moved
with the chords, so that a track has something to remember; sections differ in which parts play,
in the chords and in loudness.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from data.demo.catalogue import Song
from data.demo.genres import SCALES

_LEVEL = {"x": 1.0, "o": 0.68, "-": 0.36}
_DEGREE = {"1": 0, "3": 2, "5": 4, "7": 6, "8": 7}
_MOVES = (0.06, 0.14, 0.25, 0.12, 0.25, 0.12, 0.06)
_BAR = 16
_FORMS = ("iABA", "ABAC", "iAAB", "AABA", "iABC")


class Note(NamedTuple):
    """A note: seconds from the start, seconds held, MIDI number and level (0 … 1)."""

    start: float
    seconds: float
    midi: int
    level: float


class Hit(NamedTuple):
    """A drum hit: seconds from the start and level (0 … 1)."""

    start: float
    level: float


@dataclass
class Score:
    """Everything that is played in a track.

    Parameters
    ----------
    bass, chords, lead : list of Note
        Pitched parts.
    drums : dict of str to list of Hit
        Hits by the name of the drum.
    """

    bass: list[Note] = field(default_factory=list)
    chords: list[Note] = field(default_factory=list)
    lead: list[Note] = field(default_factory=list)
    drums: dict[str, list[Hit]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Section:
    """What a letter of a form stands for."""

    level: float
    progression: Sequence[int]
    drums: int | None
    bass: bool
    motif: int | None
    fullness: float


class _Motif(NamedTuple):
    """A melodic idea of two bars: sixteenths of its notes, their lengths and scale steps."""

    onsets: tuple[int, ...]
    lengths: tuple[int, ...]
    steps: tuple[int, ...]


def compose(song: Song) -> Score:
    """The notes of `song`; the same song gives the same notes."""
    arranger = _Arranger(song, np.random.default_rng((*song.seed, 0)))
    n_bars = int(np.ceil(song.seconds / (_BAR * arranger.step)))
    for bar in range(n_bars):
        arranger.play(bar)
    return arranger.score


class _Arranger:
    """Writes the bars of one song into a score."""

    def __init__(self, song: Song, rng: np.random.Generator) -> None:
        self.song, self.rng = song, rng
        self.artist, self.genre = song.artist, song.artist.genre
        self.step = 15.0 / song.dials.tempo
        self.score = Score()
        self.form = str(rng.choice(_FORMS))
        self.sections = self._sections()
        self.motifs = (self._motif(), self._motif())
        self.line = str(rng.choice(self.artist.bass_lines))
        self.rhythms = tuple(str(rng.choice(self.artist.chord_rhythms)) for _ in range(2))

    def play(self, bar: int) -> None:
        """Write all parts of one bar."""
        phrase = bar // 2
        # A long track takes its form again from the second letter: an introduction comes once.
        letter = self.form[phrase] if phrase < 4 else self.form[1 + (phrase - 1) % 3]
        section = self.sections[letter]
        root = section.progression[bar % len(section.progression)]
        start = bar * _BAR
        if section.drums is not None:
            self._play_drums(section, start, fill=bar % 4 == 3)
        if section.bass:
            self._play_bass(section, start, root)
        self._play_chords(section, start, root)
        if section.motif is not None:
            self._play_motif(section, start, root, half=bar % 2)

    def _time(self, step: float) -> float:
        """Seconds at a sixteenth, with swing and the inexactness of a player."""
        unit = self.genre.swing_unit
        late = self.artist.swing * unit if int(step) // unit % 2 else 0.0
        loose = (0.0015 + 0.02 * self.artist.swing) * self.rng.standard_normal()
        return max(0.0, float((step + late) * self.step + loose))

    def _level(self, written: float, section: _Section) -> float:
        return float(written * section.level * self.rng.uniform(0.88, 1.0))

    def _sections(self) -> dict[str, _Section]:
        progressions = self.genre.progressions
        first, second = (progressions[int(k)] for k in self.rng.integers(len(progressions), size=2))
        full = self.song.dials.density
        intro_drums = None if self.rng.random() < 0.6 else 0
        break_drums = None if self.rng.random() < 0.4 else 1
        return {
            "i": _Section(0.7, first, intro_drums, self.rng.random() < 0.5, None, full),
            "A": _Section(0.9, first, 0, True, 0, full),
            "B": _Section(1.0, second, 1, True, 1, min(1.0, full + 0.2)),
            "C": _Section(0.75, second, break_drums, True, 0, max(0.0, full - 0.3)),
        }

    def _motif(self) -> _Motif:
        """Onsets by metrical weight, pitches by a walk that leans back to where it began."""
        rate = self.genre.lead_rate * (0.6 + 0.8 * self.song.dials.density)
        n_notes = int(np.clip(round(rate * 8), 2, 24))
        steps = np.arange(2 * _BAR)
        weight = np.select([steps % 8 == 0, steps % 4 == 0, steps % 2 == 0], [5.0, 4.0, 2.5], 0.5)
        onsets = np.sort(self.rng.choice(steps, n_notes, False, weight / weight.sum()))
        gaps = np.diff(np.append(onsets, 2 * _BAR))
        walk, place = [], int(self.rng.integers(0, 5))
        for _ in onsets:
            walk.append(place)
            move = int(self.rng.choice([-3, -2, -1, 0, 1, 2, 4], p=_MOVES))
            place = int(np.clip(place + move - round(0.25 * (place - 2)), -3, 9))
        return _Motif(tuple(onsets.tolist()), tuple(gaps.tolist()), tuple(walk))

    def _midi(self, degree: int, register: int) -> int:
        """MIDI number of a scale degree, counted from the octave around `register`."""
        scale = SCALES[self.artist.scale]
        octave, place = divmod(degree, len(scale))
        tonic = register - 6 + (self.song.tonic - (register - 6)) % 12
        return int(tonic + scale[place] + 12 * octave)

    def _near(self, degree: int, register: int) -> int:
        """The same pitch class within half an octave of `register`: voices move little."""
        low = register - 6
        return low + (self._midi(degree, register) - low) % 12

    def _play_drums(self, section: _Section, start: int, *, fill: bool) -> None:
        pattern = self.artist.drums[(section.drums or 0) % len(self.artist.drums)]
        for name, rhythm in pattern.items():
            hits = self.score.drums.setdefault(name, [])
            for step, mark in enumerate(rhythm):
                # Quiet marks are the first to go where a track is sparse.
                sparse = mark in "o-" and self.rng.random() > 0.35 + section.fullness
                if mark != "." and not sparse:
                    level = self._level(_LEVEL[mark], section)
                    hits.append(Hit(self._time(start + step), level))
        if fill and pattern:
            drum = "snare" if "snare" in pattern else next(reversed(list(pattern)))
            for step in range(16 - int(2 + 6 * section.fullness), 16):
                if self.rng.random() < 0.4 + 0.5 * section.fullness:
                    level = self._level(0.4 + 0.03 * step, section)
                    self.score.drums.setdefault(drum, []).append(
                        Hit(self._time(start + step), level)
                    )

    def _play_bass(self, section: _Section, start: int, root: int) -> None:
        onsets = [step for step, mark in enumerate(self.line) if mark != "."]
        for step, following in zip(onsets, [*onsets[1:], _BAR], strict=True):
            degree = root + _DEGREE[self.line[step]]
            held = max(following - step, 1) * self.step * 0.92
            midi = self._near(root, self.artist.registers[0]) + (
                self._midi(degree, 36) - self._midi(root, 36)
            )
            level = self._level(1.0 if step % 4 == 0 else 0.8, section)
            self.score.bass.append(Note(self._time(start + step), held, midi, level))

    def _play_chords(self, section: _Section, start: int, root: int) -> None:
        rhythm = self.rhythms[section.motif or 0]
        register = self.artist.registers[1]
        voices = sorted({self._near(root + above, register) for above in self.genre.chord})
        onsets = [
            step
            for step, mark in enumerate(rhythm)
            if mark == "x" or (mark != "." and self.rng.random() < 0.4 + 0.7 * section.fullness)
        ]
        for count, step in enumerate(onsets):
            following = onsets[count + 1] if count + 1 < len(onsets) else _BAR
            held = (following - step) * self.step * self.genre.chord_gate
            level = self._level(_LEVEL[rhythm[step]], section)
            begin = self._time(start + step)
            if self.artist.chord_style == "arpeggio":
                voice = voices[count % len(voices)] + 12 * (count // len(voices) % 2)
                self.score.chords.append(Note(begin, held, voice, level))
                continue
            share = level / np.sqrt(len(voices))
            # A strum takes its time from the lowest string to the highest, and back on upbeats.
            lag = 0.016 if self.artist.chord_style == "strum" else 0.0
            order = voices if step % 4 == 0 else voices[::-1]
            for string, voice in enumerate(order):
                self.score.chords.append(Note(begin + lag * string, held, voice, share))

    def _play_motif(self, section: _Section, start: int, root: int, *, half: int) -> None:
        motif = self.motifs[section.motif or 0]
        for onset, length, walk in zip(*motif, strict=True):
            if onset // _BAR != half or self.rng.random() < 0.06:
                continue
            step = onset % _BAR
            # On the beat the melody belongs to the chord, between beats to the scale.
            degree = root + 2 * round(walk / 2) if step % 8 == 0 else walk
            held = min(length, 12) * self.step * self.genre.lead_gate
            midi = self._midi(degree, self.artist.registers[2])
            level = self._level(1.0 if step % 4 == 0 else 0.8, section)
            self.score.lead.append(Note(self._time(start + step), held, midi, level))
