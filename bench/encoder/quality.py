"""Encoders trained on some Debian packages, judged on the music of others.

    python -m bench.encoder.quality --music FOLDER --scratch FOLDER [--teacher FILE]
    python -m bench.encoder.quality --music FOLDER --scratch FOLDER --weights ROW=FILE --only ROW

`FOLDER` holds one folder a package (``bench/fetch_debian_music.py``). A quarter of the packages,
drawn by `--seed`, is held out together with every artist in it: no package and no artist is on both
sides. Each recipe is trained on the rest; MFCC statistics and untrained networks stand beside. With
a teacher's vectors (``bench/encoder/teacher_vectors.py``), `default` is trained once without and
once with them, and the teacher stands in the table as well. Beside `default` stand its network
without the statistics of timbre, and these beside an untrained network. Reported over the
held-out tracks: mAP and hit@1 for "same package" and "same artist", with 95 % bootstrap intervals
over tracks, and the paired difference of each row from MFCC statistics. Encoders that an earlier,
equal run trained are taken from `--scratch`, and weights trained elsewhere
(``bench/encoder/distil.py``) with `--weights ROW=FILE`. `--only ROW` makes and judges that row and
puts it among the rows that an earlier run of the same split wrote. `--ship` copies the encoder of
the first row into the package.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from bench.machine import describe_machine

MUSIC = {".mp3", ".ogg", ".oga", ".opus", ".flac", ".wav"}
NOT_MUSIC = re.compile(
    r"__ambient__|ambience|soundfx|environment|tilesets|helicopter|windhowl|speech|voice|/wave_",
    re.IGNORECASE,
)
"""Ambience, effects and speech, by file name."""


def music_files(music: Path) -> list[Path]:
    """Files below the folder that are music, as far as their names tell."""
    return sorted(
        path
        for path in music.rglob("*")
        if path.suffix.lower() in MUSIC and not NOT_MUSIC.search(str(path))
    )


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


def named(artists: list[str | None]) -> list[object]:
    """Labels for `precision_at_k`, which knows no unlabelled rows: each gets one of its own."""
    return [row if name is None else name for row, name in enumerate(artists)]


def among(before: dict, new: dict) -> dict:
    """The table `before` with the rows of `new`, which must be of the same split."""
    for key in ("seed", "tracks", "held_out_packages"):
        if before[key] != new[key]:
            raise SystemExit(
                f"the results there are of another split ({key} differs): "
                "write to another --out, or run without --only"
            )
    return before | {key: before[key] | new[key] for key in ("results", "trainings")}


def main() -> None:
    """Train, judge, write the table."""
    from audio_model.cache import cache_spectrograms
    from audio_model.checkpoint import restore_weights
    from audio_model.encoder import WEIGHTS_FILE, Encoder
    from audio_model.export import export_encoder
    from audio_model.finishing import finished
    from audio_model.index.base import unit_rows
    from audio_model.mfcc import mfcc_statistics, standardised
    from audio_model.network import build_network
    from audio_model.probes import average_precision, effective_rank, precision_at_k
    from audio_model.recipes import RECIPES, Recipe
    from audio_model.train import TrainProgress, train_encoder, untrained_encoder
    from audio_model.validation import held_out
    from audio_model.whitening import vectors_of
    from bench.encoder.teacher_vectors import lessons

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--music", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, required=True, help="caches and encoders")
    parser.add_argument("--out", type=Path, default=Path("bench/results/encoder_quality.json"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=None, help="of `default`")
    parser.add_argument("--teacher", type=Path, help="a teacher's vectors of the same music")
    parser.add_argument(
        "--weights", action="append", default=[], metavar="ROW=FILE", help="trained elsewhere"
    )
    parser.add_argument("--only", action="append", default=[], help="make this row, no other")
    parser.add_argument("--skip", action="append", default=[], help="leave this row out")
    parser.add_argument("--cache-only", action="store_true")
    parser.add_argument("--ship", action="store_true")
    arguments = parser.parse_args()
    music, scratch, seed = arguments.music, arguments.scratch, arguments.seed
    cache = scratch / "cache"

    files = music_files(music)

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
                f"{state.step}/{state.steps} loss {state.loss:.3f} accuracy {state.accuracy:.3f} "
                f"{state.probe or ''}",
                flush=True,
            )

    chunks = {path: row for row, path in enumerate(cached.paths)}
    values: dict[str, dict[str, np.ndarray]] = {}
    results: dict[str, dict[str, object]] = {}

    def judge(name: str, vectors: np.ndarray) -> None:
        packages = [package[path] for path in test]
        artists = [artist[path] for path in test]
        values[name] = {
            "same_package_map": average_precision(vectors, packages),
            "same_artist_map": average_precision(vectors, artists),
        }
        results[name] = {task: bootstrap(each, seed) for task, each in values[name].items()} | {
            "same_package_hit1": round(precision_at_k(vectors, packages, 1), 4),
            "same_artist_hit1": round(precision_at_k(vectors, named(artists), 1), 4),
            "effective_rank": round(effective_rank(vectors), 1),
        }
        print(name, results[name], flush=True)

    def encoded(folder: Path) -> np.ndarray:
        encoder = Encoder.load(folder)
        return np.stack([encoder.track_vector(cached.chunks(chunks[path])) for path in test])

    learning = cached.only([chunks[path] for path in train])

    def without(name: str, recipe: Recipe, weights: Path | None) -> None:
        """Judge what is left of `recipe` without its timbre, or (no weights) its training."""
        network = build_network(recipe, seed)
        if weights is not None:
            restore_weights(weights, network)
            recipe = replace(recipe, timbre_coefficients=0)
        tracks, _ = held_out(learning, package, recipe.validation_share, seed)
        network, _ = finished(network, tracks, recipe)
        judge(
            name,
            np.stack(
                [
                    vectors_of(network, cached.chunks(chunks[path]).astype(np.float32)).mean(axis=0)
                    for path in test
                ]
            ),
        )

    def wanted(name: str) -> bool:
        return name in arguments.only if arguments.only else name not in arguments.skip

    def finished_elsewhere(file: Path) -> tuple[Path, dict]:
        """Encoder of `default` with the weights of `file`, and what is known of its training."""
        recipe = RECIPES["default"]
        network = build_network(recipe, seed)
        facts = restore_weights(file, network)
        tracks, probed = held_out(learning, package, recipe.validation_share, seed)
        served, content = finished(network, tracks, recipe)
        card = {
            "steps": int(facts["step"]) if "step" in facts else None,
            "tracks": len(tracks.files),
            "held_out": len(learning.files) - len(tracks.files),
            "seed": seed,
        }
        folder = export_encoder(
            served,
            recipe,
            np.stack([tracks.chunks(row)[0] for row in range(16)]).astype(np.float32),
            scratch / "encoders",
            card,
            weights=network,
            content=content,
            precision="float16",
        )
        probe = probed.probe(Encoder.load(folder).encode).score if probed else None
        return folder, {"encoder": folder.name, "probe": probe, **card}

    folders: dict[str, Path] = {}
    trainings: dict[str, dict] = {}
    elsewhere = {
        name: Path(file) for name, _, file in (w.partition("=") for w in arguments.weights)
    }
    runs = [(name, RECIPES["default"], None) for name in elsewhere if name != "default"]
    runs += [("default", RECIPES["default"], None)]
    runs += [(name, recipe, None) for name, recipe in RECIPES.items() if name != "default"]
    if arguments.teacher is not None:
        lesson = lessons(arguments.teacher, music, train)
        if "default, taught" not in elsewhere:
            runs.insert(0, ("default, taught", RECIPES["default"], lesson))
        judge("teacher", np.stack([unit_rows(lesson(path))[0].mean(axis=0) for path in test]))
    for name, recipe, teacher in runs:
        if not wanted(name):
            continue
        if name in elsewhere:
            folders[name], trainings[name] = finished_elsewhere(elsewhere[name])
            judge(name, encoded(folders[name]))
            without(f"{name}, network alone", recipe, elsewhere[name])
            continue
        steps = arguments.steps if recipe.name == "default" else None
        identity = json.dumps([name, asdict(recipe), steps, seed, len(train)], sort_keys=True)
        note = scratch / f"trained-{hashlib.sha256(identity.encode()).hexdigest()[:16]}.json"
        if not note.exists():
            started = time.perf_counter()
            folder = train_encoder(
                train,
                recipe,
                out=scratch / "encoders",
                cache=cache,
                seed=seed,
                steps=steps,
                groups=package,
                teacher=teacher,
                on_progress=progress,
            )
            training = json.loads((folder / "encoder.json").read_text())["training"]
            seconds = round(time.perf_counter() - started, 1)
            load = round(os.getloadavg()[2], 1)
            note.write_text(
                json.dumps(
                    {
                        "encoder": folder.name,
                        "seconds_spectrograms_cached": seconds,
                        "load_average_15_min": load,
                        **training,
                    }
                )
            )
        trainings[name] = json.loads(note.read_text())
        folders[name] = scratch / "encoders" / trainings[name]["encoder"]
        judge(name, encoded(folders[name]))
        if recipe.timbre_coefficients:
            without(f"{name}, network alone", recipe, folders[name] / WEIGHTS_FILE)
    for name, recipe in RECIPES.items():
        if wanted(row := f"{name}, untrained"):
            judge(row, encoded(untrained_encoder(recipe, scratch / "encoders", seed)))
        row = f"{name}, timbre beside an untrained network"
        if recipe.timbre_coefficients and wanted(row):
            without(row, recipe, None)
    statistics = scratch / "mfcc.npy"
    if not statistics.exists():
        np.save(statistics, np.stack([mfcc_statistics(path) for path in test]))
    judge("mfcc statistics", standardised(list(np.load(statistics))))
    for name, row in results.items():
        for task, each in values[name].items():
            difference = each - values["mfcc statistics"][task]
            row[f"{task}_minus_mfcc"] = bootstrap(difference, seed)
    table = {
        "task": "held-out packages and artists; mAP [mean, 95 % low, high] over tracks, cosine",
        "seed": seed,
        "tracks": {"train": len(train), "test": len(test), "skipped": len(cached.skipped)},
        "held_out_packages": sorted({package[path] for path in test}),
        "results": results,
        "trainings": trainings,
        "machine": describe_machine(),
    }
    if arguments.only and arguments.out.exists():
        table = among(json.loads(arguments.out.read_text("utf-8")), table)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(table, indent=2) + "\n", "utf-8")
    if arguments.ship:
        shipped = Path("audio_model/shipped/encoder")
        shutil.rmtree(shipped, ignore_errors=True)
        shutil.copytree(next(iter(folders.values())), shipped)


if __name__ == "__main__":
    main()
