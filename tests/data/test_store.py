"""The store, from outside."""

import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, text

from data.access import Scope
from data.errors import (
    ArtefactError,
    DataError,
    NotReadyError,
    ParameterError,
    UnknownListenerError,
    UnknownTrackError,
)
from data.events import Event, EventKind
from data.ids import IdMap
from data.interactions import Interactions
from data.store import EventCounts, FileStamp, Store, UpsertCounts, database, logs, sqlite_file
from data.store.keys import KeyStore
from data.tracks import Track
from tests.data.backends import Backend, only_sqlite
from tests.data.states import naive_state

FULL = Track(
    "t1", "/music/a.mp3", "Title", "Artist", "Album", "Band", "Jazz", "Warp", 1999, 61.5, 3,
    "b1a9c0e9-d987-4042-ae91-78d6a3267d69", "USRC17607839", 1.7e9,
)  # fmt: skip
ITEMS = IdMap(["t1", "t2", "t3"])


@pytest.fixture
def filled(store: Store) -> Store:
    store.upsert_tracks([FULL, Track("t2"), Track("t3")])
    return store


def run_python(code: str, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def expect_success(process: subprocess.Popen[bytes]) -> None:
    _, errors = process.communicate()
    assert process.returncode == 0, errors.decode()


# -- tracks --------------------------------------------------------------------------------------


def test_tracks_come_back_with_every_field(filled: Store) -> None:
    assert filled.track("t1") == FULL
    assert filled.track("t2") == Track("t2")


def test_upsert_counts_created_updated_and_unchanged(filled: Store) -> None:
    changed = replace(FULL, title="Other")
    assert filled.upsert_tracks([changed, Track("t2"), Track("t4")]) == UpsertCounts(1, 1, 1)
    assert filled.track("t1").title == "Other"
    assert filled.n_tracks() == 4


def test_of_two_tracks_with_one_id_the_last_counts(store: Store) -> None:
    assert store.upsert_tracks([Track("t", title="a"), Track("t", title="b")]) == UpsertCounts(1)
    assert store.track("t").title == "b"


def test_unknown_track_is_an_error_that_names_it(filled: Store) -> None:
    with pytest.raises(UnknownTrackError, match="'nope'"):
        filled.track("nope")


@pytest.mark.parametrize("track_id", ["", "\ud800", "a\0b"])
def test_ids_that_no_database_holds_are_unknown_to_readers(filled: Store, track_id: str) -> None:
    with pytest.raises(UnknownTrackError):
        filled.track(track_id)
    assert filled.tracks([track_id]) == []
    with pytest.raises(UnknownListenerError):
        filled.listeners.get(track_id)
    assert len(filled.user_log(track_id, ITEMS)) == 0


@pytest.mark.parametrize("track_id", ["", "\ud800", "a\0b"])
def test_ids_that_no_database_holds_are_refused_by_writers(filled: Store, track_id: str) -> None:
    with pytest.raises(DataError, match="track id"):
        filled.upsert_tracks([Track("fine"), Track(track_id)])
    with pytest.raises(DataError, match="user id"):
        filled.add_events([Event("e", track_id, "t1")])
    assert (filled.n_tracks(), filled.n_events()) == (3, 0)


def test_tracks_keep_the_given_order_and_leave_unknown_ones_out(filled: Store) -> None:
    found = filled.tracks(["t3", "nope", "t1", "t3"])
    assert [track.track_id for track in found] == ["t3", "t1", "t3"]


def test_all_tracks_come_ordered_by_id(store: Store) -> None:
    store.upsert_tracks([Track(track_id) for track_id in ("b", "a", "B", "ä", "10", "9")])
    found = [track.track_id for track in store.tracks()]
    assert found == sorted(found)
    assert len(found) == 6


def test_many_ids_are_looked_up_in_several_statements(store: Store) -> None:
    track_ids = [f"t{number:05d}" for number in range(12_000)]
    store.upsert_tracks(Track(track_id) for track_id in track_ids)
    assert [track.track_id for track in store.tracks(track_ids[::-1])] == track_ids[::-1]


def test_withdrawn_tracks_never_leak_and_stay_withdrawn(filled: Store) -> None:
    assert filled.set_withdrawn(["t1", "nope"]) == 1
    assert filled.set_withdrawn(["t1"]) == 0
    filled.upsert_tracks([FULL])
    with pytest.raises(UnknownTrackError):
        filled.track("t1")
    assert [track.track_id for track in filled.tracks()] == ["t2", "t3"]
    assert filled.tracks(["t1"]) == []
    assert filled.n_tracks() == 2
    assert filled.tracks(["t1"], withdrawn=True) == [FULL]
    assert filled.set_withdrawn(["t1"], False) == 1
    assert filled.track("t1") == FULL


@pytest.mark.parametrize(
    "path",
    ["/a/100% live.mp3", "/a/%20.mp3", "/a/\udce9t\udce9 é.mp3", "/a/\udcff%ff", "/a/日本.flac"],
)
def test_paths_round_trip_whatever_bytes_they_have(store: Store, path: str) -> None:
    stamp = FileStamp(1, 2, "ab")
    store.upsert_tracks([Track("t", path)], {"t": stamp})
    assert store.track("t").path == path
    assert store.file_stamps() == {path: ("t", stamp)}


def test_a_stamp_stays_while_the_path_stays(filled: Store) -> None:
    filled.upsert_tracks([FULL], {"t1": FileStamp(10, 20)})
    filled.upsert_tracks([replace(FULL, title="Other")])
    assert filled.file_stamps() == {"/music/a.mp3": ("t1", FileStamp(10, 20))}
    filled.upsert_tracks([replace(FULL, path="/music/b.mp3")])
    assert filled.file_stamps() == {}


# -- events --------------------------------------------------------------------------------------


def test_events_are_stored_once_and_unknown_tracks_listed(filled: Store) -> None:
    batch = [
        Event("e1", "u", "t1"),
        Event("e1", "u", "t2"),
        Event("e2", "u", "nope"),
        Event("e3", "v", "gone"),
        Event("e4", "u", "nope"),
    ]
    assert filled.add_events(batch) == EventCounts(
        added=1, duplicates=1, skipped=3, unknown=("nope", "gone")
    )
    assert filled.add_events(batch[:1]) == EventCounts(duplicates=1)
    assert (filled.n_events(), filled.n_users()) == (1, 1)
    assert [entry.user_id for entry in filled.listeners.page(9).listeners] == ["u"]


def test_no_events_are_no_error(filled: Store) -> None:
    assert filled.add_events([]) == EventCounts()


@pytest.mark.parametrize(
    "event",
    [
        Event("", "u", "t1"),
        Event("e", "", "t1"),
        Event("e", "\ud800", "t1"),
        Event("e", "u", "t1", timestamp=float("nan")),
        Event("e", "u", "t1", timestamp=float("inf")),
        Event("e", "u", "t1", play_ratio=-0.1),
        Event("e", "u", "t1", play_ratio=float("nan")),
        Event("e", "u", "t1", plays=0),
        Event("e", "u", "t1", plays=2**31),
    ],
)
def test_a_malformed_event_leaves_nothing_of_its_batch(filled: Store, event: Event) -> None:
    with pytest.raises(DataError):
        filled.add_events([Event("fine", "w", "t1"), event])
    assert (filled.n_events(), filled.n_users()) == (0, 0)


def test_events_are_ordered_by_time_then_arrival_and_timeless_ones_come_first(
    filled: Store,
) -> None:
    filled.add_events(
        [
            Event("a", "v", "t1", EventKind.LIKE, 20.0),
            Event("b", "u", "t2", EventKind.PLAY, 10.0, 0.25),
            Event("c", "u", "t3", EventKind.SKIP, 20.0),
            Event("d", "u", "t1", plays=7),
        ]
    )
    log = filled.event_log(ITEMS)
    assert log.users == IdMap(["u", "v"])
    assert log.items is ITEMS
    assert log.users.externals(log.user_index) == ["u", "u", "v", "u"]
    assert log.items.externals(log.item_index) == ["t1", "t2", "t1", "t3"]
    np.testing.assert_array_equal(log.timestamp, [np.nan, 10, 20, 20])
    np.testing.assert_array_equal(log.kind, [0, 0, 1, 3])
    np.testing.assert_array_equal(log.play_ratio, np.float32([np.nan, 0.25, np.nan, np.nan]))
    np.testing.assert_array_equal(log.plays, [7, 1, 1, 1])
    assert (log.timestamp.dtype, log.kind.dtype, log.plays.dtype) == (
        np.float64,
        np.int8,
        np.float32,
    )


def test_logs_hold_only_the_tracks_asked_for(filled: Store) -> None:
    filled.add_events([Event("a", "u", "t1"), Event("b", "v", "t2")])
    log = filled.event_log(IdMap(["x", "t2"]))
    assert log.users == IdMap(["v"])
    assert log.item_index.tolist() == [1]
    assert len(filled.user_log("u", IdMap(["t2"]))) == 0


def test_logs_of_an_empty_store_and_of_an_unknown_listener_are_empty(store: Store) -> None:
    log = store.event_log(IdMap([]))
    assert (len(log), len(log.users)) == (0, 0)
    assert len(Interactions.from_log(log).pairs) == 0
    lone = store.user_log("nobody", ITEMS)
    assert (len(lone), lone.users) == (0, IdMap(["nobody"]))
    assert len(Interactions.from_log(lone).history(0)) == 0


def test_a_listeners_log_is_their_part_of_the_whole_log(filled: Store) -> None:
    rng = np.random.default_rng(1)
    filled.add_events(
        [
            Event(f"e{n}", f"u{rng.integers(4)}", f"t{rng.integers(1, 4)}",
                  timestamp=float(rng.integers(9)))
            for n in range(200)
        ]
    )  # fmt: skip
    log = filled.event_log(ITEMS)
    for user_id in log.users:
        part = log.take(log.user_index == log.users.index(user_id))
        own = filled.user_log(user_id, ITEMS)
        np.testing.assert_array_equal(own.item_index, part.item_index)
        np.testing.assert_array_equal(own.timestamp, part.timestamp)
        assert not own.user_index.any()


def test_a_history_read_right_after_an_event_holds_it(filled: Store) -> None:
    filled.add_events([Event("a", "u", "t1", timestamp=5.0)])
    assert filled.user_log("u", ITEMS).item_index.tolist() == [0]
    filled.add_events([Event("b", "u", "t3", EventKind.HIDE, timestamp=6.0)])
    assert filled.user_log("u", ITEMS).item_index.tolist() == [0, 2]


EVENTS = st.lists(
    st.builds(
        Event,
        event_id=st.text("abcdefgh", min_size=1, max_size=3),
        user_id=st.sampled_from(["u", "ü", "日本", "'; drop table users"]),
        track_id=st.sampled_from(["t1", "t2", "t3", "nope"]),
        kind=st.sampled_from(list(EventKind)),
        timestamp=st.none() | st.integers(0, 50).map(float),
        play_ratio=st.none() | st.sampled_from([0.0, 0.25, 0.5, 1.0, 2.0]),
        plays=st.integers(1, 9),
    ),
    max_size=25,
)


@settings(max_examples=25, deadline=None)
@given(batches=st.lists(EVENTS, max_size=3))
def test_sums_over_the_store_equal_a_naive_sum(
    backend: Backend, batches: list[list[Event]]
) -> None:
    first: dict[str, Event] = {}
    for event in (event for batch in batches for event in batch if event.track_id != "nope"):
        first.setdefault(event.event_id, event)
    expected = naive_state(list(first.values()))

    with tempfile.TemporaryDirectory() as folder, Store.open(backend.url(Path(folder))) as store:
        store.upsert_tracks([Track("t1"), Track("t2"), Track("t3")])
        added = sum(store.add_events(batch).added for batch in batches)
        interactions = Interactions.from_log(store.event_log(ITEMS))
    assert added == len(first)
    found = {}
    for user_index, user_id in enumerate(interactions.users):
        history = interactions.history(user_index)
        for entry, item in enumerate(history.item_index):
            found[user_id, ITEMS.external(item)] = (
                float(history.plays[entry]),
                int(history.opinion[entry]),
            )
    assert set(found) == set(expected)
    for pair, (play_sum, opinion) in found.items():
        assert play_sum == pytest.approx(expected[pair][0], rel=1e-6)
        assert opinion == expected[pair][1]


ADDING = """
import sys
from data.events import Event
from data.store import Store
url, name = sys.argv[1:]
with Store.open(url) as store:
    for batch in range(20):
        store.add_events(
            [Event(f"{name}-{batch}-{n}", f"{name}-{n % 7}", "t1") for n in range(25)]
            + [Event(f"shared-{batch}", "both", "t1")]
        )
"""


def test_two_processes_write_at_once_and_nothing_is_lost(filled: Store, url: str) -> None:
    writers = [run_python(ADDING, url, name) for name in ("a", "b")]
    while any(writer.poll() is None for writer in writers):
        filled.event_log(ITEMS)  # reading goes on
        time.sleep(0.01)
    for writer in writers:
        expect_success(writer)
    assert filled.n_events() == 2 * 20 * 25 + 20
    assert filled.n_users() == 2 * 7 + 1


def test_threads_share_a_store(filled: Store) -> None:
    def add(number: int) -> int:
        filled.add_events([Event(f"e{number}", f"u{number % 3}", "t1", timestamp=1.0)])
        return len(filled.user_log(f"u{number % 3}", ITEMS))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(add, range(48)))
    assert filled.n_events() == 48


