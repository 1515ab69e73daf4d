"""Windows that the ranker learns from, and the tracks made cold in them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from data.events import EventKind, EventLog
from data.ids import IdMap
from ranker.config import RankerSettings
from ranker.features import compute_features, feature_names
from ranker.hybrid import discovering_listener
from recsys import labelling, training
from recsys.config import Config
from recsys.holdout import HeldOut, hold_out
from recsys.labelling import discoveries, label_lists
from recsys.training import fit_hybrid, fit_sources
from recsys.windows import FOUND, MIN_PAST, label_windows, with_cold_tracks
from tests.recsys.growing import growing_world


def log_of(n: int, times: np.ndarray) -> EventLog:
    rng = np.random.default_rng(1)
    return EventLog(
        users=IdMap([f"u{u}" for u in range(20)]),
        items=IdMap([f"i{i}" for i in range(50)]),
        user_index=rng.integers(0, 20, n).astype(np.int32),
        item_index=rng.integers(0, 50, n).astype(np.int32),
        timestamp=times,
        kind=np.full(n, EventKind.PLAY.code, np.int8),
        plays=np.ones(n, np.float32),
        play_ratio=np.ones(n, np.float32),
    )


def heard_in(held: HeldOut) -> np.ndarray:
    heard = np.zeros(len(held.past.items), np.bool_)
    heard[held.past.item_index] = heard[held.later.item_index] = True
    return heard


@pytest.fixture
def timed() -> EventLog:
    return log_of(4000, np.sort(np.random.default_rng(0).uniform(0, 365 * 86_400.0, 4000)))


@pytest.fixture
def untimed() -> EventLog:
    return log_of(4000, np.full(4000, np.nan))


def test_windows_with_times_follow_one_another_backwards(timed):
    windows = list(label_windows(timed, 3))
    assert len(windows) == 3
    assert len(windows[0].past) + len(windows[0].later) == len(timed)
    for after, before in pairwise(windows):
        assert len(before.past) + len(before.later) == len(after.past)
        assert before.later.timestamp.max() < after.cut
        assert before.past.timestamp.max() < before.cut


def test_windows_end_where_too_little_would_be_left_to_learn_from(timed):
    windows = list(label_windows(timed, 1000))
    assert 3 < len(windows) < 30
    assert len(windows[-1].past) >= MIN_PAST * len(timed)


def test_windows_without_times_are_disjoint_folds(untimed):
    windows = list(label_windows(untimed, 3, seed=4))
    assert [window.protocol for window in windows] == ["random"] * 3
    held = [
        set(zip(w.later.user_index.tolist(), w.later.item_index.tolist(), strict=True))
        for w in windows
    ]
    assert not held[0] & held[1]
    assert not held[1] & held[2]
    for window in windows:
        assert len(window.past) == pytest.approx(0.9 * len(untimed), rel=0.05)
    assert len(list(label_windows(untimed, 1))) == 1


@pytest.mark.parametrize("kind", ["timed", "untimed"])
def test_cold_tracks_have_no_past_and_are_as_many_as_asked_for(kind, request):
    log = request.getfixturevalue(kind)
    window = next(label_windows(log, 2))
    eligible = np.arange(50) < 30
    cold = with_cold_tracks(window, eligible, 0.5, np.random.default_rng(0))
    missing = set(range(50)) - set(cold.past.item_index.tolist())
    assert len(missing) == 15
    assert missing <= set(range(30))
    found = len(cold.later) - len(window.later)
    moved = len(window.past) - len(cold.past)
    assert found == (0 if kind == "timed" else pytest.approx(FOUND * moved, rel=0.3))
    assert with_cold_tracks(window, eligible, 0.0, np.random.default_rng(0)) is window


def test_tracks_are_made_cold_that_somebody_had_heard(untimed):
    """An evaluation holds tracks out by the same seed: drawing them again would change nothing."""
    held = hold_out(untimed, seed=0, cold_share=0.3)
    unheard = set(range(50)) - set(held.past.item_index.tolist())
    assert len(unheard) == 15
    window = next(label_windows(held.past, 2))

    cold = with_cold_tracks(window, np.ones(50, np.bool_), 0.3, np.random.default_rng(0))

    made = set(range(50)) - set(cold.past.item_index.tolist()) - unheard
    assert len(made) == round(0.3 * 35)
    assert made & set(cold.later.item_index.tolist())


def test_what_nobody_ever_heard_is_no_miss_to_learn_from():
    data = growing_world()
    silent = [0, 3, 5]
    log = data.log.take(~np.isin(data.log.item_index, silent))
    held = hold_out(log)
    models = fit_sources(data, held.past, Config())

    lists = label_lists(models, held.past, held.later, heard_in(held), Config(), 1000)

    popularity = feature_names([source.name for source in models.sources]).index("popularity")
    later = set(held.later.item_index.tolist()) - set(held.past.item_index.tolist())
    most = lists.group.max()
    assert most <= len(data.catalogue.items) - len(silent)
    assert (lists.features[:, popularity] == 0).sum() <= len(later) * len(lists.group)


def test_what_was_made_cold_and_nobody_took_to_in_the_window_is_a_miss(
    monkeypatch: pytest.MonkeyPatch,
):
    """Somebody heard it: without it, what is new and listed would always be what is wanted."""
    data = growing_world()
    missed = []

    def watched(models, past, later, *more):
        lists = label_lists(models, past, later, *more)
        names = feature_names([source.name for source in models.sources])
        silent = len(data.catalogue.items) - len({*past.item_index, *later.item_index})
        new = lists.features[:, names.index("popularity")] == 0
        in_window = len(set(later.item_index) - set(past.item_index))
        most_new = np.bincount(np.repeat(np.arange(len(lists.group)), lists.group), new).max()
        missed.append((silent, most_new - in_window))
        return lists

    monkeypatch.setattr(training, "label_lists", watched)
    config = Config(ranker=RankerSettings(cold_share=0.5))
    fit_hybrid(data, data.log, config)
    assert missed
    assert all(silent > 0 for silent, _ in missed)
    assert any(beyond > 0 for _, beyond in missed)


def test_lists_are_those_that_each_listener_would_be_shown():
    """The naive reference: one listener after the other, sets for labels.

    What nobody heard, before or after, stands in a list that is served, and decides the ranks of
    the others there; only as a row to learn from it is missing.
    """
    data = growing_world()
    silent = [0, 3, 5]
    held = hold_out(data.log.take(~np.isin(data.log.item_index, silent)))
    models = fit_sources(data, held.past, Config())
    histories, relevant = discoveries(held.past, held.later, Config())
    heard = np.flatnonzero(heard_in(held))
    expected = {}
    competed = 0
    for user, wanted in relevant.items():
        listener = discovering_listener(models, histories.history(user))
        candidates = models.candidates(listener)
        items = candidates.item_index.tolist()
        kept = [row for row, item in enumerate(items) if item in heard]
        competed += len(items) - len(kept)
        right = [items[row] in set(wanted.tolist()) for row in kept]
        if any(right):
            features = compute_features(models, listener, candidates)
            expected[user] = (features[kept], right)
    assert competed > 0

    lists = label_lists(models, held.past, held.later, heard_in(held), Config(), 1000)

    assert lists.listener.tolist() == sorted(expected)
    assert lists.group.tolist() == [len(expected[user][1]) for user in sorted(expected)]
    assert lists.relevant.tolist() == [r for user in sorted(expected) for r in expected[user][1]]
    features = np.concatenate([expected[user][0] for user in sorted(expected)])
    np.testing.assert_allclose(lists.features, features, rtol=1e-4, atol=1e-5)


def test_of_what_was_not_taken_to_a_sample_is_kept_where_lists_are_many(
    monkeypatch: pytest.MonkeyPatch,
):
    held = hold_out(growing_world().log)
    models = fit_sources(growing_world(), held.past, Config())
    everything = label_lists(models, held.past, held.later, heard_in(held), Config(), 1000)
    few = Config(ranker=RankerSettings(negatives=3))
    lists = label_lists(models, held.past, held.later, heard_in(held), few, 1000)
    assert lists.group.tolist() == everything.group.tolist()

    monkeypatch.setattr(labelling, "ENOUGH_ROWS", 10)
    lists = label_lists(models, held.past, held.later, heard_in(held), few, 1000)
    again = label_lists(models, held.past, held.later, heard_in(held), few, 1000)

    assert lists.listener.tolist() == everything.listener.tolist()
    assert lists.relevant.sum() == everything.relevant.sum()
    owner = np.repeat(np.arange(len(lists.group)), lists.group)
    assert (np.bincount(owner, lists.relevant == 0) == 3).all()
    every = {row.tobytes() for row in everything.features}
    assert {row.tobytes() for row in lists.features} <= every
    np.testing.assert_array_equal(again.features, lists.features)
