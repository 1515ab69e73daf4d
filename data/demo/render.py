"""From notes to a finished track: stems, effects, mix and master."""

from __future__ import annotations

import numpy as np

from data.demo import effects
from data.demo.arrange import Note, Score, compose
from data.demo.catalogue import Song
from data.demo.instruments import Patch, Sound, drum, tone

PEAK = 0.82
"""Highest sample of a track: lossy codecs overshoot, and must not clip."""

_BASS = 0.55
_LENGTHS = 12.0
"""Notes are cut to lengths of that many to the second, so that equal notes are rendered once."""


def render(song: Song) -> Sound:
    """Samples of `song` [shape=(n_samples, channels), dtype=float32], within −1 … 1.

    The same song gives the same samples, whatever was rendered before.
    """
    score = compose(song)
    rng = np.random.default_rng((*song.seed, 1))
    n, sr, artist = int(song.seconds * song.sr), song.sr, song.artist
    dials = song.dials
    drums = _drums(score, song, n, rng)
    bass = _part(score.bass, artist.bass, song, n, rng)
    chords = _part(score.chords, artist.chords, song, n, rng)
    lead = _part(score.lead, artist.lead, song, n, rng)

    chords = effects.drive(chords, dials.grit)
    bass = effects.drive(bass, 0.5 * dials.grit)
    lead = effects.drive(lead, 0.7 * dials.grit)
    genre = artist.genre
    if genre.echo:
        lag = artist.echo_beats * 60.0 / dials.tempo
        chords = effects.echo(chords, lag, genre.echo, sr)
        lead = effects.echo(lead, lag, genre.echo, sr)
    if genre.pump and "kick" in score.drums:
        gain = effects.duck([hit.start for hit in score.drums["kick"]], genre.pump, n, sr)
        bass, chords, lead = bass * gain, chords * gain, lead * gain

    # Low notes carry far more power than they seem to: the bass stands lower than it sounds.
    levels = np.array(artist.balance, np.float32) * np.array([1.0, _BASS, 1.0, 1.0], np.float32)
    stems = [drums * levels[0], bass * levels[1], chords * levels[2], lead * levels[3]]
    if genre.crackle:
        stems.append(effects.crackle(n, genre.crackle, sr, rng))
    send = np.float32(0.25) * stems[0] + stems[2] + stems[3]
    rooms = [(artist.room_seconds, dials.brightness)] * song.channels
    wet = effects.reverberate(send, rooms, sr, rng) if dials.wetness > 0.05 else []
    channels = []
    for channel in range(song.channels):
        side = (-1) ** channel * artist.width if song.channels == 2 else 0.0
        y = stems[0] + stems[1] + stems[2] * np.float32(1 - 0.4 * side)
        y += stems[3] * np.float32(1 + 0.4 * side)
        if genre.crackle:
            y += stems[4]
        if wet:
            y += np.float32(1.1 * dials.wetness) * wet[channel]
        channels.append(effects.lowpass(y, 1500.0 * 2 ** (3.2 * dials.brightness), sr))
    return _master(np.stack(channels, axis=1), artist.loudness, sr)


def _part(notes: list[Note], patch: Patch, song: Song, n: int, rng: np.random.Generator) -> Sound:
    """All notes of one instrument [shape=(n,)]."""
    stem = np.zeros(n, np.float32)
    rendered: dict[tuple[int, int], Sound] = {}
    for note in notes:
        start = int(note.start * song.sr)
        if start >= n:
            continue
        key = note.midi, max(1, round(note.seconds * _LENGTHS))
        if key not in rendered:
            seconds = key[1] / _LENGTHS
            rendered[key] = tone(patch, note.midi, seconds, song.dials.brightness, song.sr, rng)
        y = rendered[key][: n - start]
        stem[start : start + len(y)] += np.float32(0.5 * patch.gain * note.level) * y
    return stem


def _drums(score: Score, song: Song, n: int, rng: np.random.Generator) -> Sound:
    stem = np.zeros(n, np.float32)
    for name, hits in sorted(score.drums.items()):
        y = drum(name, song.artist.kit, song.dials.brightness, song.sr, rng)
        for hit in hits:
            start = int(hit.start * song.sr)
            if start < n:
                part = y[: n - start]
                stem[start : start + len(part)] += np.float32(0.8 * hit.level) * part
    return stem


def _master(y: Sound, loudness: float, sr: int) -> Sound:
    """Bring `y` [shape=(n, channels)] to its loudness, limit it softly and fade its ends."""
    y = y - y.mean(axis=0)
    y *= np.float32(loudness) / (np.sqrt(np.mean(np.square(y))) + np.float32(1e-6))
    y = np.float32(PEAK) * np.tanh(y / np.float32(PEAK))
    for end, seconds in ((y, 0.01), (y[::-1], 0.6)):
        fade = min(int(seconds * sr), len(y))
        end[:fade] *= np.linspace(0, 1, fade, dtype=np.float32)[:, None]
    return np.asarray(y, np.float32)