def test_processes_may_create_the_store_at_the_same_time(url: str) -> None:
    code = "import sys; from data.store import Store; Store.open(sys.argv[1]).close()"
    for opener in [run_python(code, url) for _ in range(2)]:
        expect_success(opener)


ERASING = """
import sys
from data.store import Store
url, name = sys.argv[1:]
with Store.open(url) as store:
    for number in range(20):
        store.listeners.erase(f"{name}-{number}")
"""


def test_two_processes_erase_at_once_and_nobody_comes_back(store: Store, url: str) -> None:
    for eraser in [run_python(ERASING, url, name) for name in ("a", "b")]:
        expect_success(eraser)
    gone = {f"{name}-{number}" for name in ("a", "b") for number in range(20)}
    assert store.listeners.erased(sorted(gone)) == gone


def test_batches_that_cross_wait_for_each_other(filled: Store) -> None:
    batch = [Event(f"e{n}", f"u{n}", "t1") for n in range(300)]

    def add(number: int) -> int:
        return filled.add_events(batch[:: 1 if number % 2 else -1]).added

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(add, range(8))) == 300


def test_one_reading_sees_one_state(filled: Store) -> None:
    filled.add_events([Event("a", "u", "t1")])
    with filled._database.reading() as connection:
        before = logs.read_log(connection, ITEMS)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(filled.listeners.erase, "u").result()
        again = logs.read_log(connection, ITEMS)
    assert (before.users, again.users) == (IdMap(["u"]), IdMap(["u"]))
    assert len(filled.event_log(ITEMS)) == 0


