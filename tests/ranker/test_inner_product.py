"""Searching the longest rows first finds what comparing all of them finds."""

import numpy as np
import pytest

from data.rows import StackedRows
from ranker.candidates import CandidateList
from ranker.inner_product import LongestFirst

RNG = np.random.default_rng(5)


def long_tailed(n: int) -> np.ndarray:
    """Rows of which few are long, as factors of tracks are."""
    length = RNG.pareto(1.5, n) + 0.05
    return (RNG.normal(size=(n, 8)) * length[:, None]).astype(np.float32)


def everything(rows, query, n, allowed) -> CandidateList:
    return CandidateList.best(np.asarray(rows) @ query, n, allowed)


@pytest.mark.parametrize("n", [1, 20, 500])
@pytest.mark.parametrize("spread", ["long tail", "equal lengths"])
def test_it_finds_what_a_look_at_all_rows_finds(n: int, spread: str) -> None:
    rows = long_tailed(20_000)
    if spread == "equal lengths":
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    usable = RNG.random(20_000) < 0.9
    search = LongestFirst(rows, usable)
    for _ in range(5):
        query = RNG.normal(size=8).astype(np.float32)
        allowed = RNG.random(20_000) < 0.8
        found = search.best(query, n, allowed)
        expected = everything(rows, query, n, allowed & usable)
        np.testing.assert_allclose(found.score, expected.score, rtol=1e-5)
        assert np.isin(found.item_index, expected.item_index).mean() > 0.99  # ties in the last bit


def test_few_rows_are_multiplied_where_lengths_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = long_tailed(50_000)
    search = LongestFirst(rows, np.ones(50_000, np.bool_))
    monkeypatch.setattr(search, "_rows", None)  # nothing but the longest rows is left to look at
    found = search.best(rows[7], 20, np.ones(50_000, np.bool_))
    assert len(found) == 20


@pytest.mark.parametrize("left", [0, 3, 40])
def test_barred_and_unusable_rows_are_never_found_however_few_are_left(left: int) -> None:
    rows = long_tailed(3000)
    allowed = np.zeros(3000, np.bool_)
    allowed[RNG.permutation(3000)[:left]] = True
    usable = np.ones(3000, np.bool_)
    usable[np.flatnonzero(allowed)[:1]] = False
    query = RNG.normal(size=8).astype(np.float32)
    found = LongestFirst(rows, usable).best(query, 20, allowed)
    expected = everything(rows, query, 20, allowed & usable)
    assert found.item_index.tolist() == expected.item_index.tolist()


def test_ties_go_to_the_lower_position() -> None:
    rows = np.tile(np.array([[1.0, 2.0]], np.float32), (5000, 1))
    found = LongestFirst(rows, np.ones(5000, np.bool_)).best(rows[0], 7, np.ones(5000, np.bool_))
    assert found.item_index.tolist() == list(range(7))


def test_a_query_without_length_and_stacked_rows_work_like_any() -> None:
    rows = long_tailed(2000)
    stacked = StackedRows(rows[:1500], rows[1500:])
    every = np.ones(2000, np.bool_)
    search = LongestFirst(stacked, every)
    assert search.best(np.zeros(8, np.float32), 5, every).item_index.tolist() == [0, 1, 2, 3, 4]
    query = RNG.normal(size=8).astype(np.float32)
    expected = everything(rows, query, 9, every)
    assert search.best(query, 9, every).item_index.tolist() == expected.item_index.tolist()
