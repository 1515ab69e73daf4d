"""Listening events in the store: appended row by row, read as arrays."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Select, select

from data.errors import DataError
from data.events import Event, EventLog
from data.ids import MISSING, IdMap
from data.schema import events, tracks, users
from data.store.database import chunked, execute_many, insert
from data.store.text import require_storable, storable
from data.store.tracks import keys_by_id

FETCH_ROWS = 100_000
MAX_PLAYS = 2**31 - 1

_INSERTED = ("event_id", "user_key", "track_key", "kind", "timestamp", "play_ratio", "plays")
_TRACK_KEY, _TIMESTAMP = _INSERTED.index("track_key"), _INSERTED.index("timestamp")
_VALUES = (events.c.kind, events.c.timestamp, events.c.play_ratio, events.c.plays)
_ROW = np.dtype(
    [
        ("user", np.int64),
        ("track", np.int64),
        ("kind", np.int8),
        ("timestamp", np.float64),
        ("play_ratio", np.float32),
        ("plays", np.float32),
    ]
)


@dataclass(frozen=True, slots=True)
class EventCounts:
    """What became of the events that were handed in.

    Parameters
    ----------
    added : int
        Events that are new in the store.
    updated : int
        Counts that replaced another count.
    duplicates : int
        Events whose id was stored before, or stood in the batch before.
    skipped : int
        Events of tracks that the catalogue lacks.
    unknown : tuple of str
        Ids of those tracks, each once, in the order of appearance.
    """

    added: int = 0
    updated: int = 0
    duplicates: int = 0
    skipped: int = 0
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class EventColumns:
    """Events to store, as parallel columns of one length: the fast way in for many.

    Parameters
    ----------
    event_id, user_id, track_id : sequence of str
        Ids, as in `Event`.
    kind : np.ndarray [shape=(n,), dtype=int64]
        ``EventKind.code``.
    timestamp : np.ndarray [shape=(n,), dtype=float64]
        UNIX seconds, NaN where unknown.
    play_ratio : np.ndarray [shape=(n,), dtype=float64]
        Share heard, NaN where unknown.
    plays : np.ndarray [shape=(n,), dtype=int64]
        Number of times.
    """

    event_id: Sequence[str]
    user_id: Sequence[str]
    track_id: Sequence[str]
    kind: NDArray[np.int64]
    timestamp: NDArray[np.float64]
    play_ratio: NDArray[np.float64]
    plays: NDArray[np.int64]

    @classmethod
    def from_events(cls, given: Sequence[Event]) -> EventColumns:
        """Columns of `given`."""
        for event in given:
            # NaN stands for None in the columns; as a value it is malformed.
            for value in (event.timestamp, event.play_ratio):
                if value is not None and not isfinite(value):
                    raise DataError(
                        f"event {event.event_id!r}: expected finite numbers, got {value}"
                    )
        return cls(
            event_id=[event.event_id for event in given],
            user_id=[event.user_id for event in given],
            track_id=[event.track_id for event in given],
            kind=np.array([event.kind.code for event in given], np.int64),
            timestamp=np.array([event.timestamp for event in given], np.float64),
            play_ratio=np.array([event.play_ratio for event in given], np.float64),
            plays=np.array([event.plays for event in given], np.int64),
        )

    def __len__(self) -> int:
        return len(self.event_id)

    def check(self) -> None:
        """Refuse malformed events.

        Raises
        ------
        DataError
            If an id is not valid text, a number is not finite or negative, or plays are below 1.
        """
        for event_id in self.event_id:
            require_storable(event_id, "event id")
        for user_id in set(self.user_id):
            require_storable(user_id, "user id")
        for name, values, wrong, expected in (
            ("timestamp", self.timestamp, np.isinf(self.timestamp), "UNIX seconds"),
            (
                "play_ratio",
                self.play_ratio,
                np.isinf(self.play_ratio) | (self.play_ratio < 0),
                "a number from 0",
            ),
            (
                "plays",
                self.plays,
                (self.plays < 1) | (self.plays > MAX_PLAYS),
                f"a number from 1 to {MAX_PLAYS}",
            ),
        ):
            if wrong.any():
                row = int(wrong.argmax())
                raise DataError(
                    f"event {self.event_id[row]!r}: expected {expected} as {name}, "
                    f"got {values[row]}"
                )


def add(connection: Connection, given: EventColumns, *, replace_counts: bool) -> EventCounts:
    """Append events of known tracks; nothing is written when one of them is malformed."""
    given.check()
    track_keys = keys_by_id(connection, list(set(given.track_id)))
    unknown = dict.fromkeys(track_id for track_id in given.track_id if track_id not in track_keys)
    if unknown:
        listeners = (
            user_id
            for user_id, track_id in zip(given.user_id, given.track_id, strict=True)
            if track_id in track_keys
        )
        user_keys = _user_keys(connection, list(dict.fromkeys(listeners)))
    else:
        user_keys = _user_keys(connection, list(dict.fromkeys(given.user_id)))
    rows = list(
        zip(
            given.event_id,
            map(user_keys.get, given.user_id),
            map(track_keys.get, given.track_id),
            given.kind.tolist(),
            _nullable(given.timestamp),
            _nullable(given.play_ratio),
            given.plays.tolist(),
            strict=True,
        )
    )
    if unknown:
        rows = [row for row in rows if row[_TRACK_KEY] is not None]
    statement = insert(connection, events)
    added = execute_many(connection, statement.on_conflict_do_nothing(), _INSERTED, rows)
    updated = 0
    if replace_counts and added < len(rows):
        updated = execute_many(
            connection,
            statement.on_conflict_do_update(
                index_elements=["event_id"],
                set_={"plays": statement.excluded.plays},
                where=events.c.plays != statement.excluded.plays,
            ),
            _INSERTED,
            [row for row in rows if row[_TIMESTAMP] is None],
        )
    return EventCounts(
        added=added,
        updated=updated,
        duplicates=len(rows) - added - updated,
        skipped=len(given) - len(rows),
        unknown=tuple(unknown),
    )


def read_log(connection: Connection, items: IdMap) -> EventLog:
    """Every event of the tracks in `items`."""
    # Read in the order of the table and sorted in memory: NULLs sort alike in every database.
    rows = _fetch(connection, select(events.c.user_key, events.c.track_key, *_VALUES), events.c.key)
    item_of_key = _positions(keys_by_id(connection), items)
    item_index = item_of_key[rows["track"]] if len(rows) else np.zeros(0, np.int32)
    rows, item_index = rows[item_index != MISSING], item_index[item_index != MISSING]

    keys, compact = np.unique(rows["user"], return_inverse=True)
    name_of_key = {
        row.key: row.user_id for row in connection.execute(select(users.c.key, users.c.user_id))
    }
    names = [name_of_key[int(key)] for key in keys]
    user_map = IdMap.sorted(names)
    return _log(user_map, items, user_map.indices(names)[compact], item_index, rows)


def read_user_log(connection: Connection, user_id: str, items: IdMap) -> EventLog:
    """Every event of one listener with the tracks in `items`."""
    statement = (
        select(tracks.c.track_id, *_VALUES)
        .join_from(users, events, events.c.user_key == users.c.key)
        .join(tracks, tracks.c.key == events.c.track_key)
        .where(users.c.user_id == user_id)
        .order_by(events.c.key)
    )
    found = connection.execute(statement).all() if storable(user_id) else []
    item_index = items.indices([row[0] for row in found])
    rows = np.array([(0, 0, *row[1:]) for row in found], _ROW)
    known = item_index != MISSING
    rows, item_index = rows[known], item_index[known]
    return _log(IdMap([user_id]), items, np.zeros(len(rows), np.int32), item_index, rows)


def _nullable(values: NDArray[np.float64]) -> list[float | None]:
    """Numbers for the database, NULL for NaN."""
    nullable = values.astype(object)
    nullable[np.isnan(values)] = None
    return list(nullable)


def _user_keys(connection: Connection, user_ids: list[str]) -> dict[str, int]:
    """Keys of `user_ids`; listeners that are new are created."""
    found = _find_users(connection, user_ids)
    missing = [user_id for user_id in user_ids if user_id not in found]
    if not missing:
        return found
    now = time.time()
    execute_many(
        connection,
        insert(connection, users).on_conflict_do_nothing(),
        ("user_id", "created_at"),
        [(user_id, now) for user_id in missing],
    )
    return found | _find_users(connection, missing)


def _find_users(connection: Connection, user_ids: list[str]) -> dict[str, int]:
    statement = select(users.c.user_id, users.c.key)
    return {
        user_id: key
        for chunk in chunked(user_ids)
        for user_id, key in connection.execute(statement.where(users.c.user_id.in_(chunk)))
    }


def _fetch(connection: Connection, statement: Select[Any], order: Any) -> NDArray[np.void]:
    """Rows as a structured array; NULL becomes NaN."""
    result = connection.execute(statement.order_by(order))
    # The driver's own cursor: its plain tuples go into the array several times faster than the
    # rows that SQLAlchemy would wrap around them.
    cursor: Any = result.cursor
    parts = []
    while chunk := cursor.fetchmany(FETCH_ROWS):
        parts.append(np.array(chunk, _ROW))
    result.close()
    return np.concatenate(parts) if parts else np.zeros(0, _ROW)


def _positions(key_of_id: dict[str, int], items: IdMap) -> NDArray[np.int32]:
    """Position in `items` of every integer key [shape=(largest key + 1,)], −1 for the others."""
    positions = np.full(max(key_of_id.values(), default=-1) + 1, MISSING, np.int32)
    positions[np.fromiter(key_of_id.values(), np.int64, len(key_of_id))] = items.indices(
        list(key_of_id)
    )
    return positions


def _log(
    user_map: IdMap,
    items: IdMap,
    user_index: NDArray[np.int32],
    item_index: NDArray[np.int32],
    rows: NDArray[np.void],
) -> EventLog:
    """Log of `rows`, which come in the order of arrival, ordered by time; no time comes first."""
    order = np.argsort(np.nan_to_num(rows["timestamp"], nan=-np.inf), kind="stable")
    return EventLog(
        users=user_map,
        items=items,
        user_index=user_index[order],
        item_index=item_index[order],
        timestamp=np.ascontiguousarray(rows["timestamp"][order]),
        kind=np.ascontiguousarray(rows["kind"][order]),
        play_ratio=np.ascontiguousarray(rows["play_ratio"][order]),
        plays=np.ascontiguousarray(rows["plays"][order]),
    )
