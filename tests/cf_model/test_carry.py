"""Scores of established tracks, regressed on sound."""

import numpy as np
import pytest
from scipy import sparse

import cf_model.carry as carry_module
from cf_model.carry import fit_carry
from cf_model.config import CarrySettings

RNG = np.random.default_rng(11)
WEIGHT = np.array([1.5, 0.5, 1.25, 0.75], np.float32)


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


def scored(carry, weights, liked):
    """Scores of all tracks for a history, and the coefficients that follow from them."""
    weight = WEIGHT[: len(liked)]
    score = np.asarray(weights[liked].T @ weight, np.float32).ravel()
    return score, carry.coefficients(liked, weight, score)


def one_score(score):
    """Weights with which a history of the first track has these scores, and that history."""
    weights = np.zeros((len(score), len(score)), np.float32)
    weights[0] = score
    return weights, np.array([0], np.int32)


@pytest.mark.parametrize("penalty", [0.5, 10.0])
@pytest.mark.parametrize("known", [60, 5])
def test_with_all_tracks_as_landmarks_it_is_kernel_ridge_regression(penalty, known):
    vectors, new = world()
    settings = CarrySettings(penalty=penalty)
    weights = RNG.normal(size=(60, 60)).astype(np.float32)
    weights[:, known:] = 0.0  # most tracks have nothing to do with a history
    liked = np.array([3, 8, 20, 55], np.int32)
    for given in (weights, sparse.csr_matrix(weights)):
        carry = fit_carry(vectors, new, ~new, given, settings)
        score, coefficients = scored(carry, given, liked)
        np.testing.assert_allclose(
            carry.kernel @ coefficients, naive(vectors, new, score, settings), atol=1e-3
        )


def test_few_landmarks_still_find_what_sounds_right():
    vectors, new = world(400, 100, 4)
    weights, liked = one_score(vectors[:, 0] + 0.1 * RNG.normal(size=400).astype(np.float32))
    settings = CarrySettings(landmarks=40, penalty=1.0)
    carry = fit_carry(vectors, new, ~new, weights, settings)
    score, coefficients = scored(carry, weights, liked)
    assert len(carry.landmarks) == 40
    assert np.corrcoef(carry.kernel @ coefficients, score[new])[0, 1] > 0.8


def test_what_is_kept_does_not_grow_with_tracks_that_nobody_has_heard(monkeypatch):
    monkeypatch.setattr(carry_module, "_SIZE", 4_000)
    monkeypatch.setattr(carry_module, "_FEWEST", 5)
    vectors, new = world(400, 370, 4)  # 30 established tracks
    weights, _ = one_score(vectors[:, 0])
    carry = fit_carry(vectors, new, ~new, weights, CarrySettings())
    assert carry.said.shape == (400, 10)
    assert carry.kernel.shape == (370, 10)


def test_the_shares_of_the_liked_tracks_add_up_to_the_score_of_a_newcomer():
    vectors, new = world()
    weights = RNG.normal(size=(60, 60)).astype(np.float32)
    carry = fit_carry(vectors, new, ~new, weights, CarrySettings())
    liked = np.array([3, 8, 20], np.int32)
    score, coefficients = scored(carry, weights, liked)
    shares = carry.evidence(liked, WEIGHT[:3], carry.kernel) / score[~new].std()
    assert shares.shape == (3, 15)
    np.testing.assert_allclose(shares.sum(axis=0), carry.kernel @ coefficients, atol=1e-4)


def test_a_track_that_comes_later_is_scored_like_one_that_was_there():
    vectors, new = world()
    carry = fit_carry(vectors, new, ~new, np.eye(60, dtype=np.float32), CarrySettings())
    np.testing.assert_allclose(carry.towards(vectors[new]), carry.kernel, atol=1e-6)


def test_sound_is_compared_in_the_content_space():
    """Tastes follow one weak direction; a map that brings it out finds them."""
    vectors, new = world(300, 60, 12)
    vectors[:, 0] *= 0.3
    weights, liked = one_score(vectors[:, 0].copy())
    content = np.diag([5.0, *[0.5] * 11]).astype(np.float32)

    def found(map_):
        carry = fit_carry(vectors, new, ~new, weights, CarrySettings(), map_)
        score, coefficients = scored(carry, weights, liked)
        return np.corrcoef(carry.kernel @ coefficients, score[new])[0, 1]

    assert found(content) > found(None) + 0.02


def test_tracks_without_sound_are_neither_carried_from_nor_to():
    vectors, new = world()
    vectors[3] = vectors[50] = np.nan
    carry = fit_carry(vectors, new, ~new, np.eye(60, dtype=np.float32), CarrySettings())
    assert 3 not in carry.established
    assert 50 not in carry.newcomers


def test_nothing_is_carried_where_nothing_is_established():
    vectors, _ = world(4, 2, 3)
    everything = np.ones(4, np.bool_)
    weights = np.eye(4, dtype=np.float32)
    assert fit_carry(vectors, everything, ~everything, weights, CarrySettings()) is None


def test_a_listener_whose_scores_are_all_equal_prefers_no_newcomer():
    vectors, new = world()
    weights, liked = one_score(np.full(60, 3.0, np.float32))
    carry = fit_carry(vectors, new, ~new, weights, CarrySettings())
    assert not scored(carry, weights, liked)[1].any()


@pytest.mark.parametrize("better", ["content", "vectors"])
def test_the_space_is_chosen_by_the_scores_of_held_out_tracks(better):
    vectors, new = world(200, 40, 12)
    weights, _ = one_score(np.zeros(200, np.float32))
    kept = slice(0, 2) if better == "content" else slice(2, 12)
    content = np.eye(12, dtype=np.float32)[:, kept]
    scores = np.stack([vectors[:, 0], vectors[:, 1], vectors[:, 0] - vectors[:, 1]])
    carry = fit_carry(vectors, new, ~new, weights, CarrySettings(), content, scores=scores)
    expected = content if better == "content" else np.eye(12, dtype=np.float32)
    np.testing.assert_array_equal(carry.content, expected)


def test_scores_that_are_the_same_everywhere_choose_nothing():
    vectors, new = world()
    weights, _ = one_score(np.zeros(60, np.float32))
    content = np.eye(5, dtype=np.float32)[:, :3]
    carry = fit_carry(
        vectors, new, ~new, weights, CarrySettings(), content, scores=np.ones((2, 60), np.float32)
    )
    np.testing.assert_array_equal(carry.content, content)
