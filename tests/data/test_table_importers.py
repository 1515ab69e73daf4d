"""Catalogues and listens from tables: what is read, what is refused, and what a repeat does."""

import csv
import gzip
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import DataError, NotReadyError
from data.events import EventKind
from data.ids import IdMap
from data.importers import listens
from data.importers.catalogue import import_catalogue
from data.importers.listens import import_listens
from data.report import KEPT_PROBLEMS, ImportReport, Problem
from data.store import Store
from data.tracks import Track

ITEMS = IdMap(["t1", "t2"])
NOON = datetime(2024, 1, 1, 12, tzinfo=UTC).timestamp()


@pytest.fixture
def known(store: Store, tmp_path: Path) -> Store:
    store.upsert_tracks(
        [
            Track("t1", str(tmp_path / "a b.mp3"), "Café del Mar", "Énergie 52", duration=200.0),
            Track("t2", title="Two", artist="Bob"),
        ]
    )
    return store


def write(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def reasons(report: ImportReport) -> dict[str, str]:
    return dict(report.problems)


# -- catalogue -----------------------------------------------------------------------------------


def test_catalogue_columns_become_fields(store: Store, tmp_path: Path) -> None:
    (tmp_path / "a.mp3").touch()
    file = write(
        tmp_path / "catalogue.csv",
        "Track_ID,path,title,artist,album,genre,label,year,duration,mood",
        'x1,a.mp3,"One, two",Ann,First,Jazz,Warp; Sub Pop,1999,61.5,sad',
        "x2,,,,,,[no label],,,",
    )
    report = import_catalogue(file, store)
    path = tmp_path / "a.mp3"
    assert store.tracks() == [
        Track("x1", str(path), "One, two", "Ann", "First", genre="Jazz", label="Warp",
              year=1999, duration=61.5, added_at=path.stat().st_mtime),
        Track("x2"),
    ]  # fmt: skip
    assert (report.created, report.complete) == (2, True)
    assert report.notes == ["columns that were not used: mood"]


def test_catalogue_again_changes_nothing(store: Store, tmp_path: Path) -> None:
    file = write(tmp_path / "c.tsv", "track_id\ttitle", "x1\tOne", "x2\tTwo")
    import_catalogue(file, store)
    report = import_catalogue(file, store)
    assert (report.created, report.updated, report.unchanged) == (0, 0, 2)


def test_columns_that_are_missing_keep_what_is_known(known: Store, tmp_path: Path) -> None:
    report = import_catalogue(write(tmp_path / "c.csv", "track_id,genre", "t1,Trance"), known)
    assert (report.updated, report.created) == (1, 0)
    track = known.track("t1")
    assert (track.genre, track.title, track.duration) == ("Trance", "Café del Mar", 200.0)


def test_a_track_that_a_catalogue_gives_another_file_is_to_be_analysed_again(
    store: Store, tmp_path: Path
) -> None:
    for name in ("a.wav", "b.wav", "c.wav"):
        (tmp_path / name).touch()
    file = tmp_path / "c.csv"
    import_catalogue(write(file, "track_id,path", "t1,a.wav", "t2,b.wav", "t3,c.wav"), store)
    vector = np.ones(2, np.float32)
    store.put_embeddings("e", [(track_id, vector, "d") for track_id in ("t1", "t2", "t3")])
    import_catalogue(
        write(file, "track_id,path,genre", "t1,c.wav,Folk", "t2,b.wav,", "t3,,"), store
    )
    assert store.embedded("e") == {"t2"}
    import_catalogue(write(file, "track_id,genre", "t2,Folk"), store)
    assert store.embedded("e") == {"t2"}


def test_cells_that_make_no_sense_are_problems_and_the_track_is_registered(
    store: Store, tmp_path: Path
) -> None:
    file = write(
        tmp_path / "c.csv",
        "track_id,path,year,duration",
        "x1,none.mp3,19,abc",
        "x2,,1999.0,-1",
        "x3,,soon,inf",
        ",,,",
        "x4,,2001",
    )
    report = import_catalogue(file, store)
    assert [track.track_id for track in store.tracks()] == ["x1", "x2", "x3"]
    assert store.track("x2") == Track("x2", year=1999)
    assert store.track("x1") == Track("x1")
    assert sorted({problem.where for problem in report.problems}) == [
        "row 2", "row 3", "row 4", "row 5", "row 6",
    ]  # fmt: skip
    assert Problem("row 5", "no track_id") in report.problems
    assert Problem("row 6", "3 cells instead of 4") in report.problems
    assert (report.n_problems, report.skipped, report.complete) == (8, 2, False)


def test_of_catalogue_rows_with_one_id_the_last_counts(store: Store, tmp_path: Path) -> None:
    file = write(tmp_path / "c.csv", "track_id,title", "x,One", "y,Other", "x,Two")
    report = import_catalogue(file, store)
    assert store.track("x").title == "Two"
    assert (report.created, report.duplicates) == (2, 1)


def test_catalogue_without_ids_is_an_error_that_lists_the_columns(
    store: Store, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="no column track_id; found: id, title"):
        import_catalogue(write(tmp_path / "c.csv", "id,title", "1,x"), store)


# -- tables --------------------------------------------------------------------------------------


def bad_tables(folder: Path) -> list[tuple[Path, str]]:
    latin = folder / "latin.csv"
    latin.write_bytes("track_id,title\nx,Café\n".encode("latin-1"))
    utf16 = folder / "utf16.csv"
    utf16.write_text("track_id,title\nx,Café\n", encoding="utf-16")
    (folder / "bad.parquet").write_bytes(b"PAR1 and then nothing")
    (folder / "bad.csv.gz").write_bytes(b"not gzip")
    (folder / "cut.csv.gz").write_bytes(gzip.compress(b"track_id\n" + b"x\n" * 9999)[:40])
    (folder / "empty.csv").touch()
    (folder / "folder.csv").mkdir()
    nested = pa.table({"track_id": [["a"], ["b"]]})
    pq.write_table(nested, folder / "nested.parquet")
    return [
        (latin, "latin.csv is not UTF-8"),
        (utf16, "utf16.csv is not UTF-8"),
        (folder / "bad.parquet", "damaged"),
        (folder / "bad.csv.gz", "damaged"),
        (folder / "cut.csv.gz", "damaged"),
        (folder / "empty.csv", "is empty"),
        (folder / "folder.csv", "is no file"),
        (folder / "none.csv", "does not exist"),
        (write(folder / "list.xlsx", "track_id"), r"expected one of \.csv"),
        (write(folder / "twice.csv", "track_id,title,Title", "x,a,b"), "twice: title"),
        (write(folder / "open.csv", "track_id", '"never closed', *["x" * 99] * 2000), "quotation"),
        (folder / "nested.parquet", "track_id' has the type list"),
    ]


@pytest.mark.parametrize("number", range(12))
def test_tables_that_cannot_be_read_are_errors_that_say_why(
    store: Store, tmp_path: Path, number: int
) -> None:
    file, message = bad_tables(tmp_path)[number]
    with pytest.raises(DataError, match=message):
        import_catalogue(file, store)


def test_a_byte_order_mark_and_gzip_are_no_obstacle(store: Store, tmp_path: Path) -> None:
    marked = tmp_path / "marked.csv"
    marked.write_text("track_id,title\nx,Ä\n", encoding="utf-8-sig")
    (tmp_path / "c.csv.gz").write_bytes(gzip.compress(b"track_id\r\ny\r\n\r\nz\r\n"))
    assert import_catalogue(marked, store).created == 1
    assert import_catalogue(tmp_path / "c.csv.gz", store).created == 2
    assert [track.track_id for track in store.tracks()] == ["x", "y", "z"]


def test_problems_beyond_the_cap_are_counted_and_the_file_says_so(tmp_path: Path) -> None:
    report = ImportReport()
    for row in range(KEPT_PROBLEMS + 5):
        report.skip(f"row {row}", "bad")
    assert (report.skipped, report.n_problems) == (KEPT_PROBLEMS + 5, KEPT_PROBLEMS + 5)
    assert len(report.problems) == KEPT_PROBLEMS
    report.write_problems(tmp_path / "problems.csv")
    with (tmp_path / "problems.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[:2] == [["where", "reason"], ["row 0", "bad"]]
    assert rows[-1][1].startswith("5 more")


# -- listens -------------------------------------------------------------------------------------


def test_tracks_are_named_by_id_by_path_or_by_artist_and_title(
    known: Store, tmp_path: Path
) -> None:
    file = write(
        tmp_path / "l.csv",
        "user_id,track_id,path,artist,title,timestamp",
        "u,t1,,,,1",
        "u,,a b.mp3,,,2",
        f"u,,{tmp_path}/x/../a b.mp3,,,3",
        "u,,,ENERGIE 52,cafe del mar!,4",
        "u,elsewhere,,bob,TWO,5",
    )
    report = import_listens(file, known)
    assert (report.created, report.matched, report.problems) == (5, 5, [])
    assert known.event_log(ITEMS).item_index.tolist() == [0, 0, 0, 0, 1]


@pytest.mark.parametrize(
    "cell",
    [
        f"{NOON:.0f}",
        f"{NOON}",
        f"{NOON * 1000:.0f}",
        "2024-01-01T12:00:00Z",
        "2024-01-01 12:00:00",
        "2024-01-01T14:00:00+02:00",
        "2024-01-01T12:00",
        "2024-01-01T12:00:00.000",
    ],
)
def test_times_are_read_in_every_form(known: Store, tmp_path: Path, cell: str) -> None:
    file = write(tmp_path / "l.csv", "user_id,track_id,timestamp", f"u,t1,{cell}")
    assert import_listens(file, known).created == 1
    assert known.event_log(ITEMS).timestamp.tolist() == [NOON]


def test_times_of_several_forms_may_stand_in_one_file(known: Store, tmp_path: Path) -> None:
    file = write(
        tmp_path / "l.csv", "user_id,track_id,timestamp",
        "u,t1,2024-01-01", f"u,t1,{NOON}", "u,t1,2024-01-02T00:00:00.5-01:00",
    )  # fmt: skip
    assert import_listens(file, known).created == 3
    assert known.event_log(ITEMS).timestamp.tolist() == [NOON - 43_200, NOON, NOON + 46_800.5]


def test_kinds_ratios_and_milliseconds_are_read(known: Store, tmp_path: Path) -> None:
    file = write(
        tmp_path / "l.csv",
        "user_id,track_id,timestamp,event,play_ratio,ms_played",
        "u,t1,1,,0.25,",
        "u,t1,2,PLAY,,50000",
        "u,t1,3,like,0.9,",
        "u,t2,4,play,,50000",
        "u,t2,5,hide,,",
        "u,t1,6,play,0.5,50000",
    )
    assert import_listens(file, known).created == 6
    log = known.event_log(ITEMS)
    assert [EventKind.PLAY.code] * 2 == log.kind[:2].tolist()
    np.testing.assert_array_equal(
        log.play_ratio, np.float32([0.25, 50 / 200, np.nan, np.nan, np.nan, 0.5])
    )
    assert log.kind[[2, 4]].tolist() == [EventKind.LIKE.code, EventKind.HIDE.code]


def test_rows_that_make_no_sense_are_listed_with_their_number_and_reason(
    known: Store, tmp_path: Path
) -> None:
    file = write(
        tmp_path / "l.csv",
        "user_id,track_id,timestamp,event,play_ratio,ms_played,plays",
        "u,t1,100,,,,",
        " ,t1,100,,,,",
        "u,,100,,,,",
        "u,nope,100,,,,",
        "u,t1,100,dance,,,",
        "u,t1,yesterday,,,,",
        "u,t1,-5,,,,",
        "u,t1,nan,,,,",
        "",
        f"u,t1,{time.time() + 2 * 86_400},,,,",
        "u,t1,101,,-0.1,,",
        "u,t1,102,,,x,",
        "u,t1,,,,,0",
        "u,t1,,,,,2.5",
        "u,t1,,,,,",
        "u,t1,103",
        "u,t1,True,,,,",
        "u,t1,,,,,4",
    )
    report = import_listens(file, known)
    found = reasons(report)
    assert {
        "row 3": "no user_id",
        "row 4": "the track is not named",
        "row 5": "unknown track 'nope'",
        "row 6": f"event 'dance' is none of {', '.join(EventKind)}",
        "row 7": "timestamp 'yesterday' is neither UNIX time nor ISO 8601",
        "row 12": "play_ratio '-0.1' is no number from 0",
        "row 13": "ms_played 'x' is no number from 0",
        "row 14": "plays '0' is no whole number from 1",
        "row 15": "plays '2.5' is no whole number from 1",
        "row 16": "neither a timestamp nor plays",
        "row 17": "3 cells instead of 7",
    }.items() <= found.items()
    assert "in the future" in found["row 11"]
    assert set(found) == {f"row {row}" for row in (*range(3, 10), *range(11, 19))}
    assert (report.created, report.skipped, report.complete) == (2, 15, False)


def test_importing_twice_adds_nothing(known: Store, tmp_path: Path) -> None:
    file = write(
        tmp_path / "l.csv", "user_id,track_id,timestamp,event",
        "u,t1,1,", "u,t1,1,play", "u,t1,1,like", "u,t2,2024-01-01,",
    )  # fmt: skip
    first, second = import_listens(file, known), import_listens(file, known)
    assert (first.created, first.duplicates) == (3, 1)
    assert (second.created, second.duplicates) == (0, 4)
    same = write(tmp_path / "m.csv", "user_id,artist,title,timestamp", "u,Bob,Two,1704067200000")
    assert import_listens(same, known).duplicates == 1


def test_counts_are_replaced_by_a_later_import(known: Store, tmp_path: Path) -> None:
    header = "user_id,track_id,plays"
    import_listens(write(tmp_path / "a.csv", header, "u,t1,5", "u,t2,3", "v,t1,1"), known)
    report = import_listens(write(tmp_path / "b.csv", header, "u,t1,4", "u,t2,3"), known)
    assert (report.created, report.updated, report.duplicates) == (0, 1, 1)
    log = known.event_log(ITEMS)
    assert log.plays.tolist() == [4, 3, 1]
    assert np.isnan(log.timestamp).all()


def test_parquet_is_read_with_its_own_types(known: Store, tmp_path: Path) -> None:
    known.upsert_tracks([Track("7")])
    table = pa.table(
        {
            "User_ID": pa.array([12, 12, None], pa.int64()),
            "track_id": pa.array([7, 7, 7], pa.int32()),
            "timestamp": pa.array([datetime(2024, 1, 1, 12), None, None], pa.timestamp("ms")),
            "plays": pa.array([None, 4, 4], pa.int64()),
            "play_ratio": pa.array([0.5, float("nan"), None], pa.float32()),
            "extra": pa.array([[1], [], None]),
        }
    )
    pq.write_table(table, tmp_path / "l.parquet")
    report = import_listens(tmp_path / "l.parquet", known)
    assert reasons(report) == {"row 3": "no user_id"}
    log = known.user_log("12", IdMap(["7"]))
    np.testing.assert_array_equal(log.timestamp, [np.nan, NOON])
    np.testing.assert_array_equal(log.plays, [4, 1])
    np.testing.assert_array_equal(log.play_ratio, np.float32([np.nan, 0.5]))


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("track_id,timestamp", "no column user_id; found: track_id, timestamp"),
        ("user_id,artist,timestamp", "does not name tracks"),
        ("user_id,track_id", "neither a column timestamp nor a column plays"),
    ],
)
def test_listens_without_a_required_column_are_an_error(
    known: Store, tmp_path: Path, header: str, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        import_listens(write(tmp_path / "l.csv", header, "a,b,c"), known)


def test_listens_need_a_catalogue(store: Store, tmp_path: Path) -> None:
    with pytest.raises(NotReadyError, match="catalogue is empty"):
        import_listens(write(tmp_path / "l.csv", "user_id,track_id,plays", "u,t,1"), store)


def test_rows_are_numbered_through_chunks(
    known: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listens, "CHUNK_ROWS", 3)
    rows = [f"u,t1,{row}" if row % 4 else f"u,t1,x{row}" for row in range(2, 14)]
    seen: list[tuple[int, int]] = []
    report = import_listens(
        write(tmp_path / "l.csv", "user_id,track_id,timestamp", *rows),
        known,
        on_progress=lambda done, total: seen.append((done, total)),
    )
    assert list(reasons(report)) == ["row 4", "row 8", "row 12"]
    assert report.created == 9
    assert seen == [(4, 0), (7, 0), (10, 0), (13, 0)]


def test_damage_further_down_leaves_whole_chunks_and_can_be_repeated(
    known: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listens, "CHUNK_ROWS", 1000)
    file = tmp_path / "l.csv"
    good = "".join(f"u,t1,{row}\n" for row in range(1, 3001)).encode()
    file.write_bytes(b"user_id,track_id,timestamp\n" + good + b"\xff\xfe,t1,9\n")
    with pytest.raises(DataError, match="not UTF-8"):
        import_listens(file, known)
    assert known.n_events() % 1000 == 0
    file.write_bytes(b"user_id,track_id,timestamp\n" + good)
    import_listens(file, known)
    assert known.n_events() == 3000


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["u", "v", "w,x"]),
        st.sampled_from(["t1", "t2", "nope"]),
        st.one_of(st.integers(1, 9).map(str), st.sampled_from(["", "x"])),
        st.sampled_from(["", "play", "like", "jump"]),
    ),
    max_size=20,
)


