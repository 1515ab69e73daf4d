"""Robustness of an encoder on a sample of the judged tracks."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from audio_model.probes.distortions import DISTORTIONS
from audio_model.probes.robustness import distorted_vectors, recognition
from data.arrays import Floats
from data.errors import DataError
from recsys.encoder_report.controls import Watch
from recsys.encoder_report.schema import Estimate, Recognised, Robustness, rounded
from recsys.encoder_report.subjects import Subjects
from recsys.workspace import Workspace


def measure_robustness(
    workspace: Workspace,
    encoder_dir: Path,
    subjects: Subjects,
    vectors: Floats,
    *,
    n_sample: int,
    seed: int,
    watch: Watch,
) -> Robustness:
    """Change a seeded sample of tracks in every way, and look for the originals among all.

    Raises
    ------
    DataError
        If no judged track has an audio file that can be changed.
    """
    paths = [
        (row, Path(track.path))
        for row, track in enumerate(subjects.tracks)
        if track.path is not None and Path(track.path).exists()
    ]
    if not paths:
        raise DataError("no track has an audio file")
    drawn = np.random.default_rng(seed).permutation(len(paths))[:n_sample]
    row_of = {path: row for row, path in (paths[draw] for draw in np.sort(drawn))}
    analysis = workspace.config.analysis
    with watch("changing sounds") as advance:
        copies, skipped = distorted_vectors(
            encoder_dir,
            list(row_of),
            scratch=workspace.cache,
            workers=analysis.workers,
            limits=analysis.limits,
            seed=seed,
            on_progress=advance,
        )
    if not copies:
        raise DataError(f"no file of the sample could be changed: {next(iter(skipped.values()))}")
    return Robustness(
        n_tracks=len(copies),
        n_candidates=len(vectors),
        skipped=dict(sorted(Counter(skipped.values()).items())),
        distortions=summarise_recognition(
            {row_of[path]: of_path for path, of_path in copies.items()}, vectors, seed=seed
        ),
    )


def summarise_recognition(
    copies: dict[int, dict[str, Floats]], candidates: Floats, *, seed: int
) -> dict[str, Recognised]:
    """Recognition of each kind of copy.

    Parameters
    ----------
    copies : dict
        Row of the original → distortion → vector.
    candidates : np.ndarray [shape=(n, dim)]
        Vectors of all tracks, the originals included.
    seed : int
        Seed of the intervals.
    """
    results: dict[str, Recognised] = {}
    for name in DISTORTIONS:
        rows = [row for row, of_track in copies.items() if name in of_track]
        if not rows:
            continue
        found = recognition(
            np.stack([copies[row][name] for row in rows]), np.array(rows, np.int32), candidates
        )
        results[name] = Recognised(
            n_tracks=len(rows),
            cosine=Estimate.of(found.cosine, seed=seed),
            median_rank=rounded(float(np.median(found.rank))),
            first=Estimate.of((found.rank == 1).astype(np.float32), seed=seed),
        )
    return results
