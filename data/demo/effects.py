"""Effects of the demo world's mixing desk; every one maps samples to samples of the same length."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import fft, signal

Sound = NDArray[np.float32]

ROOM_RATE = 11_025
"""Samples a second at which reverberation is computed, about."""


def drive(y: Sound, amount: float) -> Sound:
    """Soft clipping; `amount` 0 … 1 goes from clean to a fuzz of equal loudness."""
    if amount < 0.02:
        return y
    level = float(np.sqrt(np.mean(np.square(y)))) + 1e-6
    gain = np.float32((0.3 + 9.0 * amount**2) / (3.0 * level))
    driven = np.tanh(y * gain)
    driven *= level / (float(np.sqrt(np.mean(np.square(driven)))) + 1e-6)
    return np.asarray(driven, np.float32)


def lowpass(y: Sound, hertz: float, sr: int) -> Sound:
    """Second-order low-pass; as it is where `hertz` reaches the top of the band."""
    if hertz >= 0.45 * sr:
        return y
    b, a = signal.butter(2, hertz, fs=sr)
    return np.asarray(signal.lfilter(b.astype(np.float32), a.astype(np.float32), y), np.float32)


def echo(y: Sound, seconds: float, level: float, sr: int) -> Sound:
    """Four repeats, each quieter than the one before by `level`."""
    wet = y.copy()
    for repeat in range(1, 5):
        lag = int(repeat * seconds * sr)
        gain = np.float32(0.7 * level**repeat)
        if lag >= len(y) or gain < 0.02:
            break
        wet[lag:] += gain * y[: len(y) - lag]
    return wet


def duck(hits: list[float], depth: float, n: int, sr: int) -> Sound:
    """Gain [shape=(n,)] that drops by `depth` at each of `hits` (seconds) and comes back."""
    gain = np.ones(n, np.float32)
    dip = 1 - depth * np.exp(-np.arange(int(0.3 * sr), dtype=np.float32) / np.float32(0.09 * sr))
    for hit in hits:
        start = int(hit * sr)
        part = gain[start : start + len(dip)]
        np.minimum(part, dip[: len(part)], out=part)
    return gain


def room(seconds: float, brightness: float, sr: int, rng: np.random.Generator) -> Sound:
    """Impulse response of a room of the given reverberation time [shape=(n,)], of unit energy."""
    n = max(int(min(seconds, 3.0) * sr), 64)
    t = np.arange(n, dtype=np.float32) / np.float32(sr)
    # A fall by 60 dB, exp(−6.9), at the reverberation time.
    tail = rng.standard_normal(n, dtype=np.float32) * np.exp(-6.9 * t / np.float32(seconds))
    tail = lowpass(tail, 1500.0 + 3000.0 * brightness, sr)
    return np.asarray(tail / np.sqrt(np.sum(np.square(tail)) + 1e-9), np.float32)


def reverberate(
    y: Sound, rooms: Sequence[tuple[float, float]], sr: int, rng: np.random.Generator
) -> list[Sound]:
    """`y` in a room for each (seconds, brightness) of `rooms`, the direct sound left out.

    Walls swallow treble: the room is computed at about 11 kHz, at a third of the cost.
    """
    step = max(1, sr // ROOM_RATE)
    rate = sr // step
    dry = lowpass(y, 0.42 * rate, sr)[::step]
    size = fft.next_fast_len(len(dry) + 3 * rate, real=True)
    spectrum = fft.rfft(dry, size)
    wet = []
    for seconds, brightness in rooms:
        response = fft.rfft(room(seconds, brightness, rate, rng), size)
        tail = fft.irfft(spectrum * response, size)[: len(dry)]
        wet.append(lowpass(np.repeat(tail, step)[: len(y)], 0.42 * rate, sr))
    return wet


def crackle(n: int, level: float, sr: int, rng: np.random.Generator) -> Sound:
    """Hiss and ticks of a record [shape=(n,)]."""
    noise = 0.004 * rng.standard_normal(n, dtype=np.float32)
    ticks = rng.integers(0, n, max(int(9 * n / sr), 1))
    noise[ticks] += rng.uniform(-0.25, 0.25, len(ticks)).astype(np.float32)
    return lowpass(noise, 6000.0, sr) * np.float32(level)