# -- keys ----------------------------------------------------------------------------------------


def test_keys_lie_beside_the_tracks_and_end_when_they_are_revoked(store: Store, url: str) -> None:
    keys = KeyStore.open(url)
    key, text = keys.create("player", [Scope.READ, Scope.EVENTS], 60)
    token = keys.open_session(key.key_id, 60.0)
    assert (keys.find(text), keys.session(token), keys.all()) == (key, key, [key])
    assert keys.find(text + "x") is None
    revoked = keys.revoke(key.key_id)
    assert revoked.revoked_at is not None
    assert (keys.find(text), keys.session(token), keys.all()) == (None, None, [revoked])
    assert keys.any()
    keys.close()


# -- embeddings ----------------------------------------------------------------------------------


def test_embeddings_round_trip_per_encoder_and_absent_ones_are_nan(filled: Store) -> None:
    vector = np.float32([0.1, -2, 3e-8])
    filled.put_embeddings("enc", [("t1", vector + 1, "old"), ("t3", vector, "d")])
    filled.put_embeddings("enc", [("t1", vector, "new")])
    filled.put_embeddings("other", [("t2", vector[:2], "d")])
    found = filled.embeddings("enc", IdMap(["t2", "t1", "x"]), 3)
    np.testing.assert_array_equal(found, [[np.nan] * 3, vector, [np.nan] * 3])
    assert found.dtype == np.float32
    assert filled.embedded("enc") == {"t1", "t3"}
    filled.drop_embeddings(["t1", "t2", "nope"])
    assert filled.embedded("enc") == {"t3"}
    assert filled.embedded("other") == set()


