"""Tables as they come: columns missing, rows that make no sense; good rows are taken."""

from __future__ import annotations

import csv

import pytest

from tests.end_to_end.command import FAILED, INCOMPLETE, Recsys

HEADER = "user_id,track_id,timestamp,event\n"
NOON = 1_767_268_800


@pytest.fixture(scope="module")
def recsys(tmp_path_factory):
    """Workspace with twelve tracks without audio, and a folder for tables."""
    folder = tmp_path_factory.mktemp("tables")
    (folder / "tracks.csv").write_text(
        "track_id,title,artist\n" + "".join(f"t{n},title {n},artist {n % 4}\n" for n in range(12))
    )
    recsys = Recsys(folder / "home")
    assert recsys("library", "import", folder / "tracks.csv").out == "12 new\n"
    return recsys


@pytest.fixture
def table(tmp_path):
    def write(text, name="listens.csv"):
        (tmp_path / name).write_text(text, "utf-8")
        return tmp_path / name

    return write


def test_rows_that_make_no_sense_are_listed_with_number_and_reason(recsys, table):
    rows = [
        f"ada,t1,{NOON},play",
        f"ada,t1,{NOON},play",
        f"ada,ghost,{NOON},play",
        "ada,t2,yesterday,play",
        f"ada,t3,{NOON},hum",
        f",t4,{NOON},play",
        f"ada,t5,{NOON}",
        "ada,t6,2026-01-01T12:00:00Z,like",
    ]
    file = table(HEADER + "\n".join(rows) + "\n")
    result = recsys("listens", "import", file, expect=INCOMPLETE)
    assert result.out == "2 new, 1 duplicates, 5 skipped\n"
    with (recsys.home / "problems" / "listens-import.csv").open(encoding="utf-8") as listed:
        reasons = {row["where"]: row["reason"] for row in csv.DictReader(listed)}
    assert set(reasons) == {"row 4", "row 5", "row 6", "row 7", "row 8"}
    assert reasons["row 4"] == "unknown track 'ghost'"
    assert "neither UNIX time nor ISO 8601" in reasons["row 5"]
    assert recsys("listens", "import", file, expect=INCOMPLETE).out == ("3 duplicates, 5 skipped\n")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("track_id,timestamp\nt1,1\n", "no column user_id"),
        ("user_id,timestamp\nada,1\n", "does not name tracks"),
        ("user_id,track_id\nada,t1\n", "neither a column timestamp nor a column plays"),
        ("", "is empty"),
    ],
)
def test_a_table_that_lacks_a_column_is_refused_as_a_whole(recsys, table, text, reason):
    assert reason in recsys("listens", "import", table(text), expect=FAILED).error


def test_a_table_that_is_not_there_or_not_a_table_is_refused(recsys, table, tmp_path):
    error = recsys("listens", "import", tmp_path / "nowhere.csv", expect=FAILED).error
    assert "does not exist" in error
    error = recsys("listens", "import", table("a", "listens.doc"), expect=FAILED).error
    assert "expected one of .csv" in error


def test_listens_before_any_track_are_refused_with_what_to_do(tmp_path, table):
    recsys = Recsys(tmp_path / "home")
    file = table(HEADER + f"ada,t1,{NOON},play\n")
    assert "the catalogue is empty" in recsys("listens", "import", file, expect=FAILED).error


def test_counts_instead_of_times_are_enough_to_train_and_recommend(recsys, table, tmp_path):
    rows = [f"user{u},t{t},{1 + (u * t) % 5}\n" for u in range(8) for t in range(12) if (u + t) % 3]
    file = table("user_id,track_id,plays\n" + "".join(rows))
    assert recsys("listens", "import", file).out == f"{len(rows)} new\n"
    recsys("train")
    answer = recsys("recommend", "user1", "--json").json()
    heard = {f"t{t}" for t in range(12) if (1 + t) % 3}
    assert {item["track_id"] for item in answer["items"]} <= {f"t{t}" for t in range(12)} - heard
    assert "random split" in recsys("evaluate").out
