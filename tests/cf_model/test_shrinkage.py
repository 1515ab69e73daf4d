"""Factors of tracks with few listeners, between what their sound predicts and their own."""

import numpy as np
from scipy import sparse

from cf_model.bridge import fit_bridge
from cf_model.config import BridgeSettings
from cf_model.model import CollaborativeModel
from cf_model.shrinkage import shrink_to_bridge

RNG = np.random.default_rng(5)
FACTORS = 4


def world(n_listeners: int, n_items: int = 6, confidence: float = 2.0):
    """Listeners' factors, and what they did with the tracks: about half of them play each."""
    listeners = RNG.normal(size=(n_listeners, FACTORS)).astype(np.float32)
    played = RNG.random((n_listeners, n_items)) < 0.5
    signed = sparse.csr_matrix(np.where(played, confidence, 0.0).astype(np.float32))
    return listeners, signed


def model(listeners: np.ndarray, signed: sparse.csr_matrix, regularization: float = 3.0):
    support = np.asarray((signed > 0).sum(axis=0)).ravel().astype(np.float32)
    factors = np.zeros((signed.shape[1], FACTORS), np.float32)
    return CollaborativeModel(factors, support, regularization, listeners)


def half_step(listeners, signed, regularization, item):
    """Naive item half-step of ALS over every listener (Hu, Koren and Volinsky 2008, eq. 5)."""
    column = signed[:, [item]].toarray().ravel().astype(np.float64)
    confidence = np.where(column != 0, np.abs(column), 1.0)
    x = listeners.astype(np.float64)
    system = (x.T * confidence) @ x + regularization * np.eye(FACTORS)
    return np.linalg.solve(system, x.T @ (confidence * (column > 0)))


def test_with_silence_at_full_weight_and_no_bridge_it_is_the_half_step_of_als():
    listeners, signed = world(80)
    everything = np.ones(6, np.bool_)
    moved = shrink_to_bridge(
        np.zeros((6, FACTORS), np.float32), everything, model(listeners, signed), signed, 1e-9
    )
    for item in range(6):
        np.testing.assert_allclose(
            moved[item], half_step(listeners, signed, 3.0, item), rtol=1e-4, atol=1e-5
        )


def test_a_track_that_nobody_touched_stays_where_its_sound_is():
    listeners, signed = world(40)
    signed = sparse.csr_matrix(signed.toarray() * np.array([1, 0, 1, 1, 1, 1], np.float32))
    bridged = RNG.normal(size=(6, FACTORS)).astype(np.float32)
    moved = shrink_to_bridge(bridged, np.ones(6, np.bool_), model(listeners, signed), signed, 100.0)
    np.testing.assert_array_equal(moved[1], bridged[1])
    assert (np.abs(moved[[0, 2]] - bridged[[0, 2]]).max(axis=1) > 0.01).all()


def test_only_the_tracks_asked_for_move_and_those_without_sound_stay_nan():
    listeners, signed = world(40)
    bridged = RNG.normal(size=(6, FACTORS)).astype(np.float32)
    bridged[2] = np.nan
    few = np.array([True, False, True, False, False, False])
    moved = shrink_to_bridge(bridged, few, model(listeners, signed), signed, 100.0)
    assert np.isnan(moved[2]).all()
    np.testing.assert_array_equal(moved[[1, 3, 4, 5]], bridged[[1, 3, 4, 5]])


def test_each_play_brings_the_factor_nearer_to_what_listeners_say_than_to_the_sound():
    """Sound says the opposite of what those who play the track have in common."""
    listeners = RNG.normal(scale=0.3, size=(60, FACTORS)).astype(np.float32)
    listeners[:, 0] += 1.0
    bridged = np.array([[-1.0, 0.0, 0.0, 0.0]], np.float32)
    liking = []
    for n in (0, 1, 2, 4, 8, 16):
        signed = sparse.csr_matrix((np.arange(60) < n)[:, None].astype(np.float32) * 2.0)
        moved = shrink_to_bridge(
            bridged, np.ones(1, np.bool_), model(listeners, signed), signed, 1e9
        )
        liking.append(float(moved[0, 0]))
    assert liking[0] == -1.0
    assert (np.diff(liking) > 0).all()
    assert liking[-1] > 0.5


