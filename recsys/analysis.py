"""Analysing the library's audio: a vector for every track that has none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from audio_model.encoder import EncoderCard
from audio_model.pool import AnalysisPool
from data.arrays import Floats
from data.errors import AudioError
from data.report import Problem
from data.store import Store
from recsys.config import AnalysisSettings

BATCH = 8
"""Vectors written in one transaction; what an interruption can cost."""


@dataclass
class AnalysisReport:
    """What `embed_library` did.

    Parameters
    ----------
    analysed : int
        Tracks that got a vector.
    unchanged : int
        Tracks that had one.
    without_audio : int
        Tracks of the catalogue that have no audio file.
    failed : list of Problem
        Files that gave no vector, and why.
    """

    encoder_id: str
    analysed: int = 0
    unchanged: int = 0
    without_audio: int = 0
    seconds: float = 0.0
    failed: list[Problem] = field(default_factory=list)


def embed_library(
    store: Store,
    encoder_dir: Path,
    settings: AnalysisSettings,
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> AnalysisReport:
    """Analyse every track that has audio and no vector of this encoder.

    Vectors are stored as they come, so that an interrupted run goes on where it stopped. Files
    that failed are tried again at the next run. A track that is given another file meanwhile gets
    no vector of the old one.
    """
    encoder_id = EncoderCard.read(encoder_dir).encoder_id
    done = store.embedded(encoder_id)
    tracks = store.tracks()
    report = AnalysisReport(
        encoder_id,
        unchanged=sum(track.track_id in done for track in tracks),
        without_audio=sum(track.path is None for track in tracks if track.track_id not in done),
    )
    paths = {
        track.track_id: track.path
        for track in tracks
        if track.track_id not in done and track.path is not None
    }
    waiting: dict[Path, list[str]] = {}
    for track_id, file in paths.items():
        waiting.setdefault(Path(file), []).append(track_id)

    batch: list[tuple[str, Floats, str]] = []

    def keep() -> None:
        audio = {track_id: paths[track_id] for track_id, _, _ in batch}
        report.analysed += store.put_embeddings(encoder_id, batch, audio=audio)
        batch.clear()

    with AnalysisPool(encoder_dir, settings.workers, settings.limits) as pool:
        try:
            for finished, (path, result) in enumerate(pool.map(list(waiting)), start=1):
                if isinstance(result, AudioError):
                    report.failed.append(Problem(str(path), str(result)))
                else:
                    vector = np.asarray(result.vector, np.float32)
                    batch += [(track_id, vector, result.digest) for track_id in waiting[path]]
                    report.seconds += result.duration
                if len(batch) >= BATCH:
                    keep()
                if on_progress is not None:
                    on_progress(finished, len(waiting))
        finally:
            keep()
    report.failed.sort(key=lambda problem: problem.where)
    return report
