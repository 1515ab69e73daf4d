from __future__ import annotations

import numpy as np
import pytest

from data.errors import NotReadyError
from data.store import Store
from data.tracks import Track
from ranker.hybrid import Hybrid
from recsys.bundle import ModelBundle, open_bundle, write_bundle
from recsys.catalogue_map import GRID, catalogue_map
from recsys.config import MapSettings
from recsys.projection import project
from recsys.training import TrainingData
from recsys.versions import publish
from recsys.workspace import Workspace
from tests.ranker.worlds import N_TRACKS, track_id
from tests.recsys.conftest import FACTS, publish_hybrid


@pytest.fixture
def bundle(workspace: Workspace, hybrid: Hybrid, training_data: TrainingData) -> ModelBundle:
    views = project(training_data.embeddings, MapSettings(), seed=0)
    version = publish(
        workspace.models, lambda folder, name: write_bundle(folder, name, hybrid, FACTS, views)
    )
    return open_bundle(workspace.models / version)


def two_clouds(n: int = 30) -> np.ndarray:
    """Unit vectors around two orthogonal directions, one after the other, and one row unknown."""
    rng = np.random.default_rng(0)
    centre = np.repeat(np.eye(16)[:2], n, axis=0)
    vectors = centre + 0.1 * rng.normal(size=centre.shape)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.vstack([vectors, np.full(16, np.nan)]).astype(np.float32)


def test_both_views_keep_two_clouds_apart() -> None:
    views = project(two_clouds(), MapSettings(), seed=0)
    assert list(views) == ["pca", "tsne"]
    for points in views.values():
        one, other = points[:30], points[30:60]
        apart = np.linalg.norm(one.mean(axis=0) - other.mean(axis=0))
        assert apart > 2 * max(one.std(axis=0).max(), other.std(axis=0).max())
        assert np.isnan(points[60]).all()


def test_equal_vectors_and_seed_give_the_same_views() -> None:
    first, again = (project(two_clouds(), MapSettings(), seed=3) for _ in range(2))
    for name, points in first.items():
        np.testing.assert_array_equal(points, again[name])


def test_beyond_the_setting_only_pca_is_computed() -> None:
    assert list(project(two_clouds(), MapSettings(tsne_tracks=59), seed=0)) == ["pca"]


@pytest.mark.parametrize(
    "embeddings",
    [None, np.full((5, 4), np.nan, np.float32), np.eye(2, dtype=np.float32),
     np.ones((9, 4), np.float32) / 2],
    ids=["no sound", "no vector", "two tracks", "all alike"],
)  # fmt: skip
def test_what_spans_no_plane_has_no_view(embeddings: np.ndarray | None) -> None:
    assert project(embeddings, MapSettings(), seed=0) == {}


def test_the_map_stands_on_a_grid_and_leaves_withdrawn_tracks_out(
    bundle: ModelBundle, store: Store
) -> None:
    store.set_withdrawn([track_id(3)])
    found = catalogue_map(bundle, store)
    assert len(found.track_ids) == N_TRACKS - 1
    assert track_id(3) not in found.track_ids
    for points in found.views.values():
        assert points.shape == (N_TRACKS - 1, 2)
        assert points.min() == 0
        assert points.max() == GRID
    row = found.track_ids.index(track_id(11))
    assert found.artist[row] == found.artist[found.track_ids.index(track_id(12))]
    position = bundle.hybrid.models.catalogue.items.index(track_id(11))
    assert found.listeners[row] == bundle.hybrid.models.popularity[position]


def test_genres_are_coded_from_the_commonest(bundle: ModelBundle, store: Store) -> None:
    store.upsert_tracks(
        Track(track_id(n), genre="Folk" if n < 4 else "<b>Jazz</b>" if n < 10 else None)
        for n in range(N_TRACKS)
    )
    found = catalogue_map(bundle, store)
    assert list(found.genres) == ["<b>Jazz</b>", "Folk"]
    codes = dict(zip(found.track_ids, found.genre.tolist(), strict=True))
    assert [codes[track_id(n)] for n in (0, 9, 10)] == [1, 0, -1]


def test_a_bundle_from_before_the_map_opens_and_says_what_to_do(
    workspace: Workspace, hybrid: Hybrid, store: Store
) -> None:
    old = open_bundle(workspace.models / publish_hybrid(workspace, hybrid))
    assert old.projections == {}
    with pytest.raises(NotReadyError, match="recsys train"):
        catalogue_map(old, store)
