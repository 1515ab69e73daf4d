"""Lists of other libraries are judged as ours are."""

from __future__ import annotations

import numpy as np
import pytest

from bench.quality.lists import compared, hits_of, judged, mean_over_seeds, read_lists
from data.errors import DataError
from recsys.evaluation.beyond import LENGTH
from recsys.evaluation.metrics import ndcg, recall


def listed(*rows: list[int]) -> np.ndarray:
    lists = np.full((len(rows), LENGTH), -1, np.int32)
    for row, entries in enumerate(rows):
        lists[row, : len(entries)] = entries
    return lists


def test_values_are_those_of_the_metrics_of_one_list() -> None:
    rng = np.random.default_rng(0)
    rows = [rng.permutation(60)[:LENGTH].tolist() for _ in range(5)]
    wanted = [rng.permutation(60)[:n].astype(np.int32) for n in (1, 3, 9, 25, 40)]
    expected = [
        (recall(np.array(row), relevant, LENGTH), ndcg(np.array(row), relevant, LENGTH))
        for row, relevant in zip(rows, wanted, strict=True)
    ]
    np.testing.assert_allclose(judged(listed(*rows), wanted), expected)


def test_what_a_short_list_lacks_is_no_hit() -> None:
    hits = hits_of(listed([4, 7], []), [np.array([7], np.int32), np.array([0], np.int32)])
    assert np.argwhere(hits).tolist() == [[0, 1]]


def test_a_track_named_twice_is_refused() -> None:
    with pytest.raises(DataError, match="every track once"):
        hits_of(listed([4, 4]), [np.array([4], np.int32)])


def test_lists_are_read_by_library_and_method(tmp_path) -> None:
    np.save(tmp_path / "lenskit_als_0.npy", listed([1, 2]))
    np.save(tmp_path / "rectools_als_0.npy", listed([2, 1]))
    assert set(read_lists(tmp_path, "lenskit")) == {"lenskit_als_0"}


def test_seeds_are_averaged_and_each_method_meets_its_own_and_the_hybrid() -> None:
    rng = np.random.default_rng(1)
    base = rng.uniform(0.2, 0.6, (200, 2))
    values = {
        "ours_als": base,
        "ours_als_0": base,
        "ours_als_1": base + 0.02,
        "ours_hybrid": base + 0.1,
        "theirs_als_0": base + 0.01,
        "theirs_als_1": base + 0.05,
        "theirs_two_stage": base,
    }
    values |= mean_over_seeds(values, ("ours", "theirs", "nobody"))
    np.testing.assert_allclose(values["theirs_als_mean"], base + 0.03)
    assert "nobody_als_mean" not in values
    found = compared(values, 0)["differences"]
    assert set(found) == {
        "ours_als_mean - theirs_als_mean",
        "ours_hybrid - theirs_als_mean",
        "ours_hybrid - theirs_two_stage",
        "ours_hybrid - ours_als",
        "ours_hybrid - ours_als_mean",
    }
    same = found["ours_als_mean - theirs_als_mean"]["recall@20"]
    assert same["mean"] == pytest.approx(-0.02)
    assert not same["equal"]
    assert found["ours_hybrid - theirs_two_stage"]["ndcg@20"]["low"] == pytest.approx(0.1)
