"""Bad files cost themselves and nothing else: `recsys library add` and `embed` on 1,000 of them.

    python -m bench.encoder.mutated --music FOLDER [--count 1000]

Excerpts of real files, and whole short ones, are damaged in every way of `bench.encoder.mutations`.
Both commands run on them as a user runs them. Each must end with status 0 or 3 and without a
traceback, and every file must have either a vector or a reason, never both or neither. Reported:
what became of the files by kind, reasons, the children that died, seconds, and peak memory of the
parent and of the largest child (VmHWM, read every 50 ms).
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np

from bench.encoder.mutations import SUFFIXES, Source, excerpt, mutate
from bench.machine import describe_machine

FINE = (0, 3)
SHORT_FILE = 250_000
"""Bytes up to which real files are taken whole."""


class Watch:
    """Peak resident memory of a process and of every process below it, in MB."""

    def __init__(self, pid: int) -> None:
        self.parent = 0.0
        self.child = 0.0
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def stop(self) -> None:
        """End watching."""
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.05):
            for folder in Path("/proc").iterdir():
                if not folder.name.isdecimal():
                    continue
                try:
                    session = int((folder / "stat").read_text().rpartition(")")[2].split()[3])
                    status = (folder / "status").read_text()
                except (OSError, ValueError):
                    continue  # it has just ended
                peak = re.search(r"VmHWM:\s+(\d+) kB", status)
                if session != self._pid or peak is None:
                    continue
                megabytes = int(peak.group(1)) * 1024 / 1e6
                if folder.name == str(self._pid):
                    self.parent = max(self.parent, megabytes)
                else:
                    self.child = max(self.child, megabytes)


def run(home: Path, *words: str) -> tuple[dict[str, object], str]:
    """Run a command in a session of its own; facts about the run, and its standard output."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "recsys", "--home", str(home), *words]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        watch = Watch(process.pid)
        output, errors = process.communicate()
        watch.stop()
    facts: dict[str, object] = {
        "status": process.returncode,
        "traceback": "Traceback" in errors,
        "seconds": round(time.perf_counter() - started, 1),
        "peak_mb_parent": round(watch.parent),
        "peak_mb_largest_child": round(watch.child),
    }
    return facts, output


def reasons_of(home: Path, output: str) -> dict[str, list[str]]:
    """Reasons that the two commands gave for each file they left out."""
    given: dict[str, list[str]] = {}
    with (home / "problems" / "library-add.csv").open(encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows):
            given.setdefault(row["where"], []).append(row["reason"])
    for failed in json.loads(output)["failed"]:
        given.setdefault(failed["path"], []).append(failed["reason"])
    return given


def analysed_paths(home: Path, encoder_id: str) -> set[str]:
    """Files whose tracks have a vector."""
    from data.store import Store

    with Store.open(f"sqlite:///{home / 'recsys.db'}", create=False) as store:
        embedded = store.embedded(encoder_id)
        return {str(track.path) for track in store.tracks() if track.track_id in embedded}


def sources_of(music: Path, scratch: Path, excerpts: int, seed: int) -> list[Source]:
    """Short real files, and excerpts of others."""
    rng = np.random.default_rng(seed)
    files = sorted(path for path in music.rglob("*") if path.suffix.lower() in SUFFIXES)
    found = []
    for path in [files[row] for row in rng.permutation(len(files))[:excerpts]]:
        piece = excerpt(path, rng, scratch)
        if len(piece.y) < 1000:
            continue
        found.append(piece)
        if path.stat().st_size <= SHORT_FILE:
            found.append(Source(path.suffix.lower(), path.read_bytes(), piece.y, piece.sr))
    return found


def measure(music: Path, scratch: Path, count: int, seed: int) -> dict[str, object]:
    """Make the files, run both commands, and check what became of every file."""
    folder, home = scratch / "files", scratch / "home"
    folder.mkdir()
    sources = sources_of(music, scratch, 200, seed)
    made = mutate(sources, count, folder, seed)
    os.mkfifo(folder / "pipe.mp3")
    (folder / "dangling.mp3").symlink_to("nowhere")
    made["no regular file"] = [folder / "pipe.mp3", folder / "dangling.mp3"]
    add, _ = run(home, "library", "add", str(folder))
    embed, output = run(home, "embed", "--json")
    given = reasons_of(home, output)
    analysed = analysed_paths(home, json.loads(output)["encoder_id"])

    wrong = []
    kinds: dict[str, dict[str, int]] = {}
    for kind, paths in made.items():
        outcome: Counter[str] = Counter()
        for path in map(str, paths):
            reasons = given.get(path, [])
            if (path in analysed) + len(reasons) != 1 or not all(reasons):
                wrong.append(f"{path}: analysed {path in analysed}, reasons {reasons}")
            outcome["analysed" if path in analysed else "failed, with its reason"] += 1
        kinds[kind] = dict(sorted(outcome.items()))
    # Numbers, bytes and paths in reasons would make every one of its own.
    own = re.compile(r"b?'[^']*'|(?<=got ).{4}|0x\w+|\d+(\.\d+)?(?!\w)")
    texts = Counter(own.sub("…", text) for each in given.values() for text in each)
    return {
        "files": sum(len(paths) for paths in made.values()),
        "seed": seed,
        "holds": not wrong
        and all(each["status"] in FINE and not each["traceback"] for each in (add, embed)),
        "neither_or_both": wrong,
        "library add": add,
        "embed": embed,
        "children_that_died": sum(n for text, n in texts.items() if text.startswith("crashed")),
        "kinds": kinds,
        "reasons": dict(texts.most_common()),
        "machine": describe_machine(),
    }


def main() -> None:
    """Measure, write the report, and fail when something did not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--music", type=Path, required=True)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("bench/results/encoder_mutated.json"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        report = measure(arguments.music, Path(scratch), arguments.count, arguments.seed)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", "utf-8")
    print(json.dumps({**report, "machine": None}, indent=2, ensure_ascii=False))
    if not report["holds"]:
        sys.exit(1)


if __name__ == "__main__":
    main()
