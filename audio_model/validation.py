"""How good a space is on tracks that training has not heard.

Whole groups (artists, where they are known) are held out, as an encoder that has heard an artist
knows more of them than it will know of the next one. The probe asks what the space is used for,
whether what belongs together lies together: tracks of one group, or, where the held-out tracks
share too few groups, the two halves of each track.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audio_model.cache import CachedTracks, cache_spectrograms
from audio_model.encoder import Encoder, EncoderCard
from audio_model.index.base import unit_rows
from audio_model.probes import average_precision, effective_rank
from data.arrays import Floats

MIN_QUERIES = 20
"""Held-out tracks that must share their group with another one, for groups to be probed."""
MIN_TRACKS = 3
"""Held-out tracks with two chunks or more, for halves to be probed."""
FEWEST = 5
"""Tracks held out at least, where that leaves three times as many."""
CHUNKS = 8
"""Chunks of a track that the probe encodes; more change its value in the third decimal."""


@dataclass(frozen=True)
class Probe:
    """Result of a probe.

    Parameters
    ----------
    score : float
        Mean average precision of the retrieval, 0 … 1.
    effective_rank : float
        Directions that the vectors use, see `audio_model.probes.effective_rank`.
    """

    score: float
    effective_rank: float


@dataclass(frozen=True)
class ProbeTracks:
    """The tracks of a probe.

    Parameters
    ----------
    tracks : CachedTracks
        Their spectrograms.
    groups : tuple of str
        Group of each track.
    """

    tracks: CachedTracks
    groups: tuple[str, ...]

    @property
    def by_groups(self) -> bool:
        """Whether groups are retrieved; otherwise halves of tracks."""
        shared = Counter(self.groups)
        return sum(count for count in shared.values() if count > 1) >= MIN_QUERIES

    @property
    def usable(self) -> bool:
        """Whether there are tracks enough to retrieve anything."""
        whole = sum(len(self.tracks.chunks(row)) > 1 for row in range(len(self.groups)))
        return self.by_groups or whole >= MIN_TRACKS

    def probe(self, encode: Callable[[Floats], Floats]) -> Probe:
        """Judge an encoder.

        Parameters
        ----------
        encode : callable
            Chunks [shape=(n, n_mels, chunk_frames), dtype=float32] → unit vectors
            [shape=(n, dim)].
        """
        vectors, labels = [], []
        parts = 1 if self.by_groups else 2
        for row, group in enumerate(self.groups):
            chunks = self.tracks.chunks(row)
            picked = np.unique(np.linspace(0, len(chunks) - 1, CHUNKS).astype(int))
            encoded = encode(chunks[picked].astype(np.float32))
            for half in np.array_split(encoded, min(parts, len(encoded))):
                vectors.append(half.mean(axis=0))
                labels.append(group if self.by_groups else str(row))
        found, _ = unit_rows(np.stack(vectors))
        return Probe(
            float(average_precision(found, labels).mean()),
            effective_rank(found),
        )


def choose_held_out(
    paths: Sequence[Path], groups: Mapping[Path, str], share: float, seed: int
) -> set[Path]:
    """Draw whole groups until they hold `share` of `paths`.

    The order of the draw depends on the seed and each group's name alone, so that most groups stay
    on their side when the library grows.

    Parameters
    ----------
    paths : sequence of Path
        All tracks.
    groups : mapping of Path to str
        Group of a track; a track without one is a group of its own.
    share : float
        0 … 1; small libraries give `FEWEST` tracks, or a quarter of all.
    seed : int
        Seed of the draw.
    """
    members: dict[Hashable, list[Path]] = {}
    for path in paths:
        members.setdefault(group_of(path, groups), []).append(path)

    def place(group: Hashable) -> str:
        return hashlib.sha256(f"{seed} {group}".encode()).hexdigest()

    chosen: set[Path] = set()
    wanted = max(share * len(paths), min(FEWEST, len(paths) / 4)) if share else 0.0
    for group in sorted(members, key=place):
        # A group that would overshoot by more than it fills is passed over: one artist may be
        # half the library.
        if len(chosen) + len(members[group]) / 2 <= wanted:
            chosen.update(members[group])
    return chosen


def group_of(path: Path, groups: Mapping[Path, str]) -> str:
    """Group of a track; its own where none is known."""
    return groups.get(path) or str(path)


def held_out(
    tracks: CachedTracks, groups: Mapping[Path, str], share: float, seed: int
) -> tuple[CachedTracks, ProbeTracks | None]:
    """Split `tracks` into those to train on and those to probe.

    All are to train on, and there is nothing to probe, where that would be too little of either.
    """
    chosen = choose_held_out(tracks.paths, groups, share, seed)
    train = tracks.only([row for row, path in enumerate(tracks.paths) if path not in chosen])
    probed = tracks.only([row for row, path in enumerate(tracks.paths) if path in chosen])
    rest = ProbeTracks(probed, tuple(group_of(path, groups) for path in probed.paths))
    return (train, rest) if rest.usable and len(train.paths) > 1 else (tracks, None)


def probe_encoder(
    folder: Path,
    paths: Sequence[Path],
    groups: Mapping[Path, str],
    *,
    share: float,
    seed: int,
    cache: Path,
    workers: int = 2,
) -> Probe | None:
    """Judge an exported encoder on the tracks that training with the same arguments holds out.

    Parameters
    ----------
    folder : Path
        Folder of the encoder.
    cache : Path
        Folder for decoded spectrograms, as in `audio_model.train.train_encoder`.

    Returns
    -------
    Probe or None
        None where too few tracks can be held out.

    Raises
    ------
    ArtefactError
        If the folder is not a whole encoder.
    """
    frontend = EncoderCard.read(folder).frontend
    tracks = cache_spectrograms(
        sorted(set(paths)), frontend, cache / "spectrograms", workers=workers
    )
    _, probed = held_out(tracks, groups, share, seed)
    return None if probed is None else probed.probe(Encoder.load(folder).encode)
