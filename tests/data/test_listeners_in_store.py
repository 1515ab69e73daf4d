"""Listeners, their events one by one, their erasure; analyses and the counter of changes."""

import sqlite3
import time
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import event as sqlalchemy_event

from data.errors import DataError, UnknownListenerError
from data.events import Event, EventKind
from data.ids import IdMap
from data.listeners import ListenerEntry, Profile
from data.store import AnalysisState, PlayCounts, Store, logs
from data.tracks import Track
from tests.data.backends import only_sqlite

ITEMS = IdMap(["t1", "t2", "t3"])
SECRET = "ada-lovelace-1815"


@pytest.fixture
def filled(store: Store) -> Store:
    store.upsert_tracks([Track("t1", "/m/a.mp3"), Track("t2"), Track("t3")])
    store.add_events(
        [
            Event("e1", SECRET, "t1", EventKind.PLAY, 10.0, 0.5),
            Event("e2", SECRET, "t2", EventKind.LIKE, 30.0),
            Event("e3", SECRET, "t1", EventKind.PLAY, 20.0, 1.0, plays=3),
            Event("e4", SECRET, "t3"),
            Event("f1", "ben", "t1", EventKind.PLAY, 15.0),
            Event("f2", "ben", "t1", EventKind.SKIP, 16.0),
        ]
    )
    return store


# -- profiles and events -------------------------------------------------------------------------


def test_a_listener_is_counted(filled: Store) -> None:
    ada = filled.listeners.get(SECRET)
    assert ada.n_events == {EventKind.PLAY: 3, EventKind.LIKE: 1}
    assert (ada.n_tracks, ada.first_event_at, ada.last_event_at) == (3, 10.0, 30.0)


def test_a_profile_is_replaced_as_a_whole(filled: Store) -> None:
    listeners = filled.listeners
    assert listeners.put("new", Profile("Zoë", "de-CH", {"plan": {"paid": True}, "n": 1}))
    assert listeners.get("new").profile == Profile("Zoë", "de-CH", {"plan": {"paid": True}, "n": 1})
    assert not listeners.put("new", Profile(locale="fr"))
    assert listeners.get("new").profile == Profile(None, "fr", {})
    assert listeners.get("new").n_events == {}


@pytest.mark.parametrize("user_id", ["nobody", "", "\ud800"])
def test_a_listener_nobody_knows_is_not_found(filled: Store, user_id: str) -> None:
    with pytest.raises(UnknownListenerError):
        filled.listeners.get(user_id)
    with pytest.raises(UnknownListenerError):
        filled.listeners.events(user_id, 5)
    assert list(filled.listeners.export(user_id)) == []


@pytest.mark.parametrize("size", [1, 2, 3, 9])
def test_pages_of_events_fit_together_newest_first_and_timeless_ones_last(
    filled: Store, size: int
) -> None:
    found, after = [], None
    while True:
        page = filled.listeners.events(SECRET, size, after=after)
        found += [event.event_id for event in page.events]
        after = page.next
        if after is None:
            break
    assert found == ["e2", "e3", "e1", "e4"]
    assert [event.event_id for event in filled.listeners.export(SECRET)] == found


def test_events_come_back_as_they_were_sent_and_by_kind(filled: Store) -> None:
    plays = filled.listeners.events(SECRET, 9, kinds=[EventKind.PLAY]).events
    assert plays[0] == Event("e3", SECRET, "t1", EventKind.PLAY, 20.0, 1.0, 3)
    assert [event.event_id for event in plays] == ["e3", "e1", "e4"]


def test_events_are_deleted_one_by_one_or_all_of_one_listener(filled: Store) -> None:
    assert filled.listeners.delete_events(SECRET, "f1") == 0
    assert filled.listeners.delete_events(SECRET, "e2") == 1
    assert filled.user_log(SECRET, ITEMS).item_index.tolist() == [2, 0, 0]
    assert filled.listeners.delete_events(SECRET) == 3
    assert filled.listeners.get(SECRET).n_events == {}
    assert filled.n_events() == 2


# -- who there is --------------------------------------------------------------------------------

NAMES = {
    "ada": None, "Adam": None, "ben": "Adele", "b_n": None, "b%n": None, "bxn": "Zoë",
    "z\\": "ada \U0001f3b5", "Zed": "\u00c9mile",
}  # fmt: skip


@pytest.fixture
def known(store: Store) -> Store:
    for user_id, name in NAMES.items():
        store.listeners.put(user_id, Profile(name))
    return store


def naive(beginning: str) -> list[str]:
    wanted = beginning.lower()
    return sorted(
        user_id
        for user_id, name in NAMES.items()
        if user_id.lower().startswith(wanted) or (name or "").lower().startswith(wanted)
    )


