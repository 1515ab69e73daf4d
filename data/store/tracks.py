"""The catalogue in the store."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, select, update
from sqlalchemy.sql import ColumnElement

from data.schema import tracks
from data.store import changes
from data.store.database import chunked, execute_many, insert
from data.store.prepared import Fetch, Prepared, within
from data.store.text import decode_path, encode_path, require_storable, storable
from data.tracks import Track


@dataclass(frozen=True, slots=True)
class FileStamp:
    """How an audio file looked when it was read: equal stamps spare reading it again.

    Parameters
    ----------
    size : int
        Bytes.
    mtime_ns : int
        Time of the last change, nanoseconds since 1970.
    digest : str
        SHA-256 of the bytes in hexadecimal; empty where they were not read.
    """

    size: int
    mtime_ns: int
    digest: str = ""


@dataclass(frozen=True, slots=True)
class UpsertCounts:
    """What became of the tracks that were handed in, each counted once."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0


_FIELDS = tuple(field.name for field in fields(Track))
_TRACK_COLUMNS = [tracks.c[name] for name in _FIELDS]
_STAMP_COLUMNS = [tracks.c.file_size, tracks.c.file_mtime_ns, tracks.c.file_digest]
_WRITTEN = [column.name for column in (*_TRACK_COLUMNS, *_STAMP_COLUMNS)]


def upsert(
    connection: Connection, given: Iterable[Track], files: Mapping[str, FileStamp]
) -> UpsertCounts:
    """Create or update tracks; of several with one id the last counts."""
    wanted = {track.track_id: track for track in given}
    for track_id in wanted:
        require_storable(track_id, "track id")
    stored = {
        row.track_id: row._asdict()
        for chunk in chunked(list(wanted))
        for row in connection.execute(
            select(*_TRACK_COLUMNS, *_STAMP_COLUMNS).where(tracks.c.track_id.in_(chunk))
        )
    }
    rows = [
        _row(track, files.get(track.track_id), stored.get(track.track_id))
        for track in wanted.values()
    ]
    changed = [row for row in rows if stored.get(row["track_id"]) != row]
    if changed:
        change = changes.advance(connection)
        names = [*_WRITTEN, "change"]
        statement = insert(connection, tracks)
        execute_many(
            connection,
            statement.on_conflict_do_update(
                index_elements=["track_id"],
                set_={name: statement.excluded[name] for name in names if name != "track_id"},
            ),
            names,
            [(*row.values(), change) for row in changed],
        )
    created = len(wanted) - len(stored)
    return UpsertCounts(created, len(changed) - created, len(wanted) - len(changed))


def find(connection: Connection, track_id: str) -> Track | None:
    """Look up one track that was not withdrawn."""
    found = read(connection, [track_id], withdrawn=False)
    return found[0] if found else None


def read(
    connection: Connection, track_ids: Sequence[str] | None, *, withdrawn: bool
) -> list[Track]:
    """Tracks of `track_ids` in their order, or all of them by id."""
    if track_ids is not None:
        return read_some(within(connection), track_ids, withdrawn=withdrawn)
    statement = select(*_TRACK_COLUMNS)
    if not withdrawn:
        statement = statement.where(~tracks.c.withdrawn)
    everything = [_track(row) for row in connection.execute(statement)]
    # Sorted here: PostgreSQL would sort by its locale, and positions must not depend on it.
    return sorted(everything, key=lambda track: track.track_id)


def read_some(fetch: Fetch, track_ids: Sequence[str], *, withdrawn: bool) -> list[Track]:
    """Tracks of `track_ids` in their order; one query for up to `CHUNK` of them."""
    found: dict[str, Track] = {}
    for chunk in chunked([track_id for track_id in track_ids if storable(track_id)]):
        # So many places as the next power of two, of which the last are filled with one id.
        places = 1 << (len(chunk) - 1).bit_length()
        ids = chunk + chunk[-1:] * (places - len(chunk))
        values = {f"id{place}": track_id for place, track_id in enumerate(ids)}
        for row in fetch(_by_id(places, withdrawn), values):
            found[row[0]] = _track(row)
    return [found[track_id] for track_id in track_ids if track_id in found]


