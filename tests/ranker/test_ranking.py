import subprocess
import sys

import numpy as np
import pytest

from data.errors import ArtefactError
from ranker import ranking
from ranker.config import RankerSettings
from ranker.features import feature_names
from ranker.labelled import LabelledLists
from ranker.ranking import HEADED, FusionRanker, LambdaRanker, initial_score, train_ranker

NAMES = ("signal", "noise")


def planted_lists(n_listeners: int = 60, length: int = 40) -> LabelledLists:
    """The track with the highest ``signal`` of each list is the relevant one."""
    rng = np.random.default_rng(2)
    features = rng.normal(size=(n_listeners, length, 2)).astype(np.float32)
    relevant = np.zeros((n_listeners, length), np.int8)
    relevant[np.arange(n_listeners), features[:, :, 0].argmax(axis=1)] = 1
    return LabelledLists(
        features.reshape(-1, 2),
        relevant.ravel(),
        np.full(n_listeners, length, np.int64),
        np.arange(n_listeners),
    )


@pytest.fixture(scope="module")
def ranker() -> LambdaRanker:
    return train_ranker(planted_lists(), NAMES, RankerSettings(min_rows_in_leaf=5))


def test_ranker_learns_what_makes_a_track_relevant(ranker: LambdaRanker) -> None:
    shown = np.array([[-2.0, 2.0], [2.5, 0.0], [0.0, -2.0]], np.float32)
    assert ranker.predict(shown).argmax() == 1
    assert ranker.importance()["signal"] > 0.9


def test_contributions_add_up_to_the_score_but_for_a_constant(ranker: LambdaRanker) -> None:
    shown = np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32)
    rest = ranker.predict(shown) - ranker.contributions(shown)[:, :-1].sum(axis=1)
    np.testing.assert_allclose(rest, rest[0], atol=1e-4)


def test_ranker_survives_its_text_form(ranker: LambdaRanker) -> None:
    shown = np.random.default_rng(1).normal(size=(20, 2)).astype(np.float32)
    again = LambdaRanker.from_text(ranker.to_text())
    np.testing.assert_array_equal(again.predict(shown), ranker.predict(shown))
    assert again.feature_names == NAMES


def test_training_is_deterministic_by_seed() -> None:
    first, second = (
        train_ranker(planted_lists(), NAMES, RankerSettings(min_rows_in_leaf=5), seed=4)
        for _ in range(2)
    )
    assert first.to_text() == second.to_text()


def test_lists_of_one_listener_are_never_on_both_sides(monkeypatch) -> None:
    whole = planted_lists()
    twice = LabelledLists.joined([whole, whole])
    assert len(twice.group) == 120
    assert len(twice.features) == 2 * len(whole.features)
    sides = []
    kept = ranking._dataset
    monkeypatch.setattr(
        ranking,
        "_dataset",
        lambda lists, names, chosen, *rest: (
            sides.append(set(lists.listener[chosen])) or kept(lists, names, chosen, *rest)
        ),
    )
    settings = RankerSettings(min_rows_in_leaf=5, min_validation=5, trees=2)
    train_ranker(twice, NAMES, settings)
    learned, judged = sides
    assert not learned & judged
    assert (len(learned), len(judged)) == (48, 12)


def test_growing_stops_where_trees_gain_too_little(monkeypatch) -> None:
    lists = planted_lists(400)
    noise = np.random.default_rng(5).normal(size=lists.features.shape).astype(np.float32)
    lists = LabelledLists(lists.features + 0.3 * noise, lists.relevant, lists.group, lists.listener)
    settings = RankerSettings(min_rows_in_leaf=5, min_validation=5, learning_rate=0.02)

    def n_trees() -> int:
        return train_ranker(lists, NAMES, settings).to_text().count("\nTree=")

    many = n_trees()
    monkeypatch.setattr(ranking, "LEAST_GAIN", 0.1)  # the first tree finds more than half
    assert n_trees() < many


def test_another_number_of_features_is_refused(ranker: LambdaRanker) -> None:
    with pytest.raises(ArtefactError, match=r"2 features, this build computes 3"):
        ranker.predict(np.zeros((1, 3), np.float32))


