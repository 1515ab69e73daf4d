"""Spectrogram chunks on disk, decoded once: one memory-mapped float16 file a track.

The name of a file is a digest of where the audio lies, its size and time of change, and the front
end, so a changed file is decoded again and nothing has to be invalidated by hand. float16 keeps
decibels to 1/32 dB or better, far below what is audible.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audio_model.decode import DecodeLimits
from audio_model.files import replacing
from audio_model.frontend import FrontEnd
from audio_model.workers import ChildPool
from data.errors import AudioError


@dataclass(frozen=True)
class CachedTracks:
    """Tracks whose chunks lie in the cache.

    Parameters
    ----------
    paths : tuple of Path
        Audio files, in the order asked for, without those skipped.
    files : tuple of Path
        The `.npy` of each.
    skipped : dict of Path to str
        Files that cannot be analysed, and why.
    frontend : FrontEnd
        What made the chunks.
    """

    paths: tuple[Path, ...]
    files: tuple[Path, ...]
    skipped: dict[Path, str]
    frontend: FrontEnd

    def chunks(self, track: int) -> NDArray[np.float16]:
        """Memory-mapped chunks [shape=(n_chunks, n_mels, chunk_frames)] of a track, in dB.

        May be called in a thread beside the training itself, which `numpy.load` may not: it reads
        the header as Python source, TensorFlow reads that of the step it traces, and until 3.11.8
        an interpreter that does both at once can end in a `SystemError` (CPython issue 106905).
        """
        with self.files[track].open("rb") as file:
            # Magic string and version, eight bytes, then the length of the header in two.
            begin = 10 + int.from_bytes(file.read(10)[8:], "little")
            values = np.memmap(file, np.float16, "r", offset=begin)
        return values.reshape(-1, self.frontend.n_mels, self.frontend.chunk_frames)

    def only(self, rows: Sequence[int]) -> CachedTracks:
        """The tracks at `rows`, in that order; nothing skipped."""
        return replace(
            self,
            paths=tuple(self.paths[row] for row in rows),
            files=tuple(self.files[row] for row in rows),
            skipped={},
        )


def cache_spectrograms(
    paths: Sequence[Path],
    frontend: FrontEnd,
    folder: Path,
    *,
    workers: int = 2,
    on_progress: Callable[[int, int], None] | None = None,
) -> CachedTracks:
    """Chunks of all `paths`; only those that are not in `folder` yet are decoded.

    Parameters
    ----------
    paths : sequence of Path
        Audio files.
    frontend : FrontEnd
        Settings of the spectrogram.
    folder : Path
        Where the cache lies.
    workers : int
        Child processes.
    on_progress : callable, optional
        Called with the number of files done and of all files.
    """
    skipped: dict[Path, str] = {}
    names: dict[Path, Path] = {}
    for path in paths:
        try:
            names[path] = folder / f"{_key(path, frontend)}.npy"
        except OSError as error:
            skipped[path] = f"cannot be opened ({error.strerror})"
    todo = [path for path, name in names.items() if not name.exists()]
    done = len(paths) - len(todo)
    if todo:
        factory = partial(_writer, frontend, folder)
        with ChildPool(factory, min(workers, len(todo)), DecodeLimits()) as pool:
            for path, outcome in pool.map(todo):
                if isinstance(outcome, AudioError):
                    skipped[path] = str(outcome)
                done += 1
                if on_progress is not None:
                    on_progress(done, len(paths))
    usable = [path for path in names if path not in skipped]
    return CachedTracks(tuple(usable), tuple(names[path] for path in usable), skipped, frontend)


def _key(path: Path, frontend: FrontEnd) -> str:
    facts = path.stat()
    identity = [str(path.resolve()), facts.st_size, facts.st_mtime_ns, asdict(frontend)]
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:32]


def _writer(frontend: FrontEnd, folder: Path) -> Callable[[Path], None]:
    return partial(_write, frontend=frontend, folder=folder)


def _write(path: Path, frontend: FrontEnd, folder: Path) -> None:
    chunks = frontend.spectrogram(path).chunks.astype(np.float16)
    with (
        replacing(folder / f"{_key(path, frontend)}.npy") as temporary,
        temporary.open("wb") as out,
    ):
        np.save(out, chunks, allow_pickle=False)
