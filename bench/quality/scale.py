"""Time and memory of ``recsys train`` at two sizes, stage by stage, beside the bare ALS library.

    python -m bench.quality.scale [--only small] [--minutes 25] [--home FOLDER]

The world is that of the serving benchmark (`bench.serving.world`), with audio vectors whose
directions fade as those of real music do. Each size is trained in a process of its own through
`recsys.publishing.train_and_publish`, which is what ``recsys train`` runs: load, the trial that
a later version will be compared with, sources, lists for the ranker, the ranker, the map, the
bundle. It is a first version, without a live one to be compared with. In the same process, before,
ALS alone is fitted to the whole log, and the bare library to the same matrix with equal settings.

A stage's processor time counts all threads and none of the stages within it; on a machine that
does other things it says more than wall time. Threads of OpenMP, those of ALS among them, sleep
while they wait for each other (``OMP_WAIT_POLICY``): where other programs hold the cores, waiting
would be most of what is counted. Training that takes longer than ``--minutes`` is
stopped, and what it got to is kept. Results go to ``bench/results/quality_scale.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from threadpoolctl import threadpool_limits

from audio_model.encoder import EncoderCard
from bench.machine import describe_machine
from bench.quality.clocks import Clocks, totals
from bench.serving.world import Size, fill, make_log, make_tracks, make_vectors, track_id
from cf_model.als import fit_als
from cf_model.confidence import pair_confidence
from cf_model.config import ALSSettings
from data.arrays import Floats
from data.events import EventLog
from data.interactions import Interactions
from data.tracks import Catalogue
from recsys.config import Config
from recsys.publishing import train_and_publish
from recsys.workspace import Workspace

RESULT = Path("bench/results/quality_scale.json")
SIZES = {
    "small": Size(tracks=20_000, users=10_000, events=2_000_000),
    "large": Size(tracks=100_000, users=100_000, events=10_000_000),
}
STAGES = {
    "recsys.publishing.workspace_data": "load",
    "recsys.publishing.compare_with_live": "trial",
    "recsys.publishing.fit_hybrid": "fit",
    "recsys.publishing.project": "map",
    "recsys.publishing.publish": "bundle",
    "recsys.comparison.judge": "judge",
    "recsys.comparison.find_cases": "find_cases",
    "recsys.training.label_lists": "lists",
    "recsys.training.train_ranker": "lambdarank",
    "recsys.training.relisten_lists": "relisten_lists",
    "recsys.training.train_relisten": "relisten",
    "recsys.training.fit_sources": "sources",
    "ranker.fitting.fit_als": "als",
    "ranker.fitting.build_index": "index",
    "ranker.fitting.fit_bridge": "bridge",
    "ranker.fitting.fit_item_item": "item_item",
    "ranker.fitting.fit_carry": "carry",
    "ranker.fitting.fit_related": "related",
}
BUILT = "built"
BARE, ALONE = "bare_als", "als_alone"
FADING = 1.0
"""Variance of the k-th direction of sound is k to the minus this: of 128 directions 107 are in
use then (`effective_rank`), of the shipped encoder's on real music 105 (encoder_quality.json)."""
ALS_TARGET, REST_TARGET = 1.1, 2.0
_VECTORS_AT_ONCE = 20_000


def main() -> None:
    """Measure both sizes, each in a child, and write the results."""
    parser = argparse.ArgumentParser(prog="python -m bench.quality.scale")
    parser.add_argument("--only", choices=SIZES, help="one size; the other's results stay")
    parser.add_argument("--minutes", type=float, default=25.0, help="for each size")
    parser.add_argument("--home", type=Path, help="where worlds are kept, and found again")
    parser.add_argument("--out", type=Path, default=RESULT)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child is not None:
        measure(arguments.home, arguments.child)
        return
    kept = json.loads(arguments.out.read_text("utf-8")) if arguments.out.exists() else {}
    kept["machine"] = describe_machine()
    with tempfile.TemporaryDirectory() as scratch:
        for name in [arguments.only] if arguments.only else list(SIZES):
            home = (arguments.home or Path(scratch)) / name
            kept[name] = run_child(name, home, Path(scratch) / f"{name}.json", arguments.minutes)
            if all(size in kept for size in SIZES):
                kept["growth"] = growth(kept["small"], kept["large"])
            arguments.out.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
            print(json.dumps(kept[name], indent=1), flush=True)


def run_child(name: str, home: Path, found: Path, minutes: float) -> dict[str, Any]:
    """One size in a process of its own; what it wrote, and whether it ended in time.

    The world is made before, unless `home` holds it, and its making has no limit.
    """
    build(SIZES[name], home)
    command = [sys.executable, "-m", "bench.quality.scale", "--only", name, "--home", home]
    ended = True
    before = os.getloadavg()[1]
    try:
        subprocess.run(
            [*command, "--child", found],
            check=True,
            timeout=60 * minutes,
            env=os.environ | {"OMP_WAIT_POLICY": "passive"},
        )
    except subprocess.TimeoutExpired:
        ended = False
    measured = json.loads(found.read_text("utf-8")) if found.exists() else {}
    return {
        "size": {key: value for key, value in vars(SIZES[name]).items() if key != "lists"},
        "ended": ended,
        "load_average_5_min": [round(before, 1), round(os.getloadavg()[1], 1)],
        **measured,
        **summary(measured.get("stages", {})),
    }


