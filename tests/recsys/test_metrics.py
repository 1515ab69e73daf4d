from itertools import product

import ir_measures
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.evaluation.metrics import (
    bootstrap_intervals,
    ndcg,
    ndcg_of_hits,
    recall,
    recall_curve,
    recall_of_hits,
    sign_flip_p,
)

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


def random_lists(seed: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Lists of 0 to 60 of 200 tracks, and 1 to 40 relevant ones each."""
    rng = np.random.default_rng(seed)
    ranked = [rng.permutation(200)[: rng.integers(0, 61)].astype(np.int32) for _ in range(80)]
    wanted = [rng.permutation(200)[: rng.integers(1, 41)].astype(np.int32) for _ in range(80)]
    return ranked, wanted


@pytest.mark.parametrize("seed", range(3))
def test_metrics_equal_those_of_ir_measures(seed: int) -> None:
    ranked, wanted = random_lists(seed)
    measures = {
        **{ir_measures.R @ k: recall for k in (1, 5, 20, 100)},
        **{ir_measures.nDCG @ k: ndcg for k in (1, 5, 20, 100)},
    }
    judgements = [
        ir_measures.Qrel(str(user), str(item), 1)
        for user, items in enumerate(wanted)
        for item in items
    ]
    # A list that is empty has no line in a run; a track nobody wants stands for it.
    run = [
        ir_measures.ScoredDoc(str(user), str(item), -float(rank))
        for user, items in enumerate(ranked)
        for rank, item in enumerate(items if len(items) else [-1])
    ]
    compared = 0
    for result in ir_measures.iter_calc(list(measures), judgements, run):
        user, k = int(result.query_id), result.measure["cutoff"]
        ours = measures[result.measure](ranked[user], wanted[user], k)
        assert ours == pytest.approx(result.value, abs=1e-6)
        compared += 1
    assert compared == len(measures) * len(ranked)


def test_metrics_of_many_lists_are_those_of_each() -> None:
    ranked, wanted = random_lists(7)
    hits = np.zeros((len(ranked), 60), np.bool_)
    for row, (items, right) in enumerate(zip(ranked, wanted, strict=True)):
        hits[row, : len(items)] = np.isin(items, right)
    n_relevant = np.array([len(right) for right in wanted])
    for k in (1, 7, 60):
        pairs = list(zip(ranked, wanted, strict=True))
        np.testing.assert_allclose(
            recall_of_hits(hits, n_relevant, k), [recall(r, w, k) for r, w in pairs]
        )
        np.testing.assert_allclose(
            ndcg_of_hits(hits, n_relevant, k), [ndcg(r, w, k) for r, w in pairs]
        )
    curve = recall_curve(hits, n_relevant)
    assert curve[6] == pytest.approx(recall_of_hits(hits, n_relevant, 7).mean())


def test_sign_flip_p_is_the_share_of_all_sign_vectors() -> None:
    differences = np.array([0.3, 0.1, 0.4, -0.05, 0.2, 0.0, 0.15])
    flipped = [
        abs(np.dot(signs, differences)) for signs in product((-1, 1), repeat=len(differences))
    ]
    exact = np.mean(np.array(flipped) >= abs(differences.sum()) - 1e-12)
    assert sign_flip_p(differences[:, None])[0] == pytest.approx(exact, abs=0.02)


def test_sign_flip_p_of_equal_methods_is_one() -> None:
    assert sign_flip_p(np.zeros((9, 2))).tolist() == [1.0, 1.0]


def test_sign_flip_finds_differences_that_are_not_there_as_often_as_it_says() -> None:
    p = sign_flip_p(np.random.default_rng(0).normal(size=(40, 400)), flips=999)
    assert 0.02 <= (p < 0.05).mean() <= 0.09
    shifted = np.random.default_rng(0).normal(1.5, size=(40, 20))
    assert (sign_flip_p(shifted) < 0.01).all()
