"""Batches of random chunks of random tracks, as two views each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np

from audio_model.augment import augmented_view, noisy_view
from audio_model.cache import CachedTracks
from audio_model.recipes import Recipe
from data.arrays import Floats


class PairBatch(NamedTuple):
    """One batch of pairs.

    Parameters
    ----------
    first, second : np.ndarray [shape=(batch, n_mels, chunk_frames, 1), dtype=float32]
        Two views, row ``i`` of both from the same track.
    first_teacher, second_teacher : np.ndarray [shape=(batch, teacher_dim), dtype=float32]
        The teacher's unit vectors of the unchanged chunks; no columns without a teacher.
    """

    first: Floats
    second: Floats
    first_teacher: Floats
    second_teacher: Floats


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
    teacher : sequence of np.ndarray [shape=(n_chunks, teacher_dim)], optional
        Vectors of each track's chunks, aligned to `tracks`.
    """

    def __init__(
        self,
        tracks: CachedTracks,
        recipe: Recipe,
        steps: int,
        seed: int,
        teacher: Sequence[Floats] | None = None,
    ) -> None:
        super().__init__()
        self._tracks = tracks
        self._recipe = recipe
        self._steps = steps
        self._seed = seed
        self._teacher = teacher

    @property
    def teacher_dim(self) -> int:
        """Length of the teacher's vectors; 0 without a teacher."""
        return 0 if self._teacher is None else int(self._teacher[0].shape[1])

    def __len__(self) -> int:
        return self._steps

    def __getitem__(self, index: int) -> PairBatch:
        """Batch `index`."""
        rng = np.random.default_rng([self._seed, index])
        n_tracks = len(self._tracks.files)
        picked = rng.choice(n_tracks, min(self._recipe.batch_tracks, n_tracks), replace=False)
        first, second = [], []
        teacher: tuple[list[Floats], list[Floats]] = ([], [])
        for track in picked:
            chunks = self._tracks.chunks(int(track))
            places = self._places(len(chunks), rng)
            first.append(chunks[places[0]])
            second.append(chunks[places[1]])
            for side, place in zip(teacher, places, strict=True):
                side.append(
                    np.zeros(0, np.float32)
                    if self._teacher is None
                    else self._teacher[int(track)][place]
                )
        return PairBatch(
            self._view(first, rng),
            self._view(second, rng),
            np.stack(teacher[0]).astype(np.float32),
            np.stack(teacher[1]).astype(np.float32),
        )

    def _places(self, n_chunks: int, rng: np.random.Generator) -> tuple[int, int]:
        """Positions of the two chunks of a pair; equal where a track has only one."""
        one = int(rng.integers(n_chunks))
        if self._recipe.positives == "copies" or n_chunks == 1:
            return one, one
        return one, (one + int(rng.integers(1, n_chunks))) % n_chunks

    def _view(self, chunks: list[Floats], rng: np.random.Generator) -> Floats:
        given = np.stack(chunks).astype(np.float32)[..., None]
        floor = self._recipe.frontend.min_db
        if self._recipe.augmentation is not None:
            given = augmented_view(given, self._recipe.augmentation, floor, rng)
        return noisy_view(given, self._recipe.noise_sigma, floor, rng)
