"""Control: MFCC statistics, kept in the store like an encoder's vectors. Loads librosa."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from audio_model.decode import DecodeLimits
from audio_model.mfcc import N_MFCC, mfcc_statistics, standardised
from audio_model.workers import ChildPool
from data.arrays import Floats
from data.errors import AudioError
from data.ids import IdMap
from data.store import Store
from data.tracks import Track
from recsys.encoder_report.controls import Watch

ENCODER_ID = "mfcc-statistics"
"""Name that the statistics are kept under in the store."""
_DIMENSION = 4 * N_MFCC
_BATCH = 32


@dataclass(frozen=True)
class MFCCControl:
    """What hand-made statistics are worth.

    Parameters
    ----------
    store : Store
        Where statistics are kept, so that a second report does not decode again.
    workers : int
        Child processes that decode.
    limits : DecodeLimits
        What one file may cost.
    """

    store: Store
    workers: int
    limits: DecodeLimits

    def __call__(self, tracks: Sequence[Track], watch: Watch) -> dict[str, Floats]:
        """Statistics of `tracks`, each column standardised over them."""
        known = self.store.embedded(ENCODER_ID)
        waiting: dict[Path, list[str]] = {}
        for track in tracks:
            if track.track_id not in known and track.path is not None:
                waiting.setdefault(Path(track.path), []).append(track.track_id)
        if waiting:
            self._analyse(waiting, watch)
        done = self.store.embedded(ENCODER_ID)
        items = IdMap(track.track_id for track in tracks if track.track_id in done)
        if not len(items):
            return {}
        vectors = standardised(list(self.store.embeddings(ENCODER_ID, items, _DIMENSION)))
        return dict(zip(items, vectors, strict=True))

    def _analyse(self, waiting: dict[Path, list[str]], watch: Watch) -> None:
        batch: list[tuple[str, Floats, str]] = []
        with (
            watch("MFCC statistics") as advance,
            ChildPool(load_worker, min(self.workers, len(waiting)), self.limits) as pool,
        ):
            try:
                for finished, (path, vector) in enumerate(pool.map(list(waiting)), start=1):
                    if not isinstance(vector, AudioError):
                        batch += [(track_id, vector, "") for track_id in waiting[path]]
                    if len(batch) >= _BATCH:
                        self.store.put_embeddings(ENCODER_ID, batch)
                        batch = []
                    advance(finished, len(waiting))
            finally:
                self.store.put_embeddings(ENCODER_ID, batch)


def load_worker() -> Callable[[Path], Floats]:
    """What a child runs on each file."""
    return mfcc_statistics
