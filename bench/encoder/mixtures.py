"""Which chunks are mixed for student and teacher, and what is changed for the student alone."""

from __future__ import annotations

import keras
import numpy as np

from audio_model.recipes import Recipe
from bench.encoder.packed import STEPS_A_DECADE, Pack

MIXED = 0.9
"""Share of the views that are mixtures."""
BELOW_DB = (1.0, 25.0)
"""How far below the first the second sound of a mixture lies."""
SILENT = -200.0
"""dB that are silence whatever is added."""


class Mixtures(keras.utils.PyDataset):
    """Batches of what to mix and how to change it; a batch depends on the seed and its number.

    Parameters
    ----------
    pack : Pack
        What there is to mix.
    recipe : Recipe
        Its augmentation.
    batch_tracks : int
        Tracks of a batch; each gives two views, those of one side after those of the other.
    steps : int
        Batches of an epoch.
    seed : int
        Of all draws.
    **how
        Of the queue, see `keras.utils.PyDataset`.
    """

    def __init__(
        self, pack: Pack, recipe: Recipe, batch_tracks: int, steps: int, seed: int, **how: int
    ) -> None:
        super().__init__(**how)
        self.epoch = 0
        self._steps = steps
        self._pack, self._recipe = pack, recipe
        self._batch, self._seed = min(batch_tracks, len(pack.counts)), seed
        self._starts, self._tracks = pack.starts, pack.tracks
        # The student's decibels are relative to its track's loudest band; so must the teacher's be
        # where two tracks meet.
        loudest = np.maximum.reduceat(pack.teacher.max(axis=(1, 2)), self._starts)
        self._loudest = loudest / STEPS_A_DECADE

    def __len__(self) -> int:
        return self._steps

    def on_epoch_end(self) -> None:
        """Go on to other draws."""
        self.epoch += 1

    def __getitem__(self, index: int) -> tuple[dict[str, np.ndarray]]:
        """Batch `index` of the present epoch."""
        rng = np.random.default_rng([self._seed, self.epoch, index])
        pack, how = self._pack, self._recipe.augmentation
        assert how is not None
        picked = rng.choice(len(pack.counts), self._batch, replace=False)
        count = pack.counts[picked]
        one = (rng.random(self._batch) * count).astype(int)
        further = (rng.random(self._batch) * np.maximum(count - 1, 1)).astype(int)
        two = (one + 1 + further) % count
        first = self._starts[np.r_[picked, picked]] + np.r_[one, two]
        n = len(first)
        second = rng.integers(0, len(pack.student), n)
        below = np.where(rng.random(n) < MIXED, rng.uniform(*BELOW_DB, n), -SILENT)
        difference = self._loudest[self._tracks[first]] - self._loudest[self._tracks[second]]
        n_mels, frames = pack.student.shape[1:]
        batch = {
            "first": pack.student[first],
            "second": pack.student[second],
            "first_heard": pack.teacher[first],
            "second_heard": pack.teacher[second],
            "below": below,
            "share": 10.0 ** (difference - below / 10.0),
            "shift": rng.integers(-how.shift_bands, how.shift_bands + 1, n),
            "decay": rng.uniform(1.5, 6.0, n),
            "reverberant": rng.random(n) < how.reverb_share,
            "gain": rng.uniform(-how.gain_db, how.gain_db, n),
            "tilt": rng.uniform(-how.tilt_db, how.tilt_db, n),
            "bumps": rng.uniform(-how.bumps_db / 3.0, how.bumps_db / 3.0, (n, 3)),
            "phases": rng.uniform(0.0, 2.0 * np.pi, (n, 3)),
            "floor": rng.uniform(self._recipe.frontend.min_db, how.noise_db, n),
            "floor_tilt": rng.uniform(-6.0, 6.0, n),
        }
        cut = rng.random(n) < how.cutoff_share
        highest = np.where(cut, rng.integers(n_mels // 2, n_mels, n), n_mels)
        bands = np.arange(n_mels) >= highest[:, None]
        batch["bands"] = SILENT * (bands | _runs(n_mels, how.band_mask, n, rng))
        batch["frames"] = SILENT * _runs(frames, how.time_mask, n, rng)
        return (
            {
                name: values if values.dtype == np.uint8 else values.astype(np.float32)
                for name, values in batch.items()
            },
        )


def _runs(size: int, longest: int, n: int, rng: np.random.Generator) -> np.ndarray:
    """One run of at most `longest` positions for each of `n` rows [shape=(n, size), dtype=bool]."""
    length = rng.integers(0, longest + 1, n)
    start = (rng.random(n) * (size - length + 1)).astype(int)
    place = np.arange(size)
    return (place >= start[:, None]) & (place < (start + length)[:, None])