@pytest.mark.parametrize("size", [1, 2, 3, 20])
@pytest.mark.parametrize(
    "beginning",
    ["", "a", "AD", "ada", "ada ", "ade", "b", "b_", "b%", "z", "Z\\", "É", "x", "%", "_"],
)
def test_listeners_are_found_by_how_id_or_name_begins_in_pages_that_fit_together(
    known: Store, beginning: str, size: int
) -> None:
    found, after = [], None
    while True:
        page = known.listeners.page(size, beginning=beginning, after=after)
        assert len(page.listeners) <= size
        found += [one.user_id for one in page.listeners]
        after = page.next
        if after is None:
            break
    assert found == naive(beginning)


@pytest.mark.parametrize("text", ["\0", "\ud800"])
def test_nobody_is_called_what_no_database_can_hold(known: Store, text: str) -> None:
    assert known.listeners.page(5, beginning=text).listeners == ()
    assert known.listeners.page(5, after=text).listeners == ()


def test_listeners_are_listed_with_how_much_and_how_lately_they_listened(filled: Store) -> None:
    filled.listeners.put("zoe", Profile("Zoë"))
    page = filled.listeners.page(5)
    assert page.listeners == (
        ListenerEntry(SECRET, None, 5, 30.0),
        ListenerEntry("ben", None, 1, 16.0),
        ListenerEntry("zoe", "Zoë", 0, None),
    )
    filled.listeners.erase("zoe")
    assert len(filled.listeners.page(5).listeners) == 2


@only_sqlite
def test_beginnings_are_looked_up_in_indexes_and_not_by_reading_everybody(
    known: Store, tmp_path: Path
) -> None:
    said: list[tuple[str, object]] = []

    def listen(_connection, _cursor, statement, parameters, *_):
        said.append((statement, parameters))

    sqlalchemy_event.listen(known._database._engine, "before_cursor_execute", listen)
    known.listeners.page(5, beginning="ad", after="ada")
    (statement, parameters) = next(part for part in said if "LIKE" in part[0])
    with sqlite3.connect(tmp_path / "store.db") as connection:
        plan = connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
    connection.close()
    steps = [step for *_, step in plan if " users" in step]
    assert len(steps) == 2
    assert any("SEARCH users USING INDEX users_by_id" in step for step in steps)
    assert any("SEARCH users USING INDEX users_by_name" in step for step in steps)


# -- erasure -------------------------------------------------------------------------------------


@only_sqlite
def test_an_erased_listener_is_in_no_byte_of_the_database(filled: Store, tmp_path: Path) -> None:
    filled.listeners.put(SECRET, Profile("Countess", attributes={"note": "enchantress"}))
    assert filled.listeners.erase(SECRET) == 4
    assert filled.event_log(ITEMS).users == IdMap(["ben"])
    filled.close()
    for file in tmp_path.glob("store.db*"):
        for trace in (SECRET, "Countess", "enchantress"):
            assert trace.encode() not in file.read_bytes()


def test_an_erasure_does_not_wait_for_a_reader_to_end(filled: Store) -> None:
    with filled._database.reading() as connection:
        logs.read_log(connection, ITEMS)
        began = time.monotonic()
        filled.listeners.erase(SECRET)
        assert time.monotonic() - began < 10


def test_events_of_an_erased_listener_are_left_out_and_counted(filled: Store) -> None:
    filled.listeners.erase(SECRET)
    batch = [Event("e1", SECRET, "t1", timestamp=4e9), Event("g", "ben", "t2", timestamp=1.0)]
    counts = filled.add_events(batch)
    assert (counts.added, counts.erased) == (1, 1)
    with pytest.raises(UnknownListenerError):
        filled.listeners.get(SECRET)
    assert filled.listeners.erase("never seen") == 0
    assert filled.add_events([Event("h", "never seen", "t1")]).erased == 1


def test_who_comes_back_brings_nothing_from_before(filled: Store) -> None:
    filled.listeners.erase(SECRET)
    assert filled.listeners.put(SECRET, Profile())
    batch = [
        Event("e1", SECRET, "t1", timestamp=10.0),
        Event("e4", SECRET, "t3"),
        Event("new", SECRET, "t2", timestamp=4e9),
    ]
    counts = filled.add_events(batch)
    assert (counts.added, counts.erased) == (1, 2)
    assert filled.event_log(ITEMS).users == IdMap([SECRET, "ben"])
    assert filled.user_log(SECRET, ITEMS).item_index.tolist() == [1]
    assert filled.listeners.erased([SECRET]) == set()


def test_a_log_leaves_out_what_slipped_in_beside_an_erasure(filled: Store) -> None:
    filled.listeners.erase(SECRET)
    with filled._database.writing() as connection:
        connection.exec_driver_sql(
            f"INSERT INTO users (user_id, created_at) VALUES ('{SECRET}', 0)"
        )
        connection.exec_driver_sql(
            "INSERT INTO events (event_id, user_key, track_key, kind, plays) "
            f"SELECT 'x', key, 1, 0, 1 FROM users WHERE user_id = '{SECRET}'"
        )
    log = filled.event_log(ITEMS)
    assert log.users == IdMap(["ben"])
    assert log.user_index.tolist() == [0, 0]


