r"""Statistics of timbre as part of the network, and the linear map that weighs them against it.

What a network learns from some hundred tracks and what the cepstrum tells of any sound err on
different tracks. So mean, spread and change of a chunk's cepstral coefficients stand beside the
network's vector, and one affine layer maps both to the vector that is served: differences within a
track are evened out in part (within-class covariance normalisation:
Hatch, Kajarekar and Stolcke, "Within-class covariance normalization for SVM-based speaker
recognition", Interspeech 2006), then the directions in which tracks differ most are kept. Both
steps are solved in closed form on the training set.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers
from scipy.fft import dct

from audio_model.whitening import evening, vectors_of
from data.arrays import Doubles, Floats, Positions

WITHIN_EXPONENT = 0.25
"""How far differences within a track are evened out, 0 … 1. Recordings are told apart as well by
0.25 as by 1, which leaves less in the vector of what tastes go by: verse and chorus differ along
the same directions as two bands."""
SPREAD_FLOOR = 1e-3
"""Share of the largest variance below which a direction is rounding, and is not blown up."""
WITHIN_FLOOR = 0.1
"""Mean variance within tracks, as a share, that is added to each direction's: it keeps directions
that hardly vary in the training set from deciding everything."""

SILENCE = 1e-3
"""Spread of a statistic below which it says nothing: all chunks of the set are alike."""
ROUNDING = 1e-6
"""Variance of a component of unit vectors that may be rounding; there is no more where each track
has one chunk."""


def with_timbre(
    network: keras.Model, chunks: Floats, tracks: Positions, n_coefficients: int
) -> keras.Model:
    """`network` joined with the statistics of timbre; its vectors keep their length.

    Parameters
    ----------
    network : keras.Model
        Trained network with unit vectors [shape=(batch, dim)].
    chunks : np.ndarray [shape=(n, n_mels, chunk_frames), dtype=float32]
        Chunks of the training set in dB.
    tracks : np.ndarray [shape=(n,)]
        Track of each chunk, 0 … n_tracks − 1; several chunks a track.
    n_coefficients : int
        Cepstral coefficients.

    Returns
    -------
    keras.Model
        ``(batch, n_mels, chunk_frames, 1) → (batch, dim)`` with unit rows.
    """
    dimension = network.output_shape[-1]
    raw = keras.Model(network.input, _statistics(network.input, n_coefficients))
    values = vectors_of(raw, chunks)
    mean, spread = values.mean(axis=0), values.std(axis=0) + SILENCE
    even = evening(np.cov(((values - mean) / spread).T), 0.5, SPREAD_FLOOR) / spread[:, None]
    statistics = layers.UnitNormalization(name="timbre_unit")(
        _affine(raw.output, even, -mean @ even, "timbre")
    )
    joined = layers.Concatenate(name="joined")([network.output, statistics])
    vectors = vectors_of(keras.Model(network.input, joined), chunks)
    map_ = discriminating(vectors, tracks, dimension)
    served = _affine(joined, map_, -vectors.mean(axis=0) @ map_, "discriminate")
    outputs = layers.UnitNormalization(name="served_unit")(served)
    return keras.Model(network.input, outputs, name=f"{network.name}_timbre")


def discriminating(vectors: Doubles, tracks: Positions, dimension: int) -> Doubles:
    """Linear map to the directions in which tracks differ most for how much they vary themselves.

    Parameters
    ----------
    vectors : np.ndarray [shape=(n, features)]
        Vectors of chunks.
    tracks : np.ndarray [shape=(n,)]
        Track of each, 0 … n_tracks − 1.
    dimension : int
        Directions to keep, at most `features`.

    Returns
    -------
    np.ndarray [shape=(features, dimension)]
    """
    sums = np.zeros((int(tracks.max()) + 1, vectors.shape[1]))
    np.add.at(sums, tracks, vectors)
    means = sums / np.bincount(tracks)[:, None]
    rest = vectors - means[tracks]
    within = rest.T @ rest / len(rest)
    least = WITHIN_FLOOR * np.trace(within) / len(within) + ROUNDING
    within += least * np.eye(len(within))
    even = evening(within, WITHIN_EXPONENT, 0.0)
    _, directions = np.linalg.eigh(np.cov((means @ even).T))
    found: Doubles = even @ directions[:, -dimension:]
    return found


def _statistics(chunks: Any, n_coefficients: int) -> Any:
    """Mean, standard deviation and that of the changes of each coefficient [shape=(batch, 3 n)]."""
    n_mels, frames = chunks.shape[1], chunks.shape[2]
    basis = dct(np.eye(n_mels), axis=0, norm="ortho")[:n_coefficients].T  # (mel, coefficients)
    scaled = layers.Rescaling(0.025, 1.0, name="timbre_scale")(chunks)
    transform = layers.Conv2D(n_coefficients, (n_mels, 1), use_bias=False, name="cepstrum")
    cepstrum = transform(scaled)  # (batch, 1, time, coefficients)
    transform.set_weights([basis[:, None, None, :].astype(np.float32)])
    later = layers.Cropping2D(((0, 0), (1, 0)), name="later")(cepstrum)
    earlier = layers.Cropping2D(((0, 0), (0, 1)), name="earlier")(cepstrum)
    change = layers.Subtract(name="change")([later, earlier])
    mean = layers.AveragePooling2D((1, frames), name="cepstrum_mean")(cepstrum)
    parts = [mean, _deviation(cepstrum, "cepstrum"), _deviation(change, "change")]
    joined = layers.Concatenate(name="statistics")(parts)  # (batch, 1, 1, 3 n)
    return layers.Reshape((3 * n_coefficients,), name="statistics_flat")(joined)


def _deviation(x: Any, name: str) -> Any:
    """Standard deviation over time [shape=(batch, 1, 1, n)]."""
    window = (1, x.shape[2])
    mean = layers.AveragePooling2D(window, name=f"{name}_centre")(x)
    centred = keras.ops.subtract(x, mean)
    variance = layers.AveragePooling2D(window, name=f"{name}_variance")(keras.ops.square(centred))
    return keras.ops.sqrt(variance)


def _affine(x: Any, map_: Doubles, offset: Doubles, name: str) -> Any:
    layer = layers.Dense(map_.shape[1], name=name)
    outputs = layer(x)
    layer.set_weights([map_.astype(np.float32), offset.astype(np.float32)])
    return outputs
