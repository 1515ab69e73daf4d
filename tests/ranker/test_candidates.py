import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranker.candidates import CandidateList, merge, reciprocal_rank_fusion

scores = st.lists(
    st.one_of(st.just(float("nan")), st.integers(-3, 3).map(float)), min_size=0, max_size=30
)


@given(scores, st.integers(1, 40), st.data())
def test_best_equals_a_full_sort(values: list[float], n: int, data: st.DataObject) -> None:
    score = np.array(values, np.float32)
    allowed = np.array(
        data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values))), np.bool_
    )
    usable = [i for i in range(len(values)) if allowed[i] and not np.isnan(score[i])]
    expected = sorted(usable, key=lambda i: (-score[i], i))[:n]
    got = CandidateList.best(score, n, allowed)
    assert got.item_index.tolist() == expected
    assert got.score.tolist() == [score[i] for i in expected]


def test_merge_joins_all_lists_and_leaves_absent_ranks_nan() -> None:
    merged = merge(
        {
            "a": CandidateList(np.array([5, 2], np.int32), np.array([0.9, 0.1], np.float32)),
            "b": CandidateList(np.array([2, 7], np.int32), np.array([3.0, 1.0], np.float32)),
            "c": CandidateList.empty(),
        }
    )
    assert merged.item_index.tolist() == [2, 5, 7]
    assert merged.sources == ("a", "b", "c")
    np.testing.assert_array_equal(
        merged.rank,
        np.array([[2, 1, np.nan], [1, np.nan, np.nan], [np.nan, 2, np.nan]], np.float32),
    )
    assert merged.proposed_by(np.array([0, 2])) == [("b", "a"), ("b",)]


def test_merge_of_nothing_is_empty() -> None:
    assert len(merge({"a": CandidateList.empty()})) == 0
    assert len(merge({})) == 0


def test_fusion_adds_reciprocal_ranks() -> None:
    rank = np.array([[1, 3], [np.nan, 2]], np.float32)
    np.testing.assert_allclose(reciprocal_rank_fusion(rank), [1 / 61 + 1 / 63, 1 / 62], rtol=1e-6)


@pytest.mark.parametrize("n", [1, 7, 200, 4000])
@pytest.mark.parametrize("ties", [False, True])
def test_the_best_of_many_are_those_of_a_plain_sort(n: int, ties: bool) -> None:
    rng = np.random.default_rng(n)
    for size in (50, 5000, 20_000):
        score = rng.normal(size=size).astype(np.float32)
        if ties:
            score = np.maximum(np.round(score, 1), 1.5)  # nine of ten are equal, the lowest
        score[rng.random(size) < 0.1] = np.nan
        allowed = rng.random(size) < 0.7
        usable = [p for p in range(size) if allowed[p] and not np.isnan(score[p])]
        expected = sorted(usable, key=lambda p: (-score[p], p))[:n]
        best = CandidateList.best(score, n, allowed)
        assert best.item_index.tolist() == expected
        assert best.score.tolist() == score[expected].tolist()
