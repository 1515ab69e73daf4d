"""Ways from sound to taste that the product is compared with."""

from __future__ import annotations

import numpy as np
import pytest

from bench.quality.bridges import artist_mean, bridges
from bench.quality.further import further
from cf_model.model import CollaborativeModel
from data.interactions import Interactions
from ranker.features import feature_names
from ranker.hybrid import Hybrid, discovering_listener
from ranker.ranking import FusionRanker
from recsys.evaluation.methods import Asked
from tests.ranker.worlds import COLD, fit, planted_embeddings, planted_log

LEARNED = ("plain_ridge", "kernel_ridge", "network", "item_knn_by_sound")


def world(embeddings: np.ndarray | None) -> tuple[Hybrid, Interactions]:
    log = planted_log()
    models = fit(log, embeddings)
    names = feature_names([source.name for source in models.sources])
    return Hybrid(models, FusionRanker(names)), Interactions.from_log(log)


@pytest.fixture(scope="module")
def planted() -> tuple[Hybrid, Interactions]:
    return world(planted_embeddings())


def asked(hybrid: Hybrid, histories: Interactions, user: int) -> Asked:
    return Asked(hybrid, user, discovering_listener(hybrid.models, histories.history(user)))


@pytest.mark.parametrize("name", LEARNED)
def test_cold_tracks_that_sound_like_a_listeners_come_first(planted, name: str) -> None:
    hybrid, histories = planted
    method = bridges(hybrid, histories)[name]
    cold = np.array(COLD)
    for user in (0, 1):
        score = method(asked(hybrid, histories, user))[cold]
        own = cold % 2 == user % 2
        assert score[own].min() > score[~own].max()


def test_a_track_without_sound_has_no_score() -> None:
    embeddings = planted_embeddings()
    embeddings[[3, 55]] = np.nan
    hybrid, histories = world(embeddings)
    compared = bridges(hybrid, histories)
    for name in LEARNED:
        score = compared[name](asked(hybrid, histories, 0))
        assert np.flatnonzero(np.isnan(score)).tolist() == [3, 55], name


def test_without_sound_what_needs_it_is_missing() -> None:
    hybrid, histories = world(None)
    assert set(bridges(hybrid, histories)) == {"artist_mean"}
    assert set(further(hybrid, histories)) == {"artist_mean", "warm_blend"}


def test_artists_stand_for_their_tracks_as_far_as_they_are_heard() -> None:
    factors = np.array([[1.0, 0.0], [0.0, 1.0], [5.0, 5.0], [0.0, 0.0], [2.0, 2.0]], np.float32)
    support = np.array([3.0, 1.0, 0.0, 0.0, 4.0], np.float32)
    als = CollaborativeModel(factors, support, 1.0)
    found = artist_mean(als, np.array([0, 0, 0, 1, -1], np.int32))
    np.testing.assert_allclose(found[:3], [[3 / 4, 1 / 4]] * 3)
    assert np.isnan(found[3:]).all()
