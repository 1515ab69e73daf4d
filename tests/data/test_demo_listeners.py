from types import SimpleNamespace

import numpy as np
import pytest

from data.demo.catalogue import REFERENCE_TIME, WEEK, DemoSize, plan_songs
from data.demo.listeners import simulate
from data.events import EventKind

SIZE = DemoSize()


@pytest.fixture(scope="module")
def world():
    songs = plan_songs(7, SIZE)
    log = simulate(songs, 7, SIZE)
    return SimpleNamespace(
        songs=songs,
        log=log,
        released=np.array([song.released for song in songs]),
        artist=np.array([song.artist_index for song in songs]),
        genre=np.array([song.artist_index % 8 for song in songs]),
        listened=np.isin(log.kind, [EventKind.PLAY.code, EventKind.SKIP.code]),
        pair=log.user_index * len(songs) + log.item_index,
    )


def counts(world, rows) -> np.ndarray:
    """Listens [shape=(n_users, n_items)] among `rows`."""
    table = np.zeros((SIZE.n_listeners, len(world.songs)))
    np.add.at(table, (world.log.user_index[rows], world.log.item_index[rows]), 1)
    return table


def test_same_seed_gives_the_same_log_and_another_seed_does_not():
    size = DemoSize(n_artists=8, tracks_per_artist=2, n_listeners=20, n_events=400)
    one, two, other = (simulate(plan_songs(seed, size), seed, size) for seed in (7, 7, 8))
    np.testing.assert_array_equal(one.item_index, two.item_index)
    np.testing.assert_array_equal(one.timestamp, two.timestamp)
    assert not np.array_equal(one.item_index, other.item_index)


def test_log_has_the_promised_size_and_period(world):
    log = world.log
    assert len(log) == SIZE.n_events >= 60_000
    assert len(np.unique(log.user_index)) == SIZE.n_listeners >= 500
    assert len(world.songs) == 320
    assert len(set(world.artist)) == 64
    assert log.timestamp.min() >= SIZE.start_time
    assert log.timestamp.max() < REFERENCE_TIME
    assert (np.diff(log.timestamp) >= 0).all()


def test_newest_releases_are_spread_over_the_last_six_weeks(world):
    age = (REFERENCE_TIME - world.released) / WEEK
    assert 0.15 <= np.mean(age <= 6) <= 0.20
    weekly = np.histogram(age, bins=np.arange(7))[0]
    assert weekly.min() >= 0.6 * weekly.max()


def test_no_event_precedes_its_tracks_release(world):
    assert (world.log.timestamp >= world.released[world.log.item_index]).all()


def test_new_tracks_get_a_share_of_what_is_heard(world):
    recent = world.released >= REFERENCE_TIME - 6 * WEEK
    weeks = world.log.timestamp >= REFERENCE_TIME - 6 * WEEK
    assert 0.05 <= recent[world.log.item_index[weeks]].mean() <= 0.12


@pytest.mark.parametrize("weeks", [2, 4])
def test_test_and_label_windows_hold_listens_of_tracks_released_inside(world, weeks):
    begin, end = REFERENCE_TIME - weeks * WEEK, REFERENCE_TIME - (weeks - 2) * WEEK
    inside = (world.log.timestamp >= begin) & (world.log.timestamp < end)
    born = (world.released >= begin) & (world.released < end)
    assert born.sum() >= 15
    listens = inside & born[world.log.item_index]
    assert len(np.unique(world.log.item_index[listens])) >= 12
    assert len(np.unique(world.log.user_index[listens])) >= 60


