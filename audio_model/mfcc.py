"""MFCC statistics: the hand-made vector that a learned one has to beat. Offline only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import librosa
import numpy as np

from audio_model.decode import AudioStream
from data.arrays import Floats

SAMPLE_RATE = 22050
N_MFCC = 20


def mfcc_statistics(path: Path) -> Floats:
    """Mean and standard deviation of 20 MFCC and of their deltas, over the whole track.

    Returns
    -------
    np.ndarray [shape=(80,), dtype=float32]

    Raises
    ------
    AudioError
        If the file cannot be analysed.
    """
    y = np.concatenate(list(AudioStream(path, SAMPLE_RATE)))
    mfcc = librosa.feature.mfcc(y=y, sr=SAMPLE_RATE, n_mfcc=N_MFCC)  # (20, frames)
    # `nearest` also serves sounds with fewer frames than the window of 9.
    delta = librosa.feature.delta(mfcc, mode="nearest")
    parts = [mfcc.mean(axis=1), mfcc.std(axis=1), delta.mean(axis=1), delta.std(axis=1)]
    return np.concatenate(parts).astype(np.float32)


def standardised(statistics: Sequence[Floats]) -> Floats:
    """Stack vectors and z-score each column over the set; constant columns become zero."""
    stacked = np.stack(statistics)
    spread = stacked.std(axis=0)
    scaled: Floats = (stacked - stacked.mean(axis=0)) / np.where(
        spread > 0, spread, np.float32(1.0)
    )
    return scaled
