"""A store that an earlier version of the program wrote."""

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
from tests.data.backends import Backend

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


IN_POSTGRESQL = {
    '"key" INTEGER NOT NULL': '"key" BIGSERIAL NOT NULL',
    "_key INTEGER": "_key BIGINT",
    "DOUBLE": "DOUBLE PRECISION",
    "BLOB": "BYTEA",
    "DEFAULT 0": "DEFAULT false",
    "'One', 0": "'One', false",
    "'Two', 1": "'Two', true",
    "x'0000803f'": r"'\x0000803f'",
}
"""How the same was said there."""


def say(url: str, script: str) -> None:
    """Run the statements of `script`, split by semicolons."""
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in script.split(";")[:-1]:
            connection.exec_driver_sql(statement)
    engine.dispose()


@pytest.fixture
def old(backend: Backend, url: str) -> str:
    script = SCHEMA_1
    if backend.name == "postgresql":
        meta_table, rest = script.split(";", 1)
        for said, there in IN_POSTGRESQL.items():
            rest = rest.replace(said, there)
        script = f"{meta_table};{rest}"
    say(url, script)
    return url


def test_a_store_of_the_first_version_opens_with_everything_in_it(old: str) -> None:
    with Store.open(old) as store:
        assert [(track.title, track.label) for track in store.tracks()] == [("One", None)]
        assert store.embeddings("enc", IdMap(["t1"]), 1) == np.ones((1, 1))
        listener = store.listeners.get("ada")
        assert listener.n_events == {EventKind.PLAY: 1, EventKind.HIDE: 1}
        assert (listener.profile.display_name, listener.created_at) == (None, 1.5)
        assert store.change() == 0


def test_a_store_that_was_brought_up_to_date_does_all_that_is_new(old: str) -> None:
    with Store.open(old) as store:
        store.upsert_tracks([Track("t3", label="Warp")])
        store.analyses.request("t3")
        store.add_events([Event("e3", "ada", "t1", EventKind.IMPRESSION, 12.0, request_id="r")])
        assert store.changed_since(0) == ["t3"]
        assert store.track("t3").label == "Warp"
        assert [one.user_id for one in store.listeners.page(5, beginning="AD").listeners] == ["ada"]
        assert store.listeners.erase("ada") == 3
    with Store.open(old) as store:
        assert store.listeners.erased(["ada", "ben"]) == {"ada"}


def shape(url: str) -> dict[str, tuple[set[str], set[str | None]]]:
    """Columns and indexes of every table."""
    Store.open(url).close()
    engine = create_engine(url)
    found = inspect(engine)
    tables = {
        table.name: (
            {column["name"] for column in found.get_columns(table.name)},
            {index["name"] for index in found.get_indexes(table.name)},
        )
        for table in schema.metadata.sorted_tables
    }
    engine.dispose()
    return tables


def test_an_older_store_gets_every_table_column_and_index_of_a_new_one(
    old: str, backend: Backend, tmp_path: Path
) -> None:
    migrated = shape(old)
    assert "events_of_user" not in migrated["events"][1]  # the wider one stands in for it
    (tmp_path / "new").mkdir()
    assert migrated == shape(backend.url(tmp_path / "new"))


def test_a_store_of_a_newer_version_is_left_alone(old: str) -> None:
    say(old, "UPDATE meta SET schema_version = 99;")
    with pytest.raises(ArtefactError, match="upgrade this program"):
        Store.open(old)
