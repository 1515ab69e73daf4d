"""Tables of the store, in SQLAlchemy Core, for SQLite and PostgreSQL alike.

Rows refer to each other by integer keys; external ids stand once, in ``tracks`` and ``users``.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    false,
    func,
)

SCHEMA_VERSION = 5
"""Raised by one whenever a table changes.

A store of an older version gets the tables, columns and indexes that it lacks when it is opened
(`data.store.migration`); one of a newer version is refused.
"""

metadata = MetaData()

# SQLite numbers rows by itself only where the key is declared INTEGER.
_Key = BigInteger().with_variant(Integer, "sqlite")

meta = Table(
    "meta",
    metadata,
    Column("key", Integer, primary_key=True, autoincrement=False),
    Column("schema_version", Integer, nullable=False),
    # Counts the transactions that changed tracks or their vectors.
    Column("change", BigInteger, nullable=False, server_default="0"),
    Column("salt", Text),
)

tracks = Table(
    "tracks",
    metadata,
    Column("key", _Key, primary_key=True),
    Column("track_id", Text, nullable=False, unique=True),
    Column("path", Text),
    Column("title", Text),
    Column("artist", Text),
    Column("album", Text),
    Column("album_artist", Text),
    Column("genre", Text),
    Column("label", Text),
    Column("year", Integer),
    Column("duration", Double),
    Column("track_number", Integer),
    Column("recording_mbid", Text),
    Column("isrc", Text),
    Column("added_at", Double),
    Column("file_size", BigInteger),
    Column("file_mtime_ns", BigInteger),
    Column("file_digest", Text),
    Column("withdrawn", Boolean, nullable=False, server_default=false()),
    # Value of meta.change when the track, its flag or its vectors changed last.
    Column("change", BigInteger, nullable=False, server_default="0"),
    Index("tracks_by_change", "change"),
)

users = Table(
    "users",
    metadata,
    Column("key", _Key, primary_key=True),
    Column("user_id", Text, nullable=False, unique=True),
    Column("created_at", Double, nullable=False),
    Column("display_name", Text),
    Column("locale", Text),
    Column("attributes", Text),
    Column("updated_at", Double),
)

# Beginnings of ids and names, whatever their case. An index answers LIKE only where it compares as
# LIKE does: https://sqlite.org/optoverview.html#the_like_optimization and, whatever the locale,
# https://www.postgresql.org/docs/current/indexes-opclass.html.
for _name, _column in (("users_by_id", users.c.user_id), ("users_by_name", users.c.display_name)):
    Index(_name, _column.collate("NOCASE")).ddl_if(dialect="sqlite")
    Index(
        _name, func.lower(_column).label(_name), postgresql_ops={_name: "text_pattern_ops"}
    ).ddl_if(dialect="postgresql")
# The order of lists of listeners; that of the constraint is the locale's.
Index("users_in_order", users.c.user_id.collate("C")).ddl_if(dialect="postgresql")

# Listeners who were erased, by digest: what keeps a later import from bringing them back.
erasures = Table(
    "erasures",
    metadata,
    Column("key", _Key, primary_key=True),
    Column("digest", Text, nullable=False, unique=True),
    Column("erased_at", Double, nullable=False),
    Column("returned_at", Double),
)

events = Table(
    "events",
    metadata,
    Column("key", _Key, primary_key=True),
    Column("event_id", Text, nullable=False, unique=True),
    Column("user_key", ForeignKey("users.key"), nullable=False),
    Column("track_key", ForeignKey("tracks.key"), nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("timestamp", Double),
    Column("play_ratio", Double),
    Column("plays", Integer, nullable=False),
    Column("request_id", Text),
    # All that a history is made of: read from here, it lies together, where the rows of a listener
    # are spread over the whole table.
    Index("history_of_user", "user_key", "timestamp", "track_key", "kind", "play_ratio", "plays"),
    Index("events_of_track", "track_key", "kind"),
)

embeddings = Table(
    "embeddings",
    metadata,
    Column("track_key", ForeignKey("tracks.key"), primary_key=True),
    Column("encoder_id", Text, primary_key=True),
    Column("vector", LargeBinary, nullable=False),
    Column("digest", Text, nullable=False),
)

# Audio that came over HTTP and is to be analysed by the service, or was.
analyses = Table(
    "analyses",
    metadata,
    Column("track_key", ForeignKey("tracks.key"), primary_key=True),
    Column("state", SmallInteger, nullable=False),
    Column("reason", Text),
    Column("requested_at", Double, nullable=False),
    Column("finished_at", Double),
    Index("analyses_by_state", "state", "requested_at"),
)