def test_listeners_know_a_part_of_the_library(world):
    distinct = np.bincount(np.unique(world.pair) // len(world.songs), minlength=SIZE.n_listeners)
    assert 40 <= np.median(distinct) <= 60


def test_listeners_still_discover_in_the_last_two_weeks(world):
    late = world.log.timestamp >= REFERENCE_TIME - 2 * WEEK
    first = np.setdiff1d(world.pair[late], world.pair[~late]) // len(world.songs)
    active = np.unique(world.log.user_index[late])
    assert len(active) >= 300
    assert np.median(np.bincount(first, minlength=SIZE.n_listeners)[active]) >= 3


def test_repeats_skips_likes_and_few_dislikes_exist(world):
    kinds = np.bincount(world.log.kind, minlength=5) / len(world.log)
    broken = (world.log.kind == EventKind.SKIP.code) | (world.log.play_ratio < 0.3)
    repeated = 1 - len(np.unique(world.pair[world.listened])) / world.listened.sum()
    assert 0.25 < repeated < 0.75
    assert 0.08 < broken.mean() < 0.3
    assert kinds[EventKind.SKIP.code] > 0.03
    assert 0.02 < kinds[EventKind.LIKE.code] < 0.08
    assert 0 < kinds[EventKind.DISLIKE.code] < 0.02


def test_popularity_and_activity_have_heavy_tails(world):
    plays = np.sort(np.bincount(world.log.item_index, minlength=len(world.songs)))[::-1]
    assert plays[:32].sum() > 0.25 * plays.sum()
    activity = np.sort(np.bincount(world.log.user_index))[::-1]
    assert activity[:60].sum() > 0.25 * activity.sum()
    assert activity[-1] >= 5


def test_an_opinion_follows_a_listen_and_nobody_plays_what_they_refused(world):
    log = world.log
    first = {}
    refused = set()
    for pair, kind in zip(world.pair.tolist(), log.kind.tolist(), strict=True):
        assert pair not in refused
        if kind in (EventKind.LIKE.code, EventKind.DISLIKE.code):
            assert first.get(pair) == "heard"
            first[pair] = "judged"
            if kind == EventKind.DISLIKE.code:
                refused.add(pair)
        else:
            first.setdefault(pair, "heard")


def test_liked_tracks_are_played_more_and_taste_repeats_itself(world):
    table = counts(world, world.listened)
    liked = np.unique(world.pair[world.log.kind == EventKind.LIKE.code])
    heard = table[table > 0].mean()
    assert table.ravel()[liked].mean() > 1.3 * heard


def test_tastes_are_not_only_genres(world):
    """Unheard tracks are foretold by co-listening within a genre, where genre says nothing."""
    late = world.log.timestamp >= REFERENCE_TIME - 4 * WEEK
    before, after = counts(world, world.listened & ~late), counts(world, world.listened & late)
    known = (before > 0).astype(float)
    share = known.mean(axis=0)
    weight = known.T @ known / np.sqrt(np.outer(share, share) + 1e-9)
    weight[world.artist[:, None] == world.artist] = 0  # nor the artist
    weight[world.genre[:, None] == world.genre] = 0
    score = (known / np.maximum(known.sum(axis=1, keepdims=True), 1)) @ weight
    score = score / np.maximum(score.mean(axis=0), 1e-9)
    wins = []
    for user in range(SIZE.n_listeners):
        for genre in range(8):
            unheard = (before[user] == 0) & (world.genre == genre) & (share > 0)
            new = unheard & (after[user] > 0)
            rest = unheard & ~new
            if new.any() and rest.any():
                wins.append(np.mean(score[user, new][:, None] > score[user, rest][None]))
    assert np.mean(wins) > 0.53


def test_cold_tracks_are_foretold_by_how_they_sound(world):
    """Tracks out in the last four weeks reach listeners of tracks that sound like them."""
    late = world.log.timestamp >= REFERENCE_TIME - 4 * WEEK
    before, after = counts(world, world.listened & ~late), counts(world, world.listened & late)
    dials = np.stack([song.dials.vector() for song in world.songs])
    dials = (dials - dials.mean(axis=0)) / dials.std(axis=0)
    distance = np.square(dials[:, None] - dials[None]).sum(axis=2)
    alike = np.exp(-distance / 2) * (world.artist[:, None] != world.artist)
    score = np.log1p(before) @ alike
    cold = world.released >= REFERENCE_TIME - 4 * WEEK
    wins = [
        np.mean(score[user, new][:, None] > score[user, rest][None])
        for user in range(SIZE.n_listeners)
        if (new := cold & (after[user] > 0)).any() and (rest := cold & (after[user] == 0)).any()
    ]
    assert len(wins) > 80
    assert np.mean(wins) > 0.56


@pytest.mark.parametrize(("artists", "tracks"), [(1, 1), (1, 4), (3, 1), (8, 2)])
def test_smallest_worlds_still_have_exact_logs(artists, tracks):
    size = DemoSize(
        n_artists=artists, tracks_per_artist=tracks, n_listeners=3, n_events=500, weeks=8
    )
    log = simulate(plan_songs(1, size), 1, size)
    assert len(log) == 500
    assert log.timestamp.max() < REFERENCE_TIME
