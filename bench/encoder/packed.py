"""Spectrograms of the training tracks as pictures: all that training needs, in some 80 MB.

    pip install --no-deps musicnn
    python -m bench.encoder.packed --music FOLDER --scratch FOLDER --out FOLDER

A machine with a GPU often has neither the music nor its decoders. The output holds, for each track
that ``bench.encoder.quality`` trains on (same `--seed`), its chunks side by side as the student
sees them and as the teacher does, in two WebP files, and the teacher's weights. What the pictures
lose (about 2 dB a point) is less than the noise that training adds. Run it again after an
interruption: only what is missing is made.

The folder: ``index.json`` (chunks of each track), ``student/N.webp`` (mel bands × chunks of 129
frames, 0 … 255 for −80 … 0 dB), ``teacher/N.webp`` (96 bands × chunks of 187 frames, 36 steps for
each power of ten, see `audio_model.teacher.log_mel`), ``teacher.npz``.
"""

# Heavy imports stand inside functions: the children import this module again, and reading a pack
# needs no decoder.

from __future__ import annotations

import argparse
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

QUALITY = 50
"""Of the WebP files."""
STEPS_A_DECADE = 36
"""Grey levels of a power of ten in the teacher's pictures."""
STUDENT, TEACHER = "student", "teacher"


@dataclass(frozen=True)
class Pack:
    """Chunks of all tracks, those of one track together.

    Parameters
    ----------
    student : np.ndarray [shape=(n_chunks, 128, 129), dtype=uint8]
        Grey levels of the student's spectrograms.
    teacher : np.ndarray [shape=(n_chunks, 187, 96), dtype=uint8]
        Grey levels of the teacher's, time first.
    counts : np.ndarray [shape=(n_tracks,)]
        Chunks of each track.
    """

    student: np.ndarray
    teacher: np.ndarray
    counts: np.ndarray

    @property
    def starts(self) -> np.ndarray:
        """First chunk of each track [shape=(n_tracks,)]."""
        return np.cumsum(self.counts) - self.counts

    @property
    def tracks(self) -> np.ndarray:
        """Track of each chunk [shape=(n_chunks,)]."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    @classmethod
    def read(cls, folder: Path) -> Pack:
        """Read what `main` wrote."""
        index = json.loads((folder / "index.json").read_text("utf-8"))

        def both(item: tuple[str, int]) -> tuple[np.ndarray, np.ndarray]:
            name, count = item
            student = unrolled(folder / STUDENT / f"{name}.webp", count)
            teacher = unrolled(folder / TEACHER / f"{name}.webp", count)
            return student, np.ascontiguousarray(teacher.transpose(0, 2, 1))

        with ThreadPoolExecutor() as pool:
            student, teacher = zip(*pool.map(both, index.items()), strict=True)
        return cls(np.concatenate(student), np.concatenate(teacher), np.array(list(index.values())))


def rolled_out(chunks: np.ndarray, path: Path) -> None:
    """Write chunks [shape=(n, bands, frames), dtype=uint8] side by side."""
    sheet = np.ascontiguousarray(chunks.transpose(1, 0, 2).reshape(chunks.shape[1], -1))
    Image.fromarray(sheet).convert("RGB").save(path, "webp", quality=QUALITY, method=5)


def unrolled(path: Path, count: int) -> np.ndarray:
    """Chunks [shape=(count, bands, frames), dtype=uint8] of a picture."""
    sheet = np.asarray(Image.open(path).convert("L"))
    return np.ascontiguousarray(sheet.reshape(len(sheet), count, -1).transpose(1, 0, 2))


class Packer:
    """Worker of a child process: one file becomes two pictures; the result is its chunks."""

    def __init__(self, cached: dict[Path, Path], out: Path, min_db: float) -> None:
        self._cached, self._out, self._min_db = cached, out, min_db

    def __call__(self, path: Path) -> int:
        """Write the pictures of `path`."""
        from audio_model.decode import AudioStream
        from audio_model.frontend import FrontEnd
        from audio_model.teacher import MEL, log_mel, windows_at

        grid = FrontEnd()
        seen = np.load(self._cached[path]).astype(np.float32)
        stream = AudioStream(path, MEL.sr)
        mel = log_mel(stream)
        frames = grid.chunk_starts(1 + int(stream.duration * grid.sr + 0.5) // grid.hop_length)
        heard = windows_at(mel, frames * grid.hop_length / grid.sr)
        if len(seen) != len(heard):
            raise SystemExit(f"{path} has changed since its spectrograms were cached")
        grey = np.rint((1.0 - seen / self._min_db) * 255.0)
        rolled_out(np.clip(grey, 0, 255).astype(np.uint8), self.picture(path, STUDENT))
        grey = np.rint(heard.transpose(0, 2, 1) * STEPS_A_DECADE)
        rolled_out(np.clip(grey, 0, 255).astype(np.uint8), self.picture(path, TEACHER))
        return len(seen)

    def picture(self, path: Path, side: str) -> Path:
        """File of the picture of `path`."""
        return self._out / side / f"{self._cached[path].stem}.webp"


def main() -> None:
    """Make what is missing, then the index."""
    from multiprocessing import get_context

    from audio_model.cache import cache_spectrograms
    from audio_model.recipes import RECIPES
    from audio_model.teacher import Teacher
    from audio_model.validation import held_out
    from bench.encoder.quality import music_files, split

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--music", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, required=True, help="caches of the quality bench")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--checkpoint", type=Path, help="folder MSD_musicnn; default: installed")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    music, out = arguments.music, arguments.out

    recipe = RECIPES["default"]
    spectrograms = arguments.scratch / "cache" / "spectrograms"
    cached = cache_spectrograms(music_files(music), recipe.frontend, spectrograms)
    train, _, _ = split(list(cached.paths), music, arguments.seed)
    row = {path: place for place, path in enumerate(cached.paths)}
    package = {path: path.relative_to(music).parts[0] for path in train}
    learning = cached.only([row[path] for path in train])
    tracks, _ = held_out(learning, package, recipe.validation_share, arguments.seed)
    for side in (STUDENT, TEACHER):
        (out / side).mkdir(parents=True, exist_ok=True)
    np.savez_compressed(out / "teacher.npz", **Teacher.load(arguments.checkpoint).weights)

    packer = Packer(dict(zip(tracks.paths, tracks.files, strict=True)), out, recipe.frontend.min_db)
    # The teacher's picture is written last.
    todo = [path for path in tracks.paths if not packer.picture(path, TEACHER).exists()]
    with get_context("spawn").Pool(arguments.workers) as pool:
        for done, _ in enumerate(pool.imap_unordered(packer, todo), 1):
            if done % 50 == 0 or done == len(todo):
                print(f"{done}/{len(todo)} tracks", flush=True)
    index = {path.stem: len(tracks.chunks(place)) for place, path in enumerate(tracks.files)}
    (out / "index.json").write_text(json.dumps(index, indent=0) + "\n", "utf-8")
    print(f"{out}: {len(index)} tracks, {sum(index.values())} chunks")


if __name__ == "__main__":
    main()