@settings(max_examples=25, deadline=None)
@given(rows=ROWS)
def test_importing_twice_equals_importing_once(rows: list[tuple[str, str, str, str]]) -> None:
    fine = [
        (user, track, int(at), event or "play")
        for user, track, at, event in rows
        if track != "nope" and at.isdecimal() and event != "jump"
    ]
    with tempfile.TemporaryDirectory() as folder, Store.open(f"sqlite:///{folder}/s.db") as store:
        store.upsert_tracks([Track("t1"), Track("t2")])
        file = Path(folder) / "l.csv"
        with file.open("w", encoding="utf-8", newline="") as lines:
            csv.writer(lines).writerows([("user_id", "track_id", "timestamp", "event"), *rows])
        first, second = import_listens(file, store), import_listens(file, store)
        assert store.n_events() == len(set(fine)) == first.created
    assert first.duplicates == len(fine) - len(set(fine))
    assert first.skipped == second.skipped == len(rows) - len(fine)
    assert (second.created, second.duplicates) == (0, len(fine))


IMPORTING = """
import sys
from pathlib import Path
from data.importers import listens
from data.store import Store
listens.CHUNK_ROWS = 500
with Store.open(sys.argv[2]) as store:
    listens.import_listens(Path(sys.argv[1]), store)
"""


def test_an_import_that_is_killed_leaves_whole_chunks_and_can_be_repeated(
    known: Store, url: str, tmp_path: Path
) -> None:
    rows = [f"u{row % 9},t{row % 2 + 1},{row}" for row in range(1, 20_001)]
    file = write(tmp_path / "l.csv", "user_id,track_id,timestamp", *rows)
    process = subprocess.Popen([sys.executable, "-c", IMPORTING, str(file), url])
    while known.n_events() == 0 and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    left = known.n_events()
    assert left % 500 == 0
    report = import_listens(file, known)
    assert (report.created, report.duplicates) == (20_000 - left, left)
    assert known.n_events() == 20_000
