"""What the teacher hears in every file below a folder, at the times of the training chunks.

    pip install --no-deps musicnn
    python -m bench.encoder.teacher_vectors --music music --out teacher.npz

One row a chunk, at the places where ``FrontEnd(max_chunks=...).chunks`` cuts the training's
spectrograms, so that row ``i`` of a track is the teacher's view of its cached chunk ``i``. Run it
again after an interruption, or when files were added: only what is missing is computed (parts lie
in a folder beside the output), then the output is written anew.

Arrays of the output, for n files and m chunks, the chunks of file ``f`` at rows
``offsets[f]:offsets[f + 1]``:

- ``paths`` (n,): relative to the music folder, sorted; ``offsets`` (n + 1,): int64
- ``start_frames`` (m,): first frame of the chunk (hop 512 at 22,050 Hz); ``starts`` (m,): seconds
- ``pooled`` (m, 1506), ``penultimate`` (m, 200), ``tags`` (m, 50): float16, see `TeacherFeatures`
- ``tag_names`` (50,), ``max_chunks`` ()
- ``failed`` (k,), ``reasons`` (k,): files without rows
"""

# Heavy imports stand inside functions: the children import this module again.

from __future__ import annotations

import argparse
import hashlib
import json
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from audio_model.decode import AudioStream, DecodeLimits
from audio_model.files import replacing
from audio_model.frontend import FrontEnd
from audio_model.workers import ChildPool
from bench.encoder.lesson import LESSON_DIM, even_directions
from data.errors import AudioError

MUSIC = {".mp3", ".ogg", ".oga", ".opus", ".flac", ".wav"}
LIMITS = DecodeLimits(memory_mb=6144, cpu_seconds=900, timeout_seconds=3600.0)
REPORT_EVERY = 20
ROWS = ("start_frames", "starts", "pooled", "penultimate", "tags")


def part_name(path: Path, music: Path, grid: FrontEnd) -> str:
    """Name of the part of one file; another one when the file changes or the grid does."""
    facts = path.stat()
    identity = [str(path.relative_to(music)), facts.st_size, facts.st_mtime_ns, str(grid)]
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:32] + ".npz"