def test_fusion_ranker_orders_by_the_fusion_column() -> None:
    names = feature_names(["a", "b"])
    features = np.full((3, len(names)), np.nan, np.float32)
    features[:, names.index("fusion")] = [0.1, 0.3, 0.2]
    features[:, names.index("a_rank")] = [1, 2, np.nan]
    ranker = FusionRanker(names)
    assert ranker.predict(features).argsort().tolist() == [0, 2, 1]
    contributions = ranker.contributions(features)
    assert contributions[:, names.index("a_rank")] == pytest.approx([1 / 61, 1 / 62, 0])
    assert np.count_nonzero(contributions) == 2


def test_importing_the_ranker_loads_neither_pandas_nor_scikit_learn() -> None:
    code = (
        "import sys; import ranker.ranking; "
        "sys.exit(any(name in sys.modules for name in ('pandas', 'sklearn')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_source_that_says_more_never_lowers_a_track() -> None:
    rng = np.random.default_rng(5)
    names = ("als_score", "als_rank", "popularity", "popular_score")
    lists = LabelledLists(
        rng.normal(size=(2400, 4)).astype(np.float32),
        (rng.random(2400) < 0.1).astype(np.int8),
        np.full(60, 40, np.int64),
        np.arange(60),
    )
    noisy = train_ranker(lists, names, RankerSettings(min_rows_in_leaf=5))
    shown = np.repeat(rng.normal(size=(1, 4)), 50, axis=0).astype(np.float32)
    shown[:, 0] = np.linspace(-3, 3, 50)
    assert (np.diff(noisy.predict(shown)) >= 0).all()
    shown[:, 0], shown[:, 1] = 0.0, np.linspace(-3, 3, 50)
    assert (np.diff(noisy.predict(shown)) <= 0).all()


def test_new_tracks_keep_the_order_of_what_is_carried_where_nothing_else_is_learned() -> None:
    rng = np.random.default_rng(6)
    names = ("popularity", HEADED)
    features = rng.normal(size=(2400, 2)).astype(np.float32)
    features[::2, 1] = np.nan  # established tracks
    lists = LabelledLists(
        features,
        (features[:, 0] > 1.5).astype(np.int8),
        np.full(60, 40, np.int64),
        np.arange(60),
    )
    ranker = train_ranker(lists, names, RankerSettings(min_rows_in_leaf=5, head_start=0.5))
    shown = np.zeros((50, 2), np.float32)
    shown[:, 1] = np.linspace(-3, 3, 50)
    score = ranker.predict(shown)
    assert (np.diff(score) > 0).all()  # trees alone leave ties
    rest = score - ranker.contributions(shown)[:, :-1].sum(axis=1)
    np.testing.assert_allclose(rest, rest[0], atol=1e-4)
    again = LambdaRanker.from_text(ranker.to_text(), ranker.head_start)
    np.testing.assert_array_equal(again.predict(shown), score)


def test_established_tracks_have_no_head_start() -> None:
    features = np.array([[np.nan], [2.0]], np.float32)
    assert initial_score(features, (HEADED,), 0.5).tolist() == [0.0, 1.0]
    assert initial_score(features, ("popularity",), 0.5).tolist() == [0.0, 0.0]


def test_lists_are_drawn_whole_and_in_their_order() -> None:
    group = np.array([2, 1, 3, 1])
    owner = np.repeat(np.arange(4), group)
    lists = LabelledLists(
        owner[:, None].astype(np.float32), (owner % 2).astype(np.int8), group, np.arange(4) + 10
    )
    drawn = lists.drawn(2, seed=1)
    assert len(drawn.group) == 2
    assert drawn.listener.tolist() == sorted(drawn.listener.tolist())
    assert drawn.features[:, 0].tolist() == np.repeat(drawn.listener - 10, drawn.group).tolist()
    assert drawn.group.tolist() == group[drawn.listener - 10].tolist()
    assert drawn.relevant.tolist() == (drawn.features[:, 0] % 2).tolist()
    assert lists.drawn(4) is lists
