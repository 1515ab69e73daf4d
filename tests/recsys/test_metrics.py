import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.evaluation.metrics import bootstrap_intervals, ndcg, recall

ranking = st.permutations(range(12))
relevant = st.sets(st.integers(0, 15), min_size=1, max_size=12)
cutoff = st.integers(1, 15)


def naive_ndcg(ranked: list[int], wanted: set[int], k: int) -> float:
    gained = 0.0
    for position, item in enumerate(ranked[:k]):
        if item in wanted:
            gained += 1 / np.log2(position + 2)
    ideal = sum(1 / np.log2(position + 2) for position in range(min(len(wanted), k)))
    return gained / ideal


@given(ranking, relevant, cutoff)
def test_metrics_equal_their_naive_references(ranked: list[int], wanted: set[int], k: int) -> None:
    array, hits = np.array(ranked, np.int32), np.array(sorted(wanted), np.int32)
    assert ndcg(array, hits, k) == pytest.approx(naive_ndcg(ranked, wanted, k))
    assert recall(array, hits, k) == pytest.approx(len(set(ranked[:k]) & wanted) / len(wanted))


def test_ndcg_of_a_hit_at_the_second_place() -> None:
    value = ndcg(np.array([4, 7, 9]), np.array([7]), 3)
    assert value == pytest.approx((1 / np.log2(3)) / (1 / np.log2(2)))


def test_recall_divides_by_all_relevant_tracks() -> None:
    assert recall(np.array([1, 2]), np.array([1, 5, 6, 8]), 2) == pytest.approx(1 / 4)


def test_an_empty_list_scores_zero() -> None:
    assert ndcg(np.zeros(0, np.int32), np.array([3]), 10) == 0.0
    assert recall(np.zeros(0, np.int32), np.array([3]), 10) == 0.0


def test_bootstrap_intervals_cover_the_mean_as_often_as_they_say() -> None:
    sample = np.random.default_rng(0).normal(size=(60, 200))
    low, high = bootstrap_intervals(sample, resamples=400)
    covered = ((low <= 0.0) & (high >= 0.0)).mean()
    assert 0.88 <= covered <= 0.99


def test_bootstrap_intervals_are_deterministic_and_in_order() -> None:
    sample = np.random.default_rng(1).random((30, 4))
    low, high = bootstrap_intervals(sample, seed=3)
    again, _ = bootstrap_intervals(sample, seed=3)
    np.testing.assert_array_equal(low, again)
    assert (low <= sample.mean(axis=0)).all()
    assert (high >= sample.mean(axis=0)).all()
