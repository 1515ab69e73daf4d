"""What happens to a recording on its way: equalisers, codecs, rooms, excerpts. Offline only.

Each distortion takes samples and their rate, and gives samples, their rate and the file format they
are to be kept in. Level is brought back below full scale where a change exceeds it, as an engineer
would; only `gain_plus_6_db` is left to clip.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from scipy import signal

from data.arrays import Floats
from data.demo.effects import room

Changed = tuple[Floats, int]
"""Samples [shape=(n, channels)] and their rate in Hz."""

Distortion = Callable[[Floats, int, np.random.Generator], Changed]

_MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_MP3_KBIT = 64


def _gain(decibels: float) -> Distortion:
    factor = np.float32(10.0 ** (decibels / 20.0))
    return lambda y, sr, _: (y * factor, sr)


def _equaliser(
    *shelves: tuple[float, float, str],
) -> Distortion:
    def apply(y: Floats, sr: int, _: np.random.Generator) -> Changed:
        sections = np.stack([shelf(hertz, gain, kind, sr) for hertz, gain, kind in shelves])
        filtered = signal.sosfilt(sections.astype(np.float32), y, axis=0)
        return _below_full_scale(np.asarray(filtered, np.float32)), sr

    return apply


def shelf(hertz: float, gain_db: float, kind: str, sr: int) -> NDArray[np.float64]:
    """Second-order section [shape=(6,)] of a shelving equaliser of slope 1.

    Robert Bristow-Johnson, "Audio EQ cookbook" (W3C note, 2021).

    Parameters
    ----------
    hertz : float
        Middle of the transition; kept below 0.45 `sr`.
    gain_db : float
        Gain on the shelf.
    kind : {"low", "high"}
        Whether the shelf lies below or above `hertz`.
    sr : int
        Sample rate in Hz.
    """
    a = 10.0 ** (gain_db / 40.0)
    w = 2.0 * np.pi * min(hertz, 0.45 * sr) / sr
    side = 1.0 if kind == "low" else -1.0
    cos, slope = side * np.cos(w), np.sqrt(2.0 * a) * np.sin(w)
    up, down = a + 1.0, a - 1.0
    b = [
        a * (up - down * cos + slope),
        side * 2 * a * (down - up * cos),
        a * (up - down * cos - slope),
    ]
    c = [up + down * cos + slope, side * -2 * (down + up * cos), up + down * cos - slope]
    return np.array([*b, *c], np.float64) / float(c[0])


def _noise(y: Floats, sr: int, rng: np.random.Generator) -> Changed:
    level = np.sqrt(np.mean(np.square(y))) * np.float32(10.0 ** (-20.0 / 20.0))
    return _below_full_scale(y + level * rng.standard_normal(y.shape, np.float32)), sr


def _resample(rate: int) -> Distortion:
    return lambda y, sr, _: (resampled(y, sr, rate), rate)


def _mp3(y: Floats, sr: int, _: np.random.Generator) -> Changed:
    return (y, sr) if sr in _MP3_RATES else (resampled(y, sr, 44100), 44100)


def _reverb(y: Floats, sr: int, rng: np.random.Generator) -> Changed:
    """A hall of 1.2 s, the room 6 dB below the direct sound."""
    response = room(1.2, 0.5, sr, rng)
    wet = signal.oaconvolve(y, response[:, None], axes=0)[: len(y)]
    return _below_full_scale(y + np.float32(0.5) * wet.astype(np.float32)), sr


def _excerpt(y: Floats, sr: int, rng: np.random.Generator) -> Changed:
    """10 s from anywhere; the whole of a shorter track."""
    length = min(10 * sr, len(y))
    start = int(rng.integers(0, len(y) - length + 1))
    return y[start : start + length], sr


DISTORTIONS: dict[str, Distortion] = {
    "gain_plus_6_db": _gain(6.0),
    "gain_minus_6_db": _gain(-6.0),
    "low_shelf": _equaliser((200.0, 6.0, "low")),
    "high_shelf": _equaliser((4000.0, -6.0, "high")),
    "tilt": _equaliser((1000.0, -4.0, "low"), (1000.0, 4.0, "high")),
    "noise_20_db": _noise,
    "resample_16_khz": _resample(16_000),
    "resample_8_khz": _resample(8_000),
    "mp3_64_kbit": _mp3,
    "reverb": _reverb,
    "excerpt_10_s": _excerpt,
}


def write_distorted(name: str, y: Floats, sr: int, stem: Path, rng: np.random.Generator) -> Path:
    """Apply distortion `name` and write what comes out as 16-bit WAV, or as MP3 of 64 kbit/s.

    Parameters
    ----------
    name : str
        Key of `DISTORTIONS`.
    y : np.ndarray [shape=(n, channels), dtype=float32]
        Samples, full scale ±1.
    sr : int
        Their rate in Hz.
    stem : Path
        Path of the file without its ending.
    rng : np.random.Generator
        Source of noise, room and place of the excerpt.

    Returns
    -------
    Path
        The file.
    """
    changed, rate = DISTORTIONS[name](y, sr, rng)
    changed = np.clip(changed, -1.0, 1.0)
    if name != "mp3_64_kbit":
        path = stem.with_suffix(".wav")
        soundfile.write(path, changed, rate, "PCM_16")
        return path
    path = stem.with_suffix(".mp3")
    stereo = changed[:, :2]  # MP3 has no more
    # libsndfile maps 0 … 1 to the highest … lowest bit rate of the MPEG version of that rate.
    low, high = (32, 320) if rate >= 32_000 else (8, 160) if rate >= 16_000 else (8, _MP3_KBIT)
    with soundfile.SoundFile(
        path,
        "w",
        rate,
        stereo.shape[1],
        "MPEG_LAYER_III",
        format="MP3",
        bitrate_mode="CONSTANT",
        compression_level=(high - _MP3_KBIT) / (high - low),
    ) as file:
        file.write(stereo)
    return path


def resampled(y: Floats, sr: int, rate: int) -> Floats:
    """`y` at `rate` Hz, never above full scale."""
    return _below_full_scale(np.asarray(soxr.resample(y, sr, rate, quality="HQ"), np.float32))


def _below_full_scale(y: Floats) -> Floats:
    peak = float(np.abs(y).max())
    return np.asarray(y / np.float32(max(1.0, peak)), np.float32)
