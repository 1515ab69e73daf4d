"""What follows training, fitted in closed form to the vectors of the training set.

Evened-out directions and statistics of timbre make a recording, an album or an artist easier to
find again. Tastes, however, differ along the few broad directions that training itself gave most of
the variance, and these are hard to tell from the rest afterwards. So a finished encoder comes with
a linear map from its vectors back to the space as it was trained: the content space, in which
regressions on sound are made.
"""

from __future__ import annotations

import keras
import numpy as np

from audio_model.augment import augmented_view
from audio_model.cache import CachedTracks
from audio_model.recipes import Augmentation, Recipe
from audio_model.timbre import with_timbre
from audio_model.whitening import vectors_of, whitened
from data.arrays import Doubles, Floats

EVERY = 4
"""Of a track's chunks, one in so many is looked at."""
BAND_LIMITED = 8
"""Of these, one in so many is looked at a second time with its high bands cut off: the cepstrum of
an old or a strongly compressed recording must not lie somewhere else than that of a good one."""

RIDGE = 1e-4
"""Penalty of the map back, as a share of the mean variance: there may be fewer chunks than
directions."""


def finished(
    network: keras.Model, tracks: CachedTracks, recipe: Recipe
) -> tuple[keras.Model, Floats | None]:
    """The trained network as it is served: evened out and joined with timbre, as `recipe` says.

    Parameters
    ----------
    network : keras.Model
        Trained network [shape=(batch, dim)].
    tracks : CachedTracks
        The training set.
    recipe : Recipe
        Its `whitening` and `timbre_coefficients`.

    Returns
    -------
    served : keras.Model
        ``(batch, n_mels, chunk_frames, 1) → (batch, dim)`` with unit rows.
    content : np.ndarray [shape=(dim, dim), dtype=float32] or None
        Map to the content space; None where the network is served as it was trained.
    """
    trained = network
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
    if network is trained:
        return network, None
    return network, _map_back(vectors_of(network, chunks), vectors_of(trained, chunks))


def _map_back(served: Doubles, trained: Doubles) -> Floats:
    """Least-squares map [shape=(dim, dim)] from centred vectors to centred vectors."""
    given, wanted = served - served.mean(axis=0), trained - trained.mean(axis=0)
    gramian = given.T @ given
    gramian[np.diag_indices_from(gramian)] += RIDGE * np.trace(gramian) / len(gramian)
    return np.linalg.solve(gramian, given.T @ wanted).astype(np.float32)


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