def test_planted_taste_is_found_better_than_by_own_plays_or_by_sound_alone():
    """Factors that sound predicts in part, and two listeners of each new track."""
    n_items, n_listeners = 150, 300
    truth = RNG.normal(size=(n_items, FACTORS))
    bridged = (0.7 * truth + 0.7 * RNG.normal(size=truth.shape)).astype(np.float32)
    listeners = RNG.normal(size=(n_listeners, FACTORS)).astype(np.float32)
    wanted = listeners @ truth.T
    played = np.zeros((n_listeners, n_items), np.float32)
    for item in range(n_items):
        fond = np.argsort(-wanted[:, item])[:60]
        played[RNG.permutation(fond)[:2], item] = 2.0
    signed = sparse.csr_matrix(played)
    fitted = model(listeners, signed)
    shrunk = shrink_to_bridge(bridged, np.ones(n_items, np.bool_), fitted, signed, 100.0)
    own = np.stack([half_step(listeners, signed, 3.0, item) for item in range(n_items)])

    def likeness(factors):
        return np.mean(
            [np.corrcoef(listeners @ factors[i], wanted[:, i])[0, 1] for i in range(n_items)]
        )

    assert likeness(shrunk) > likeness(bridged) + 0.05
    assert likeness(shrunk) > likeness(own) + 0.02


def test_what_listeners_skip_pushes_away():
    listeners, _ = world(30)
    listeners[:, 0] = np.abs(listeners[:, 0]) + 0.5
    bridged = np.array([[0.8, 0.0, 0.0, 0.0]], np.float32)
    skipped = sparse.csr_matrix((np.arange(30) < 3)[:, None].astype(np.float32) * -2.0)
    moved = shrink_to_bridge(
        bridged, np.ones(1, np.bool_), model(listeners, skipped), skipped, 100.0
    )
    assert (listeners[:3] @ moved[0]).sum() < (listeners[:3] @ bridged[0]).sum()


def test_a_model_that_was_read_back_leaves_the_bridge_as_it_is():
    listeners, signed = world(30)
    bridged = RNG.normal(size=(6, FACTORS)).astype(np.float32)
    fitted = model(listeners, signed)
    bare = CollaborativeModel(fitted.item_factors, fitted.support, fitted.regularization)
    assert shrink_to_bridge(bridged, np.ones(6, np.bool_), bare, signed, 10.0) is bridged


def test_the_prior_says_how_soon_silence_counts():
    listeners, signed = world(80)
    bridged = RNG.normal(size=(6, FACTORS)).astype(np.float32)
    fitted = model(listeners, signed)
    full = np.stack([half_step(listeners, signed, 3.0, item) for item in range(6)])

    def distance(prior):
        moved = shrink_to_bridge(bridged, np.ones(6, np.bool_), fitted, signed, prior)
        return np.linalg.norm(moved - full, axis=1).mean()

    assert distance(1.0) < 0.5 * distance(1000.0)


def test_where_the_bridge_errs_most_plays_count_most():
    listeners, signed = world(40)
    bridged = np.zeros((6, FACTORS), np.float32)
    fitted = model(listeners, signed, regularization=200.0)
    unsure = np.diag([10.0, 1.0, 1.0, 1.0])
    alike, moved = (
        shrink_to_bridge(bridged, np.ones(6, np.bool_), fitted, signed, 100.0, covariance)
        for covariance in (np.eye(FACTORS), unsure)
    )
    farther = np.abs(moved) / np.abs(alike)
    assert (farther[:, 0] > 2).all()
    assert (farther[:, 1:].mean(axis=1) < 1).all()
    for scale in (0.01, 100.0):  # only the directions count, not the size
        again = shrink_to_bridge(
            bridged, np.ones(6, np.bool_), fitted, signed, 100.0, scale * unsure
        )
        np.testing.assert_allclose(again, moved, rtol=1e-4)


def test_errors_of_predictions_for_tracks_left_out_have_their_covariance():
    rng = np.random.default_rng(8)
    vectors = rng.normal(size=(4000, 5)).astype(np.float32)
    noise = rng.normal(size=(4000, 3)) * np.array([2.0, 1.0, 0.1])
    factors = (vectors @ rng.normal(size=(5, 3)) + noise).astype(np.float32)
    bridge = fit_bridge(vectors, factors, np.full(4000, 50.0, np.float32), BridgeSettings())
    np.testing.assert_allclose(np.diag(bridge.covariance), [4.0, 1.0, 0.01], rtol=0.1)
