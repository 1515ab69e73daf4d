"""The layers that follow training: fitted in closed form to the vectors of the training set."""

from __future__ import annotations

import keras
import numpy as np

from audio_model.augment import augmented_view
from audio_model.cache import CachedTracks
from audio_model.recipes import Augmentation, Recipe
from audio_model.timbre import with_timbre
from audio_model.whitening import whitened
from data.arrays import Floats

EVERY = 4
"""Of a track's chunks, one in so many is looked at."""
BAND_LIMITED = 8
"""Of these, one in so many is looked at a second time with its high bands cut off: the cepstrum of
an old or a strongly compressed recording must not lie somewhere else than that of a good one."""


def finished(network: keras.Model, tracks: CachedTracks, recipe: Recipe) -> keras.Model:
    """The trained network as it is served: evened out and joined with timbre, as `recipe` says.

    Parameters
    ----------
    network : keras.Model
        Trained network [shape=(batch, dim)].
    tracks : CachedTracks
        The training set.
    recipe : Recipe
        Its `whitening` and `timbre_coefficients`.
    """
    spread = [tracks.chunks(track)[::EVERY] for track in range(len(tracks.files))]
    chunks = np.concatenate(spread).astype(np.float32)  # (n, n_mels, chunk_frames)
    if recipe.whitening:
        network = whitened(network, chunks, recipe.whitening)
    if recipe.timbre_coefficients:
        lengths = [len(each) for each in spread]
        of_track = np.repeat(np.arange(len(spread), dtype=np.int32), lengths)
        dull = _band_limited(chunks[::BAND_LIMITED], recipe.frontend.min_db)
        network = with_timbre(
            network,
            np.concatenate([chunks, dull]),
            np.concatenate([of_track, of_track[::BAND_LIMITED]]),
            recipe.timbre_coefficients,
        )
    return network


def _band_limited(chunks: Floats, min_db: float) -> Floats:
    """Chunks, each without the bands above one drawn from the upper half."""
    nothing_else = Augmentation(
        gain_db=0.0,
        tilt_db=0.0,
        bumps_db=0.0,
        noise_db=min_db,
        cutoff_share=1.0,
        reverb_share=0.0,
        shift_bands=0,
        time_mask=0,
        band_mask=0,
    )
    rng = np.random.default_rng(0)
    return augmented_view(chunks[..., None], nothing_else, min_db, rng)[..., 0]
