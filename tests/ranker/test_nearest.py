"""The mean of the highest values, in one step or two."""

import numpy as np
import pytest

from ranker.nearest import mean_of_highest


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize(
    ("m", "k"), [(1, 1), (3, 3), (40, 3), (255, 3), (256, 3), (263, 3), (700, 1), (700, 90)]
)
def test_it_is_the_mean_of_the_end_of_a_sorted_row(m: int, k: int, ties: bool) -> None:
    values = np.random.default_rng(m).normal(size=(50, m)).astype(np.float32)
    if ties:
        values = np.round(values)
    expected = np.sort(values, axis=1)[:, m - k :].mean(axis=1)
    np.testing.assert_allclose(mean_of_highest(values, k), expected, rtol=1e-5)


def test_no_row_gives_no_mean() -> None:
    assert mean_of_highest(np.zeros((0, 300), np.float32), 3).shape == (0,)
