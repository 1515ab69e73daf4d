"""A public music tagger as teacher of the encoder, at training time only. Needs TensorFlow.

The network is the musically motivated CNN of Pons et al. in the size that its authors trained on
some 200,000 tagged songs of the Million Song Dataset and published as `musicnn` (ISC licence, the
weights lie inside the wheel). Only its inference is here, written after the papers and the shapes
of the variables; the package itself is never imported and needs none of its dependencies.

References
----------
J. Pons, O. Nieto, M. Prockup, E. Schmidt, A. Ehmann, X. Serra, End-to-end learning for music audio
tagging at scale, ISMIR 2018. J. Pons, X. Serra, musicnn: pre-trained convolutional neural networks
for music audio tagging, ISMIR 2019 late-breaking; https://github.com/jordipons/musicnn
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from audio_model.frontend import FrontEnd
from data.arrays import Floats
from data.errors import ArtefactError, NotReadyError, ParameterError

MEL = FrontEnd(sr=16_000, n_fft=512, hop_length=256, n_mels=96, chunk_frames=187)
"""The tagger's own front end; 187 frames are the 3 s that it was trained on."""

TAGS = (
    "rock", "pop", "alternative", "indie", "electronic", "female vocalists", "dance", "00s",
    "alternative rock", "jazz", "beautiful", "metal", "chillout", "male vocalists",
    "classic rock", "soul", "indie rock", "Mellow", "electronica", "80s", "folk", "90s", "chill",
    "instrumental", "punk", "oldies", "blues", "hard rock", "ambient", "acoustic",
    "experimental", "female vocalist", "guitar", "Hip-Hop", "70s", "party", "country",
    "easy listening", "sexy", "catchy", "funk", "electro", "heavy metal", "Progressive rock",
    "60s", "rnb", "indie pop", "sad", "House", "happy",
)  # fmt: skip
"""What the outputs stand for: the 50 most frequent Last.fm tags of the Million Song Dataset."""

_TIMBRAL, _TEMPORAL, _MIDDLE = (0, 1), (2, 3, 4), (5, 6, 7)
"""Which convolutions, in the order of the checkpoint, belong to which part of the network."""
_EPSILON = 1e-3
"""Added to the variance in batch normalisation, TensorFlow's default."""
_BATCH = 8
"""Windows at a time: larger ones no longer fit the processor's cache and are slower."""


@dataclass(frozen=True)
class TeacherFeatures:
    """What the tagger makes of windows, one row a window.

    Parameters
    ----------
    pooled : np.ndarray [shape=(n, 1506), dtype=float32]
        Mean over time of the 753 features of all layers, then their maximum.
    penultimate : np.ndarray [shape=(n, 200), dtype=float32]
        Last layer before the tags, normalised as the tags read it.
    tags : np.ndarray [shape=(n, 50), dtype=float32]
        Probability of each of `TAGS`, 0 … 1.
    """

    pooled: Floats
    penultimate: Floats
    tags: Floats


def log_mel(blocks: Iterable[Floats]) -> Floats:
    """Compressed mel power ``log10(10000 x + 1)`` of a stream of samples at 16 kHz.

    Everything is float32: the original's float16 overflows to infinity in loud music.

    Parameters
    ----------
    blocks : iterable of np.ndarray [shape=(n,), dtype=float32]
        Consecutive mono samples, in pieces of any size.

    Returns
    -------
    np.ndarray [shape=(n_frames, 96), dtype=float32]
        62.5 frames a second.
    """
    compressed: Floats = np.log10(np.float32(10_000.0) * MEL.power(blocks) + np.float32(1.0))
    return compressed


