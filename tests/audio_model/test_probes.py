from __future__ import annotations

import numpy as np
import pytest

from audio_model.probes import (
    answerable,
    average_precision,
    effective_rank,
    hubness,
    knn_hits,
    label_precision,
    nearest_others,
    precision_at_k,
)
from audio_model.probes.linear import (
    cross_validated_hits,
    disjoint_folds,
    linear_hits,
    split_masks,
)
from audio_model.probes.robustness import recognition
from data.errors import DataError, ParameterError


def vectors_of(n: int, dim: int = 8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)


def around(centres: np.ndarray, spread: float = 0.05) -> np.ndarray:
    return (centres + spread * vectors_of(*centres.shape, seed=9)).astype(np.float32)


def naive_nearest(vectors: np.ndarray, k: int, groups: list) -> list[list[int]]:
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    lists = []
    for row in range(len(unit)):
        others = [
            other for other in range(len(unit))
            if other != row and (groups[row] is None or groups[other] != groups[row])
        ]  # fmt: skip
        cosine = {other: round(float(unit[row] @ unit[other]), 6) for other in others}
        lists.append(sorted(others, key=lambda other: (-cosine[other], other))[:k])
    return lists


def test_nearest_others_are_those_of_a_naive_search() -> None:
    vectors = vectors_of(300)
    groups = [None if row % 7 == 0 else row % 40 for row in range(300)]
    found, cosine = nearest_others(vectors, 5, groups)
    assert found.tolist() == naive_nearest(vectors, 5, groups)
    assert (np.diff(cosine, axis=1) <= 0).all()


def test_a_list_is_filled_up_where_all_others_are_of_the_own_group() -> None:
    found, cosine = nearest_others(vectors_of(3), 4, ["a", "a", "b"])
    assert found[:, 2:].tolist() == [[-1, -1]] * 3
    assert found[0].tolist() == [2, -1, -1, -1]
    assert np.isnan(cosine[found < 0]).all()


def test_an_item_without_a_vector_finds_nobody_and_is_found_by_nobody() -> None:
    vectors = vectors_of(5)
    vectors[2] = np.nan
    found, _ = nearest_others(vectors, 4)
    assert (found[2] == -1).all()
    assert 2 not in found


def test_nearest_others_refuses_a_k_below_1_and_missing_groups() -> None:
    with pytest.raises(ParameterError, match="at least 1"):
        nearest_others(vectors_of(3), 0)
    with pytest.raises(ParameterError, match="expected 3 labels"):
        nearest_others(vectors_of(3), 1, ["a"])


def test_queries_are_the_items_whose_label_another_group_carries_too() -> None:
    genres = ["rock", "rock", "rock", "jazz", "jazz", None, None]
    artists = ["a", "a", "b", "c", "c", "d", "e"]
    assert answerable(genres).tolist() == [0, 1, 2, 3, 4]
    assert answerable(genres, artists).tolist() == [0, 1, 2]
    # Nobody shares an artist that is not known.
    assert answerable(genres, [None] * 7).tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(DataError, match="different groups"):
        answerable(genres[3:5], artists[3:5])


def test_the_artist_filter_takes_away_the_praise_for_recognising_artists() -> None:
    # Two artists of each genre; every artist is a place of its own, whatever the genre.
    artists = np.repeat(np.arange(4), 6)
    genres = [f"genre {artist % 2}" for artist in artists]
    vectors = around(np.eye(4)[artists])
    queries = answerable(genres, artists.tolist())
    plain, _ = nearest_others(vectors, 5)
    filtered, _ = nearest_others(vectors, 5, artists.tolist())
    assert label_precision(plain, genres, queries).mean() == 1.0
    assert label_precision(filtered, genres, queries).mean() < 0.7


def test_precision_counts_hits_over_k_also_where_there_are_fewer_members() -> None:
    vectors = np.array([[1, 0], [1, 0.1], [0, 1], [0.1, 1]], np.float32)
    found, _ = nearest_others(vectors, 2)
    values = label_precision(found, ["a", "a", "b", "b"], np.arange(4))
    assert values.tolist() == [1 / 2] * 4
    assert precision_at_k(vectors, ["a", "a", "b", "b"], 2) == 1 / 2
    assert average_precision(vectors, ["a", "a", "b", "b"]).tolist() == [1.0] * 4


