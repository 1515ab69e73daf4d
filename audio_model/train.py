"""Train an encoder on a set of audio files and export it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import keras
import numpy as np

from audio_model.batches import PairBatches
from audio_model.cache import CachedTracks, cache_spectrograms
from audio_model.checkpoint import restore_weights
from audio_model.encoder import WEIGHTS_FILE
from audio_model.export import export_encoder
from audio_model.finishing import finished
from audio_model.fitting import TrainProgress, fit
from audio_model.index.base import unit_rows
from audio_model.network import build_network, build_student
from audio_model.recipes import Recipe
from audio_model.validation import held_out
from data.arrays import Floats
from data.errors import DataError, ParameterError

FINE_TUNING_RATE = 0.2
"""Share of the recipe's step size and of its steps when training goes on from an encoder."""
_PARITY_CHUNKS = 16


def train_encoder(
    paths: Sequence[Path],
    recipe: Recipe,
    *,
    out: Path,
    cache: Path,
    seed: int = 0,
    steps: int | None = None,
    workers: int = 2,
    groups: Mapping[Path, str] | None = None,
    start: Path | None = None,
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
        Seed of weights, batches, noise and the choice of the tracks held out.
    steps : int, optional
        Number of batches; the recipe's by default, a fifth of them when there is a `start`.
    workers : int
        Child processes that decode.
    groups : mapping of Path to str, optional
        What belongs together (artists), for the held-out probe; see `audio_model.validation`.
    start : Path, optional
        Folder of an encoder of the same recipe to go on from.
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
        If `start` has no weights of this recipe, or the exported network is not equal to the
        trained one.
    """
    if start is not None:
        steps = steps or max(1, round(recipe.steps * FINE_TUNING_RATE))
        recipe = replace(recipe, learning_rate=recipe.learning_rate * FINE_TUNING_RATE)
    steps = recipe.steps if steps is None else steps
    if steps < 1:
        raise ParameterError(f"steps must be at least 1, got {steps}")
    network = build_network(recipe, seed)
    if start is not None:
        restore_weights(start / WEIGHTS_FILE, network)
    report = on_progress or (lambda _: None)
    decoded = cache_spectrograms(
        sorted(set(paths)),
        recipe.frontend,
        cache / "spectrograms",
        workers=workers,
        on_progress=lambda done, all_: report(TrainProgress("decode", done, all_)),
    )
    if len(decoded.files) < 2:
        raise DataError(
            f"training needs at least 2 tracks that can be analysed, got {len(decoded.files)} "
            f"of {len(paths)} files" + _first_reason(decoded)
        )
    tracks, probed = held_out(decoded, groups or {}, recipe.validation_share, seed)
    lessons = None if teacher is None else [unit_rows(teacher(path))[0] for path in tracks.paths]
    batches = PairBatches(tracks, recipe, steps, seed, lessons)
    student = build_student(network, recipe, seed, batches.teacher_dim)
    key = _run_key(tracks, recipe, seed, steps, batches.teacher_dim, network)
    last = fit(
        network, student, batches, recipe, cache / "checkpoints" / f"{key}.npz", probed, report
    )
    training = {
        "steps": last.step,
        "tracks": len(tracks.files),
        "held_out": len(decoded.files) - len(tracks.files),
        "skipped": len(decoded.skipped),
        "seed": seed,
        "loss": round(last.loss, 6),
        "accuracy": round(last.accuracy, 6),
        "probe": None if last.probe is None else round(last.probe.score, 6),
        "taught": teacher is not None,
        "start": None if start is None else start.name,
    }
    served, content = finished(network, tracks, recipe)
    return export_encoder(
        served,
        recipe,
        _some_chunks(tracks),
        out,
        training,
        weights=network,
        content=content,
        precision="float16",
    )


def untrained_encoder(recipe: Recipe, out: Path, seed: int = 0) -> Path:
    """Export the recipe's network with its initial weights: the control of every comparison."""
    shape = (_PARITY_CHUNKS, recipe.frontend.n_mels, recipe.frontend.chunk_frames)
    noise = np.random.default_rng(seed).uniform(recipe.frontend.min_db, 0.0, shape)
    return export_encoder(
        build_network(recipe, seed), recipe, noise.astype(np.float32), out, {"steps": 0}
    )


def _run_key(
    tracks: CachedTracks,
    recipe: Recipe,
    seed: int,
    steps: int,
    teacher_dim: int,
    network: keras.Model,
) -> str:
    """Digest of all that decides the result, so that a checkpoint never serves another run."""
    names = [path.name for path in tracks.files]
    run = json.dumps([names, asdict(recipe), seed, steps, teacher_dim], sort_keys=True)
    digest = hashlib.sha256(run.encode())
    for weight in network.get_weights():
        digest.update(weight.tobytes())
    return digest.hexdigest()[:32]


def _some_chunks(tracks: CachedTracks) -> Floats:
    """First chunk of the first tracks [shape=(n, n_mels, chunk_frames)]."""
    count = min(_PARITY_CHUNKS, len(tracks.files))
    return np.stack([tracks.chunks(track)[0] for track in range(count)]).astype(np.float32)


def _first_reason(tracks: CachedTracks) -> str:
    for path, reason in tracks.skipped.items():
        return f"; {path.name}: {reason}"
    return ""
