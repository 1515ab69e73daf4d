"""Views: what is done to a chunk so that two copies of it differ."""

from __future__ import annotations

import numpy as np

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
