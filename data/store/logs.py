"""Listening events from the store, as arrays."""

from __future__ import annotations

from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Select, bindparam, select

from data.events import EventKind, EventLog
from data.ids import MISSING, IdMap
from data.schema import events, tracks, users
from data.store import erasures
from data.store.prepared import Fetch, Prepared
from data.store.text import storable
from data.store.tracks import keys_by_id

FETCH_ROWS = 100_000

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

_USER_EVENTS = Prepared(
    select(tracks.c.track_id, events.c.key, *_VALUES)
    .join_from(users, events, events.c.user_key == users.c.key)
    .join(tracks, tracks.c.key == events.c.track_key)
    .where(users.c.user_id == bindparam("user_id"), events.c.kind != EventKind.IMPRESSION.code)
)


def read_log(connection: Connection, items: IdMap) -> EventLog:
    """Every event of the tracks in `items`."""
    # Read in the order of the table and sorted in memory: NULLs sort alike in every database.
    statement = select(events.c.user_key, events.c.track_key, *_VALUES)
    statement = statement.where(events.c.kind != EventKind.IMPRESSION.code)
    rows = _fetch(connection, statement, events.c.key)
    item_of_key = _positions(keys_by_id(connection), items)
    item_index = item_of_key[rows["track"]] if len(rows) else np.zeros(0, np.int32)
    rows, item_index = rows[item_index != MISSING], item_index[item_index != MISSING]

    keys, compact = np.unique(rows["user"], return_inverse=True)
    name_of_key = {
        row.key: row.user_id for row in connection.execute(select(users.c.key, users.c.user_id))
    }
    names = [name_of_key[int(key)] for key in keys]
    # None should be there, unless something other than this program wrote to the database.
    barred = erasures.barred(connection, names)
    if any(since == np.inf for since in barred.values()):
        kept = np.array([barred.get(name, 0.0) < np.inf for name in names])
        rows, item_index, compact = (part[kept[compact]] for part in (rows, item_index, compact))
        compact = (np.cumsum(kept) - 1)[compact]
        names = [name for name, keep in zip(names, kept, strict=True) if keep]
    user_map = IdMap.sorted(names)
    return _log(user_map, items, user_map.indices(names)[compact], item_index, rows)


def read_user_log(fetch: Fetch, user_id: str, items: IdMap) -> EventLog:
    """Every event of one listener with the tracks in `items`."""
    found: list[tuple[Any, ...]] = []
    if storable(user_id):
        found = fetch(_USER_EVENTS, {"user_id": user_id})
    # By arrival, for which the database would have to sort.
    found.sort(key=itemgetter(1))
    track_ids, _, *values = zip(*found, strict=True) if found else ((),) * (2 + len(_VALUES))
    item_index = items.indices(track_ids)
    rows = np.zeros(len(found), _ROW)
    for column, value in zip(_VALUES, values, strict=True):
        rows[column.name] = value
    known = item_index != MISSING
    if not known.all():
        rows, item_index = rows[known], item_index[known]
    return _log(IdMap([user_id]), items, np.zeros(len(rows), np.int32), item_index, rows)


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
    time = rows["timestamp"]
    order = np.argsort(np.where(np.isnan(time), -np.inf, time), kind="stable")
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