@lru_cache
def _by_id(places: int, withdrawn: bool) -> Prepared:
    ids: list[BindParameter[str]] = [bindparam(f"id{place}") for place in range(places)]
    statement = select(*_TRACK_COLUMNS).where(tracks.c.track_id.in_(ids))
    return Prepared(statement if withdrawn else statement.where(~tracks.c.withdrawn))


def genres(connection: Connection) -> dict[str, str | None]:
    """Genre by id of all tracks that were not withdrawn."""
    statement = select(tracks.c.track_id, tracks.c.genre).where(~tracks.c.withdrawn)
    return {row.track_id: row.genre for row in connection.execute(statement)}


def tags(
    connection: Connection,
) -> list[tuple[str, str | None, str | None, str | None, int | None, float | None]]:
    """Id, artist, genre, label, year and time of adding of all tracks that were not withdrawn."""
    names = ("track_id", "artist", "genre", "label", "year", "added_at")
    columns = [tracks.c[name] for name in names]
    # The driver's own cursor: no object is made of each row but its tuple.
    cursor: Any = connection.execute(select(*columns).where(~tracks.c.withdrawn)).cursor
    return list(cursor.fetchall())


def offered(connection: Connection, track_ids: Sequence[str] | None) -> set[str]:
    """Those of `track_ids`, or of all, that are in the catalogue and not withdrawn."""
    statement = select(tracks.c.track_id).where(~tracks.c.withdrawn)
    if track_ids is None:
        cursor: Any = connection.execute(statement).cursor
        return {track_id for (track_id,) in cursor}
    return {
        track_id
        for chunk in chunked([track_id for track_id in track_ids if storable(track_id)])
        for track_id in connection.scalars(statement.where(tracks.c.track_id.in_(chunk)))
    }


def set_withdrawn(connection: Connection, track_ids: Collection[str], withdrawn: bool) -> int:
    """Set the flag and return how many tracks it changed."""
    change = changes.advance(connection)
    return sum(
        connection.execute(
            update(tracks)
            .where(tracks.c.track_id.in_(chunk), tracks.c.withdrawn != withdrawn)
            .values(withdrawn=withdrawn, change=change)
        ).rowcount
        for chunk in chunked([track_id for track_id in track_ids if storable(track_id)])
    )


def uses(connection: Connection, path: str) -> bool:
    """Whether a track has its audio at `path`."""
    statement = select(tracks.c.key).where(tracks.c.path == encode_path(path)).limit(1)
    return connection.scalar(statement) is not None


def file_stamps(connection: Connection) -> dict[str, tuple[str, FileStamp]]:
    """Track id and stamp of every path that was stamped, withdrawn tracks included."""
    statement = (
        select(tracks.c.path, tracks.c.track_id, *_STAMP_COLUMNS)
        .where(tracks.c.path.is_not(None), tracks.c.file_size.is_not(None))
        .order_by(tracks.c.key)
    )
    return {
        decode_path(path): (track_id, FileStamp(size, mtime_ns, digest or ""))
        for path, track_id, size, mtime_ns, digest in connection.execute(statement)
    }


def keys_by_id(connection: Connection, track_ids: Sequence[str] | None = None) -> dict[str, int]:
    """Integer keys of `track_ids`, or of all tracks; unknown ids are left out."""
    statement = select(tracks.c.track_id, tracks.c.key)
    conditions: list[ColumnElement[bool]] = (
        [tracks.c.key.is_not(None)]
        if track_ids is None
        else [
            tracks.c.track_id.in_(chunk)
            for chunk in chunked([track_id for track_id in track_ids if storable(track_id)])
        ]
    )
    return {
        track_id: key
        for condition in conditions
        for track_id, key in connection.execute(statement.where(condition))
    }


def _row(track: Track, stamp: FileStamp | None, stored: Mapping[str, Any] | None) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(track, name) for name in _FIELDS}
    if track.path is not None:
        row["path"] = encode_path(track.path)
    if stamp is not None:
        kept: tuple[int | None, int | None, str | None] = (stamp.size, stamp.mtime_ns, stamp.digest)
    elif stored is not None and stored["path"] == row["path"]:
        kept = (stored["file_size"], stored["file_mtime_ns"], stored["file_digest"])
    else:
        kept = (None, None, None)
    row["file_size"], row["file_mtime_ns"], row["file_digest"] = kept
    return row


def _track(row: Sequence[Any]) -> Track:
    track_id, path, *tags = row
    return Track(track_id, None if path is None else decode_path(path), *tags)
