"""ALS and fold-in against planted structure and a naive reference."""

import numpy as np
import pytest
from implicit.cpu.als import AlternatingLeastSquares
from threadpoolctl import threadpool_limits

from cf_model import fold_in
from cf_model.als import default_factors, default_regularization, fit_als
from cf_model.confidence import signed_confidence
from cf_model.config import ALSSettings, ConfidenceSettings
from cf_model.fold_in import FoldIn
from data.errors import DataError
from data.events import EventKind, EventLog
from data.interactions import Interactions
from tests.logs import make_log

CONFIDENCE = ConfidenceSettings()


def checkerboard(n: int = 20) -> EventLog:
    """Listeners of even number play even tracks, odd ones odd tracks, each leaving out one."""
    return make_log(
        [(f"u{u}", f"t{t}") for u in range(n) for t in range(n) if u % 2 == t % 2 and u != t],
        items=[f"t{t}" for t in range(n)],
    )


def test_als_recovers_a_checkerboard() -> None:
    log = checkerboard()
    interactions = Interactions.from_log(log)
    model = fit_als(interactions, ALSSettings(factors=4), CONFIDENCE, seed=1)
    for user in range(len(log.users)):
        history = interactions.history(user)
        factor = model.fold_in.user_factor(
            history.item_index, signed_confidence(history, CONFIDENCE)
        )
        score = model.item_factors @ factor
        score[history.item_index] = -np.inf
        # The one track of the listener's colour that was left out.
        left_out = log.items.index(log.users.external(user).replace("u", "t"))
        assert score.argmax() == left_out


def test_fold_in_equals_the_naive_weighted_least_squares() -> None:
    rng = np.random.default_rng(3)
    factors = rng.normal(size=(30, 5)).astype(np.float32)
    index = np.array([2, 7, 11, 29], np.int32)
    signed = np.array([3.0, -2.0, 1.5, 8.0], np.float32)
    confidence = np.ones(30)
    preference = np.zeros(30)
    confidence[index] = np.abs(signed)
    preference[index] = signed > 0
    root = np.sqrt(confidence)[:, None]
    stacked = np.vstack([root * factors, np.sqrt(0.7) * np.eye(5)])
    target = np.concatenate([root[:, 0] * preference, np.zeros(5)])
    expected = np.linalg.lstsq(stacked, target, rcond=None)[0]
    got = FoldIn(factors, 0.7).user_factor(index, signed)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-6)


def test_fold_in_equals_the_half_step_of_implicit() -> None:
    log = checkerboard(12)
    interactions = Interactions.from_log(log)
    settings = ALSSettings(factors=6, regularization=2.0)
    model = fit_als(interactions, settings, CONFIDENCE, seed=0)
    signed = interactions.matrix(signed_confidence(interactions.pairs, CONFIDENCE))
    with threadpool_limits(limits=1, user_api="blas"):
        reference = AlternatingLeastSquares(factors=6, regularization=2.0, alpha=1.0)
        reference.item_factors = model.item_factors
        expected = reference.recalculate_user(np.arange(len(log.users)), signed)
    for user in range(len(log.users)):
        history = interactions.history(user)
        got = model.fold_in.user_factor(history.item_index, signed_confidence(history, CONFIDENCE))
        np.testing.assert_allclose(got, expected[user], atol=1e-5)


def test_listener_who_only_skips_gets_a_zero_factor() -> None:
    factors = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    got = FoldIn(factors, 1.0).user_factor(np.array([1], np.int32), np.array([-3.0], np.float32))
    np.testing.assert_array_equal(got, np.zeros(3, np.float32))


def test_als_is_deterministic_by_seed() -> None:
    interactions = Interactions.from_log(checkerboard())
    first, second = (
        fit_als(interactions, ALSSettings(factors=4), CONFIDENCE, seed=5) for _ in range(2)
    )
    np.testing.assert_array_equal(first.item_factors, second.item_factors)


def test_tracks_without_positive_listeners_have_no_support() -> None:
    log = make_log([("u", "a"), ("v", "a"), ("v", "b")], items=["a", "b", "c"])
    model = fit_als(Interactions.from_log(log), ALSSettings(factors=2), CONFIDENCE)
    assert model.support.tolist() == [2.0, 1.0, 0.0]


def test_log_without_positive_events_is_refused() -> None:
    log = make_log([("u", "a", EventKind.SKIP)], items=["a"])
    with pytest.raises(DataError, match="no positive event"):
        fit_als(Interactions.from_log(log), ALSSettings(), CONFIDENCE)


@pytest.mark.parametrize("n_listeners", [1, 3])
def test_tiny_logs_give_finite_factors_that_score(n_listeners: int) -> None:
    log = make_log([(f"u{u}", f"t{t}") for u in range(n_listeners) for t in range(3)])
    interactions = Interactions.from_log(log)
    model = fit_als(interactions, ALSSettings(), CONFIDENCE)
    history = interactions.history(0)
    factor = model.fold_in.user_factor(history.item_index, signed_confidence(history, CONFIDENCE))
    assert np.isfinite(factor).all()
    assert (model.item_factors @ factor > 0.1).all()


def test_default_regularization_grows_with_the_length_of_histories() -> None:
    assert default_regularization(30 * 100, 100, 500) == pytest.approx(15.0)
    assert default_regularization(3 * 100, 100, 500) == pytest.approx(1.5)
    assert default_regularization(0, 0, 0) == pytest.approx(0.1)
    assert default_regularization(10**6, 100, 500) == pytest.approx(100.0)


def test_larger_catalogues_get_longer_factors_and_a_larger_penalty() -> None:
    assert (default_factors(1000), default_factors(1001)) == (32, 128)
    assert default_regularization(30 * 100, 100, 2000) == pytest.approx(45.0)


def test_huge_catalogues_get_shorter_factors_again() -> None:
    assert (default_factors(10_000), default_factors(10_001)) == (128, 64)


def test_the_gramian_is_that_of_all_rows_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    factors = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    monkeypatch.setattr(fold_in, "_ROWS_AT_ONCE", 7)
    expected = factors.astype(np.float64).T @ factors.astype(np.float64)
    np.testing.assert_allclose(FoldIn(factors, 1.0).gramian, expected, rtol=1e-12)
