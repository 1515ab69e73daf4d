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
from recsys.bundle import BundleFacts, ModelBundle, write_bundle
from recsys.config import Config
from recsys.training import TrainingData, fit_hybrid, load_training_data
from recsys.versions import publish
from recsys.workspace import Workspace
from tests.api.kept import tone
from tests.ranker.worlds import N_TRACKS, planted_embeddings, planted_log, track_id
from tests.recsys import bigger

ENCODER = "planted"
FACTS = BundleFacts(40, 600, 1e6, encoder_id=None, encoder_dir=None)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.open(tmp_path / "home")


@pytest.fixture
def three_tones(workspace: Workspace, tmp_path: Path) -> Iterator[Store]:
    """The store of the workspace with three tracks, each a tone."""
    store = workspace.open_store()
    for number in range(3):
        path = tmp_path / f"{number}.wav"
        path.write_bytes(tone(hertz=220.0 * (number + 1)))
        store.upsert_tracks([Track(f"t{number}", str(path))])
    yield store
    store.close()


def fill_planted(store: Store) -> None:
    """Give `store` the planted world's tracks, listens and vectors."""
    store.upsert_tracks(
        Track(track_id(n), title=f"title {n}", artist=f"artist {n // 10}") for n in range(N_TRACKS)
    )
    log = planted_log()
    store.add_events(
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
    store.put_embeddings(ENCODER, [(track_id(n), vectors[n], "") for n in range(N_TRACKS)])


@pytest.fixture
def store(workspace: Workspace) -> Iterator[Store]:
    """Store with the planted world's tracks, listens and vectors."""
    with workspace.open_store() as opened:
        fill_planted(opened)
        yield opened


@pytest.fixture
def training_data(store: Store) -> TrainingData:
    return load_training_data(store, ENCODER, 4)


def fit_planted(data: TrainingData) -> Hybrid:
    config = Config(ranker=RankerSettings(min_listeners=10, min_rows_in_leaf=5))
    fitted = fit_hybrid(data, data.log, config)
    assert fitted.ranker.kind == "lambdarank"
    return fitted


@pytest.fixture
def hybrid(training_data: TrainingData) -> Hybrid:
    return fit_planted(training_data)


def publish_hybrid(workspace: Workspace, hybrid: Hybrid) -> str:
    return publish(
        workspace.models, lambda folder, version: write_bundle(folder, version, hybrid, FACTS)
    )


@pytest.fixture(scope="session")
def six_sounds(tmp_path_factory: pytest.TempPathFactory) -> ModelBundle:
    """Bundle of the larger planted world."""
    return bigger.bundle(tmp_path_factory.mktemp("bigger"))


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Store of the larger planted world, to which a module adds what disturbs no other test."""
    store = Store.open(f"sqlite:///{tmp_path_factory.mktemp('shelf') / 'store.db'}")
    bigger.fill(store)
    yield store
    store.close()
