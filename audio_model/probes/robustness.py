"""Whether a changed copy of a recording still finds its original. Offline only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from audio_model.decode import DecodeLimits, read_sound
from audio_model.encoder import Encoder
from audio_model.files import new_folder
from audio_model.index.base import COSINE_DECIMALS, unit_rows
from audio_model.probes.distortions import DISTORTIONS, write_distorted
from audio_model.workers import ChildPool
from data.arrays import Floats, Positions
from data.errors import AudioError

LONGEST_SECONDS = 600.0
"""Longer tracks are left out: several copies of their samples are held at a time."""

Copies = dict[str, Floats]
"""Vector of each changed copy [shape=(dim,)] by the distortion's name, without those that fail."""


@dataclass(frozen=True)
class Recognition:
    """How copies of one kind lie to their originals.

    Parameters
    ----------
    cosine : np.ndarray [shape=(n,), dtype=float32]
        Of a copy and its original.
    rank : np.ndarray [shape=(n,), dtype=int32]
        Place of the original among all candidates, from 1; equals of the original don't count
        against it.
    """

    cosine: Floats
    rank: Positions


def distorted_vectors(
    encoder_dir: Path,
    paths: Sequence[Path],
    *,
    scratch: Path,
    workers: int = 2,
    limits: DecodeLimits | None = None,
    seed: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[dict[Path, Copies], dict[Path, str]]:
    """Vectors of every distortion of each file, computed from files as for any other recording.

    Parameters
    ----------
    encoder_dir : Path
        Folder of the encoder.
    paths : sequence of Path
        Audio files.
    scratch : Path
        Where the copies are written, and removed again.
    workers : int
        Child processes.
    limits : DecodeLimits, optional
        What one file and all its copies may cost.
    seed : int
        Seed of noise, rooms and excerpts.
    on_progress : callable, optional
        Called with the number of files done and of all files.

    Returns
    -------
    copies : dict of Path to dict
        In the order of `paths`.
    skipped : dict of Path to str
        Files that gave nothing, and why.
    """
    outcomes: dict[Path, Copies | AudioError] = {}
    with new_folder(scratch) as folder:
        factory = partial(_load_worker, encoder_dir, folder, seed)
        with ChildPool(factory, workers, limits or DecodeLimits()) as pool:
            for done, (path, outcome) in enumerate(pool.map(paths), start=1):
                outcomes[path] = outcome
                if on_progress is not None:
                    on_progress(done, len(paths))
    copies, skipped = {}, {}
    for path in paths:  # children finish in any order
        outcome = outcomes[path]
        if isinstance(outcome, AudioError):
            skipped[path] = str(outcome)
        else:
            copies[path] = outcome
    return copies, skipped


def recognition(copies: Floats, originals: Positions, candidates: Floats) -> Recognition:
    """Cosine of each copy with its original, and the original's rank among the candidates.

    Parameters
    ----------
    copies : np.ndarray [shape=(m, dim)]
        Vectors of changed recordings.
    originals : np.ndarray [shape=(m,)]
        Which candidate each copy was made of.
    candidates : np.ndarray [shape=(n, dim)]
        Vectors of the recordings as they are.
    """
    scores = np.round(unit_rows(copies)[0] @ unit_rows(candidates)[0].T, COSINE_DECIMALS)  # (m, n)
    own = scores[np.arange(len(copies)), originals]
    rank = 1 + (scores > own[:, None]).sum(axis=1)
    return Recognition(own.astype(np.float32), rank.astype(np.int32))


def _load_worker(encoder_dir: Path, folder: Path, seed: int) -> Callable[[Path], Copies]:
    return partial(_copies, Encoder.load(encoder_dir), folder, seed)


def _copies(encoder: Encoder, folder: Path, seed: int, path: Path) -> Copies:
    y, sr = read_sound(path, max_seconds=LONGEST_SECONDS)
    found: Copies = {}
    with new_folder(folder) as own:
        for number, name in enumerate(DISTORTIONS):
            # The number of samples stands for the track, so that its noise is its own wherever the
            # file lies and whichever child takes it.
            rng = np.random.default_rng([seed, number, len(y)])
            copy = write_distorted(name, y, sr, own / name, rng)
            try:
                found[name] = encoder.analyse(copy).vector
            except AudioError:
                continue  # nothing audible is left: it does not find its original
            finally:
                copy.unlink()
    return found