def test_embeddings_of_one_call_are_stored_together_or_not_at_all(filled: Store) -> None:
    vector = np.ones(3, np.float32)
    with pytest.raises(UnknownTrackError):
        filled.put_embeddings("enc", [("t1", vector, "d"), ("nope", vector, "d")])
    with pytest.raises(DataError, match="finite"):
        filled.put_embeddings("enc", [("t1", vector, "d"), ("t2", vector * np.nan, "d")])
    assert filled.embedded("enc") == set()


def test_a_vector_of_another_dimension_is_an_artefact_error(filled: Store) -> None:
    filled.put_embeddings("enc", [("t1", np.ones(4, np.float32), "d")])
    with pytest.raises(ArtefactError, match=r"vector of 3 numbers .* holds 4"):
        filled.embeddings("enc", ITEMS, 3)


# -- opening -------------------------------------------------------------------------------------


def test_a_store_that_is_closed_and_opened_again_is_the_same(filled: Store, url: str) -> None:
    filled.add_events([Event("a", "u", "t1")])
    filled.close()
    with Store.open(url, create=False) as again:
        assert (again.n_tracks(), again.n_events()) == (3, 1)


def test_a_store_that_is_not_there_is_not_ready_unless_created(tmp_path: Path) -> None:
    with pytest.raises(NotReadyError, match="import"):
        Store.open(f"sqlite:///{tmp_path / 'none.db'}", create=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("url", ["nonsense", "sqlite://", "sqlite:///:memory:", "mysql://h/d"])
def test_urls_that_cannot_be_a_store_are_parameter_errors(url: str) -> None:
    with pytest.raises(ParameterError, match="expected"):
        Store.open(url)


def test_a_file_that_is_no_database_is_an_artefact_error(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    file.write_bytes(b"this is not a database, it is a text. " * 100)
    with pytest.raises(ArtefactError, match="damaged or no database"):
        Store.open(f"sqlite:///{file}")


@only_sqlite
def test_a_damaged_store_is_an_artefact_error_when_read(filled: Store, tmp_path: Path) -> None:
    filled.upsert_tracks(Track(f"x{n}", title="long " * 40) for n in range(2_000))
    filled.close()
    file = tmp_path / "store.db"
    content = bytearray(file.read_bytes())
    content[20_000:] = b"\xa5" * (len(content) - 20_000)
    file.write_bytes(content)
    with pytest.raises(ArtefactError, match="damaged"):  # noqa: SIM117
        with Store.open(f"sqlite:///{file}") as store:
            store.tracks()
    with Store.open(f"sqlite:///{file}") as store:
        for track_ids in (["t1", "x1999"], [f"x{n}" for n in range(database.CHUNK + 1)]):
            with pytest.raises(ArtefactError, match="damaged"):
                store.tracks(track_ids)


@pytest.mark.parametrize("n", [1, 2, 3, 20, database.CHUNK, database.CHUNK + 1])
def test_tracks_by_id_come_in_the_order_asked_for(store: Store, n: int) -> None:
    store.upsert_tracks(Track(f"x{i:05d}", title=f"{i}", path=f"/{i}") for i in range(n))
    asked = [f"x{i:05d}" for i in reversed(range(n))]
    found = store.tracks([*asked, "unknown", "\ud800"])
    assert [(t.track_id, t.title, t.path) for t in found] == [
        (each, str(int(each[1:])), f"/{int(each[1:])}") for each in asked
    ]
    store.set_withdrawn(asked[:1])
    assert [t.track_id for t in store.tracks(asked)] == asked[1:]
    assert [t.track_id for t in store.tracks(asked, withdrawn=True)] == asked
    assert store.tracks([]) == []


def test_offered_are_the_tracks_that_are_there_and_not_withdrawn(filled: Store) -> None:
    filled.set_withdrawn(["t2"])
    assert filled.offered() == {"t1", "t3"}
    assert filled.offered(["t3", "t2", "t9"]) == {"t3"}
    assert filled.offered([]) == set()


@only_sqlite
def test_a_connection_keeps_many_pages_only_while_it_writes(store: Store) -> None:
    def kept(connection: Connection) -> int:
        return -int(connection.exec_driver_sql("PRAGMA cache_size").scalar_one())

    with store._database.writing() as connection:
        assert kept(connection) == sqlite_file.WRITER_CACHE_KIB
    with store._database.reading() as connection:
        assert kept(connection) == sqlite_file.CACHE_KIB


@pytest.mark.postgres
def test_a_server_that_is_not_there_is_an_artefact_error_without_the_password(
    tmp_path: Path,
) -> None:
    pytest.importorskip("psycopg", reason="needs psycopg")
    url = f"postgresql+psycopg://somebody:pass-word@/music?host={tmp_path}"
    with pytest.raises(ArtefactError, match="check that the server runs") as caught:
        Store.open(url)
    assert "pass-word" not in str(caught.value)


def test_a_store_that_another_writer_keeps_is_not_ready(
    store: Store, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.2)
    with Store.open(url) as impatient, store._database.writing():  # noqa: SIM117
        with pytest.raises(NotReadyError, match="locked by another process"):
            impatient.upsert_tracks([Track("t")])


def test_a_folder_that_is_not_there_is_an_artefact_error(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="check the folder"):
        Store.open(f"sqlite:///{tmp_path}/none/store.db")


@pytest.mark.parametrize(("version", "remedy"), [(99, "upgrade this program"), (0, "new store")])
def test_a_store_of_another_schema_is_refused(
    filled: Store, url: str, version: int, remedy: str
) -> None:
    filled.close()
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE meta SET schema_version = {version}"))
    engine.dispose()
    with pytest.raises(ArtefactError, match=remedy):
        Store.open(url)


def test_a_database_of_something_else_is_refused(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE recipes (name TEXT)"))
    engine.dispose()
    with pytest.raises(ArtefactError, match="recipes"):
        Store.open(url)


@only_sqlite
def test_what_is_acknowledged_is_written_ahead_and_synced(store: Store, url: str) -> None:
    with store._database.reading() as connection:
        values = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    assert values == ["wal", 2, 1, 30_000]


def test_the_serving_side_never_imports_pandas() -> None:
    code = (
        "import sys, data.store, data.schema, data.events, data.tracks, data.interactions;"
        "sys.exit(any(m in sys.modules for m in ('pandas', 'pyarrow', 'mutagen', 'tensorflow')))"
    )
    expect_success(run_python(code))
