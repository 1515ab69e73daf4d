"""Pairs of listener and track: which of them two logs share, and whose they are."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from data.interactions import Interactions
from tests.logs import make_log

USERS, ITEMS = 4, 5
Pairs = st.lists(st.tuples(st.integers(0, USERS - 1), st.integers(0, ITEMS - 1)), max_size=25)


def interactions(pairs: list[tuple[int, int]]) -> Interactions:
    items = [f"t{item}" for item in range(ITEMS)]
    log = make_log([(f"u{user}", items[item]) for user in range(USERS) for item in [0]], items)
    rows = np.array(pairs, np.int32).reshape(-1, 2)
    ones = np.ones(len(rows))
    return Interactions.from_log(
        type(log)(
            users=log.users,
            items=log.items,
            user_index=rows[:, 0],
            item_index=rows[:, 1],
            timestamp=np.arange(len(rows), dtype=np.float64),
            kind=np.full(len(rows), log.kind[0]),
            play_ratio=ones.astype(np.float32),
            plays=ones.astype(np.float32),
        )
    )


@given(Pairs, Pairs)
def test_pairs_are_among_those_of_another_log_as_sets_say(
    own: list[tuple[int, int]], theirs: list[tuple[int, int]]
) -> None:
    found = interactions(own).among(interactions(theirs))
    assert found.tolist() == [pair in set(theirs) for pair in sorted(set(own))]


@given(Pairs, Pairs)
def test_only_pairs_that_count_are_looked_for(
    own: list[tuple[int, int]], theirs: list[tuple[int, int]]
) -> None:
    other = interactions(theirs)
    counted = other.pairs.item_index % 2 == 0
    found = interactions(own).among(other, counted)
    even = {pair for pair in theirs if pair[1] % 2 == 0}
    assert found.tolist() == [pair in even for pair in sorted(set(own))]


@given(Pairs)
def test_chosen_pairs_are_told_apart_by_listener(pairs: list[tuple[int, int]]) -> None:
    own = interactions(pairs)
    chosen = own.pairs.item_index != 1
    expected: dict[int, list[int]] = {}
    for user, item in sorted(set(pairs)):
        if item != 1:
            expected.setdefault(user, []).append(item)
    assert {user: items.tolist() for user, items in own.by_listener(chosen).items()} == expected