# -- plays, changes, analyses --------------------------------------------------------------------


def test_plays_and_listeners_are_counted_by_track_and_together(filled: Store) -> None:
    assert filled.plays_of_each(["t1", "t2"]) == {"t1": PlayCounts(5, 2, 20.0), "t2": PlayCounts()}
    assert filled.plays_of(["t1", "t3"]) == PlayCounts(6, 2, 20.0)
    assert filled.plays_of([]) == PlayCounts()


def test_those_who_played_most_come_first_with_their_names(filled: Store) -> None:
    filled.listeners.put("ben", Profile("Ben"))
    both = filled.plays_by_listener(["t1", "t3"], 10)
    assert sum(one.plays for one in both) == filled.plays_of(["t1", "t3"]).plays
    assert [one.plays for one in both] == sorted((one.plays for one in both), reverse=True)
    assert {one.user_id: one.display_name for one in both} == {SECRET: None, "ben": "Ben"}
    assert max(one.last_played_at or 0 for one in both) == 20.0
    assert filled.plays_by_listener(["t1", "t3"], 1) == both[:1]
    assert filled.plays_by_listener(["t2"], 10) == []


def test_the_counter_moves_with_tags_flags_and_vectors_and_names_the_tracks(filled: Store) -> None:
    def changed() -> list[str]:
        nonlocal seen
        found, seen = filled.changed_since(seen), filled.change()
        return found

    seen = filled.change()
    filled.upsert_tracks([Track("t2")])
    filled.add_events([Event("z", "ben", "t3")])
    assert (filled.change(), changed()) == (seen, [])
    filled.upsert_tracks([Track("t2", title="New"), Track("t9")])
    assert sorted(changed()) == ["t2", "t9"]
    filled.set_withdrawn(["t1"])
    assert changed() == ["t1"]
    filled.put_embeddings("enc", [("t3", np.ones(2, np.float32), "")])
    assert changed() == ["t3"]
    filled.drop_embeddings(["t3"])
    assert changed() == ["t3"]


def test_vectors_of_some_tracks_are_read_alone(filled: Store) -> None:
    filled.put_embeddings("enc", [("t3", np.float32([1, 2]), "")])
    found = filled.some_embeddings("enc", ["t1", "t3", "nope"])
    assert {key: vector.tolist() for key, vector in found.items()} == {"t3": [1, 2]}


def test_analyses_are_done_in_order_and_end_well_or_with_a_reason(filled: Store) -> None:
    queue = filled.analyses
    filled.upsert_tracks([Track("t2", "/m/b.mp3")])
    assert (queue.next(), queue.status("t1")) == (None, None)
    queue.request("t2")
    queue.request("t1")
    first = queue.next()
    assert first is not None
    assert (first.track_id, str(first.path)) == ("t2", "/m/b.mp3")
    queue.finish(first, duration=12.5)
    assert filled.track("t2").duration == 12.5
    second = queue.next()
    assert second is not None
    queue.finish(second, failure="no sound")
    status = queue.status("t1")
    assert status is not None
    assert (status.state, status.reason) == (AnalysisState.FAILED, "no sound")
    assert queue.failures(10) == [("t1", "no sound")]
    assert queue.failures(0) == []
    assert queue.next() is None
    filled.set_withdrawn(["t1"])
    assert queue.failures(10) == []


def test_audio_that_was_replaced_while_it_was_analysed_waits_again(filled: Store) -> None:
    filled.analyses.request("t1")
    job = filled.analyses.next()
    assert job is not None
    filled.analyses.request("t1")
    found = {"enc": (np.ones(2, np.float32), "old")}
    filled.analyses.finish(job, duration=12.5, vectors=found)
    again = filled.analyses.next()
    assert again is not None
    assert again.requested_at > job.requested_at
    assert filled.embedded("enc") == set()
    filled.analyses.finish(again, vectors=found)
    assert filled.embedded("enc") == {"t1"}


def test_of_audio_that_was_taken_away_while_it_was_analysed_no_vector_is_kept(
    filled: Store,
) -> None:
    filled.analyses.request("t1")
    job = filled.analyses.next()
    assert job is not None
    filled.analyses.cancel("t1")
    filled.analyses.finish(job, vectors={"enc": (np.ones(2, np.float32), "old")})
    assert filled.embedded("enc") == set()


def test_a_vector_that_cannot_be_kept_leaves_the_analysis_as_it_was(filled: Store) -> None:
    filled.analyses.request("t1")
    job = filled.analyses.next()
    assert job is not None
    with pytest.raises(DataError, match="finite"):
        filled.analyses.finish(job, vectors={"enc": (np.float32([1, np.nan]), "d")})
    assert filled.analyses.next() == job


def test_a_withdrawn_track_is_not_analysed(filled: Store) -> None:
    filled.analyses.request("t1")
    filled.set_withdrawn(["t1"])
    assert filled.analyses.next() is None