def windows_at(mel: Floats, starts_seconds: ArrayLike) -> Floats:
    """Windows of 3 s that begin at the given times.

    A window that would reach past the end begins earlier instead; a track shorter than a window is
    repeated until it fills one, as in the tagger's training.

    Parameters
    ----------
    mel : np.ndarray [shape=(n_frames, 96)]
        From `log_mel`.
    starts_seconds : array_like [shape=(n,)]
        Beginnings in seconds.

    Returns
    -------
    np.ndarray [shape=(n, 187, 96), dtype=float32]

    Raises
    ------
    ParameterError
        If `mel` is empty.
    """
    if not len(mel):
        raise ParameterError("expected at least one frame of sound, got none")
    length = MEL.chunk_frames
    if len(mel) < length:
        mel = mel[np.arange(length) % len(mel)]
    starts = np.rint(np.asarray(starts_seconds, float) * MEL.sr / MEL.hop_length).astype(np.int64)
    starts = np.clip(starts, 0, len(mel) - length)
    windows: Floats = mel[starts[:, None] + np.arange(length)]
    return windows


class Teacher:
    """The tagger with its weights; see `Teacher.load`.

    Parameters
    ----------
    weights : dict of str to np.ndarray
        Variables by the names that they have in the checkpoint.
    """

    def __init__(self, weights: dict[str, Floats]) -> None:
        self._weights = weights
        signature = [tf.TensorSpec((None, None, MEL.n_mels), tf.float32)]
        self._forward = tf.function(self._network, input_signature=signature)

    @classmethod
    def load(cls, folder: Path | None = None) -> Teacher:
        """Read the weights.

        Parameters
        ----------
        folder : Path, optional
            Holds the checkpoint; by default that of the installed `musicnn`.

        Raises
        ------
        NotReadyError
            If there is no checkpoint.
        ArtefactError
            If the checkpoint is damaged or of another network.
        """
        folder = _installed() if folder is None else folder
        if not (folder / ".index").is_file():
            raise NotReadyError(
                f"expected the tagger's checkpoint in {folder}, found none; "
                "run `pip install --no-deps musicnn`"
            )
        names = _variable_names()
        try:
            # `tf.train.load_checkpoint` would follow the path of the authors' machine that stands
            # in the folder's `checkpoint` file.
            values = tf.raw_ops.RestoreV2(
                prefix=f"{folder}/",
                tensor_names=names,
                shape_and_slices=[""] * len(names),
                dtypes=[tf.float32] * len(names),
            )
        except (tf.errors.OpError, ValueError) as error:
            raise ArtefactError(
                f"the checkpoint in {folder} is damaged or not MSD_musicnn ({error}); "
                "run `pip install --force-reinstall --no-deps musicnn`"
            ) from error
        return cls({name: value.numpy() for name, value in zip(names, values, strict=True)})

    def listen(self, windows: Floats) -> TeacherFeatures:
        """Features of windows [shape=(n, n_frames, 96)] of compressed mel power.

        Raises
        ------
        ParameterError
            If there is no window.
        """
        if not len(windows):
            raise ParameterError("expected at least one window of sound, got none")
        parts = [
            self._forward(tf.constant(windows[at : at + _BATCH], tf.float32))
            for at in range(0, len(windows), _BATCH)
        ]
        pooled, penultimate, tags = (
            np.concatenate([part.numpy() for part in layer]) for layer in zip(*parts, strict=True)
        )
        return TeacherFeatures(pooled, penultimate, tags)

    def embed(self, y: Floats, starts_seconds: ArrayLike) -> Floats:
        """Penultimate layer [shape=(n, 200)] for windows of samples `y` at 16 kHz."""
        return self.listen(windows_at(log_mel([y]), starts_seconds)).penultimate

    def tags(self, y: Floats, starts_seconds: ArrayLike) -> Floats:
        """Probabilities of `TAGS` [shape=(n, 50)] for windows of samples `y` at 16 kHz."""
        return self.listen(windows_at(log_mel([y]), starts_seconds)).tags

    def _network(self, windows: Any) -> tuple[Any, Any, Any]:
        x = self._normalised(windows[..., None], 0)  # (n, time, mel, 1)
        # Over time the timbral filters see zeros beyond the ends, over frequency nothing.
        padded = tf.pad(x, [[0, 0], [3, 3], [0, 0], [0, 0]])
        timbral = [self._over_bands(padded, layer, "VALID") for layer in _TIMBRAL]
        temporal = [self._over_bands(x, layer, "SAME") for layer in _TEMPORAL]
        layers = [tf.concat(timbral + temporal, axis=2)]  # (n, time, 561)
        for layer in _MIDDLE:
            below = layers[-1]
            kernel = self._weights[_conv(layer) + "kernel"][:, :, 0]  # (7, channels, 64)
            z = tf.nn.conv1d(below, kernel, 1, "SAME") + self._weights[_conv(layer) + "bias"]
            out = self._normalised(tf.nn.relu(z), layer + 1)  # (n, time, 64)
            layers.append(out if layer == _MIDDLE[0] else out + below)
        features = tf.concat(layers, axis=2)  # (n, time, 753)
        mean, maximum = tf.reduce_mean(features, axis=1), tf.reduce_max(features, axis=1)
        # The weights expect maximum and mean of each feature side by side.
        flat = tf.reshape(tf.stack([maximum, mean], axis=2), (-1, 2 * features.shape[2]))
        hidden = tf.nn.relu(self._dense(self._normalised(flat, 9), "dense/"))
        penultimate = self._normalised(hidden, 10)  # (n, 200)
        tags = tf.sigmoid(self._dense(penultimate, "dense_1/"))  # (n, 50)
        return tf.concat([mean, maximum], axis=1), penultimate, tags

    def _over_bands(self, x: Any, layer: int, padding: str) -> Any:
        """Convolution, ReLU, normalisation and maximum over all bands [shape=(n, time, filters)].

        ReLU and normalisation are monotone, so the maximum goes first and they cost next to
        nothing; a filter that normalisation turns over is negated before and after.
        """
        scale, shift = self._affine(layer + 1)
        turn = np.where(scale < 0, np.float32(-1.0), np.float32(1.0))
        z = tf.nn.conv2d(x, self._weights[_conv(layer) + "kernel"] * turn, 1, padding)
        peak = tf.reduce_max(z, axis=2) * turn + self._weights[_conv(layer) + "bias"]
        return tf.nn.relu(peak) * scale + shift

    def _affine(self, norm: int) -> tuple[Floats, Floats]:
        gamma, beta, mean, variance = (self._weights[name] for name in _norm(norm))
        scale: Floats = gamma / np.sqrt(variance + np.float32(_EPSILON))
        return scale, beta - mean * scale

    def _normalised(self, x: Any, norm: int) -> Any:
        scale, shift = self._affine(norm)
        return x * scale + shift

    def _dense(self, x: Any, name: str) -> Any:
        return x @ self._weights[name + "kernel"] + self._weights[name + "bias"]


def _installed() -> Path:
    """Folder of the checkpoint in the installed package, found without importing it."""
    spec = importlib.util.find_spec("musicnn")
    if spec is None or not spec.submodule_search_locations:
        raise NotReadyError(
            "expected the package `musicnn`, whose weights are the teacher, found none; "
            "run `pip install --no-deps musicnn`"
        )
    return Path(next(iter(spec.submodule_search_locations))) / "MSD_musicnn"


def _numbered(name: str, number: int) -> str:
    return f"{name}_{number}/" if number else f"{name}/"


def _conv(layer: int) -> str:
    return _numbered("conv2d", layer)


def _norm(number: int) -> tuple[str, ...]:
    kinds = ("gamma", "beta", "moving_mean", "moving_variance")
    return tuple(_numbered("batch_normalization", number) + kind for kind in kinds)


def _variable_names() -> list[str]:
    convolutions = [_conv(layer) for layer in _TIMBRAL + _TEMPORAL + _MIDDLE]
    layers = [*convolutions, "dense/", "dense_1/"]
    linear = [layer + kind for layer in layers for kind in ("kernel", "bias")]
    return linear + [name for norm in range(11) for name in _norm(norm)]
