"""Encoders trained on some Debian packages, judged on the music of others.

    python -m bench.encoder.quality --music FOLDER --scratch FOLDER [--ship]

`FOLDER` holds one folder a package (``bench/fetch_debian_music.py``). A quarter of the packages,
drawn by `--seed`, is held out together with every artist in it: no package and no artist is on both
sides. Each recipe is trained on the rest; MFCC statistics and an untrained network stand beside.
Reported over the held-out tracks: mAP and hit@1 for "same package" and "same artist", with 95 %
bootstrap intervals over tracks. `--ship` copies the `default` encoder into the package.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import time
from pathlib import Path

import numpy as np

from bench.machine import describe_machine

MUSIC = {".mp3", ".ogg", ".oga", ".opus", ".flac", ".wav"}
NOT_MUSIC = re.compile(
    r"__ambient__|ambience|soundfx|environment|tilesets|helicopter|windhowl|speech|voice|/wave_",
    re.IGNORECASE,
)
"""Ambience, effects and speech, by file name."""


def bootstrap(values: np.ndarray, seed: int) -> list[float]:
    """Mean and its 95 % interval over tracks."""
    rng = np.random.default_rng(seed)
    means = [values[rng.integers(0, len(values), len(values))].mean() for _ in range(1000)]
    return [round(float(x), 4) for x in (values.mean(), *np.quantile(means, (0.025, 0.975)))]


def split(files: list[Path], music: Path, seed: int) -> tuple[list[Path], list[Path], dict]:
    """Training files, held-out files, and the artist of each file."""
    from data.errors import DataError
    from data.importers.tags import read_track

    artist: dict[Path, str | None] = {}
    for path in files:
        try:
            name = read_track(path, "x").artist
        except DataError:
            name = None
        artist[path] = name.strip().casefold() if name and "unknown" not in name.lower() else None
    package = {path: path.relative_to(music).parts[0] for path in files}
    packages = sorted(set(package.values()))
    rng = np.random.default_rng(seed)
    held = set(rng.permutation(packages)[: len(packages) // 4].tolist())
    test = [path for path in files if package[path] in held]
    heard = {artist[path] for path in test} - {None}
    train = [path for path in files if package[path] not in held and artist[path] not in heard]
    return train, test, artist


def main() -> None:
    """Train, judge, write the table."""
    from audio_model.cache import cache_spectrograms
    from audio_model.encoder import Encoder
    from audio_model.mfcc import mfcc_statistics, standardised
    from audio_model.probes import average_precision, effective_rank, precision_at_k
    from audio_model.recipes import RECIPES
    from audio_model.train import TrainProgress, train_encoder, untrained_encoder

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--music", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, required=True, help="caches and encoders")
    parser.add_argument("--out", type=Path, default=Path("bench/results/encoder_quality.json"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=None, help="of `default`")
    parser.add_argument("--cache-only", action="store_true")
    parser.add_argument("--ship", action="store_true")
    arguments = parser.parse_args()
    music, scratch, seed = arguments.music, arguments.scratch, arguments.seed
    cache = scratch / "cache"

    files = sorted(
        path
        for path in music.rglob("*")
        if path.suffix.lower() in MUSIC and not NOT_MUSIC.search(str(path))
    )

    def report(done: int, total: int) -> None:
        if done % 50 == 0:
            print(f"decoded {done} of {total}", flush=True)

    cached = cache_spectrograms(
        files, RECIPES["default"].frontend, cache / "spectrograms", on_progress=report
    )
    print(f"{len(cached.paths)} tracks, {len(cached.skipped)} skipped", flush=True)
    if arguments.cache_only:
        return
    train, test, artist = split(list(cached.paths), music, seed)
    package = {path: path.relative_to(music).parts[0] for path in files}
    print(f"train {len(train)}, test {len(test)} of {len({package[p] for p in test})} packages")

    def progress(state: TrainProgress) -> None:
        if state.stage == "train" and state.step % 20 == 0:
            print(
                f"{state.step}/{state.steps} loss {state.loss:.3f} {state.accuracy:.3f}", flush=True
            )

    chunks = {path: row for row, path in enumerate(cached.paths)}

    def judge(vectors: np.ndarray) -> dict[str, object]:
        packages = [package[path] for path in test]
        artists = [artist[path] for path in test]
        return {
            "same_package_map": bootstrap(average_precision(vectors, packages), seed),
            "same_artist_map": bootstrap(average_precision(vectors, artists), seed),
            "same_package_hit1": round(precision_at_k(vectors, packages, 1), 4),
            "effective_rank": round(effective_rank(vectors), 1),
        }

    def encoded(folder: Path) -> np.ndarray:
        encoder = Encoder.load(folder)
        return np.stack([encoder.track_vector(cached.chunks(chunks[path])) for path in test])

    results: dict[str, object] = {}
    seconds: dict[str, float] = {}
    folders: dict[str, Path] = {}
    for name, recipe in RECIPES.items():
        started = time.perf_counter()
        folders[name] = train_encoder(
            train,
            recipe,
            out=scratch / "encoders",
            cache=cache,
            seed=seed,
            steps=arguments.steps if name == "default" else None,
            on_progress=progress,
        )
        seconds[name] = round(time.perf_counter() - started, 1)
        results[name] = judge(encoded(folders[name]))
        print(name, results[name], seconds[name], flush=True)
        untrained = untrained_encoder(recipe, scratch / "encoders", seed)
        results[f"{name}, untrained"] = judge(encoded(untrained))
    statistics = scratch / "mfcc.npy"
    if not statistics.exists():
        np.save(statistics, np.stack([mfcc_statistics(path) for path in test]))
    results["mfcc statistics"] = judge(standardised(list(np.load(statistics))))
    table = {
        "task": "held-out packages and artists; mAP [mean, 95 % low, high] over tracks, cosine",
        "seed": seed,
        "tracks": {"train": len(train), "test": len(test), "skipped": len(cached.skipped)},
        "held_out_packages": sorted({package[path] for path in test}),
        "results": results,
        "training_seconds_spectrograms_cached": seconds,
        "load_average_15_min": round(os.getloadavg()[2], 1),
        "machine": describe_machine(),
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(table, indent=2) + "\n", "utf-8")
    for name, row in results.items():
        print(f"{name:22s} {row}")
    if arguments.ship:
        shipped = Path("audio_model/shipped/encoder")
        shutil.rmtree(shipped, ignore_errors=True)
        shutil.copytree(folders["default"], shipped)


if __name__ == "__main__":
    main()
