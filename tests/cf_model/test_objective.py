"""What ALS minimises, against the sum over every pair."""

import numpy as np
import pytest
from scipy import sparse

import cf_model.objective as objective_module
from cf_model.als import fit_als
from cf_model.config import ALSSettings, ConfidenceSettings
from cf_model.objective import Objective
from data.interactions import Interactions
from tests.logs import make_log

RNG = np.random.default_rng(3)


def confidences(n_users: int, n_items: int) -> sparse.csr_matrix:
    dense = np.where(RNG.random((n_users, n_items)) < 0.3, 1.0 + RNG.random((n_users, n_items)), 0)
    return sparse.csr_matrix(
        np.where(RNG.random(dense.shape) < 0.2, -dense, dense), dtype=np.float32
    )


def naive(signed: sparse.csr_matrix, x: np.ndarray, y: np.ndarray, regularization: float) -> float:
    dense = signed.toarray()
    confidence = np.where(dense != 0, np.abs(dense), 1.0)
    missed = confidence * ((dense > 0) - x @ y.T) ** 2
    return float(missed.sum() + regularization * ((x**2).sum() + (y**2).sum()))


def test_the_objective_is_the_weighted_error_of_every_pair_and_the_penalty() -> None:
    signed = confidences(40, 25)
    x, y = (RNG.normal(size=(n, 5)).astype(np.float32) for n in (40, 25))
    measured = Objective(signed, 1.7)(x, y)
    assert measured == pytest.approx(naive(signed, x, y, 1.7), rel=1e-5)


def test_of_many_listeners_a_sample_stands_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objective_module, "LISTENERS", 400)
    signed = confidences(1000, 25)
    x, y = (0.3 * RNG.normal(size=(n, 5)).astype(np.float32) for n in (1000, 25))
    assert Objective(signed, 1.0)(x, y) == pytest.approx(naive(signed, x, y, 1.0), rel=0.05)


def test_a_fit_tells_the_objective_after_each_iteration_and_it_falls() -> None:
    log = make_log([(f"u{u}", f"t{t}") for u in range(30) for t in range(20) if (u + t) % 3])
    model = fit_als(
        Interactions.from_log(log), ALSSettings(factors=4, iterations=8), ConfidenceSettings()
    )
    assert len(model.objective) == 8
    assert model.objective[-1] < model.objective[0]
    # The library solves by conjugate gradients, which may miss the last digits of a minimum.
    assert (np.diff(model.objective) <= 1e-4 * model.objective[0]).all()
