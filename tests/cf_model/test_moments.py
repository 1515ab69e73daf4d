"""Ridge regression out of sums, against the same from the rows."""

from __future__ import annotations

import numpy as np
import pytest

from cf_model.moments import Moments

RNG = np.random.default_rng(5)
N, DIMENSION, TARGETS = 60, 5, 3


@pytest.fixture
def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs off 0, targets that follow them, and weights."""
    inputs = RNG.normal(size=(N, DIMENSION)) * np.array([1.0, 5.0, 0.1, 1.0, 2.0]) + 0.5
    targets = inputs @ RNG.normal(size=(DIMENSION, TARGETS)) + RNG.normal(size=(N, TARGETS))
    return inputs, targets, RNG.uniform(0.1, 1.0, N)


def naive_ridge(inputs, targets, weight, penalty):
    mean = np.average(inputs, axis=0, weights=weight)
    centre = np.average(targets, axis=0, weights=weight)
    scale = np.sqrt(np.average((inputs - mean) ** 2, axis=0, weights=weight))
    scale[scale < 1e-9] = np.inf
    z = (inputs - mean) / scale
    system = (z.T * weight) @ z + penalty * np.eye(inputs.shape[1])
    map_ = np.linalg.solve(system, (z.T * weight) @ (targets - centre)) / scale[:, None]
    return map_, centre - mean @ map_


def test_every_penalty_gives_the_regression_on_the_rows(rows) -> None:
    for penalty, (map_, bias) in zip(
        (0.01, 1.0, 100.0), Moments.of(*rows).ridge((0.01, 1.0, 100.0)), strict=True
    ):
        expected_map, expected_bias = naive_ridge(*rows, penalty)
        np.testing.assert_allclose(map_, expected_map, rtol=1e-9)
        np.testing.assert_allclose(bias, expected_bias, rtol=1e-9)


def test_the_error_is_that_of_the_rows(rows) -> None:
    inputs, targets, weight = rows
    map_, bias = naive_ridge(*rows, 1.0)
    left = ((targets - inputs @ map_ - bias) ** 2).sum(axis=1)
    assert Moments.of(*rows).error(map_, bias) == pytest.approx(weight @ left)


def test_parts_add_up_and_can_be_taken_away(rows) -> None:
    whole = Moments.of(*rows)
    first = Moments.of(*(part[:20] for part in rows))
    rest = Moments.of(*(part[20:] for part in rows))
    np.testing.assert_allclose((first + rest).matrix, whole.matrix)
    np.testing.assert_allclose((whole - first).matrix, rest.matrix)


def test_mapped_inputs_need_no_rows(rows) -> None:
    inputs, targets, weight = rows
    map_ = RNG.normal(size=(DIMENSION, 2))
    mapped = Moments.of(*rows).mapped(map_)
    np.testing.assert_allclose(mapped.matrix, Moments.of(inputs @ map_, targets, weight).matrix)
    assert mapped.dimension == 2


@pytest.mark.parametrize("value", [0.0, 0.5, 1e6])
def test_a_constant_coordinate_gets_no_weight(rows, value: float) -> None:
    inputs, targets, weight = rows
    inputs[:, 1] = value
    ((map_, _),) = Moments.of(inputs, targets, weight).ridge([1e-9])
    assert (map_[1] == 0).all()
    assert np.isfinite(map_).all()


def test_the_mean_target_is_weighted(rows) -> None:
    _, targets, weight = rows
    expected = (weight @ targets) / weight.sum()
    np.testing.assert_allclose(Moments.of(*rows).mean_target(), expected)
