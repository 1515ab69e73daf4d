"""Views: what is done to a chunk so that two copies of it differ."""

from __future__ import annotations

import numpy as np

from audio_model.recipes.base import Augmentation
from data.arrays import Floats


def noisy_view(chunks: Floats, sigma: float, min_db: float, rng: np.random.Generator) -> Floats:
    """Chunks with additive normal noise, clipped back to the range of the spectrogram.

    Parameters
    ----------
    chunks : np.ndarray [shape=(batch, n_mels, time, 1), dtype=float32]
        Decibels, `min_db` … 0.
    sigma : float
        Standard deviation of the noise, dB.
    min_db : float
        Floor of the range.
    rng : np.random.Generator
        Source of the noise.
    """
    noise = rng.standard_normal(chunks.shape, np.float32) * np.float32(sigma)
    return np.clip(chunks + noise, np.float32(min_db), np.float32(0.0))


def augmented_view(
    chunks: Floats, how: Augmentation, min_db: float, rng: np.random.Generator
) -> Floats:
    """Chunks, each changed at random as `how` allows.

    Parameters
    ----------
    chunks : np.ndarray [shape=(batch, n_mels, time, 1), dtype=float32]
        Decibels, `min_db` … 0.
    how : Augmentation
        Kinds and strengths of change.
    min_db : float
        Floor of the range.
    rng : np.random.Generator
        Source of all draws.

    Returns
    -------
    np.ndarray [shape=(batch, n_mels, time, 1), dtype=float32]
        Still `min_db` … 0.
    """
    view = chunks[..., 0].copy()  # (batch, mel, time)
    batch, n_mels, n_frames = view.shape

    def drawn(largest: float) -> Floats:
        return rng.uniform(-largest, largest, (batch, 1, 1)).astype(np.float32)

    band = np.linspace(-1.0, 1.0, n_mels, dtype=np.float32)[None, :, None]  # (1, mel, 1)
    shifts = rng.integers(-how.shift_bands, how.shift_bands + 1, size=(batch,))
    for row in range(batch):
        shift = int(shifts[row])
        if shift:
            view[row] = np.roll(view[row], shift, axis=0)
            blank = slice(0, shift) if shift > 0 else slice(shift, None)
            view[row, blank] = min_db
    reverberant = rng.random(batch) < how.reverb_share
    view[reverberant] = _prolonged(view[reverberant], rng)
    level = drawn(how.gain_db) + drawn(how.tilt_db) * band
    for cycles in (0.5, 1.0, 1.5):
        phase = rng.uniform(0.0, 2.0 * np.pi, (batch, 1, 1)).astype(np.float32)
        level = level + drawn(how.bumps_db / 3) * np.cos(2.0 * np.pi * cycles * band + phase)
    view += level
    # Two sounds at once add up in power; in dB the louder one all but wins.
    floor = rng.uniform(min_db, how.noise_db, (batch, 1, 1)).astype(np.float32)
    noise = floor + drawn(6.0) * band + rng.standard_normal(view.shape, np.float32) * 3.0
    np.maximum(view, noise, out=view)
    cut = rng.random(batch) < how.cutoff_share
    highest = np.where(cut, rng.integers(n_mels // 2, n_mels, size=batch), n_mels)
    view[np.arange(n_mels)[None, :] >= highest[:, None]] = min_db
    for row in range(batch):
        first, length = _run(n_frames, how.time_mask, rng)
        view[row, :, first : first + length] = min_db
        first, length = _run(n_mels, how.band_mask, rng)
        view[row, first : first + length] = min_db
    return np.clip(view, np.float32(min_db), np.float32(0.0))[..., None]


def _prolonged(chunks: Floats, rng: np.random.Generator) -> Floats:
    """Sound that dies away no faster than in a room, by 1.5 … 6 dB a frame."""
    n_frames = chunks.shape[2]
    decay = rng.uniform(1.5, 6.0, (len(chunks), 1, 1)).astype(np.float32)  # dB a frame
    ramp = (decay * np.arange(n_frames)).astype(np.float32)
    tail: Floats = np.maximum.accumulate(chunks + ramp, axis=2) - ramp
    return tail


def _run(size: int, longest: int, rng: np.random.Generator) -> tuple[int, int]:
    """First position and length of a run to blank."""
    length = int(rng.integers(0, min(longest, size - 1) + 1))
    return int(rng.integers(0, size - length + 1)), length
