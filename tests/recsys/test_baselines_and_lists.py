import numpy as np
import pytest
from scipy import sparse

from ranker.models import CandidateModels
from recsys.evaluation.baselines import Ease, ItemKnn
from recsys.evaluation.beyond import artist_repetition, describe_lists, gini, list_diversity
from tests.ranker.worlds import COLD, N_TRACKS, fit, planted_embeddings, planted_log


def random_matrix() -> np.ndarray:
    """Forty listeners, 12 tracks, the last of which nobody takes to."""
    matrix = (np.random.default_rng(2).random((40, 12)) < 0.3).astype(np.float32)
    matrix[:, 11] = 0.0
    return matrix


def test_item_knn_sums_the_cosines_of_the_naive_matrix() -> None:
    matrix = random_matrix()
    length = np.linalg.norm(matrix, axis=0)
    cosine = (matrix.T @ matrix) / np.maximum(np.outer(length, length), 1e-12)
    np.fill_diagonal(cosine, 0.0)
    liked = np.array([1, 4, 7], np.int32)
    score = ItemKnn(sparse.csr_matrix(matrix)).score(liked)
    np.testing.assert_allclose(score[:11], cosine[liked].sum(axis=0)[:11], atol=1e-5)
    assert np.isnan(score[11])


def test_ease_weights_solve_its_constrained_least_squares() -> None:
    matrix, penalty = random_matrix()[:, :11], 5.0
    model = Ease(sparse.csr_matrix(matrix), penalty)
    for item in range(11):
        others = np.delete(np.arange(11), item)
        system = matrix[:, others].T @ matrix[:, others] + penalty * np.eye(10)
        column = np.linalg.solve(system, matrix[:, others].T @ matrix[:, item])
        ours = [model.score(np.array([other]))[item] for other in others]
        np.testing.assert_allclose(ours, column, atol=1e-4)


@pytest.mark.parametrize("baseline", [ItemKnn, Ease])
def test_a_listener_who_likes_nothing_cannot_be_scored(baseline: type) -> None:
    model = baseline(sparse.csr_matrix(random_matrix()))
    assert np.isnan(model.score(np.zeros(0, np.int32))).all()


def test_gini_is_zero_for_even_and_near_one_for_single_exposure() -> None:
    assert gini(np.array([3, 3, 3, 3])) == pytest.approx(0.0)
    assert gini(np.array([0, 0, 0, 8])) == pytest.approx(3 / 4)
    assert gini(np.zeros(5, np.int64)) == 0.0


def test_gini_equals_its_definition_by_pairs() -> None:
    counts = np.random.default_rng(0).integers(0, 9, 30)
    pairs = np.abs(counts[:, None] - counts[None, :]).sum()
    assert gini(counts) == pytest.approx(pairs / (2 * len(counts) ** 2 * counts.mean()))


def test_diversity_is_the_mean_cosine_distance_of_all_pairs() -> None:
    vectors = planted_embeddings()
    entries = np.array([0, 5, 9, 30], np.int32)
    distances = [
        1.0 - float(vectors[a] @ vectors[b])
        for position, a in enumerate(entries)
        for b in entries[:position]
    ]
    assert list_diversity(entries, vectors) == pytest.approx(np.mean(distances), abs=1e-6)
    silent = vectors.copy()
    silent[9] = np.nan
    assert not np.isnan(list_diversity(entries, silent))
    assert np.isnan(list_diversity(entries[:1], vectors))
    assert np.isnan(list_diversity(entries, None))


def test_artists_repeat_after_their_first_entry_and_unknown_ones_never() -> None:
    assert artist_repetition(np.array([4, 4, -1, 2, 4, -1])) == pytest.approx(2 / 6)
    assert np.isnan(artist_repetition(np.zeros(0, np.int32)))


@pytest.fixture(scope="module")
def models() -> CandidateModels:
    return fit(planted_log(), planted_embeddings())


def test_lists_of_cold_tracks_only_are_described_as_such(models: CandidateModels) -> None:
    lists = np.full((2, 20), -1, np.int32)
    lists[:, : len(COLD)] = COLD
    found = describe_lists(lists, [np.array([0, 2]), np.array([1, 3])], models, 40)
    assert found.length == len(COLD)
    assert found.coverage == pytest.approx(len(COLD) / N_TRACKS)
    assert found.cold_share == 1.0
    assert found.popularity_lift == 0.0
    assert found.novelty == pytest.approx(-np.log2(1 / 41))
    assert found.artist_repetition == pytest.approx((len(COLD) - 1) / len(COLD))


def test_a_list_as_popular_as_its_listener_has_a_lift_of_one(models: CandidateModels) -> None:
    lists = np.full((1, 20), -1, np.int32)
    lists[0, :2] = (4, 6)
    assert describe_lists(lists, [np.array([4, 6])], models, 40).popularity_lift == 1.0


def test_lists_without_entries_have_no_figures(models: CandidateModels) -> None:
    found = describe_lists(np.full((3, 20), -1, np.int32), [np.array([0])] * 3, models, 40)
    assert (found.length, found.coverage, found.gini) == (0.0, 0.0, 0.0)
    assert found.novelty is found.diversity is found.popularity_lift is found.cold_share is None