def build(size: Size, home: Path) -> None:
    """Workspace in `home` with a catalogue, a log and vectors; nothing to do where it exists."""
    if home.joinpath(BUILT).exists():
        return
    workspace = Workspace.open(home)
    encoder = EncoderCard.read(workspace.encoder_dir())
    with workspace.open_store() as store:
        tracks = make_tracks(size)
        fill(store, tracks, make_log(size, Catalogue.from_tracks(tracks).items))
        vectors = fading(make_vectors(size))
        for start in range(0, size.tracks, _VECTORS_AT_ONCE):
            rows = range(start, min(start + _VECTORS_AT_ONCE, size.tracks))
            store.put_embeddings(encoder.encoder_id, [(track_id(n), vectors[n], "") for n in rows])
    home.joinpath(BUILT).touch()


def measure(home: Path, out: Path) -> None:
    """Train on the world in `home`, run the bare library; write to `out`, stage by stage."""
    facts: dict[str, Any] = {}

    def keep(stages: dict[str, dict[str, float]]) -> None:
        out.write_text(json.dumps({**facts, "stages": stages}), "utf-8")

    workspace = Workspace.open(home)
    shutil.rmtree(workspace.models, ignore_errors=True)  # of a run before
    clocks = Clocks(keep)
    with workspace.open_store() as store:
        items = Catalogue.from_tracks(store.tracks()).items
        facts |= factorise(store.event_log(items), workspace.config, clocks)
        with clocks.stage("train"), clocks.over(STAGES):
            published = train_and_publish(workspace, store)
    facts["ranker"] = published.manifest.ranker
    keep(clocks.report())


def factorise(log: EventLog, config: Config, clocks: Clocks) -> dict[str, Any]:
    """ALS as the product fits it to `log`, then the bare library; what was fitted to what."""
    interactions = Interactions.from_log(log)
    with clocks.stage(ALONE):
        fitted = fit_als(interactions, config.als, config.confidence, seed=config.seed)
    settings = ALSSettings(
        factors=int(np.asarray(fitted.item_factors).shape[1]),
        regularization=fitted.regularization,
        iterations=config.als.iterations,
    )
    matrix = interactions.matrix(pair_confidence(interactions, config.confidence))
    with clocks.stage(BARE):
        fit_bare(matrix, settings, config.seed)
    return {"als": settings.model_dump(), "pairs": len(interactions.pairs)}


def fit_bare(matrix: Any, settings: ALSSettings, seed: int) -> None:
    """The library alone, as its documentation has it used beside OpenBLAS."""
    with threadpool_limits(limits=1, user_api="blas"):
        model = AlternatingLeastSquares(
            factors=settings.factors,
            regularization=settings.regularization,
            alpha=1.0,
            iterations=settings.iterations,
            random_state=seed,
        )
        model.fit(matrix, show_progress=False)


def fading(vectors: Floats, exponent: float = FADING) -> Floats:
    """`vectors` with the variance of their k-th principal direction made k to the −`exponent`.

    Parameters
    ----------
    vectors : np.ndarray [shape=(n, dimension), dtype=float32]
        Unit rows; so are those that come back.
    """
    mean = vectors.mean(axis=0)
    centred = vectors - mean
    variance, directions = np.linalg.eigh(centred.T @ centred / len(vectors))
    order = np.argsort(-variance)
    wanted = np.arange(1, len(variance) + 1, dtype=np.float64) ** -exponent
    wanted *= variance.sum() / wanted.sum()
    scale = np.sqrt(wanted / np.maximum(variance[order], 1e-12))
    along = directions[:, order]
    shaped = (centred @ along) * scale.astype(np.float32) @ along.T + mean
    shaped /= np.linalg.norm(shaped, axis=1, keepdims=True)
    return np.asarray(shaped, np.float32)


def summary(stages: dict[str, dict[str, float]]) -> dict[str, Any]:
    """What the targets are about, in processor seconds, as far as `stages` go."""
    trained = {path: spent for path, spent in stages.items() if path.startswith("train")}
    by_name = totals(trained)
    found: dict[str, Any] = {"by_name": by_name}
    if BARE in stages:
        found["als_in_bare"] = round(stages[ALONE]["cpu"] / stages[BARE]["cpu"], 3)
        found["als_target"] = ALS_TARGET
    if "als" not in by_name:
        return found
    everything = sum(spent["cpu"] for spent in trained.values())
    als = by_name["als"]["cpu"]
    once = als / by_name["als"]["calls"]
    found |= {
        "cpu_seconds": round(everything, 1),
        "wall_seconds": round(sum(spent["wall"] for spent in trained.values()), 1),
        "peak_gib": max(spent["peak_gib"] for spent in trained.values()),
        "als_calls": by_name["als"]["calls"],
        "rest_in_als": round((everything - als) / als, 2),
        "everything_in_one_als": round(everything / once, 2),
        "rest_target": REST_TARGET,
    }
    return found


def growth(small: dict[str, Any], large: dict[str, Any]) -> dict[str, float]:
    """Processor seconds of each stage of the large size over those of the small one."""
    return {
        name: round(spent["cpu"] / max(small["by_name"][name]["cpu"], 0.01), 1)
        for name, spent in large["by_name"].items()
        if name in small["by_name"]
    }


if __name__ == "__main__":
    main()
