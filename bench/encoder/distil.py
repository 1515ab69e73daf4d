"""The shipped encoder's weights: a student that hears what its teacher hears, mixtures included.

    python -m bench.encoder.distil --pack FOLDER --out weights.npz

Some hundred tracks are few to learn from, so each view is, nine times out of ten, a mixture of a
chunk with one of any other track, 1 to 25 dB below it: there are millions of them, and the teacher
says what it hears in each, instead of in the tracks alone (a teacher that is asked about the very
picture that the student sees, over a long training: Beyer et al., "Knowledge distillation: a good
teacher is patient and consistent", CVPR 2022). What is changed besides, as in
`audio_model.augment`, only the student sees. Whichever backend of Keras sees the GPU computes all
of it beside the networks (``KERAS_BACKEND=jax``); two cores take hours for a minute of this.

The pack is that of ``bench.encoder.packed``. The step size follows a cosine over `--seconds`, so a
run of another length or on another machine gives other weights. Needs keras, pillow, scipy,
soundfile and soxr; ``bench.encoder.quality --weights`` finishes, judges and ships the result.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from audio_model.checkpoint import save_weights
from audio_model.network import EMBEDDING, PROJECTION, TEACHER, build_network, build_student
from audio_model.recipes import RECIPES, Recipe
from audio_model.tagger import Weights, listen
from bench.encoder.lesson import LESSON_DIM, even_directions
from bench.encoder.mixtures import SILENT, Mixtures
from bench.encoder.packed import STEPS_A_DECADE, Pack

EPOCH = 100
"""Steps between two looks at the clock."""
CONTRAST, LESSON = 0.3, 1.0
"""Weights of the contrast between tracks and of the teacher's lesson, for each view."""
POOLED_DIM, PENULTIMATE_DIM = LESSON_DIM, 128
"""Directions of the teacher's layers that make its lesson."""


class Lesson:
    """Maps the teacher's layers to the unit vectors that the student is to guess.

    Parameters
    ----------
    layers : sequence of np.ndarray [shape=(n_chunks, features)]
        Layers of the training chunks.
    dimensions : sequence of int
        Directions kept of each.
    """

    def __init__(self, layers: list[np.ndarray], dimensions: list[int]) -> None:
        self.dimension = sum(dimensions)
        self._maps = [
            even_directions(layer, dimension)
            for layer, dimension in zip(layers, dimensions, strict=True)
        ]

    def __call__(self, layers: list[Any]) -> Any:
        """Unit vectors [shape=(n, dimension)]."""
        parts = [
            _unit(ops.matmul((layer - mean) / spread, even))
            for layer, (mean, spread, even) in zip(layers, self._maps, strict=True)
        ]
        return _unit(ops.concatenate(parts, axis=1))


def _unit(rows: Any) -> Any:
    return rows / (ops.sqrt(ops.sum(rows * rows, axis=-1, keepdims=True)) + 1e-6)


