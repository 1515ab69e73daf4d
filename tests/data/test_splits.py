"""Splits and the k-core, against naive references."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import DataError, ParameterError
from data.events import EventLog
from data.ids import IdMap
from data.splits import choose_window, global_temporal_split, k_core, random_folds, random_split

DAY = 86_400.0


def make_log(pairs: list[tuple[int, int]], times: list[float] | None = None) -> EventLog:
    n = len(pairs)
    return EventLog(
        users=IdMap(f"u{number}" for number in range(10)),
        items=IdMap(f"t{number}" for number in range(10)),
        user_index=np.array([user for user, _ in pairs], np.int32),
        item_index=np.array([item for _, item in pairs], np.int32),
        timestamp=np.array(times if times is not None else [np.nan] * n, np.float64),
        kind=np.zeros(n, np.int8),
        play_ratio=np.full(n, np.nan, np.float32),
        plays=np.arange(1, n + 1, dtype=np.float32),
    )


def named_pairs(log: EventLog) -> list[tuple[str, str]]:
    users, items = log.users.externals(log.user_index), log.items.externals(log.item_index)
    return list(zip(users, items, strict=True))


PAIRS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=60)


def test_window_is_a_tenth_of_the_log_and_two_weeks_at_most() -> None:
    assert choose_window(make_log([(0, 0)] * 2, [0.0, 20 * DAY])) == 0.1 * 20 * DAY
    assert choose_window(make_log([(0, 0)] * 2, [0.0, 900 * DAY])) == 14 * DAY


def test_an_event_long_after_the_log_does_not_leave_the_window_empty() -> None:
    times = [hour * 3600.0 for hour in range(1000)] + [400 * DAY]
    split = global_temporal_split(make_log([(0, 0)] * 1001, times))
    assert len(split.test) == math.ceil(0.05 * 1001)
    assert split.cut == times[-len(split.test)]


def test_a_window_that_would_swallow_the_log_stays_short() -> None:
    assert choose_window(make_log([(0, 0)] * 101, [0.0] * 100 + [50 * DAY])) == 0.1 * 50 * DAY


def test_temporal_split_cuts_everybody_at_one_time() -> None:
    log = make_log([(0, 0), (1, 1), (0, 2), (1, 3)], [0.0, 60.0, 90.0, 100.0])
    split = global_temporal_split(log, 10.0)
    assert split.cut == 90.0
    assert split.train.plays.tolist() == [1, 2]
    assert split.test.plays.tolist() == [3, 4]
    assert global_temporal_split(log).cut == 100.0 - 0.1 * 100.0
    assert split.train.users is log.users


@pytest.mark.parametrize("window", [0.0, -1.0, 100.0, 200.0, float("nan")])
def test_a_window_that_empties_a_part_is_refused(window: float) -> None:
    with pytest.raises(ParameterError, match="window"):
        global_temporal_split(make_log([(0, 0), (1, 1)], [0.0, 100.0]), window)


def test_logs_without_times_have_no_temporal_split() -> None:
    for log in (make_log([]), make_log([(0, 0), (1, 1)], [0.0, np.nan])):
        with pytest.raises(DataError, match="random split"):
            global_temporal_split(log)
        with pytest.raises(DataError):
            choose_window(log)


@settings(max_examples=60, deadline=None)
@given(pairs=PAIRS, share=st.floats(0.05, 0.95), seed=st.integers(0, 5))
def test_random_split_holds_out_the_share_of_each_listeners_tracks(
    pairs: list[tuple[int, int]], share: float, seed: int
) -> None:
    log = make_log(pairs)
    train, test = random_split(log, share, seed)
    assert sorted([*train.plays, *test.plays]) == list(log.plays)
    assert not set(named_pairs(train)) & set(named_pairs(test))
    for user in range(10):
        n = len({item for u, item in pairs if u == user})
        held = len({item for u, item in named_pairs(test) if u == f"u{user}"})
        assert held == (min(round(share * n), n - 1) if n >= 2 else 0)
    again = random_split(log, share, seed)
    assert again[1].plays.tolist() == test.plays.tolist()


def test_random_split_depends_on_the_seed() -> None:
    log = make_log([(user, item) for user in range(10) for item in range(10)])
    assert (
        random_split(log, 0.5, 1)[1].plays.tolist() != random_split(log, 0.5, 2)[1].plays.tolist()
    )


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0, float("nan")])
def test_a_share_outside_zero_and_one_is_refused(share: float) -> None:
    with pytest.raises(ParameterError, match="share"):
        random_split(make_log([(0, 0)]), share)


def naive_core(pairs: list[tuple[int, int]], k: int) -> set[tuple[int, int]]:
    left = set(pairs)
    while True:
        weak = {
            (user, item)
            for user, item in left
            if len({i for u, i in left if u == user}) < k
            or len({u for u, i in left if i == item}) < k
        }
        if not weak:
            return left
        left -= weak


@settings(max_examples=60, deadline=None)
@given(pairs=PAIRS, k=st.integers(1, 4))
def test_k_core_equals_dropping_one_round_after_the_other(
    pairs: list[tuple[int, int]], k: int
) -> None:
    core = k_core(make_log(pairs), k)
    left = naive_core(pairs, k)
    assert set(named_pairs(core)) == {(f"u{user}", f"t{item}") for user, item in left}
    assert len(core) == sum(pair in left for pair in pairs)
    assert list(core.users) == sorted({f"u{user}" for user, _ in left})
    assert list(core.items) == sorted({f"t{item}" for _, item in left})


def test_k_below_one_is_refused() -> None:
    with pytest.raises(ParameterError, match="k"):
        k_core(make_log([]), 0)


def test_folds_hold_out_every_pair_once() -> None:
    rng = np.random.default_rng(3)
    pairs = [(int(u), int(i)) for u, i in rng.integers(0, (9, 30), size=(400, 2))]
    log = make_log(pairs)
    splits = random_folds(log, 4, seed=1)
    for past, later in splits:
        assert len(past) + len(later) == len(log)
        held = set(zip(later.user_index.tolist(), later.item_index.tolist(), strict=True))
        kept = set(zip(past.user_index.tolist(), past.item_index.tolist(), strict=True))
        assert not held & kept
        assert {user for user, _ in kept} == set(range(9))
        assert 0.2 < len(held) / len(set(pairs)) < 0.3
    together = [
        pair
        for _, later in splits
        for pair in set(zip(later.user_index.tolist(), later.item_index.tolist(), strict=True))
    ]
    assert sorted(together) == sorted(set(pairs))


def test_the_only_track_of_a_listener_is_in_no_fold() -> None:
    splits = random_folds(make_log([(0, 0), (1, 0), (1, 1)]), 2, seed=0)
    assert all(0 not in later.user_index for _, later in splits)
    with pytest.raises(ParameterError, match="folds"):
        random_folds(make_log([(0, 0)]), 1)
