"""Models that go on with tracks that came after them."""

from __future__ import annotations

import numpy as np
import pytest

from data.categories import LEVELS
from data.interactions import History
from data.rows import StackedRows
from ranker.candidates import CandidateList
from ranker.features import compute_features
from ranker.late import LateTracks, extended
from ranker.models import CandidateModels
from ranker.sources import ExplainingSource
from tests.ranker.worlds import N_TRACKS, fit, planted_embeddings, planted_log


@pytest.fixture(scope="module")
def models() -> CandidateModels:
    return fit(planted_log(), planted_embeddings())


def late(n: int = 3, kind: int = 0) -> LateTracks:
    rng = np.random.default_rng(7)
    vectors = np.eye(4)[kind] + 0.05 * rng.normal(size=(n, 4))
    unit = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return LateTracks(
        tuple(f"z{i}" for i in range(n)),
        unit,
        np.full((n, len(LEVELS)), -1, np.int32),
        np.full(n, np.nan, np.float32),
    )


def history(*items: int) -> History:
    n = len(items)
    ones = np.ones(n, np.float32)
    return History(np.array(items, np.int32), ones, 0 * ones, 0 * ones, np.arange(n) + 1e6)


def test_what_was_known_is_scored_as_before(models: CandidateModels) -> None:
    longer = extended(models, late())
    assert longer.n_items == len(longer.catalogue.items) == N_TRACKS + 3
    items = np.arange(N_TRACKS, dtype=np.int32)
    one, two = (
        m.listener(history(0, 2, 4), np.array([0, 2, 4], np.int32)) for m in (models, longer)
    )
    np.testing.assert_array_equal(one.user_factor, two.user_factor)
    np.testing.assert_array_equal(one.taste, two.taste)
    for source, other in zip(models.sources, longer.sources, strict=True):
        assert source.name == other.name
        np.testing.assert_array_equal(source.score(one, items), other.score(two, items))


def test_late_tracks_are_proposed_by_what_can_score_a_vector(models: CandidateModels) -> None:
    longer = extended(models, late())
    listener = longer.listener(history(0, 2, 4), np.array([0, 2, 4], np.int32))
    found = {
        source.name: set(source.candidates(listener, 20).item_index.tolist())
        for source in longer.sources
    }
    new = {N_TRACKS, N_TRACKS + 1, N_TRACKS + 2}
    for name in ("audio", "bridge", "carried"):
        assert new <= found[name], name
    for name in ("collaborative", "item_item", "popular"):
        assert not new & found[name], name
    scores = {s.name: s.score(listener, np.array(sorted(new), np.int32)) for s in longer.sources}
    assert np.isnan(scores["collaborative"]).all()
    assert np.isnan(scores["item_item"]).all()
    assert not np.isnan(scores["bridge"]).any()
    features = compute_features(longer, listener, longer.candidates(listener))
    assert features.dtype == np.float32


def test_known_and_late_tracks_are_explained_together(models: CandidateModels) -> None:
    longer = extended(models, late())
    listener = longer.listener(history(0, 2, 5), np.array([0, 2, 5], np.int32))
    items = np.array([N_TRACKS, 52, 4, N_TRACKS + 1], np.int32)
    for source in longer.sources:
        if isinstance(source, ExplainingSource) and source.name == "carried":
            cold = items[items != 4]  # it scores newcomers only
            assert np.isin(source.explain(listener, cold), [0, 2]).all()
    collaborative = next(s for s in longer.sources if s.name == "collaborative")
    assert isinstance(collaborative, ExplainingSource)
    named = collaborative.explain(listener, items)
    assert named[2] in (0, 2)
    assert named[0] == named[3] == -1


def test_excluded_late_tracks_are_not_proposed(models: CandidateModels) -> None:
    longer = extended(models, late())
    barred = np.array([0, N_TRACKS, N_TRACKS + 2], np.int32)
    candidates = longer.candidates(longer.listener(history(0, 2), barred))
    assert not set(barred.tolist()) & set(candidates.item_index.tolist())
    assert N_TRACKS + 1 in candidates.item_index


def test_a_late_track_in_a_history_counts_by_what_its_sound_predicts(
    models: CandidateModels,
) -> None:
    longer = extended(models, late(kind=1))
    nothing = np.zeros(0, np.int32)
    listener = longer.listener(history(N_TRACKS, N_TRACKS + 1), nothing)
    heard = np.arange(50, dtype=np.int32)
    score = longer.sources[0].score(listener, heard)
    assert score[heard % 2 == 1].mean() > score[heard % 2 == 0].mean()


def test_models_are_extended_more_than_once(models: CandidateModels) -> None:
    twice = extended(extended(models, late(2)), LateTracks.anonymous(late(1, kind=1).vectors))
    assert twice.n_items == N_TRACKS + 3
    assert len(twice.catalogue.items) == N_TRACKS + 2
    listener = twice.listener(history(0, N_TRACKS + 1), np.array([0, N_TRACKS + 1], np.int32))
    bridge = next(source for source in twice.sources if source.name == "bridge")
    assert N_TRACKS in bridge.candidates(listener, 20).item_index
    every = np.arange(twice.n_items, dtype=np.int32)
    for source in twice.sources:
        assert source.score(listener, every).shape == (N_TRACKS + 3,)


def test_without_sound_nothing_can_be_said_of_late_tracks() -> None:
    deaf = fit(planted_log(), None)
    assert extended(deaf, late()) is deaf


def test_stacked_rows_read_like_one_array() -> None:
    rng = np.random.default_rng(0)
    first, later = rng.normal(size=(7, 3)).astype(np.float32), rng.normal(size=(2, 3)).astype("f4")
    whole = np.concatenate([first, later])
    rows = StackedRows(StackedRows(first[:4], first[4:]), later)
    positions = np.array([8, 0, 3, 4, 7, 7])
    np.testing.assert_array_equal(rows[positions], whole[positions])
    np.testing.assert_array_equal(rows[5], whole[5])
    np.testing.assert_array_equal(np.asarray(rows), whole)
    np.testing.assert_allclose(rows @ whole[0], whole @ whole[0], rtol=1e-6)
    assert (rows.shape, len(rows)) == ((9, 3), 9)


def test_many_excluded_tracks_change_nothing_but_the_way_there(
    models: CandidateModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    audio = next(source for source in models.sources if source.name == "audio")
    for excluded in (np.arange(5), np.arange(58), np.arange(30, 40)):
        listener = models.listener(history(0, 2), excluded.astype(np.int32))
        plain = audio.candidates(listener, 10)
        monkeypatch.setattr("ranker.sources.content.MANY_EXCLUDED", 0)
        other: CandidateList = audio.candidates(listener, 10)
        monkeypatch.undo()
        assert other.item_index.tolist() == plain.item_index.tolist()
        np.testing.assert_allclose(other.score, plain.score, atol=1e-5)
