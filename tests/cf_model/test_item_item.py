"""Item–item weights against naive references, and scores carried over by sound."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from cf_model.config import ConfidenceSettings, ItemItemSettings
from cf_model.item_item import fit_item_item
from data.events import EventKind, EventLog
from data.ids import IdMap
from data.interactions import Interactions

RNG = np.random.default_rng(7)


def interactions(heard: np.ndarray, skipped: np.ndarray | None = None) -> Interactions:
    """Log of one play for each True of `heard` [shape=(n_users, n_items)]."""
    skipped = np.zeros_like(heard) if skipped is None else skipped
    users, items = np.nonzero(heard | skipped)
    n = len(users)
    kind = np.where(skipped[users, items], EventKind.SKIP.code, EventKind.PLAY.code)
    return Interactions.from_log(
        EventLog(
            users=IdMap([f"u{u}" for u in range(heard.shape[0])]),
            items=IdMap([f"i{i}" for i in range(heard.shape[1])]),
            user_index=users.astype(np.int32),
            item_index=items.astype(np.int32),
            timestamp=np.full(n, np.nan),
            kind=kind.astype(np.int8),
            plays=np.ones(n, np.float32),
            play_ratio=np.ones(n, np.float32),
        )
    )


def fitted(heard: np.ndarray, **settings: float) -> np.ndarray:
    model = fit_item_item(interactions(heard), ItemItemSettings(**settings), ConfidenceSettings())
    weights = model.weights
    return weights.toarray() if sparse.issparse(weights) else np.asarray(weights)


def test_ease_without_a_whole_history_solves_its_objective():
    heard = RNG.random((40, 9)) < 0.4
    weights = fitted(heard, regularization=3.0, dropout=0.25)
    n = np.maximum(heard.sum(axis=1), 1)
    x = heard * np.sqrt(n[heard.any(axis=1)].mean() / n)[:, None]
    # Column by column, the ridge regression of a track on all others, whose squares count 1/3 more
    # (Steck 2019, equation 4; Steck 2020, equation 8).
    for track in range(9):
        others = np.delete(np.arange(9), track)
        squares = x[:, others].T @ x[:, others]
        system = squares + 3.0 * np.eye(8) + 0.25 / 0.75 * np.diag(np.diag(squares))
        expected = np.linalg.solve(system, x[:, others].T @ x[:, track])
        np.testing.assert_allclose(weights[others, track], expected, atol=1e-5)
    assert (np.diag(weights) == 0).all()


def test_what_a_listener_plays_most_says_most():
    """Tracks 0 and 1 both go with track 2; who plays 0 and 2 plays them a lot."""
    heard = np.zeros((40, 4), np.bool_)
    heard[:20, [0, 2, 3]] = heard[20:, [1, 2, 3]] = True
    log = interactions(heard)
    log.pairs.plays[np.isin(log.pairs.item_index, [0, 2]) & (np.arange(120) < 60)] = 50.0
    settings = ItemItemSettings(regularization=5.0)
    weights = fit_item_item(log, settings, ConfidenceSettings()).weights
    assert weights[0, 2] > weights[1, 2] + 0.05


def test_neighbours_are_shrunk_cosines_of_the_nearest():
    heard = RNG.random((60, 12)) < 0.4
    weights = fitted(heard, dense_up_to=0, neighbours=4, shrinkage=2.0)
    x = heard.astype(float)
    n = x.sum(axis=0)
    cosine = (x.T @ x) / np.sqrt(np.outer(n + 2.0, n + 2.0))
    np.fill_diagonal(cosine, 0.0)
    for track in range(12):
        kept = np.flatnonzero(weights[:, track])
        assert len(kept) == 4
        np.testing.assert_allclose(weights[kept, track], cosine[kept, track], atol=1e-6)
        assert cosine[kept, track].min() >= np.delete(cosine[:, track], kept).max() - 1e-6


@pytest.mark.parametrize("dense_up_to", [0, 100])
def test_planted_blocks_are_found_and_unheard_tracks_get_nothing(dense_up_to):
    heard = np.zeros((30, 11), np.bool_)
    heard[:15, :5] = RNG.random((15, 5)) < 0.7
    heard[15:, 5:10] = RNG.random((15, 5)) < 0.7
    model = fit_item_item(
        interactions(heard),
        ItemItemSettings(dense_up_to=dense_up_to, regularization=5.0),
        ConfidenceSettings(),
    )
    liked, weight = np.array([0, 1], np.int32), np.array([0.5, 1.5], np.float32)
    score = model.score(liked, weight)
    assert score.shape == (11,)
    assert set(np.argsort(-score)[:3]) == {2, 3, 4}
    assert score[10] == 0
    evidence = model.rows(liked, weight).evidence(np.array([3, 10, 2], np.int32))
    assert evidence.shape == (2, 3)
    np.testing.assert_allclose(evidence.sum(axis=0), score[[3, 10, 2]], atol=1e-6)
    both = np.asarray(model.weights[liked].todense() if dense_up_to == 0 else model.weights[liked])
    np.testing.assert_allclose(score, weight @ both, atol=1e-6)


@pytest.mark.parametrize("dense_up_to", [0, 100])
def test_what_was_skipped_is_no_sign_of_liking(dense_up_to):
    heard = RNG.random((30, 6)) < 0.5
    skipped = ~heard & (RNG.random((30, 6)) < 0.3)
    settings = ItemItemSettings(dense_up_to=dense_up_to)
    plain = fit_item_item(interactions(heard), settings, ConfidenceSettings()).weights
    with_skips = fit_item_item(interactions(heard, skipped), settings, ConfidenceSettings()).weights
    assert abs(plain - with_skips).max() < 1e-6


def test_fitting_leaves_the_histories_as_they_are():
    heard = RNG.random((30, 6)) < 0.5
    skipped = ~heard & (RNG.random((30, 6)) < 0.3)
    log = interactions(heard, skipped)
    items, starts = log.pairs.item_index.copy(), log.indptr.copy()
    fit_item_item(log, ItemItemSettings(), ConfidenceSettings())
    np.testing.assert_array_equal(log.pairs.item_index, items)
    np.testing.assert_array_equal(log.indptr, starts)
