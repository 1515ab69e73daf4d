"""A public music tagger as teacher of the encoder, at training time only. Needs TensorFlow.

The network is the musically motivated CNN of Pons et al. in the size that its authors trained on
some 200,000 tagged songs of the Million Song Dataset and published as `musicnn` (ISC licence, the
weights lie inside the wheel). The package itself is never imported and needs none of its
dependencies: the forward pass is in `audio_model.tagger`.

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
from functools import partial
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from audio_model.frontend import FrontEnd
from audio_model.tagger import Weights, listen, variable_names
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
    weights : mapping of str to np.ndarray
        Variables by the names that they have in the checkpoint.
    """

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        signature = [tf.TensorSpec((None, None, MEL.n_mels), tf.float32)]
        self._forward = tf.function(partial(listen, weights), input_signature=signature)

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
        names = variable_names()
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


def _installed() -> Path:
    """Folder of the checkpoint in the installed package, found without importing it."""
    spec = importlib.util.find_spec("musicnn")
    if spec is None or not spec.submodule_search_locations:
        raise NotReadyError(
            "expected the package `musicnn`, whose weights are the teacher, found none; "
            "run `pip install --no-deps musicnn`"
        )
    return Path(next(iter(spec.submodule_search_locations))) / "MSD_musicnn"