class Distillation(keras.Model):
    """Student and teacher before the same mixture.

    Parameters
    ----------
    student : keras.Model
        See `audio_model.network.build_student`.
    weights : mapping of str to np.ndarray
        The teacher's.
    lesson : Lesson
        What to learn of it.
    recipe : Recipe
        Its front end and temperature.
    seed : int
        Of the noise.
    """

    def __init__(
        self, student: keras.Model, weights: Weights, lesson: Lesson, recipe: Recipe, seed: int
    ) -> None:
        super().__init__()
        self.student, self._lesson, self._recipe = student, lesson, recipe
        self._teacher = dict(weights)
        self._noise = keras.random.SeedGenerator(seed)
        names = ("contrast", "found", "angle", "named", "transfer")
        self._means = [keras.metrics.Mean(name=name) for name in names]

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """Parts of the loss."""
        return self._means

    def call(self, batch: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """What the student makes of the mixtures, and the lesson that belongs to each."""
        pooled, penultimate, _ = listen(self._teacher, self._heard(batch))
        outputs = self.student(self._seen(batch)[..., None], training=training)
        return dict(outputs, lesson=self._lesson([pooled, penultimate]))

    def compute_loss(self, x: Any, y: Any, y_pred: Any, *_: Any, **__: Any) -> Any:  # noqa: ARG002
        """Contrast of the two views of each track, and the lesson of each view."""
        tau, lesson = self._recipe.tau, y_pred["lesson"]
        half = ops.shape(lesson)[0] // 2
        sides = (slice(0, half), slice(half, None))
        left, right = (y_pred[PROJECTION][side] for side in sides)
        contrast, found = _info_nce(left, right, tau)
        contrast = (contrast + _info_nce(right, left, tau)[0]) / 2.0
        angle = ops.mean(1.0 - ops.sum(y_pred[TEACHER] * lesson, axis=1))
        named = sum(_info_nce(y_pred[TEACHER][side], lesson[side], tau)[0] for side in sides) / 2.0
        transfer = (
            sum(_transfer(y_pred[EMBEDDING][side], lesson[side], tau) for side in sides) / 2.0
        )
        for mean, value in zip(self._means, (contrast, found, angle, named, transfer), strict=True):
            mean.update_state(value)
        return CONTRAST * contrast + 2.0 * LESSON * (angle + 0.5 * named + transfer)

    def _heard(self, batch: dict[str, Any]) -> Any:
        """The teacher's view [shape=(n, 187, 96)], unchanged."""
        first, second = (
            ops.power(10.0, ops.cast(batch[side], "float32") / STEPS_A_DECADE) - 1.0
            for side in ("first_heard", "second_heard")
        )
        return ops.log10(first + second * batch["share"][:, None, None] + 1.0)

    def _seen(self, batch: dict[str, Any]) -> Any:
        """The student's view [shape=(n, 128, 129)], changed as in `audio_model.augment`."""
        min_db = self._recipe.frontend.min_db
        first, second = (
            (1.0 - ops.cast(batch[side], "float32") / 255.0) * min_db
            for side in ("first", "second")
        )
        second = second - batch["below"][:, None, None]
        view = 10.0 * ops.log10(ops.power(10.0, first / 10.0) + ops.power(10.0, second / 10.0))
        view = ops.maximum(view, min_db)
        n_mels, frames = view.shape[1:]
        row = np.arange(n_mels) - ops.cast(batch["shift"], "int32")[:, None]
        view = ops.take_along_axis(view, ops.clip(row, 0, n_mels - 1)[:, :, None], axis=1)
        outside = ops.logical_or(row < 0, row >= n_mels)
        view = view + SILENT * ops.cast(outside, "float32")[:, :, None]
        ramp = batch["decay"][:, None, None] * np.arange(frames, dtype=np.float32)
        prolonged = _running_maximum(view + ramp) - ramp
        view = ops.where(batch["reverberant"][:, None, None] > 0, prolonged, view)
        band = np.linspace(-1.0, 1.0, n_mels, dtype=np.float32)[None, :, None]
        level = batch["gain"][:, None, None] + batch["tilt"][:, None, None] * band
        for place, cycles in enumerate((0.5, 1.0, 1.5)):
            phase = batch["phases"][:, place, None, None]
            wave = ops.cos(2.0 * np.pi * cycles * band + phase)
            level = level + batch["bumps"][:, place, None, None] * wave
        view = view + level
        floor = batch["floor"][:, None, None] + batch["floor_tilt"][:, None, None] * band
        view = ops.maximum(
            view, floor + 3.0 * keras.random.normal(ops.shape(view), seed=self._noise)
        )
        view = view + batch["bands"][:, :, None] + batch["frames"][:, None, :]
        grain = keras.random.normal(ops.shape(view), seed=self._noise)
        return ops.clip(view + self._recipe.noise_sigma * grain, min_db, 0.0)


def _running_maximum(x: Any) -> Any:
    """Largest value so far along the last axis."""
    frames, reach = x.shape[-1], 1
    while reach < frames:
        before = ops.concatenate(
            [ops.full_like(x[..., :reach], -1e9), x[..., : frames - reach]], axis=-1
        )
        x, reach = ops.maximum(x, before), 2 * reach
    return x


def _info_nce(anchors: Any, positives: Any, tau: float) -> tuple[Any, Any]:
    """`audio_model.loss.info_nce`, on any backend."""
    similarity = ops.matmul(anchors, ops.transpose(positives)) / tau
    diagonal = ops.arange(ops.shape(similarity)[0], dtype="int32")
    losses = keras.losses.sparse_categorical_crossentropy(diagonal, similarity, from_logits=True)
    found = ops.equal(ops.cast(ops.argmax(similarity, axis=1), "int32"), diagonal)
    return ops.mean(losses), ops.mean(ops.cast(found, "float32"))


def _transfer(vectors: Any, teacher: Any, tau: float) -> Any:
    """`audio_model.loss.similarity_transfer`, on any backend."""
    self_mask = ops.eye(ops.shape(vectors)[0]) * -1e9
    student = ops.log_softmax(ops.matmul(vectors, ops.transpose(vectors)) / tau + self_mask)
    target = ops.log_softmax(ops.matmul(teacher, ops.transpose(teacher)) / tau + self_mask)
    return ops.mean(ops.sum(ops.exp(target) * (target - student), axis=1))


class Clock(keras.callbacks.Callback):
    """Step size by the time that has passed since the first epoch, which compiles.

    Parameters
    ----------
    seconds : float
        Length of the training.
    largest : float
        Step size at its highest.
    """

    def __init__(self, seconds: float, largest: float) -> None:
        super().__init__()
        self._seconds, self._largest = seconds, largest
        self._began = time.perf_counter()
        self._done = 0.0
        self.steps = 0

    def on_epoch_begin(self, epoch: int, *_: Any) -> None:
        """Set the step size."""
        if epoch <= 1:
            self._began = time.perf_counter()
        self._done = min(1.0, (time.perf_counter() - self._began) / self._seconds)
        rise = min(1.0, max(self._done, 0.01) / 0.04)
        fall = 0.5 * (1.0 + np.cos(np.pi * self._done))
        self.model.optimizer.learning_rate = float(self._largest * rise * fall)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Say how far it is, and stop when the time is up."""
        said = {name: round(float(value), 4) for name, value in (logs or {}).items()}
        self.steps = EPOCH * (epoch + 1)
        print(f"{self.steps} steps, {self._done:.0%}: {said}", flush=True)
        self.model.stop_training = time.perf_counter() - self._began > self._seconds


def heard_layers(weights: Weights, mels: np.ndarray, batch: int) -> list[np.ndarray]:
    """The teacher's layers (pooled, penultimate) of chunks as they are."""
    windows = keras.Input(mels.shape[1:])
    model = keras.Model(windows, listen(weights, windows)[:2])
    scaled = mels.astype(np.float32) / STEPS_A_DECADE
    return [np.asarray(layer) for layer in model.predict(scaled, batch_size=batch, verbose=0)]


def main() -> None:
    """Train, write the weights."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pack", type=Path, required=True, help="of bench.encoder.packed")
    parser.add_argument("--out", type=Path, required=True, help="file of the weights")
    parser.add_argument("--seconds", type=float, default=420.0)
    parser.add_argument("--batch", type=int, default=256, help="tracks")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=8, help="threads that make batches")
    arguments = parser.parse_args()
    keras.utils.set_random_seed(arguments.seed)
    recipe = RECIPES["default"]
    pack = Pack.read(arguments.pack)
    with np.load(arguments.pack / "teacher.npz") as stored:
        weights = dict(stored)
    layers = heard_layers(weights, pack.teacher, arguments.batch)
    lesson = Lesson(layers, [POOLED_DIM, PENULTIMATE_DIM])
    network = build_network(recipe, arguments.seed)
    student = build_student(network, recipe, arguments.seed, lesson.dimension)
    model = Distillation(student, weights, lesson, recipe, arguments.seed)
    model.compile(optimizer=keras.optimizers.Adam(recipe.learning_rate))
    mixtures = Mixtures(
        pack,
        recipe,
        arguments.batch,
        EPOCH,
        arguments.seed,
        workers=arguments.workers,
        max_queue_size=24,
    )
    clock = Clock(arguments.seconds, recipe.learning_rate)
    model.fit(
        mixtures,
        epochs=10**6,  # the clock decides
        shuffle=False,
        verbose=0,
        callbacks=[clock],
    )
    save_weights(arguments.out, network, step=clock.steps)
    print(f"{arguments.out}: {clock.steps} steps of {arguments.batch} tracks")


if __name__ == "__main__":
    main()
