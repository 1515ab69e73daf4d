"""Scores of established tracks, regressed on sound."""

import numpy as np
import pytest

from cf_model.carry import fit_carry
from cf_model.config import CarrySettings

RNG = np.random.default_rng(11)


def world(n: int = 60, newcomers: int = 15, dimension: int = 5):
    vectors = RNG.normal(size=(n, dimension)).astype(np.float32)
    new = np.zeros(n, np.bool_)
    new[n - newcomers :] = True
    return vectors, new


def naive(vectors, new, score, settings):
    """Kernel ridge regression with every established track as a landmark."""
    known = vectors[~new]
    unit = vectors - known.mean(axis=0)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    kernel = np.exp(-settings.width * ((unit[:, None] - unit[None]) ** 2).sum(axis=2))
    y = score[~new]
    y = (y - y.mean()) / y.std()
    system = kernel[np.ix_(~new, ~new)] + settings.penalty * np.eye(len(known))
    return kernel[np.ix_(new, ~new)] @ np.linalg.solve(system, y)


@pytest.mark.parametrize("penalty", [0.5, 10.0])
@pytest.mark.parametrize("known", [60, 5])
def test_with_all_tracks_as_landmarks_it_is_kernel_ridge_regression(penalty, known):
    vectors, new = world()
    settings = CarrySettings(penalty=penalty)
    carry = fit_carry(vectors, new, ~new, settings)
    score = RNG.normal(size=60).astype(np.float32)
    score[known:] = 0.0  # most tracks have nothing to do with a history
    np.testing.assert_allclose(
        carry.kernel @ carry.coefficients(score), naive(vectors, new, score, settings), atol=1e-3
    )


def test_few_landmarks_still_find_what_sounds_right():
    vectors, new = world(400, 100, 4)
    score = vectors[:, 0] + 0.1 * RNG.normal(size=400).astype(np.float32)
    carry = fit_carry(vectors, new, ~new, CarrySettings(landmarks=40, penalty=1.0))
    carried = carry.kernel @ carry.coefficients(score.astype(np.float32))
    assert len(carry.landmarks) == 40
    assert np.corrcoef(carried, score[new])[0, 1] > 0.8


def test_the_weights_of_a_newcomer_give_its_score():
    vectors, new = world()
    carry = fit_carry(vectors, new, ~new, CarrySettings())
    score = RNG.normal(size=60).astype(np.float32)
    known = score[~new]
    expected = carry.speaking(carry.kernel[3]) @ ((known - known.mean()) / known.std())
    assert carry.kernel[3] @ carry.coefficients(score) == pytest.approx(expected, abs=1e-4)


def test_a_track_that_comes_later_is_scored_like_one_that_was_there():
    vectors, new = world()
    carry = fit_carry(vectors, new, ~new, CarrySettings())
    np.testing.assert_allclose(carry.towards(vectors[new]), carry.kernel, atol=1e-6)


def test_sound_is_compared_in_the_content_space():
    """Tastes follow one weak direction; a map that brings it out finds them."""
    vectors, new = world(300, 60, 12)
    vectors[:, 0] *= 0.3
    score = vectors[:, 0].copy()
    content = np.diag([5.0, *[0.5] * 11]).astype(np.float32)

    def found(map_):
        carry = fit_carry(vectors, new, ~new, CarrySettings(), map_)
        return np.corrcoef(carry.kernel @ carry.coefficients(score), score[new])[0, 1]

    assert found(content) > found(None) + 0.02


def test_tracks_without_sound_are_neither_carried_from_nor_to():
    vectors, new = world()
    vectors[3] = vectors[50] = np.nan
    carry = fit_carry(vectors, new, ~new, CarrySettings())
    assert 3 not in carry.established
    assert 50 not in carry.newcomers


def test_nothing_is_carried_where_nothing_is_established():
    vectors, _ = world(4, 2, 3)
    everything = np.ones(4, np.bool_)
    assert fit_carry(vectors, everything, ~everything, CarrySettings()) is None


def test_a_listener_whose_scores_are_all_equal_prefers_no_newcomer():
    vectors, new = world()
    carry = fit_carry(vectors, new, ~new, CarrySettings())
    assert not carry.coefficients(np.full(60, 3.0, np.float32)).any()


@pytest.mark.parametrize("better", ["content", "vectors"])
def test_the_space_is_chosen_by_the_scores_of_held_out_tracks(better):
    vectors, new = world(200, 40, 12)
    kept = slice(0, 2) if better == "content" else slice(2, 12)
    content = np.eye(12, dtype=np.float32)[:, kept]
    scores = np.stack([vectors[:, 0], vectors[:, 1], vectors[:, 0] - vectors[:, 1]])
    carry = fit_carry(vectors, new, ~new, CarrySettings(), content, scores=scores)
    expected = content if better == "content" else np.eye(12, dtype=np.float32)
    np.testing.assert_array_equal(carry.content, expected)


def test_scores_that_are_the_same_everywhere_choose_nothing():
    vectors, new = world()
    content = np.eye(5, dtype=np.float32)[:, :3]
    carry = fit_carry(
        vectors, new, ~new, CarrySettings(), content, scores=np.ones((2, 60), np.float32)
    )
    np.testing.assert_array_equal(carry.content, content)
