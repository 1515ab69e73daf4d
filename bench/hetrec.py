"""HetRec lastfm-2k through the command line, as a user would bring it.

Converts the public log (artists as tracks, one row of play counts a listener and artist) into the
two tables that ``recsys library import`` and ``recsys listens import`` take, and evaluates on the
5-core with a random 80/20 split per listener, since the log has no times.

    python -m bench.hetrec --data FOLDER [--seeds 3] [--out bench/results/hetrec.json]

The data set (Cantador, Brusilovsky and Kuflik, HetRec 2011, RecSys) is free for non-commercial
use; it is read from `--data` and never becomes part of the project.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.machine import describe_machine

CORE = 5


def convert(data: Path, folder: Path) -> tuple[Path, Path]:
    """Write ``artists.csv`` and ``plays.csv`` into `folder`."""
    catalogue, listens = folder / "artists.csv", folder / "plays.csv"
    with (
        (data / "artists.dat").open(encoding="utf-8") as source,
        catalogue.open("w", encoding="utf-8", newline="") as target,
    ):
        writer = csv.writer(target)
        writer.writerow(["track_id", "title", "artist"])
        next(source)
        for line in source:
            artist_id, name, *_ = line.rstrip("\n").split("\t")
            writer.writerow([artist_id, name, name])
    with (
        (data / "user_artists.dat").open(encoding="utf-8") as source,
        listens.open("w", encoding="utf-8", newline="") as target,
    ):
        writer = csv.writer(target)
        writer.writerow(["user_id", "track_id", "plays"])
        next(source)
        writer.writerows(line.split() for line in source)
    return catalogue, listens


def recsys(home: Path, *arguments: str, seed: int = 0) -> str:
    """Run the command; returns what it printed, fails when it fails."""
    command = [sys.executable, "-m", "recsys", "--home", str(home), *arguments]
    environment = {**os.environ, "RECSYS_SEED": str(seed)}
    return subprocess.run(
        command, check=True, text=True, stdout=subprocess.PIPE, env=environment
    ).stdout


def main() -> None:
    """Run and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("bench/results/hetrec.json"))
    arguments = parser.parse_args()
    runs = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        catalogue, listens = convert(arguments.data, folder)
        started = time.perf_counter()
        print(recsys(folder / "home", "library", "import", str(catalogue)), end="")
        print(recsys(folder / "home", "listens", "import", str(listens)), end="")
        import_seconds = time.perf_counter() - started
        for seed in range(arguments.seeds):
            started = time.perf_counter()
            report = json.loads(
                recsys(folder / "home", "evaluate", "--json", "--core", str(CORE), seed=seed)
            )
            results = report["slices"]["all"]
            runs.append(
                {
                    "seed": seed,
                    "seconds": round(time.perf_counter() - started, 1),
                    "listeners": results["n_listeners"],
                    "items": results["n_items"],
                    "events": report["n_train_events"] + report["n_test_events"],
                    "methods": results["methods"],
                    "hybrid_minus": results["hybrid_minus"],
                }
            )
            for name, values in results["methods"].items():
                print(
                    f"seed {seed}  {name:10s} recall@20 {values['recall@20']['mean']:.3f}  "
                    f"NDCG@20 {values['ndcg@20']['mean']:.3f}"
                )
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(
        json.dumps(
            {
                "machine": describe_machine(),
                "protocol": f"{CORE}-core, random 80/20 per listener, full ranking",
                "import_seconds": round(import_seconds, 1),
                "runs": runs,
            },
            indent=2,
        )
        + "\n",
        "utf-8",
    )


if __name__ == "__main__":
    main()
