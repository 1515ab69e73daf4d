"""A world in which nothing but the record label tells who will like a new track."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data.store import Store
from data.tracks import Catalogue, Track
from recsys import catalogue
from recsys.bundle import open_bundle
from recsys.config import Config
from recsys.evaluation.report import evaluate
from recsys.evaluation.schema import Slice
from recsys.recommender import Recommender
from recsys.training import TrainingData, fit_hybrid
from recsys.workspace import Workspace
from tests.ranker.worlds import N_TRACKS, track_id
from tests.recsys import bigger
from tests.recsys.conftest import publish_hybrid
from tests.recsys.growing import QUICK, growing_world


def by_label_alone() -> TrainingData:
    """The growing world without sound; nobody has two tracks, and each kind has its label."""
    tracks = [
        Track(track_id(n), artist=f"artist {n}", label=f"Label {n % 2}") for n in range(N_TRACKS)
    ]
    return TrainingData(Catalogue.from_tracks(tracks), growing_world().log, None)


def cold(config: Config) -> Slice:
    return evaluate(by_label_alone(), config, ablations=False).slices["cold"]


def test_new_tracks_reach_those_who_play_the_label_and_only_by_it() -> None:
    unlabelled = QUICK.candidates.model_copy(update={"leave_out": ("label",)})
    found = cold(QUICK)
    missed = cold(QUICK.model_copy(update={"candidates": unlabelled}))
    assert found.methods["label"]["ndcg@10"].mean > 0.95
    assert found.methods["hybrid"]["ndcg@10"].mean > 0.8
    assert missed.methods["hybrid"]["ndcg@10"].mean < 0.1
    assert "label" not in missed.methods


def test_a_bundle_keeps_the_labels_and_ranks_by_them(workspace: Workspace) -> None:
    data = by_label_alone()
    hybrid = fit_hybrid(data, data.log, QUICK)
    opened = open_bundle(workspace.models / publish_hybrid(workspace, hybrid)).hybrid
    np.testing.assert_array_equal(opened.models.catalogue.label, data.catalogue.label)
    assert "label" in [source.name for source in opened.models.sources]
    assert opened.ranker.feature_names == hybrid.ranker.feature_names


# -- tracks that come after the bundle -----------------------------------------------------------


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Recommender, Store]]:
    """A recommender over six sounds with a label each, and its store."""
    monkeypatch.setattr(catalogue, "CHECK_EVERY", 0.0)
    tracks = [
        replace(bigger.track(n), label=f"Label {bigger.sound(n)}") for n in range(bigger.N_TRACKS)
    ]
    with Store.open(f"sqlite:///{tmp_path / 'store.db'}") as store:
        bigger.fill(store)
        store.upsert_tracks(tracks)
        yield Recommender(bigger.bundle(tmp_path, tracks), store), store


def test_a_late_track_is_proposed_to_those_who_play_its_label(
    served: tuple[Recommender, Store],
) -> None:
    recommender, store = served
    # It sounds like what the listener does not play.
    vector = bigger.vector_near(3, np.random.default_rng(9))
    for name, label in (("late", "LABEL 0"), ("other", "Nobody's"), ("none", None)):
        store.upsert_tracks([Track(name, title=name, label=label)])
        store.put_embeddings(bigger.ENCODER, [(name, vector, "")])
    answer = recommender.recommend("u00", 400, explain=True)
    found = {item.track_id: item for item in answer.items}
    assert found["late"].sources[0] == "label"
    assert found["late"].reason == "new on LABEL 0, whose tracks you play"
    scores = {source.name: source.score for source in found["late"].explanation.sources}
    assert scores["label"] > 0
    others = [found[name] for name in ("other", "none") if name in found]
    assert not any("label" in item.sources for item in others)
    models = recommender._catalogue.current().hybrid.models
    late = models.catalogue.items.indices(["late", "other", "none"])
    assert (models.catalogue.label[late] >= 0).tolist() == [True, True, False]
