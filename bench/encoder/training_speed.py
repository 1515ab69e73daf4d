"""The training loop against a bare one: what batches, views and bookkeeping cost.

    python -m bench.encoder.training_speed --music FOLDER --cache FOLDER

`real` is `audio_model.fitting.fit` on the cached spectrograms, as `recsys encoder train` runs it,
without probes; `bare` is the same network, loss and optimiser on one batch of random tensors in
memory. All run in this process, first bare, then real, then bare again, so that a change of the
machine's speed shows; the ratio is to the mean of the two. Utilisation is processor time by wall
time and cores. Let the machine be idle.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from bench.machine import describe_machine


class Clock:
    """Wall and processor time of the steps after the warm-up."""

    def __init__(self, warm_up: int) -> None:
        self._warm_up = warm_up
        self._marks: list[tuple[float, float]] = []

    def tick(self) -> None:
        """Note the end of a step."""
        self._marks.append((time.perf_counter(), time.process_time()))

    def row(self) -> dict[str, float]:
        """Speed and utilisation."""
        first, last = self._marks[self._warm_up - 1], self._marks[-1]
        wall, processor = last[0] - first[0], last[1] - first[1]
        steps = len(self._marks) - self._warm_up
        return {
            "steps": steps,
            "steps_per_s": round(steps / wall, 3),
            "utilisation": round(processor / wall / (os.cpu_count() or 1), 3),
        }


def main() -> None:
    """Time the loops, write the table."""
    import keras
    import tensorflow as tf

    from audio_model.batches import PairBatch, PairBatches
    from audio_model.cache import cache_spectrograms
    from audio_model.fitting import fit
    from audio_model.network import build_network, build_student
    from audio_model.objective import OBJECTIVES
    from audio_model.recipes import recipe_named
    from bench.encoder.quality import music_files

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--music", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True, help="holds `spectrograms`")
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--warm-up", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--out", type=Path, default=Path("bench/results/encoder_training_speed.json")
    )
    args = parser.parse_args()
    recipe = recipe_named(args.recipe)
    steps = args.warm_up + args.steps
    files = music_files(args.music)
    tracks = cache_spectrograms(files, recipe.frontend, args.cache / "spectrograms")

    def real() -> dict[str, float]:
        network = build_network(recipe, args.seed)
        student = build_student(network, recipe, args.seed)
        clock = Clock(args.warm_up)
        with tempfile.TemporaryDirectory() as scratch:
            fit(
                network,
                student,
                PairBatches(tracks, recipe, steps, args.seed),
                recipe,
                Path(scratch) / "run.npz",
                None,
                lambda _: clock.tick(),
            )
        return clock.row()

    def bare() -> dict[str, float]:
        # As `fit` does; it decides which kernels run.
        tf.config.experimental.enable_op_determinism()
        student = build_student(build_network(recipe, args.seed), recipe, args.seed)
        optimizer = keras.optimizers.Adam(recipe.learning_rate)
        optimizer.build(student.trainable_variables)
        objective = OBJECTIVES[recipe.objective]
        rng = np.random.default_rng(args.seed)
        size = min(recipe.batch_tracks, len(tracks.files))
        frontend = recipe.frontend
        shape = (size, frontend.n_mels, frontend.chunk_frames, 1)
        views = [rng.uniform(frontend.min_db, 0.0, shape).astype(np.float32) for _ in range(2)]
        nothing = np.zeros((size, 0), np.float32)
        batch = PairBatch(*map(tf.constant, (*views, nothing, nothing)))

        @tf.function
        def step(batch: PairBatch) -> object:
            with tf.GradientTape() as tape:
                loss, _ = objective(student, batch, recipe)
            gradients = tape.gradient(loss, student.trainable_variables)
            optimizer.apply_gradients(zip(gradients, student.trainable_variables, strict=True))
            return loss

        clock = Clock(args.warm_up)
        for _ in range(steps):
            float(step(batch))
            clock.tick()
        return clock.row()

    rows = {"bare": bare(), "real": real(), "bare, again": bare()}
    speeds = [rows[name]["steps_per_s"] for name in ("bare", "bare, again")]
    table = {
        "task": f"steps of recipe {recipe.name!r}, spectrograms cached; batch of "
        f"{min(recipe.batch_tracks, len(tracks.files))} pairs",
        "loops": rows,
        "real_by_bare": round(rows["real"]["steps_per_s"] / float(np.mean(speeds)), 3),
        "warm_up_steps": args.warm_up,
        "tracks": len(tracks.files),
        "load_average_1_min": round(os.getloadavg()[0], 1),
        "machine": describe_machine(),
    }
    print(json.dumps(table, indent=2))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(table, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
