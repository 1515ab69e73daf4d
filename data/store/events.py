"""Listening events into the store."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from data.errors import DataError
from data.events import Event
from data.schema import events, users
from data.store import erasures
from data.store.database import chunked, execute_many, insert
from data.store.text import require_storable
from data.store.tracks import keys_by_id

MAX_PLAYS = 2**31 - 1

_INSERTED = (
    "event_id", "user_key", "track_key", "kind", "timestamp", "play_ratio", "plays", "request_id",
)  # fmt: skip
_TRACK_KEY, _TIMESTAMP = _INSERTED.index("track_key"), _INSERTED.index("timestamp")


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
    erased : int
        Events of listeners who were erased, and are kept out.
    """

    added: int = 0
    updated: int = 0
    duplicates: int = 0
    skipped: int = 0
    unknown: tuple[str, ...] = ()
    erased: int = 0


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
    request_id : sequence of (str or None), optional
        Answers whose lists showed the tracks.
    """

    event_id: Sequence[str]
    user_id: Sequence[str]
    track_id: Sequence[str]
    kind: NDArray[np.int64]
    timestamp: NDArray[np.float64]
    play_ratio: NDArray[np.float64]
    plays: NDArray[np.int64]
    request_id: Sequence[str | None] | None = None

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
            request_id=[event.request_id for event in given],
        )

    def take(self, rows: Sequence[int]) -> EventColumns:
        """The events at `rows`."""
        return EventColumns(
            event_id=[self.event_id[row] for row in rows],
            user_id=[self.user_id[row] for row in rows],
            track_id=[self.track_id[row] for row in rows],
            kind=self.kind[rows],
            timestamp=self.timestamp[rows],
            play_ratio=self.play_ratio[rows],
            plays=self.plays[rows],
            request_id=self.request_id and [self.request_id[row] for row in rows],
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
    barred = erasures.barred(connection, set(given.user_id))
    erased = 0
    if barred:
        # An event without a time may be from before the erasure.
        kept = [
            row
            for row, (user_id, at) in enumerate(zip(given.user_id, given.timestamp, strict=True))
            if user_id not in barred or at >= barred[user_id]
        ]
        erased = len(given) - len(kept)
        given = given.take(kept)
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
            [None] * len(given) if given.request_id is None else given.request_id,
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
        erased=erased,
    )


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
