"""Batches of random chunks of random tracks, as two views each."""

from __future__ import annotations

import keras
import numpy as np

from audio_model.augment import noisy_view
from audio_model.cache import CachedTracks
from audio_model.recipes import Recipe
from data.arrays import Floats


class PairBatches(keras.utils.PyDataset):  # type: ignore[misc]
    """Batch ``i`` is a function of the seed and ``i`` alone, so training can resume anywhere.

    Parameters
    ----------
    tracks : CachedTracks
        The training set.
    recipe : Recipe
        Batch size and views.
    steps : int
        Number of batches.
    seed : int
        Seed of the draws and the noise.
    """

    def __init__(self, tracks: CachedTracks, recipe: Recipe, steps: int, seed: int) -> None:
        super().__init__()
        self._tracks = tracks
        self._recipe = recipe
        self._steps = steps
        self._seed = seed

    def __len__(self) -> int:
        return self._steps

    def __getitem__(self, index: int) -> tuple[Floats, Floats]:
        """Two views [shape=(batch, n_mels, chunk_frames, 1), dtype=float32] of batch `index`."""
        rng = np.random.default_rng([self._seed, index])
        n_tracks = len(self._tracks.files)
        picked = rng.choice(n_tracks, min(self._recipe.batch_tracks, n_tracks), replace=False)
        chunks = np.stack([self._chunk(int(track), rng) for track in picked])[..., None]
        sigma, floor = self._recipe.noise_sigma, self._recipe.frontend.min_db
        return noisy_view(chunks, sigma, floor, rng), noisy_view(chunks, sigma, floor, rng)

    def _chunk(self, track: int, rng: np.random.Generator) -> Floats:
        chunks = self._tracks.chunks(track)
        picked: Floats = chunks[rng.integers(len(chunks))].astype(np.float32)
        return picked
