"""Places in taste that sound predicts, and scores that are carried over by them."""

import numpy as np

from cf_model.carry import fit_carry
from cf_model.config import CarrySettings
from cf_model.taste import FOLDS, fit_taste, ridge, standardised

SETTINGS = CarrySettings()


def carried(vectors, new, scores, known):
    """What is fitted, and what each list of scores gives newcomers: list i is that of track i."""
    weights = np.zeros((len(vectors),) * 2, np.float32)
    weights[: len(scores)] = scores
    carry = fit_carry(vectors, new, ~new, weights, SETTINGS, scores=known)
    lists = np.arange(len(scores), dtype=np.int32)[:, None]
    one = np.ones(1, np.float32)
    found = [carry.kernel @ carry.coefficients(liked, one, weights[liked[0]]) for liked in lists]
    return carry, np.array(found)


def world(dimension: int = 12):
    """Listeners keep to one side of two directions of sound; the other directions say nothing."""
    rng = np.random.default_rng(4)
    vectors = rng.normal(size=(300, dimension)).astype(np.float32)
    likes = rng.normal(size=(80, 2)) @ vectors[:, :2].T
    scores = (likes + 2.0 * rng.normal(size=likes.shape)).astype(np.float32)
    return vectors, np.arange(300) >= 240, likes, scores


def test_a_place_is_predicted_from_all_other_tracks_but_never_from_its_own_scores():
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(FOLDS, 3))
    kernel = np.exp(-((vectors[:, None] - vectors[None]) ** 2).sum(axis=2))
    wanted = standardised(rng.normal(size=(6, FOLDS)))
    _, strength, axes = np.linalg.svd(wanted, full_matrices=False)
    true = axes.T * strength / (axes.T * strength).std()
    _, place = fit_taste(kernel, kernel, wanted, 0.5)
    expected = np.zeros(true.shape)
    for track in range(FOLDS):
        rest = np.arange(FOLDS) != track
        system = kernel[np.ix_(rest, rest)] + 0.5 * np.eye(FOLDS - 1)
        expected[track] = kernel[track, rest] @ np.linalg.solve(system, true[rest])
    # Which way a direction points is of no account.
    np.testing.assert_allclose(place @ place.T, expected @ expected.T, atol=1e-3)


def test_a_newcomer_is_placed_by_the_mean_over_the_folds():
    rng = np.random.default_rng(2)
    kernel = np.eye(8) + 0.1
    wanted = standardised(rng.normal(size=(5, 8)))
    map_, place = fit_taste(kernel, kernel, wanted, 1.0)
    # Of 8 folds, 7 know what the others said of the first track.
    own = kernel[:, 0] @ map_
    assert np.linalg.norm(own) > np.linalg.norm(place[0])


def test_the_readout_solves_the_regression():
    kernel = np.array([[1.0, 0.2], [0.2, 1.0]])
    expected = np.linalg.solve(kernel @ kernel.T + 3.0 * kernel, kernel)
    np.testing.assert_allclose(ridge(kernel, kernel, 3.0), expected, atol=1e-5)


def test_lists_that_are_the_same_everywhere_say_nothing():
    scaled = standardised(np.array([[2.0, 2.0, 2.0], [0.0, 1.0, 2.0]]))
    np.testing.assert_allclose(scaled, [np.array([-1.0, 0.0, 1.0]) / np.sqrt(2 / 3)])


def test_places_in_taste_carry_scores_better_than_sound_alone():
    vectors, new, likes, scores = world()

    def agreement(known):
        pairs = zip(carried(vectors, new, scores, known)[1], likes[:, new], strict=True)
        return np.mean([np.corrcoef(one, other)[0, 1] for one, other in pairs])

    assert agreement(scores) > agreement(None) + 0.02


def test_with_taste_a_later_track_is_scored_like_one_that_was_there():
    vectors, new, _, scores = world()
    carry, _ = carried(vectors, new, scores, scores)
    assert carry.kernel.shape == (60, 2 * 240)
    np.testing.assert_allclose(carry.towards(vectors[new]), carry.kernel, atol=1e-5)


def test_with_taste_the_shares_of_liked_tracks_add_up_to_the_score_of_a_newcomer():
    vectors, new, _, scores = world()
    carry, found = carried(vectors, new, scores, scores)
    spread = scores[0, ~new].std()
    shares = carry.evidence(np.array([0], np.int32), np.ones(1, np.float32), carry.kernel[:3])
    np.testing.assert_allclose(shares[0] / spread, found[0, :3], atol=1e-3)


def test_with_taste_a_listener_whose_scores_are_all_equal_prefers_no_newcomer():
    vectors, new, _, scores = world()
    even = np.concatenate([scores, np.full((1, 300), 3.0, np.float32)])
    _, found = carried(vectors, new, even, scores)
    assert found[:-1].any()
    assert not found[-1].any()


def test_without_lists_that_tell_tracks_apart_sound_alone_is_compared():
    vectors, new, _, scores = world()
    carry, _ = carried(vectors, new, scores, np.ones((3, 300), np.float32))
    assert carry.kernel.shape == (60, 240)


def test_one_established_track_is_enough():
    vectors, _, _, scores = world()
    carry, found = carried(vectors, np.arange(300) != 7, scores, scores)
    assert len(carry.kernel) == 299
    assert not found.any()
