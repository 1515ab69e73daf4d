"""The training loop: steps, probes, early stopping, checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from audio_model.batches import PairBatch, PairBatches
from audio_model.checkpoint import (
    restore_checkpoint,
    restore_weights,
    save_checkpoint,
    save_weights,
)
from audio_model.objective import OBJECTIVES
from audio_model.recipes import Recipe
from audio_model.validation import Probe, ProbeTracks
from data.arrays import Floats
from data.errors import ArtefactError

CHECKPOINT_EVERY = 50
"""Steps between checkpoints; about a minute of work on two cores."""


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
        Loss of the batch, see `audio_model.objective`; NaN while decoding.
    accuracy : float
        Share of the batch whose two views found each other, or of its variance that is drawn again,
        0 … 1; NaN while decoding.
    probe : Probe or None
        The latest probe of held-out tracks.
    """

    stage: str
    step: int
    steps: int
    loss: float = float("nan")
    accuracy: float = float("nan")
    probe: Probe | None = None


def fit(
    network: keras.Model,
    student: keras.Model,
    batches: PairBatches,
    recipe: Recipe,
    checkpoint: Path,
    held_out: ProbeTracks | None,
    report: Callable[[TrainProgress], None],
) -> TrainProgress:
    """Run the steps that are left, and leave the best weights in `network`.

    Parameters
    ----------
    network : keras.Model
        The encoder.
    student : keras.Model
        The same layers, with the heads that only training needs.
    batches : PairBatches
        What to learn from.
    recipe : Recipe
        How.
    checkpoint : Path
        File of the training state; the best weights lie beside it.
    held_out : ProbeTracks or None
        What to probe; None = the last weights are the best.
    report : callable
        Told after each step.

    Returns
    -------
    TrainProgress
        Of the last step; its probe is that of the weights in `network`.
    """
    # Some kernels add up in the order in which their threads finish, unless told not to.
    tf.config.experimental.enable_op_determinism()
    steps = len(batches)
    optimizer = keras.optimizers.Adam(_learning_rate(recipe, steps))
    optimizer.build(student.trainable_variables)
    objective = OBJECTIVES[recipe.objective]

    @tf.function  # type: ignore[untyped-decorator]
    def train_step(batch: PairBatch) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            loss, accuracy = objective(student, batch, recipe)
        gradients = tape.gradient(loss, student.trainable_variables)
        optimizer.apply_gradients(zip(gradients, student.trainable_variables, strict=True))
        return loss, accuracy

    start = restore_checkpoint(checkpoint, student, optimizer)
    best = _Best(network, checkpoint.with_suffix(".best.npz"), start)
    progress = TrainProgress("train", start, steps, probe=best.probe)
    # The next batch is made while the network works on this one.
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as ahead:
        upcoming = ahead.submit(batches.__getitem__, min(start, steps - 1))
        for step in range(start, steps):
            batch = upcoming.result()
            upcoming = ahead.submit(batches.__getitem__, min(step + 1, steps - 1))
            loss, accuracy = train_step(batch)
            done = step + 1
            progress = TrainProgress(
                "train", done, steps, float(loss), float(accuracy), progress.probe
            )
            if held_out is not None and (done % recipe.probe_every == 0 or done == steps):
                probe = held_out.probe(lambda chunks: _encoded(network, chunks))
                best.offer(done, probe)
                progress = replace(progress, probe=probe)
            report(progress)
            if held_out and done - best.step >= recipe.patience * recipe.probe_every:
                break
            if done % CHECKPOINT_EVERY == 0 and done < steps:
                save_checkpoint(checkpoint, student, optimizer, done)
    if best.probe is not None:
        best.take()
        progress = replace(progress, step=best.step, probe=best.probe)
    checkpoint.unlink(missing_ok=True)
    best.path.unlink(missing_ok=True)
    return progress


class _Best:
    """The best weights so far, on disk, so that a killed training knows them, too."""

    def __init__(self, network: keras.Model, path: Path, start: int) -> None:
        self.path = path
        self.step = start
        self.probe: Probe | None = None
        self._network = network
        current = network.get_weights()
        try:
            facts = restore_weights(path, network)
        except ArtefactError:
            return
        network.set_weights(current)
        # Found after the checkpoint, it will be found again.
        if int(facts["step"]) <= start:
            self.step = int(facts["step"])
            self.probe = Probe(facts["score"], facts["effective_rank"])

    def offer(self, step: int, probe: Probe) -> None:
        """Keep the network's weights if they are better than those kept."""
        if self.probe is None or probe.score > self.probe.score:
            self.step, self.probe = step, probe
            save_weights(
                self.path,
                self._network,
                step=step,
                score=probe.score,
                effective_rank=probe.effective_rank,
            )

    def take(self) -> None:
        """Set the network to the weights kept."""
        restore_weights(self.path, self._network)


def _encoded(network: keras.Model, chunks: Floats) -> Floats:
    """Vectors of chunks [shape=(n, n_mels, chunk_frames)], as the network gives them in use."""
    return np.asarray(network(chunks[..., None], training=False))


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
