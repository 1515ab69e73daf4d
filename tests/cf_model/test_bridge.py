import numpy as np
import pytest

from cf_model.bridge import fit_bridge
from cf_model.config import BridgeSettings
from data.errors import DataError, ParameterError

RNG = np.random.default_rng(11)


def planted(n: int = 200, noise: float = 0.05) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vectors, factors that depend linearly on them, and support."""
    vectors = RNG.normal(size=(n, 6)).astype(np.float32)
    map_ = RNG.normal(size=(6, 3))
    factors = vectors @ map_ + 0.5 + noise * RNG.normal(size=(n, 3))
    return vectors, factors.astype(np.float32), np.full(n, 20.0, np.float32)


def test_bridge_recovers_a_planted_linear_map_for_cold_tracks() -> None:
    vectors, factors, support = planted()
    support[150:] = 0.0  # cold: the bridge sees their sound only
    shown = np.where(support[:, None] > 0, factors, 0.0).astype(np.float32)
    bridge = fit_bridge(vectors, shown, support, BridgeSettings())
    np.testing.assert_allclose(bridge.predict(vectors)[150:], factors[150:], atol=0.3)
    assert bridge.explained > 0.95


def test_factors_that_a_penalty_shrank_get_the_length_they_should_have() -> None:
    vectors, factors, support = planted()
    heavy = BridgeSettings(penalties=(2000.0,))
    predicted = fit_bridge(vectors[:150], factors[:150], support[:150], heavy).predict(vectors)
    centred = factors[150:] - factors[150:].mean(axis=0)
    slope = (predicted[150:] * centred).sum() / (centred * centred).sum()
    assert 0.7 < slope < 1.3  # with the penalty alone it is 0.05


def test_bridge_explains_nothing_when_sound_and_taste_are_independent() -> None:
    vectors, _, support = planted()
    unrelated = RNG.normal(size=(200, 3)).astype(np.float32)
    bridge = fit_bridge(vectors, unrelated, support, BridgeSettings())
    assert bridge.explained < 0.05


def test_tracks_without_a_vector_stay_nan() -> None:
    vectors, factors, support = planted()
    vectors[7] = np.nan
    predicted = fit_bridge(vectors, factors, support, BridgeSettings()).predict(vectors)
    assert np.isnan(predicted[7]).all()
    assert np.isfinite(np.delete(predicted, 7, axis=0)).all()


def test_badly_supported_factors_weigh_less() -> None:
    vectors, factors, support = planted(noise=0.0)
    factors[:100] += 10.0  # wrong, but hardly supported
    support[:100] = 0.01
    predicted = fit_bridge(vectors, factors, support, BridgeSettings()).predict(vectors)
    np.testing.assert_allclose(predicted[100:], factors[100:], atol=0.5)


def test_constant_coordinates_do_no_harm() -> None:
    vectors, factors, support = planted()
    vectors[:, 2] = 1.0
    assert np.isfinite(fit_bridge(vectors, factors, support, BridgeSettings()).weights).all()


def test_too_few_tracks_are_refused_with_the_number_needed() -> None:
    vectors, factors, support = planted(n=19)
    with pytest.raises(DataError, match=r"at least 20 tracks.*has 19"):
        fit_bridge(vectors, factors, support, BridgeSettings())


def test_arrays_of_different_length_are_refused() -> None:
    vectors, factors, support = planted()
    with pytest.raises(ParameterError, match="aligned"):
        fit_bridge(vectors[:10], factors, support, BridgeSettings())


@pytest.mark.parametrize("hidden", [True, False])
def test_the_space_that_predicts_better_is_regressed_on(hidden: bool) -> None:
    """A map that loses what tastes follow is left, one that brings it out is taken."""
    vectors = RNG.normal(size=(120, 30)).astype(np.float32)
    factors = (vectors[:, :2] + 0.3 * RNG.normal(size=(120, 2))).astype(np.float32)
    support = np.full(120, 20.0, np.float32)
    content = np.eye(30, dtype=np.float32)[:, 2:] if hidden else np.eye(30, dtype=np.float32)[:, :2]
    with_map = fit_bridge(vectors, factors, support, BridgeSettings(), content=content)
    without = fit_bridge(vectors, factors, support, BridgeSettings())
    if hidden:
        np.testing.assert_array_equal(with_map.weights, without.weights)
    else:
        assert with_map.explained > without.explained + 0.01
        assert (with_map.weights[2:] == 0).all()
