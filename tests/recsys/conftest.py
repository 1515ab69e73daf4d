"""A workspace over the planted world: store filled, one version published."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from data.events import KINDS, Event
from data.store import Store
from data.tracks import Track
from ranker.config import RankerSettings
from ranker.hybrid import Hybrid
from recsys.bundle import BundleFacts, write_bundle
from recsys.config import Config
from recsys.training import TrainingData, fit_hybrid, load_training_data
from recsys.versions import publish
from recsys.workspace import Workspace
from tests.ranker.worlds import N_TRACKS, planted_embeddings, planted_log, track_id

ENCODER = "planted"
FACTS = BundleFacts(40, 600, 1e6, encoder_id=None, encoder_dir=None)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.open(tmp_path / "home")


@pytest.fixture
def store(workspace: Workspace) -> Iterator[Store]:
    """Store with the planted world's tracks, listens and vectors."""
    opened = workspace.open_store()
    opened.upsert_tracks(
        Track(track_id(n), title=f"title {n}", artist=f"artist {n // 10}") for n in range(N_TRACKS)
    )
    log = planted_log()
    opened.add_events(
        [
            Event(
                f"e{row}",
                log.users.external(int(log.user_index[row])),
                log.items.external(int(log.item_index[row])),
                KINDS[int(log.kind[row])],
                float(log.timestamp[row]),
            )
            for row in range(len(log))
        ]
    )
    vectors = planted_embeddings()
    opened.put_embeddings(ENCODER, [(track_id(n), vectors[n], "") for n in range(N_TRACKS)])
    yield opened
    opened.close()


@pytest.fixture
def training_data(store: Store) -> TrainingData:
    return load_training_data(store, ENCODER, 4)


@pytest.fixture
def hybrid(training_data: TrainingData) -> Hybrid:
    config = Config(ranker=RankerSettings(min_listeners=10, min_rows_in_leaf=5))
    fitted = fit_hybrid(training_data, training_data.log, config)
    assert fitted.ranker.kind == "lambdarank"
    return fitted


def publish_hybrid(workspace: Workspace, hybrid: Hybrid) -> str:
    return publish(
        workspace.models, lambda folder, version: write_bundle(folder, version, hybrid, FACTS)
    )
