"""Voices of the demo world: pitched tones from a patch and a drum kit, as plain arrays.

Three ways to make a tone cover the instruments: a wavetable that grows duller as it sounds
(organs, pads, basses, square leads), two-operator frequency modulation (electric pianos, bells;
Chowning 1973) and a plucked string (Karplus and Strong 1983). Each costs a few array operations
a note, which is what makes a library of several hundred tracks a matter of seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy import fft, signal

Sound = NDArray[np.float32]

_TABLE = 4096
_MAX_PARTIALS = 48


class Synth(StrEnum):
    """How a patch makes its tone."""

    WAVE = "wave"
    FM = "fm"
    PLUCK = "pluck"


@dataclass(frozen=True, slots=True)
class Patch:
    """A pitched instrument.

    Parameters
    ----------
    synth : Synth
        How the tone is made.
    tilt : float
        Partial ``k`` of a wavetable has the amplitude ``k ** −tilt``: 1 is a saw, 3 a flute. For a
        plucked string the same number says how soft the plectrum is.
    even : float
        Level of the even partials, 0 (hollow, a square wave) … 1.
    attack, decay, release : float
        Seconds to full level, time constant of the fall to `sustain`, and length of the tail.
    sustain : float
        Level held while the key is down, 0 … 1.
    ratio, index : float
        Frequency ratio and depth of the modulator; FM only.
    detune : float
        Half the distance between two unison voices, in cents; 0 for one voice.
    vibrato : float
        Depth in cents.
    gain : float
        Level in the mix.
    """

    synth: Synth
    tilt: float = 1.5
    even: float = 1.0
    attack: float = 0.005
    decay: float = 0.25
    release: float = 0.12
    sustain: float = 0.5
    ratio: float = 1.0
    index: float = 2.0
    detune: float = 0.0
    vibrato: float = 0.0
    gain: float = 1.0


@dataclass(frozen=True, slots=True)
class Kit:
    """A drum kit: one set of drums, tuned.

    Parameters
    ----------
    tune : float
        Factor on the frequency of every skin, about 0.8 … 1.25.
    decay : float
        Factor on how long drums ring, about 0.5 … 1.6.
    snap : float
        Share of noise against skin, 0 … 1.
    """

    tune: float = 1.0
    decay: float = 1.0
    snap: float = 0.5


@dataclass(frozen=True, slots=True)
class _Drum:
    """Skin (a sine falling in pitch) and noise (a band) of one drum; Hz and seconds."""

    high: float
    low: float
    skin: float
    skin_decay: float
    band: tuple[float, float]
    noise: float
    noise_decay: float


DRUMS = {
    "kick": _Drum(170, 50, 0.75, 0.14, (800, 3500), 0.12, 0.012),
    "snare": _Drum(240, 175, 0.5, 0.09, (1200, 8000), 0.7, 0.11),
    "clap": _Drum(300, 300, 0.0, 0.02, (900, 4500), 0.8, 0.09),
    "rim": _Drum(1050, 820, 0.6, 0.02, (1500, 5500), 0.3, 0.015),
    "hat": _Drum(900, 900, 0.0, 0.01, (6000, 15000), 0.4, 0.035),
    "open": _Drum(900, 900, 0.0, 0.01, (5500, 15000), 0.38, 0.2),
    "ride": _Drum(3300, 3290, 0.03, 0.25, (4500, 12000), 0.25, 0.3),
    "shaker": _Drum(900, 900, 0.0, 0.01, (4000, 9500), 0.28, 0.05),
    "tom": _Drum(190, 95, 0.9, 0.2, (500, 2500), 0.15, 0.05),
    "crash": _Drum(900, 900, 0.0, 0.01, (3000, 14000), 0.5, 0.7),
}
"""Every drum that a pattern may name."""


def frequency(midi: float) -> float:
    """Frequency in Hz of a MIDI note number (69 is 440 Hz)."""
    return float(440.0 * 2.0 ** ((midi - 69.0) / 12.0))


def tone(
    patch: Patch, midi: float, seconds: float, brightness: float, sr: int, rng: np.random.Generator
) -> Sound:
    """One note of `patch`.

    Parameters
    ----------
    patch : Patch
        The instrument.
    midi : float
        MIDI note number.
    seconds : float
        How long the key is down; the release comes on top.
    brightness : float
        0 (muffled) … 1 (sharp); moves the patch's own colour.
    sr : int
        Samples a second.
    rng : np.random.Generator
        Where a plucked string takes its noise from.

    Returns
    -------
    np.ndarray [shape=(n,), dtype=float32]
        Samples, within about −1 … 1.
    """
    hertz = frequency(midi)
    n = max(int((seconds + patch.release) * sr), 64)
    t = np.arange(n, dtype=np.float32) / np.float32(sr)  # (n,)
    if patch.synth is Synth.PLUCK:
        y = _pluck(patch, hertz, n, brightness, sr, rng)
    elif patch.synth is Synth.FM:
        y = _fm(patch, hertz, t, brightness, sr)
    else:
        y = _wave(patch, hertz, t, brightness, sr)
    return y * _envelope(patch, t, seconds, sr)


def drum(name: str, kit: Kit, brightness: float, sr: int, rng: np.random.Generator) -> Sound:
    """One hit of the drum `name` (a key of ``DRUMS``) [shape=(n,), dtype=float32]."""
    shape = DRUMS[name]
    ring = kit.decay * max(shape.skin_decay if shape.skin else 0.0, shape.noise_decay)
    t = np.arange(int(min(6.0 * ring, 1.2) * sr), dtype=np.float32) / np.float32(sr)  # (n,)
    fall = kit.tune * (shape.low + (shape.high - shape.low) * np.exp(-t / np.float32(0.03)))
    phase = 2 * np.pi * np.cumsum(fall) / sr
    skin = np.sin(phase) * np.exp(-t / (shape.skin_decay * kit.decay))
    # The band moves with brightness; its top stays below half the lowest rate that is rendered.
    scale = 0.65 + 0.7 * brightness
    low, high = (min(edge * scale, 0.45 * sr) for edge in shape.band)
    band = signal.butter(1, (min(low, 0.6 * high), high), "bandpass", fs=sr, output="sos")
    noise = signal.sosfilt(band, rng.standard_normal(len(t)))
    noise *= np.exp(-t / (shape.noise_decay * kit.decay)) / (np.abs(noise).max() + 1e-9)
    mix = shape.skin * (1.3 - 0.6 * kit.snap) * skin + shape.noise * (0.7 + 0.6 * kit.snap) * noise
    return np.asarray(mix * np.minimum(1.0, (t[-1] - t) * 200), np.float32)


def _envelope(patch: Patch, t: Sound, seconds: float, sr: int) -> Sound:
    level = patch.sustain + (1 - patch.sustain) * np.exp(-t / np.float32(patch.decay))
    attack = min(int(patch.attack * sr), len(t)) or 1
    level[:attack] *= np.linspace(0, 1, attack, dtype=np.float32)
    held = min(int(seconds * sr), len(t) - 32)
    level[held:] *= np.linspace(1, 0, len(t) - held, dtype=np.float32) ** 2
    return np.asarray(level, np.float32)


def _wave(patch: Patch, hertz: float, t: Sound, brightness: float, sr: int) -> Sound:
    """Two wavetables, struck and settled, crossfaded as the note decays."""
    k = np.arange(1, max(1, min(_MAX_PARTIALS, int(0.45 * sr / hertz))) + 1)
    parity = np.where(k % 2 == 0, patch.even, 1.0)
    struck, settled = (
        _table(parity * k ** -(patch.tilt + extra + 1.2 * (0.5 - brightness)))
        for extra in (0.0, 0.8)
    )
    fade = np.exp(-t / np.float32(patch.decay))
    bend = np.float32(0.0)
    if patch.vibrato:
        wobble = np.sin(np.float32(2 * np.pi * 5.3) * t) * np.minimum(1, 3 * t)
        bend = np.float32(patch.vibrato * 0.000578 / 33.3) * wobble
    y = np.zeros(len(t), np.float32)
    voices = (-patch.detune, patch.detune) if patch.detune else (0.0,)
    for cents in voices:
        # Single precision places a note of several seconds to within a few samples of the table.
        steps = np.float32(_TABLE * hertz * 2 ** (cents / 1200)) * (t + bend)
        at = (steps + np.float32(97 * abs(cents))).astype(np.int32) & (_TABLE - 1)
        low = settled[at]
        y += low + (struck[at] - low) * fade
    return y / np.float32(len(voices))


def _table(amplitudes: NDArray[np.float64]) -> Sound:
    spectrum = np.zeros(_TABLE // 2 + 1, np.complex64)
    spectrum[1 : len(amplitudes) + 1] = -1j * amplitudes
    cycle = fft.irfft(spectrum)
    return np.asarray(0.8 * cycle / np.abs(cycle).max(), np.float32)


def _fm(patch: Patch, hertz: float, t: Sound, brightness: float, sr: int) -> Sound:
    # Carson's rule bounds the index: side bands stay below half the sampling rate.
    room = max(0.0, (0.45 * sr / hertz - 1) / patch.ratio - 1)
    index = min(patch.index * (0.4 + 1.2 * brightness), room)
    theta = 2 * np.pi * ((hertz * t.astype(np.float64)) % 1.0).astype(np.float32)
    turn = 2 * np.pi * ((hertz * patch.ratio * t.astype(np.float64)) % 1.0).astype(np.float32)
    depth = index * (0.15 + 0.85 * np.exp(-t / np.float32(0.6 * patch.decay)))
    return np.asarray(0.8 * np.sin(theta + depth * np.sin(turn)), np.float32)


def _pluck(
    patch: Patch, hertz: float, n: int, brightness: float, sr: int, rng: np.random.Generator
) -> Sound:
    """A burst of noise in a loop of one period that averages neighbours as it goes round."""
    period = int(np.ceil(sr / hertz))
    # Rendered at the rate where the loop's delay is exact, then brought to `sr`: in tune anywhere.
    rate = (period + 0.5) * hertz
    burst = rng.uniform(-1, 1, period).astype(np.float32)
    softness = np.clip(0.35 * patch.tilt + 0.6 * (0.5 - brightness), 0.0, 0.93)
    burst = signal.lfilter([1 - softness], [1, -softness], burst)
    burst -= burst.mean()
    burst /= np.abs(burst).max() + 1e-9
    length = int(n * rate / sr) + 2
    # Strings that ring longer lose less a turn, whatever their pitch.
    loss = np.float32(0.5 * 10 ** (-1.0 / (hertz * 4.0 * patch.decay + 1.0)))
    string = np.zeros(length + 2 * period, np.float32)  # one sample of silence comes first
    string[1 : period + 1] = burst
    # A whole period at a time: far cheaper than a recursive filter of that many taps.
    for start in range(period + 1, length + 1, period):
        turn = string[start : start + period]
        np.add(string[start - period : start], string[start - period - 1 : start - 1], out=turn)
        turn *= loss
    at = np.arange(n) * (rate / sr) + 1
    return np.asarray(np.interp(at, np.arange(len(string)), string), np.float32)
