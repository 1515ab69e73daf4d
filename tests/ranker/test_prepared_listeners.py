"""Listeners who are asked about together get what each would get alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from data.interactions import Interactions
from ranker.features import compute_features
from ranker.listener import Listener
from ranker.models import CandidateModels
from ranker.sources import content
from ranker.sources.base import PreparingSource
from tests.ranker.worlds import fit, planted_embeddings, planted_log


@pytest.fixture(scope="module", params=[4000, 0], ids=["dense", "neighbours"])
def models(request: pytest.FixtureRequest) -> CandidateModels:
    return fit(planted_log(), planted_embeddings(), per_source=9, dense_up_to=request.param)


def listeners(models: CandidateModels) -> list[Listener]:
    """Of different histories and exclusions, one without a history among them."""
    histories = Interactions.from_log(planted_log())
    rng = np.random.default_rng(3)
    asked = []
    for user in range(12):
        history = histories.history(user)
        history = history.take(slice(0, len(history) if user else 0))
        more = rng.choice(60, rng.integers(0, 40), replace=False)
        excluded = np.union1d(history.item_index, np.append(more, [7, 55])).astype(np.int32)
        asked.append(models.listener(history, excluded))
    return asked


def check_equal(models: CandidateModels) -> None:
    alone, together = listeners(models), listeners(models)
    models.prepare(together)
    for one, other in zip(alone, together, strict=True):
        expected, found = models.candidates(one), models.candidates(other)
        np.testing.assert_array_equal(found.item_index, expected.item_index)
        np.testing.assert_array_equal(found.rank, expected.rank)
        np.testing.assert_allclose(
            compute_features(models, other, found),
            compute_features(models, one, expected),
            rtol=1e-4,
            atol=1e-5,
        )


def test_prepared_listeners_get_the_candidates_and_features_of_each_alone(
    models: CandidateModels,
) -> None:
    check_equal(models)


def test_who_excludes_very_much_is_not_searched_for_together(
    models: CandidateModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content, "MANY_EXCLUDED", 25)
    check_equal(models)


def test_several_sources_prepare_and_nobody_has_to_ask(models: CandidateModels) -> None:
    able = [source.name for source in models.sources if isinstance(source, PreparingSource)]
    assert able == ["audio", "carried"]
    models.prepare([])


def test_features_of_some_rows_are_those_of_all(models: CandidateModels) -> None:
    listener = listeners(models)[3]
    candidates = models.candidates(listener)
    rows = np.array([0, 4, len(candidates) - 1])
    np.testing.assert_allclose(
        compute_features(models, listener, candidates, rows),
        compute_features(models, listener, candidates)[rows],
        rtol=1e-6,
    )


def test_who_excludes_something_else_afterwards_is_searched_for_anew(
    models: CandidateModels,
) -> None:
    asked = listeners(models)[1]
    models.prepare([asked])
    before = models.candidates(asked)
    other = replace(asked, excluded=before.item_index)
    assert not np.isin(models.candidates(other).item_index, before.item_index).any()
