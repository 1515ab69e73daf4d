"""What categories add to a bridge: planted offsets, and categories that mean nothing."""

from __future__ import annotations

import numpy as np

from cf_model.bridge import fit_bridge
from cf_model.category_offsets import fit_category_offsets
from cf_model.config import BridgeSettings


def planted(rng: np.random.Generator, n: int = 600, noise: float = 0.3):
    """Errors that go by the artist (100 of them) but for noise, weights, and codes."""
    artist = rng.integers(0, 100, n)
    offsets = rng.normal(size=(100, 3))
    codes = np.column_stack([rng.integers(0, 4, n), artist]).astype(np.int32)
    return offsets[artist] + noise * rng.normal(size=(n, 3)), np.ones(n), codes, offsets


def test_planted_offsets_of_artists_are_found_and_genres_that_say_nothing_are_left_out() -> None:
    errors, weight, codes, offsets = planted(np.random.default_rng(0))
    found, _ = fit_category_offsets(errors, weight, codes)
    assert found.explained > 0.8
    several = np.bincount(codes[:, 1], minlength=100) >= 4
    np.testing.assert_allclose(found.tables[1][several], offsets[several], atol=1.0)
    assert np.abs(found.tables[0]).max(initial=0) < 0.3


def test_what_tracks_share_by_chance_explains_nothing() -> None:
    rng = np.random.default_rng(1)
    _, weight, codes, _ = planted(rng)
    found, _ = fit_category_offsets(rng.normal(size=(600, 3)), weight, codes)
    assert found.explained < 0.01


def test_the_share_explained_is_that_of_tracks_left_out() -> None:
    """The naive reference: each track's offset from the others of its category alone."""
    errors, weight, codes, _ = planted(np.random.default_rng(2), n=120)
    weight = np.random.default_rng(3).uniform(0.2, 1, 120)
    codes = codes[:, 1:]
    found, rest = fit_category_offsets(errors, weight, codes)
    best = np.inf
    for prior in (0.3, 1.0, 3.0, 10.0, 30.0):
        left = errors.copy()
        for i in range(120):
            others = (codes[:, 0] == codes[i, 0]) & (np.arange(120) != i)
            left[i] -= (weight[others] @ errors[others]) / (weight[others].sum() + prior)
        best = min(best, float(weight @ (left**2).sum(axis=1)))
    expected = 1 - best / float(weight @ (errors**2).sum(axis=1))
    assert abs(found.explained - expected) < 1e-9
    assert abs(float(weight @ (rest**2).sum(axis=1)) - best) < 1e-9


def test_missing_and_unknown_categories_add_nothing() -> None:
    errors, weight, codes, _ = planted(np.random.default_rng(0))
    codes[:10, 1] = -1
    found, _ = fit_category_offsets(errors, weight, codes)
    nothing = found.of(np.array([[-1, -1], [-1, 100], [-1, 10_000]], np.int32))
    assert (nothing == 0).all()
    assert np.isfinite(found.of(codes)).all()


def test_a_level_that_no_track_has_changes_nothing() -> None:
    errors, weight, codes, _ = planted(np.random.default_rng(0))
    found, left = fit_category_offsets(errors, weight, codes)
    with_nobody = np.insert(codes, 1, -1, axis=1)
    again, rest = fit_category_offsets(errors, weight, with_nobody)
    np.testing.assert_array_equal(left, rest)
    assert again.tables[1].shape == (0, 3)
    np.testing.assert_array_equal(found.of(codes), again.of(with_nobody))


def test_a_new_track_of_a_known_artist_is_placed_beside_its_artist() -> None:
    rng = np.random.default_rng(4)
    artist = rng.integers(0, 20, 300).astype(np.int32)
    offsets = 2.0 * rng.normal(size=(20, 3))
    vectors = rng.normal(size=(300, 6)).astype(np.float32)
    factors = (vectors @ rng.normal(size=(6, 3)) + offsets[artist]).astype(np.float32)
    support = np.where(np.arange(300) < 250, 20.0, 0.0).astype(np.float32)
    shown = np.where(support[:, None] > 0, factors, 0).astype(np.float32)
    categories = np.column_stack([np.full(300, -1), artist]).astype(np.int32)
    bridge = fit_bridge(vectors, shown, support, BridgeSettings(), categories=categories)
    with_categories = np.abs(bridge.predict(vectors, categories) - factors)[250:].mean()
    without = np.abs(bridge.predict(vectors) - factors)[250:].mean()
    assert with_categories < 0.4 * without