def test_the_majority_of_the_neighbours_names_the_label_and_the_nearest_breaks_a_tie() -> None:
    labels = ["a", "b", "b", "a", None, None]
    found = np.array([[1, 2, 3], [3, 2, -1], [3, 1, -1], [4, 5, 0], [0, 1, 2], [-1, -1, -1]])
    hits = knn_hits(found.astype(np.int32), labels, np.arange(4))
    # b, b, a outvote a; a before b; a before b; the two without a label don't vote.
    assert hits.tolist() == [0.0, 0.0, 0.0, 1.0]


def test_a_hub_shows_as_skewness_and_as_orphans() -> None:
    ring = np.array([[(row + 1) % 20] for row in range(20)], np.int32)
    assert hubness(ring) == hubness(ring[::-1])
    assert hubness(ring).skewness == 0.0
    assert hubness(ring).orphans == 0.0
    star = np.zeros((20, 1), np.int32)
    star[0] = 1
    occurrence = np.array([19, 1, *[0] * 18])
    expected = np.mean((occurrence - 1.0) ** 3) / occurrence.std() ** 3
    assert hubness(star).skewness == pytest.approx(expected)
    assert hubness(star).orphans == 18 / 20


def test_effective_rank_counts_the_directions_in_use() -> None:
    assert effective_rank(np.eye(4)[np.arange(40) % 4].astype(np.float32)) == pytest.approx(3.0)


def test_a_linear_probe_reads_a_label_that_is_there_and_none_that_is_not() -> None:
    genre = np.arange(120) % 3
    names = [f"genre {g}" for g in genre]
    folds = disjoint_folds(list(range(120)), seed=0)
    assert cross_validated_hits(around(np.eye(8)[genre]), names, folds).mean() == 1.0
    assert cross_validated_hits(vectors_of(120), names, folds).mean() < 0.6


def test_folds_share_no_group_and_are_of_similar_size() -> None:
    groups = [f"artist {row % 23}" for row in range(200)]
    folds = disjoint_folds(groups, seed=3)
    for group in set(groups):
        assert len({int(fold) for fold, name in zip(folds, groups, strict=True)
                    if name == group}) == 1  # fmt: skip
    sizes = np.bincount(folds)
    assert len(sizes) == 5
    assert sizes.max() - sizes.min() <= 10
    assert (folds == disjoint_folds(groups, seed=3)).all()
    assert (folds != disjoint_folds(groups, seed=4)).any()
    with pytest.raises(DataError, match="at least 2 groups"):
        disjoint_folds(["a", "a"], seed=0)


def test_an_official_split_says_what_is_learned_from_and_what_is_asked() -> None:
    genre = np.arange(30) % 2
    ids = [f"t{row}" for row in range(30)]
    split = {track: "train" if row < 20 else "test" for row, track in enumerate(ids[:-1])}
    split |= {"t0": "validation", "unknown": "test"}
    train, test = split_masks(ids, split)
    assert (train.sum(), test.sum()) == (19, 9)
    hits = linear_hits(around(np.eye(8)[genre]), [str(g) for g in genre], train, test)
    assert hits.tolist() == [1.0] * 9
    with pytest.raises(DataError, match="19 and 0"):
        linear_hits(vectors_of(30), ids, train, ~train & False)


def test_a_training_part_of_a_single_genre_always_answers_that_genre() -> None:
    train, test = np.arange(6) < 3, np.arange(6) >= 3
    hits = linear_hits(vectors_of(6), ["a", "a", "a", "a", "b", "a"], train, test)
    assert hits.tolist() == [1.0, 0.0, 1.0]


def test_recognition_ranks_the_original_among_all_and_forgives_equals() -> None:
    candidates = np.eye(4, dtype=np.float32)[[0, 1, 2, 0]]
    copies = np.array([[1, 0.5, 0, 0], [0.9, 0, 0.1, 0]], np.float32)
    found = recognition(copies, np.array([0, 2], np.int32), candidates)
    assert found.rank.tolist() == [1, 3]  # item 3 equals item 0; items 0 and 3 come before item 2
    expected = [1 / np.sqrt(1.25), 0.1 / np.sqrt(0.82)]
    assert found.cosine == pytest.approx(expected, abs=1e-6)
