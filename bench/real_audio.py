"""Does the encoder hear which tracks belong together? Same-package precision on real music.

    python -m bench.real_audio --music music [--out bench/results/real_audio.json]

The first-level folders of ``--music`` are the labels: the tracks of one game's soundtrack resemble
each other. Compared: the trained ``article`` encoder, the same network untrained, and MFCC
statistics, each by the share of a track's 5 nearest other tracks that are of its package. Tracks
shorter than ``--shortest`` seconds (sound effects) are left out.
"""

# Heavy imports stand inside functions: the decoding children import this module again.

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

from bench.machine import describe_machine

NEIGHBOURS = 5
MUSIC = {".mp3", ".ogg", ".oga", ".opus", ".flac", ".wav"}


def measure(music: Path, scratch: Path, seeds: list[int], shortest: float) -> dict[str, object]:
    """Train, analyse and compare; return the report."""
    import numpy as np

    from audio_model.cache import cache_spectrograms
    from audio_model.encoder import Encoder
    from audio_model.mfcc import mfcc_statistics, standardised
    from audio_model.pool import AnalysisPool
    from audio_model.probes import precision_at_k
    from audio_model.recipes import RECIPES
    from audio_model.train import train_encoder, untrained_encoder
    from data.errors import AudioError

    recipe = RECIPES["article"]
    files = sorted(path for path in music.rglob("*") if path.suffix.lower() in MUSIC)
    label = {path: path.relative_to(music).parts[0] for path in files}
    untrained = [untrained_encoder(recipe, scratch / "encoders", seed) for seed in seeds]

    started = time.perf_counter()
    with AnalysisPool(untrained[0], workers=2) as pool:
        outcomes = dict(pool.map(files))
    analyse_seconds = time.perf_counter() - started
    failed = {p: str(o) for p, o in outcomes.items() if isinstance(o, AudioError)}
    tracks = [
        path
        for path in files
        if not isinstance(outcome := outcomes[path], AudioError) and outcome.duration >= shortest
    ]
    labels = [label[path] for path in tracks]

    cached = cache_spectrograms(tracks, recipe.frontend, scratch / "cache" / "spectrograms")

    def encoder_score(folder: Path) -> float:
        encoder = Encoder.load(folder)
        vectors = [encoder.track_vector(cached.chunks(row)) for row in range(len(tracks))]
        return precision_at_k(np.stack(vectors), labels, NEIGHBOURS)

    trained, training_seconds = [], []
    for seed in seeds:
        started = time.perf_counter()
        trained.append(
            train_encoder(
                tracks, recipe, out=scratch / "encoders", cache=scratch / "cache", seed=seed
            )
        )
        training_seconds.append(round(time.perf_counter() - started, 1))
    chance = [(labels.count(each) - 1) / (len(labels) - 1) for each in labels]
    started = time.perf_counter()
    mfcc = standardised([mfcc_statistics(path) for path in tracks])
    mfcc_seconds = time.perf_counter() - started
    return {
        "task": f"same-package precision@{NEIGHBOURS}, cosine, mean over tracks",
        "tracks": {name: labels.count(name) for name in sorted(set(labels))},
        "files_found": len(files),
        "files_failed": len(failed),
        "failures": {str(path.relative_to(music)): why for path, why in sorted(failed.items())},
        "shortest_seconds": shortest,
        "hours": round(sum(outcomes[path].duration for path in tracks) / 3600, 2),
        "seeds": seeds,
        "recipe": recipe.name,
        "steps": recipe.steps,
        "precision": {
            "chance": round(float(np.mean(chance)), 4),
            "mfcc statistics": round(precision_at_k(mfcc, labels, NEIGHBOURS), 4),
            "untrained encoder": [round(encoder_score(folder), 4) for folder in untrained],
            "article encoder": [round(encoder_score(folder), 4) for folder in trained],
        },
        "seconds": {
            "analyse all files, two children": round(analyse_seconds, 1),
            "train, spectrograms cached": training_seconds,
            "mfcc, one process": round(mfcc_seconds, 1),
        },
        # Seconds stretch on a machine that does other work as well: about `cores` is idle here.
        "load_average_5_min": round(os.getloadavg()[1], 1),
        "machine": describe_machine(),
    }


def show(report: dict[str, object]) -> None:
    """Print the comparison as a table."""
    print(f"{report['task']}; tracks: {report['tracks']}; failed: {report['files_failed']}")
    for name, value in report["precision"].items():  # type: ignore[attr-defined]
        values = value if isinstance(value, list) else [value]
        mean = sum(values) / len(values)
        print(f"  {name:<20} {mean:.3f}   ({', '.join(f'{each:.3f}' for each in values)})")
    print(f"seconds: {report['seconds']}")


def main() -> None:
    """Run the comparison and write its report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--music", type=Path, required=True, help="one folder a package")
    parser.add_argument("--out", type=Path, default=Path("bench/results/real_audio.json"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--shortest", type=float, default=20.0, help="seconds of a track")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        report = measure(arguments.music, Path(scratch), arguments.seeds, arguments.shortest)
    show(report)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
