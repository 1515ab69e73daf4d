"""Sounds that the tests of this folder share."""

import numpy as np

SR = 22050


def tone(seconds: float, sr: int = SR, seed: int = 0) -> np.ndarray:
    """A chord with noise and a swell [shape=(seconds * sr,), dtype=float32], within ±1."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * sr)) / sr
    pitches = rng.uniform(100, 3000, 4)
    y = sum(np.sin(2 * np.pi * pitch * t) for pitch in pitches) / 8
    y = y * (0.6 + 0.4 * np.sin(2 * np.pi * 0.7 * t)) + 0.01 * rng.standard_normal(t.size)
    return y.astype(np.float32)
