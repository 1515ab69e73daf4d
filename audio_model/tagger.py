"""Forward pass of the tagger that teaches the encoder, in operations that every Keras backend has.

Only what its published weights need is here, written after the papers and the shapes of the
variables; see `audio_model.teacher` for both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from keras import ops

from data.arrays import Floats

Weights = Mapping[str, Floats]
"""Variables by the names that they have in the checkpoint."""

_TIMBRAL, _TEMPORAL, _MIDDLE = (0, 1), (2, 3, 4), (5, 6, 7)
"""Which convolutions, in the order of the checkpoint, belong to which part of the network."""
_EPSILON = 1e-3
"""Added to the variance in batch normalisation, TensorFlow's default."""


def listen(weights: Weights, windows: Any) -> tuple[Any, Any, Any]:
    """Layers of the tagger for windows of compressed mel power.

    Parameters
    ----------
    weights : mapping of str to np.ndarray
        See `variable_names`.
    windows : tensor [shape=(n, n_frames, 96)]
        From `audio_model.teacher.log_mel`.

    Returns
    -------
    pooled : tensor [shape=(n, 1506)]
    penultimate : tensor [shape=(n, 200)]
    tags : tensor [shape=(n, 50)]
        See `audio_model.teacher.TeacherFeatures`.
    """
    x = _normalised(weights, windows[..., None], 0)  # (n, time, mel, 1)
    # Over time the timbral filters see zeros beyond the ends, over frequency nothing.
    padded = ops.pad(x, [[0, 0], [3, 3], [0, 0], [0, 0]])
    timbral = [_over_bands(weights, padded, layer, "valid") for layer in _TIMBRAL]
    temporal = [_over_bands(weights, x, layer, "same") for layer in _TEMPORAL]
    layers = [ops.concatenate(timbral + temporal, axis=2)]  # (n, time, 561)
    for layer in _MIDDLE:
        below = layers[-1]
        kernel = weights[_conv(layer) + "kernel"][:, :, 0]  # (7, channels, 64)
        z = ops.conv(below, kernel, 1, "same") + weights[_conv(layer) + "bias"]
        out = _normalised(weights, ops.relu(z), layer + 1)  # (n, time, 64)
        layers.append(out if layer == _MIDDLE[0] else out + below)
    features = ops.concatenate(layers, axis=2)  # (n, time, 753)
    mean, maximum = ops.mean(features, axis=1), ops.max(features, axis=1)
    # The weights expect maximum and mean of each feature side by side.
    flat = ops.reshape(ops.stack([maximum, mean], axis=2), (-1, 2 * features.shape[2]))
    hidden = ops.relu(_dense(weights, _normalised(weights, flat, 9), "dense/"))
    penultimate = _normalised(weights, hidden, 10)  # (n, 200)
    tags = ops.sigmoid(_dense(weights, penultimate, "dense_1/"))  # (n, 50)
    return ops.concatenate([mean, maximum], axis=1), penultimate, tags


def variable_names() -> list[str]:
    """Names of the variables in the checkpoint."""
    layers = [_conv(layer) for layer in (*_TIMBRAL, *_TEMPORAL, *_MIDDLE)]
    layers += ["dense/", "dense_1/"]
    names = [layer + kind for layer in layers for kind in ("kernel", "bias")]
    return names + [name for number in range(11) for name in _norm(number)]


def _over_bands(weights: Weights, x: Any, layer: int, padding: str) -> Any:
    """Convolution, ReLU, normalisation and maximum over all bands [shape=(n, time, filters)].

    ReLU and normalisation are monotone, so the maximum goes first and they cost next to nothing; a
    filter that normalisation turns over is negated before and after.
    """
    scale, shift = _affine(weights, layer + 1)
    turn = np.where(scale < 0, np.float32(-1.0), np.float32(1.0))
    z = ops.conv(x, weights[_conv(layer) + "kernel"] * turn, 1, padding)
    peak = ops.max(z, axis=2) * turn + weights[_conv(layer) + "bias"]
    return ops.relu(peak) * scale + shift


def _affine(weights: Weights, norm: int) -> tuple[Floats, Floats]:
    gamma, beta, mean, variance = (weights[name] for name in _norm(norm))
    scale: Floats = gamma / np.sqrt(variance + np.float32(_EPSILON))
    return scale, beta - mean * scale


def _normalised(weights: Weights, x: Any, norm: int) -> Any:
    scale, shift = _affine(weights, norm)
    return x * scale + shift


def _dense(weights: Weights, x: Any, name: str) -> Any:
    return ops.matmul(x, weights[name + "kernel"]) + weights[name + "bias"]


def _numbered(name: str, number: int) -> str:
    return f"{name}_{number}/" if number else f"{name}/"


def _conv(layer: int) -> str:
    return _numbered("conv2d", layer)


def _norm(number: int) -> tuple[str, ...]:
    kinds = ("gamma", "beta", "moving_mean", "moving_variance")
    return tuple(_numbered("batch_normalization", number) + kind for kind in kinds)
