"""Train a contrastive encoder on a set of audio files and export it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from audio_model.batches import PairBatch, PairBatches
from audio_model.cache import CachedTracks, cache_spectrograms
from audio_model.checkpoint import restore_checkpoint, save_checkpoint
from audio_model.export import export_encoder
from audio_model.index.base import unit_rows
from audio_model.loss import info_nce, similarity_transfer
from audio_model.network import EMBEDDING, PROJECTION, TEACHER, build_network, build_student
from audio_model.recipes import Recipe
from audio_model.whitening import whitened
from data.arrays import Floats
from data.errors import DataError, ParameterError

CHECKPOINT_EVERY = 50
"""Steps between checkpoints; about 13 s of work on two cores."""
_PARITY_CHUNKS = 16


@dataclass(frozen=True)
class TrainProgress:
    """How far training is.

    Parameters
    ----------
    stage : str
        ``"decode"`` (`step` of `steps` files) or ``"train"`` (`step` of `steps` batches).
    step, steps : int
        Units done, and all units.
    loss : float
        InfoNCE of the batch, nats; NaN while decoding.
    accuracy : float
        Share of the batch whose two views found each other, 0 … 1; NaN while decoding.
    """

    stage: str
    step: int
    steps: int
    loss: float = float("nan")
    accuracy: float = float("nan")


def train_encoder(
    paths: Sequence[Path],
    recipe: Recipe,
    *,
    out: Path,
    cache: Path,
    seed: int = 0,
    steps: int | None = None,
    workers: int = 2,
    teacher: Callable[[Path], Floats] | None = None,
    on_progress: Callable[[TrainProgress], None] | None = None,
) -> Path:
    """Train by `recipe`, export, and return the encoder's folder ``out/<encoder_id>/``.

    The same files, recipe, seed and steps give the same encoder, also when the training was killed
    in between: it goes on from its last checkpoint in `cache`.

    Parameters
    ----------
    paths : sequence of Path
        Audio files; those that cannot be analysed are left out and counted in the card.
    recipe : Recipe
        How to train.
    out : Path
        Parent of the encoder's folder.
    cache : Path
        Folder for decoded spectrograms and checkpoints; may be kept for the next training.
    seed : int
        Seed of weights, batches and noise.
    steps : int, optional
        Number of batches; the recipe's by default.
    workers : int
        Child processes that decode.
    teacher : callable, optional
        Path of an audio file → a teacher's vectors of its chunks [shape=(n_chunks, teacher_dim)],
        which the student is pulled towards with ``recipe.teacher_weight``.
    on_progress : callable, optional
        Told after each file and each batch.

    Raises
    ------
    ParameterError
        If `steps` is below 1.
    DataError
        If fewer than 2 files can be analysed.
    ArtefactError
        If the exported network is not equal to the trained one.
    """
    steps = recipe.steps if steps is None else steps
    if steps < 1:
        raise ParameterError(f"steps must be at least 1, got {steps}")
    report = on_progress or (lambda _: None)
    tracks = cache_spectrograms(
        sorted(set(paths)),
        recipe.frontend,
        cache / "spectrograms",
        workers=workers,
        on_progress=lambda done, all_: report(TrainProgress("decode", done, all_)),
    )
    if len(tracks.files) < 2:
        raise DataError(
            f"training needs at least 2 tracks that can be analysed, got {len(tracks.files)} "
            f"of {len(paths)} files" + _first_reason(tracks)
        )
    lessons = None if teacher is None else [unit_rows(teacher(path))[0] for path in tracks.paths]
    batches = PairBatches(tracks, recipe, steps, seed, lessons)
    network = build_network(recipe, seed)
    student = build_student(network, recipe, seed, batches.teacher_dim)
    key = _run_key(tracks, recipe, seed, steps, batches.teacher_dim)
    checkpoint = cache / "checkpoints" / f"{key}.npz"
    last = _fit(student, batches, recipe, checkpoint, report)
    if recipe.whitening:
        network = whitened(network, _spread_chunks(tracks), recipe.whitening)
    training = {
        "steps": steps,
        "tracks": len(tracks.files),
        "skipped": len(tracks.skipped),
        "seed": seed,
        "loss": round(last.loss, 6),
        "accuracy": round(last.accuracy, 6),
        "taught": teacher is not None,
    }
    folder = export_encoder(network, recipe, _some_chunks(tracks), out, training)
    checkpoint.unlink(missing_ok=True)
    return folder


def untrained_encoder(recipe: Recipe, out: Path, seed: int = 0) -> Path:
    """Export the recipe's network with its initial weights: the control of every comparison."""
    shape = (_PARITY_CHUNKS, recipe.frontend.n_mels, recipe.frontend.chunk_frames)
    noise = np.random.default_rng(seed).uniform(recipe.frontend.min_db, 0.0, shape)
    return export_encoder(
        build_network(recipe, seed), recipe, noise.astype(np.float32), out, {"steps": 0}
    )


