"""What of a teacher's layer a student is to learn: its directions, evened out in part."""

from __future__ import annotations

import numpy as np

LESSON_DIM = 256
LESSON_EXPONENT = 0.5
"""Directions kept of the standardised `pooled` vectors, and how far their variances are evened out
(see `audio_model.whitening`). On held-out packages this retrieves packages and artists best of
`pooled`, `penultimate` and `tags`, raw, standardised, and with exponents 0.25 to 1."""


def even_directions(heard: np.ndarray, dimension: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean and spread of a layer [shape=(features,)], and a map [shape=(features, dimension)].

    ``(layer - mean) / spread @ map`` is what is to be learned.

    Parameters
    ----------
    heard : np.ndarray [shape=(n_chunks, features)]
        The layer, of the training chunks.
    dimension : int
        Directions to keep, those of most variance.
    """
    mean, spread = heard.mean(axis=0), heard.std(axis=0) + 1e-6
    variance, directions = np.linalg.eigh(np.cov(((heard - mean) / spread).T))
    variance, directions = variance[-dimension:], directions[:, -dimension:]
    return mean, spread, (directions * variance ** (-LESSON_EXPONENT / 2)).astype(np.float32)
