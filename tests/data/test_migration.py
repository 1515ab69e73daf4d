"""A store that an earlier version of the program wrote."""

import sqlite3
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import create_engine, inspect

from data import schema
from data.errors import ArtefactError
from data.events import Event, EventKind
from data.ids import IdMap
from data.store import Store
from data.tracks import Track

SCHEMA_1 = """
CREATE TABLE meta ("key" INTEGER NOT NULL, schema_version INTEGER NOT NULL, PRIMARY KEY ("key"));
CREATE TABLE tracks (
    "key" INTEGER NOT NULL, track_id TEXT NOT NULL, path TEXT, title TEXT, artist TEXT, album TEXT,
    album_artist TEXT, genre TEXT, year INTEGER, duration DOUBLE, track_number INTEGER,
    recording_mbid TEXT, isrc TEXT, added_at DOUBLE, file_size BIGINT, file_mtime_ns BIGINT,
    file_digest TEXT, withdrawn BOOLEAN DEFAULT 0 NOT NULL,
    PRIMARY KEY ("key"), UNIQUE (track_id)
);
CREATE TABLE users (
    "key" INTEGER NOT NULL, user_id TEXT NOT NULL, created_at DOUBLE NOT NULL,
    PRIMARY KEY ("key"), UNIQUE (user_id)
);
CREATE TABLE events (
    "key" INTEGER NOT NULL, event_id TEXT NOT NULL, user_key INTEGER NOT NULL,
    track_key INTEGER NOT NULL, kind SMALLINT NOT NULL, timestamp DOUBLE, play_ratio DOUBLE,
    plays INTEGER NOT NULL,
    PRIMARY KEY ("key"), UNIQUE (event_id), FOREIGN KEY(user_key) REFERENCES users ("key"),
    FOREIGN KEY(track_key) REFERENCES tracks ("key")
);
CREATE INDEX events_of_user ON events (user_key, timestamp);
CREATE TABLE embeddings (
    track_key INTEGER NOT NULL, encoder_id TEXT NOT NULL, vector BLOB NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (track_key, encoder_id), FOREIGN KEY(track_key) REFERENCES tracks ("key")
);
INSERT INTO meta VALUES (1, 1);
INSERT INTO tracks (track_id, title, withdrawn) VALUES ('t1', 'One', 0), ('t2', 'Two', 1);
INSERT INTO users (user_id, created_at) VALUES ('ada', 1.5);
INSERT INTO events (event_id, user_key, track_key, kind, timestamp, plays)
    VALUES ('e1', 1, 1, 0, 10.0, 1), ('e2', 1, 1, 4, 11.0, 1);
INSERT INTO embeddings VALUES (1, 'enc', x'0000803f', 'd');
"""
"""What schema version 1 was, as it stood in the file."""


@pytest.fixture
def old(tmp_path: Path, url: str) -> str:
    with sqlite3.connect(tmp_path / "store.db") as connection:
        connection.executescript(SCHEMA_1)
    connection.close()
    return url


def test_a_store_of_the_first_version_opens_with_everything_in_it(old: str) -> None:
    with Store.open(old) as store:
        assert [track.title for track in store.tracks()] == ["One"]
        assert store.embeddings("enc", IdMap(["t1"]), 1) == np.ones((1, 1))
        listener = store.listeners.get("ada")
        assert listener.n_events == {EventKind.PLAY: 1, EventKind.HIDE: 1}
        assert (listener.profile.display_name, listener.created_at) == (None, 1.5)
        assert store.change() == 0


def test_a_store_that_was_brought_up_to_date_does_all_that_is_new(old: str) -> None:
    with Store.open(old) as store:
        store.upsert_tracks([Track("t3")])
        store.analyses.request("t3")
        store.add_events([Event("e3", "ada", "t1", EventKind.IMPRESSION, 12.0, request_id="r")])
        assert store.changed_since(0) == ["t3"]
        assert [one.user_id for one in store.listeners.page(5, beginning="AD").listeners] == ["ada"]
        assert store.listeners.erase("ada") == 3
    with Store.open(old) as store:
        assert store.listeners.erased(["ada", "ben"]) == {"ada"}


def test_an_older_store_gets_every_table_column_and_index_of_a_new_one(
    old: str, tmp_path: Path
) -> None:
    Store.open(old).close()
    Store.open(f"sqlite:///{tmp_path / 'new.db'}").close()
    shapes = []
    for url in (old, f"sqlite:///{tmp_path / 'new.db'}"):
        engine = create_engine(url)
        found = inspect(engine)
        shapes.append(
            {
                table.name: (
                    {column["name"] for column in found.get_columns(table.name)},
                    {index["name"] for index in found.get_indexes(table.name)},
                )
                for table in schema.metadata.sorted_tables
            }
        )
        engine.dispose()
    assert shapes[0] == shapes[1]


def test_a_store_of_a_newer_version_is_left_alone(old: str, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "store.db") as connection:
        connection.execute("UPDATE meta SET schema_version = 99")
    connection.close()
    with pytest.raises(ArtefactError, match="upgrade this program"):
        Store.open(old)
