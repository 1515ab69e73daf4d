"""`recsys embed`: vectors are of the files that tracks have when they are stored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import recsys.analysis
from audio_model.pool import AnalysisPool
from audio_model.shipped import SHIPPED_ENCODER
from data.store import Store
from data.tracks import Track
from recsys.analysis import embed_library
from recsys.config import AnalysisSettings
from tests.api.kept import tone


def test_a_track_that_is_given_another_file_meanwhile_gets_no_vector_of_the_old_one(
    three_tones: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = three_tones
    other = tmp_path / "other.wav"
    other.write_bytes(tone(hertz=990.0))

    class Meanwhile(AnalysisPool):
        def map(self, paths):
            found = list(super().map(paths))
            store.upsert_tracks([Track("t1", str(other)), Track("t2", None)])
            return iter(found)

    monkeypatch.setattr(recsys.analysis, "AnalysisPool", Meanwhile)
    settings = AnalysisSettings(workers=1)
    report = embed_library(store, SHIPPED_ENCODER, settings)
    assert report.analysed == 1
    assert store.embedded(report.encoder_id) == {"t0"}

    monkeypatch.undo()
    again = embed_library(store, SHIPPED_ENCODER, settings)
    assert (again.analysed, again.unchanged, again.without_audio) == (1, 1, 1)
    vectors = store.some_embeddings(report.encoder_id, ["t0", "t1"])
    assert not np.allclose(vectors["t0"], vectors["t1"])
