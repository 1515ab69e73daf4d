"""Whether changed copies of held-out tracks find their originals.

    python -m bench.encoder.robustness --music FOLDER --scratch FOLDER [--encoder FOLDER]

The held-out tracks are those of ``bench.encoder.quality`` for the same `--seed`. Each is changed in
every way of ``audio_model.probes.distortions``, written to a file, and analysed like any other; its
original is then looked for among all held-out tracks. `--scratch` may be the folder of the quality
bench, whose spectrograms then serve again. `--tracks` changes so many only, drawn by the seed.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

import numpy as np

from bench.encoder.quality import music_files, split
from bench.machine import describe_machine

MOST_MEDIAN_RANK = 2
LEAST_EXCERPTS_FIRST = 0.9


def main() -> None:
    """Change, look up, write the table."""
    from audio_model.cache import cache_spectrograms
    from audio_model.encoder import Encoder
    from audio_model.probes.robustness import distorted_vectors
    from audio_model.recipes import RECIPES
    from audio_model.shipped import SHIPPED_ENCODER
    from recsys.encoder_report.recognised import summarise_recognition

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--music", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, required=True, help="caches")
    parser.add_argument("--encoder", type=Path, default=SHIPPED_ENCODER, help="folder")
    parser.add_argument("--out", type=Path, default=Path("bench/results/encoder_robustness.json"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tracks", type=int, default=None, help="changed at most; all by default")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    music, spectrograms = arguments.music, arguments.scratch / "cache" / "spectrograms"

    files = music_files(music)
    # The split is of the files that the quality bench could analyse, so it is taken the same way.
    usable = cache_spectrograms(files, RECIPES["default"].frontend, spectrograms)
    _, test, _ = split(list(usable.paths), music, arguments.seed)
    encoder = Encoder.load(arguments.encoder)
    cached = cache_spectrograms(test, encoder.frontend, spectrograms)
    candidates = np.stack(
        [encoder.track_vector(cached.chunks(row)) for row in range(len(cached.paths))]
    )
    row_of = {path: row for row, path in enumerate(cached.paths)}
    drawn = np.random.default_rng(arguments.seed).permutation(len(cached.paths))
    chosen = [cached.paths[row] for row in np.sort(drawn[: arguments.tracks])]
    print(f"{len(chosen)} tracks among {len(candidates)}", flush=True)

    def report(done: int, total: int) -> None:
        if done % 10 == 0:
            print(f"changed {done} of {total}", flush=True)

    started = time.perf_counter()
    copies, skipped = distorted_vectors(
        arguments.encoder,
        chosen,
        scratch=arguments.scratch,
        workers=arguments.workers,
        seed=arguments.seed,
        on_progress=report,
    )
    found = summarise_recognition(
        {row_of[path]: of_path for path, of_path in copies.items()}, candidates, seed=arguments.seed
    )
    results = {name: one.model_dump() for name, one in found.items()}
    table = {
        "task": "changed copies of held-out tracks; cosine with the original, its rank among all "
        "held-out tracks, share of copies that find it first; 95 % bootstrap intervals over tracks",
        "encoder": encoder.encoder_id,
        "seed": arguments.seed,
        "tracks": {
            "changed": len(copies),
            "candidates": len(candidates),
            "skipped": {path.name: reason for path, reason in skipped.items()},
        },
        "targets": {
            "median_rank_at_most": MOST_MEDIAN_RANK,
            "excerpt_10_s_first_at_least": LEAST_EXCERPTS_FIRST,
        },
        "missed": sorted(
            name
            for name, one in found.items()
            if one.median_rank > MOST_MEDIAN_RANK
            or (name == "excerpt_10_s" and one.first.mean < LEAST_EXCERPTS_FIRST)
        ),
        "results": results,
        "seconds": round(time.perf_counter() - started, 1),
        "load_average_15_min": round(os.getloadavg()[2], 1),
        "machine": describe_machine(),
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(table, indent=2) + "\n", "utf-8")
    for name, one in found.items():
        print(
            f"{name:16s} cosine {one.cosine.mean:.3f}  median rank {one.median_rank:g}  "
            f"first {one.first.mean:.2f} [{one.first.low:.2f}, {one.first.high:.2f}]"
        )
    print(f"missed: {', '.join(table['missed']) or 'nothing'}")


if __name__ == "__main__":
    main()
