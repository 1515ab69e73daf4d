"""What events add up to, in whatever order and in whatever batches they come."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cf_model.confidence import signed_confidence
from cf_model.config import ConfidenceSettings
from data.events import KINDS, Event, EventKind
from data.ids import IdMap
from data.interactions import Interactions
from data.store import Store
from data.tracks import Track
from tests.data.backends import Backend
from tests.data.states import naive_state

ITEMS = IdMap(["t1", "t2"])
WORDS = {kind.value: kind for kind in EventKind}


def state(store: Store, user_id: str = "u") -> dict[str, tuple[float, float, float]]:
    """Track → plays, opinion, skips of a listener."""
    history = Interactions.from_log(store.user_log(user_id, ITEMS)).history(0)
    return {
        ITEMS.external(int(item)): (float(plays), float(opinion), float(skips))
        for item, plays, opinion, skips in zip(
            history.item_index, history.plays, history.opinion, history.skips, strict=True
        )
    }


def events_of(words: str) -> list[Event]:
    """One event a word, a second apart."""
    return [
        Event(f"e{place}", "u", "t1", WORDS[word], float(place))
        for place, word in enumerate(words.split())
    ]


@pytest.fixture
def filled(store: Store) -> Store:
    store.upsert_tracks([Track("t1"), Track("t2")])
    return store


@pytest.mark.parametrize(
    ("words", "opinion"),
    [
        ("like", 1),
        ("like dislike", -1),
        ("dislike like", 1),
        ("like hide", -1),
        ("hide like", 1),
        ("play like unlike", 0),
        ("play unlike like", 1),
        ("play like like unlike", 0),
        ("like dislike unlike", -1),
        ("play dislike like unlike", 0),
        ("play dislike undislike", 0),
        ("like hide unhide", 1),
        ("dislike hide unhide", -1),
        ("hide dislike undislike", -1),
        ("hide unlike", -1),
        ("play hide like unlike", 0),
    ],
)
def test_the_opinion_is_what_was_said_last_and_not_taken_back(
    filled: Store, words: str, opinion: int
) -> None:
    filled.add_events(events_of(words)[::-1])
    assert state(filled)["t1"][1] == opinion


@pytest.mark.parametrize(
    "words", ["like unlike", "hide unhide", "dislike undislike", "unlike", "unhide", "impression"]
)
def test_a_track_of_which_nothing_is_left_is_as_if_never_touched(filled: Store, words: str) -> None:
    filled.add_events([*events_of(words), Event("other", "u", "t2", timestamp=1.0)])
    assert set(state(filled)) == {"t2"}
    log = filled.event_log(ITEMS)
    assert Interactions.from_log(log).indptr.tolist() == [0, 1]


def test_impressions_are_stored_but_are_in_no_log(filled: Store) -> None:
    filled.add_events(
        [Event("i", "u", "t1", EventKind.IMPRESSION, 1.0, request_id="r"), Event("p", "u", "t2")]
    )
    assert filled.n_events() == 2
    assert len(filled.event_log(ITEMS)) == len(filled.user_log("u", ITEMS)) == 1
    assert filled.listeners.events("u", 9).events[0].request_id == "r"
    assert filled.plays_of(["t1"]).plays == 0


def test_of_one_moment_what_takes_back_counts_as_the_later(filled: Store) -> None:
    filled.add_events([Event(k.value, "u", "t1", k, 5.0) for k in KINDS])
    assert state(filled)["t1"][1] == 0
    filled.add_events([Event("later", "u", "t1", EventKind.LIKE, 5.5)])
    assert state(filled)["t1"][1] == 1


EVENTS = st.lists(
    st.builds(
        Event,
        event_id=st.uuids().map(str),
        user_id=st.just("u"),
        track_id=st.sampled_from(["t1", "t2"]),
        kind=st.sampled_from(list(EventKind)),
        timestamp=st.none() | st.integers(0, 6).map(float),
        play_ratio=st.none() | st.sampled_from([0.0, 0.1, 0.7, 1.0, 2.0]),
        plays=st.integers(1, 3),
    ),
    min_size=1,
    max_size=14,
    unique_by=lambda event: event.event_id,
)


@settings(max_examples=30, deadline=None)
@given(events=EVENTS, data=st.data())
def test_any_order_and_any_batches_of_the_same_events_give_the_same_state(
    backend: Backend, events: list[Event], data: st.DataObject
) -> None:
    expected = {
        track_id: pytest.approx((plays, opinion, skips), rel=1e-6)
        for (_, track_id), (plays, opinion, skips) in naive_state(events).items()
    }
    found = []
    for _ in range(2):
        shuffled = data.draw(st.permutations(events))
        cuts = sorted(data.draw(st.lists(st.integers(0, len(events)), max_size=3)))
        with (
            tempfile.TemporaryDirectory() as folder,
            Store.open(backend.url(Path(folder))) as store,
        ):
            store.upsert_tracks([Track("t1"), Track("t2")])
            for start, end in zip([0, *cuts], [*cuts, len(events)], strict=True):
                store.add_events(shuffled[start:end])
            again = store.add_events(shuffled)
            assert (again.added, again.duplicates) == (0, len(events))
            found.append(state(store))
    assert found[0] == found[1]  # to the last bit
    assert found[0] == expected


def test_a_track_with_nothing_left_is_neither_for_nor_against(filled: Store) -> None:
    filled.add_events(events_of("play like unlike"))
    pairs = Interactions.from_log(filled.event_log(ITEMS)).pairs
    plain = ConfidenceSettings()
    expected = 1 + plain.alpha * np.log1p(1.0)
    assert signed_confidence(pairs, plain) == pytest.approx([expected])
