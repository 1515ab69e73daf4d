r"""Evening out the directions of a trained space.

Contrastive training leaves most of the variance in a few directions, which then decide every
cosine. The vectors of the training set are decorrelated and their variances :math:`\lambda` drawn
together, :math:`\lambda^{1-a}` with a the exponent (a = 1 is full whitening, which also blows up
the directions that hold noise), by one affine layer that becomes part of the network. (Su et al.,
"Whitening sentence representations for better semantics and faster retrieval", 2021.)
"""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

from data.arrays import Doubles, Floats

VARIANCE_FLOOR = 1e-4
"""Directions with less of the largest variance are rounding; they must not be blown up."""


def whitened(network: keras.Model, chunks: Floats, exponent: float) -> keras.Model:
    """`network` with the layer that evens out its vectors of `chunks`.

    Parameters
    ----------
    network : keras.Model
        Trained network with unit vectors [shape=(batch, dim)].
    chunks : np.ndarray [shape=(n, n_mels, chunk_frames), dtype=float32]
        Chunks of the training set; several for each dimension.
    exponent : float
        0 (only centre) … 1 (whiten).
    """
    vectors = vectors_of(network, chunks)
    mean = vectors.mean(axis=0)
    map_ = evening(np.cov(vectors.T), exponent, VARIANCE_FLOOR)
    layer = layers.Dense(len(mean), name="whiten")
    outputs = layers.UnitNormalization(name="whitened_unit")(layer(network.output))
    layer.set_weights([map_.astype(np.float32), (-mean @ map_).astype(np.float32)])
    return keras.Model(network.input, outputs, name=f"{network.name}_whitened")


def vectors_of(network: keras.Model, chunks: Floats) -> Doubles:
    """What `network` makes of chunks, as it is used [shape=(n, dim), dtype=float64]."""
    return np.concatenate(
        [
            np.asarray(network(chunks[start : start + 64, ..., None], training=False))
            for start in range(0, len(chunks), 64)
        ]
    ).astype(np.float64)


def evening(covariance: Doubles, exponent: float, floor: float) -> Doubles:
    """Linear map after which the variance of each principal direction is ``λ^(1 − exponent)``.

    Parameters
    ----------
    covariance : np.ndarray [shape=(dim, dim)]
        Symmetric.
    exponent : float
        0 (a rotation) … 1 (all variances 1).
    floor : float
        Share of the largest variance below which a direction is taken for rounding.

    Returns
    -------
    np.ndarray [shape=(dim, dim)]
    """
    variance, directions = np.linalg.eigh(covariance)
    least = max(floor * float(variance.max()), float(np.finfo(np.float32).eps) ** 2)
    map_: Doubles = directions * np.maximum(variance, least) ** (-exponent / 2.0)
    return map_