def listener(
    music: Path, parts: Path, grid: FrontEnd, checkpoint: Path | None
) -> Callable[[Path], int]:
    """Build the worker of one child: a path becomes a part, the result is its number of chunks."""
    from audio_model.teacher import MEL, Teacher, log_mel, windows_at

    teacher = Teacher.load(checkpoint)
    # TensorFlow starts its threads now, before the child's limits apply.
    teacher.listen(np.zeros((1, MEL.chunk_frames, MEL.n_mels), np.float32))

    def listen(path: Path) -> int:
        name = part_name(path, music, grid)
        stream = AudioStream(path, MEL.sr)
        mel = log_mel(stream)
        # The resampler rounds half up, so this is the length that training decodes.
        samples = int(stream.duration * grid.sr + 0.5)
        frames = grid.chunk_starts(1 + samples // grid.hop_length)
        seconds = frames * grid.hop_length / grid.sr
        heard = teacher.listen(windows_at(mel, seconds))
        with replacing(parts / name) as temporary, temporary.open("wb") as out:
            np.savez(
                out,
                start_frames=frames.astype(np.int32),
                starts=seconds.astype(np.float32),
                pooled=heard.pooled.astype(np.float16),
                penultimate=heard.penultimate.astype(np.float16),
                tags=heard.tags.astype(np.float16),
            )
        return len(frames)

    return listen


def listen_to(files: list[Path], pool: ChildPool[int]) -> dict[Path, str]:
    """Compute the parts of `files`; return the reasons of those that cannot be analysed."""
    failed, chunks, started = {}, 0, time.perf_counter()
    for done, (path, outcome) in enumerate(pool.map(files), 1):
        if isinstance(outcome, AudioError):
            failed[path] = str(outcome)
        else:
            chunks += outcome
        if done % REPORT_EVERY == 0 or done == len(files):
            rate = chunks / (time.perf_counter() - started)
            print(
                f"{done}/{len(files)} files, {chunks} chunks, {rate:.1f} chunks/s, "
                f"{len(failed)} failed",
                flush=True,
            )
    return failed


def merge(
    files: list[Path], music: Path, parts: Path, grid: FrontEnd, failed: dict[Path, str], out: Path
) -> int:
    """Write the output from the parts of `files`; return the number of its rows."""
    columns: dict[str, list[np.ndarray]] = {name: [] for name in ROWS}
    paths, offsets = [], [0]
    for path in files:
        part = parts / part_name(path, music, grid)
        if not part.exists():
            continue
        with np.load(part, allow_pickle=False) as stored:
            for name in ROWS:
                columns[name].append(stored[name])
        paths.append(str(path.relative_to(music)))
        offsets.append(offsets[-1] + len(columns["starts"][-1]))
    if not paths:
        raise SystemExit(f"none of the {len(files)} files below {music} could be analysed")
    from audio_model.teacher import TAGS

    rows: dict[str, Any] = {name: np.concatenate(columns[name]) for name in ROWS}
    with replacing(out) as temporary, temporary.open("wb") as file:
        np.savez(
            file,
            paths=np.array(paths),
            offsets=np.array(offsets, np.int64),
            tag_names=np.array(TAGS),
            max_chunks=np.array(grid.max_chunks),
            failed=np.array([str(path.relative_to(music)) for path in failed], np.str_),
            reasons=np.array(list(failed.values()), np.str_),
            **rows,
        )
    return offsets[-1]


def lessons(file: Path, music: Path, train: list[Path]) -> Callable[[Path], np.ndarray]:
    """The teacher's vectors of a file's chunks [shape=(n_chunks, LESSON_DIM)], for a student.

    Parameters
    ----------
    file : Path
        What `main` wrote.
    music : Path
        Folder that its paths are relative to.
    train : list of Path
        Files that the scale and the directions are taken from.
    """
    with np.load(file, allow_pickle=False) as stored:
        row = {str(path): place for place, path in enumerate(stored["paths"])}
        offsets, pooled = stored["offsets"], stored["pooled"]

    def of(path: Path) -> np.ndarray:
        place = row[str(path.relative_to(music))]
        return pooled[offsets[place] : offsets[place + 1]].astype(np.float32)

    heard = np.concatenate([of(path) for path in train])
    mean, spread, map_ = even_directions(heard, LESSON_DIM)
    return lambda path: ((of(path) - mean) / spread) @ map_


def main() -> None:
    """Compute what is missing and write the output."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--music", type=Path, required=True, help="folder of audio files")
    parser.add_argument("--out", type=Path, required=True, help="the .npz file to write")
    parser.add_argument("--checkpoint", type=Path, help="folder MSD_musicnn; default: installed")
    parser.add_argument(
        "--max-chunks",
        type=int,
        default=FrontEnd.max_chunks,
        help="most chunks of a track, as the recipe's front end has it (default %(default)s)",
    )
    parser.add_argument("--workers", type=int, default=2, help="processes")
    arguments = parser.parse_args()
    os.nice(10)
    # Children inherit it: one thread each, as they are as many as there are cores.
    os.environ |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    grid = FrontEnd(max_chunks=arguments.max_chunks)
    parts = arguments.out.with_suffix(".parts")
    files = sorted(
        path
        for path in arguments.music.rglob("*")
        if path.suffix.lower() in MUSIC and path.is_file()
    )
    todo = [f for f in files if not (parts / part_name(f, arguments.music, grid)).exists()]
    print(f"{len(files)} files, {len(todo)} to analyse", flush=True)
    failed: dict[Path, str] = {}
    if todo:
        factory = partial(listener, arguments.music, parts, grid, arguments.checkpoint)
        with ChildPool(factory, arguments.workers, LIMITS) as pool:
            failed = listen_to(todo, pool)
    rows = merge(files, arguments.music, parts, grid, failed, arguments.out)
    print(f"{arguments.out}: {rows} chunks; {len(failed)} files failed", flush=True)


if __name__ == "__main__":
    main()