def _fit(
    student: keras.Model,
    batches: PairBatches,
    recipe: Recipe,
    checkpoint: Path,
    report: Callable[[TrainProgress], None],
) -> TrainProgress:
    """Run the steps that are left; return the last progress."""
    # Some kernels add up in the order in which their threads finish, unless told not to.
    tf.config.experimental.enable_op_determinism()
    steps = len(batches)
    optimizer = keras.optimizers.Adam(_learning_rate(recipe, steps))
    optimizer.build(student.trainable_variables)

    @tf.function  # type: ignore[untyped-decorator]
    def train_step(batch: PairBatch) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            first, second = (
                student(batch.first, training=True),
                student(batch.second, training=True),
            )
            loss, accuracy = info_nce(first[PROJECTION], second[PROJECTION], recipe.tau)
            if recipe.symmetric:
                loss = (loss + info_nce(second[PROJECTION], first[PROJECTION], recipe.tau)[0]) / 2
            if batches.teacher_dim:
                loss += recipe.teacher_weight * (
                    _teacher_loss(first, batch.first_teacher, recipe.tau)
                    + _teacher_loss(second, batch.second_teacher, recipe.tau)
                )
        gradients = tape.gradient(loss, student.trainable_variables)
        optimizer.apply_gradients(zip(gradients, student.trainable_variables, strict=True))
        return loss, accuracy

    start = restore_checkpoint(checkpoint, student, optimizer)
    progress = TrainProgress("train", start, steps)
    # The next batch is made while the network works on this one.
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as ahead:
        upcoming = ahead.submit(batches.__getitem__, min(start, steps - 1))
        for step in range(start, steps):
            batch = upcoming.result()
            upcoming = ahead.submit(batches.__getitem__, min(step + 1, steps - 1))
            loss, accuracy = train_step(batch)
            progress = TrainProgress("train", step + 1, steps, float(loss), float(accuracy))
            report(progress)
            if (step + 1) % CHECKPOINT_EVERY == 0 and step + 1 < steps:
                save_checkpoint(checkpoint, student, optimizer, step + 1)
    return progress


def _teacher_loss(student: dict[str, Any], teacher: Any, tau: float) -> Any:
    """Distance of a student's guesses and of its similarities from the teacher's."""
    angle = tf.reduce_mean(1.0 - tf.reduce_sum(student[TEACHER] * teacher, axis=1))
    named, _ = info_nce(student[TEACHER], teacher, tau)
    return angle + 0.5 * named + similarity_transfer(student[EMBEDDING], teacher, tau)


def _learning_rate(recipe: Recipe, steps: int) -> Any:
    if recipe.schedule == "constant":
        return recipe.learning_rate
    warm_up = max(1, steps // 20)
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=recipe.learning_rate / warm_up,
        decay_steps=max(1, steps - warm_up),
        warmup_target=recipe.learning_rate,
        warmup_steps=warm_up,
    )


def _run_key(tracks: CachedTracks, recipe: Recipe, seed: int, steps: int, teacher_dim: int) -> str:
    """Digest of all that decides the result, so that a checkpoint never serves another run."""
    names = [path.name for path in tracks.files]
    run = json.dumps([names, asdict(recipe), seed, steps, teacher_dim], sort_keys=True)
    return hashlib.sha256(run.encode()).hexdigest()[:32]


def _spread_chunks(tracks: CachedTracks) -> Floats:
    """Every fourth chunk of every track [shape=(n, n_mels, chunk_frames)]."""
    chunks = [tracks.chunks(track)[::4] for track in range(len(tracks.files))]
    return np.concatenate(chunks).astype(np.float32)


def _some_chunks(tracks: CachedTracks) -> Floats:
    """First chunk of the first tracks [shape=(n, n_mels, chunk_frames)]."""
    count = min(_PARITY_CHUNKS, len(tracks.files))
    return np.stack([tracks.chunks(track)[0] for track in range(count)]).astype(np.float32)


def _first_reason(tracks: CachedTracks) -> str:
    for path, reason in tracks.skipped.items():
        return f"; {path.name}: {reason}"
    return ""
