"""Listeners in the store: profile, events one by one, erasure."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterator, Sequence
from math import inf

from sqlalchemy import Connection, and_, delete, func, or_, select, update
from sqlalchemy.sql import ColumnElement

from data.errors import UnknownListenerError
from data.events import KINDS, Event, EventKind
from data.listeners import EventPage, Listener, ListenerPage, Profile
from data.schema import events, tracks, users
from data.store import erasures, roster
from data.store.database import Database, insert
from data.store.text import require_storable, storable

EXPORT_ROWS = 1_000
"""Events read at a time for an export, so that a slow reader holds no transaction open."""

Place = tuple[float | None, int]


class Listeners:
    """Listeners of a store; reach it as ``Store.listeners``.

    Parameters
    ----------
    database : Database
        The open database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, user_id: str) -> Listener:
        """Profile and counts of a listener.

        Raises
        ------
        UnknownListenerError
            If nothing is known of them.
        """
        with self._database.reading() as connection:
            key = _require_key(connection, user_id)
            row = connection.execute(select(users).where(users.c.key == key)).one()
            counts = connection.execute(
                select(
                    events.c.kind,
                    func.count(),
                    func.min(events.c.timestamp),
                    func.max(events.c.timestamp),
                )
                .where(events.c.user_key == key)
                .group_by(events.c.kind)
            ).all()
            n_tracks = connection.scalar(
                select(func.count(events.c.track_key.distinct())).where(events.c.user_key == key)
            )
        attributes = json.loads(row.attributes) if row.attributes else {}
        return Listener(
            user_id=user_id,
            profile=Profile(row.display_name, row.locale, attributes),
            created_at=row.created_at,
            updated_at=row.updated_at,
            n_events={KINDS[kind]: count for kind, count, _, _ in sorted(map(tuple, counts))},
            n_tracks=n_tracks or 0,
            first_event_at=min(
                (first for *_, first, _ in counts if first is not None), default=None
            ),
            last_event_at=max((last for *_, last in counts if last is not None), default=None),
        )

    def put(self, user_id: str, profile: Profile) -> bool:
        """Write the profile of a listener, who is created if need be; returns whether they were.

        A listener who was erased comes back by this, with nothing of what was before.

        Raises
        ------
        DataError
            If the id is empty or not valid text.
        """
        require_storable(user_id, "user id")
        now = time.time()
        written = {
            "display_name": profile.display_name,
            "locale": profile.locale,
            "attributes": json.dumps(dict(profile.attributes)) if profile.attributes else None,
            "updated_at": now,
        }
        with self._database.writing() as connection:
            erasures.lift(connection, user_id)
            created = _key(connection, user_id) is None
            statement = insert(connection, users).values(user_id=user_id, created_at=now)
            connection.execute(statement.on_conflict_do_nothing())
            connection.execute(update(users).where(users.c.user_id == user_id).values(**written))
        return created

    def page(self, limit: int, *, beginning: str = "", after: str | None = None) -> ListenerPage:
        """At most `limit` listeners whose id or name begins with `beginning`, ordered by id.

        Parameters
        ----------
        beginning : str
            Whose case does not matter; everybody when empty.
        after : str, optional
            ``ListenerPage.next`` of the page before.
        """
        with self._database.reading() as connection:
            return roster.page(connection, limit, beginning, after)

    def events(
        self,
        user_id: str,
        limit: int,
        *,
        kinds: Collection[EventKind] = (),
        after: Place | None = None,
    ) -> EventPage:
        """At most `limit` events of a listener, the newest first.

        Parameters
        ----------
        kinds : collection of EventKind
            Only these; all when empty.
        after : tuple of (float or None, int), optional
            ``EventPage.next`` of the page before.

        Raises
        ------
        UnknownListenerError
            If nothing is known of them.
        """
        with self._database.reading() as connection:
            key = _require_key(connection, user_id)
            return _page(connection, user_id, key, limit, kinds, after)

    def export(self, user_id: str) -> Iterator[Event]:
        """Every event of a listener, the newest first, read as they are asked for."""
        after: Place | None = None
        while True:
            with self._database.reading() as connection:
                key = _key(connection, user_id)
                if key is None:  # erased while the export was under way
                    return
                page = _page(connection, user_id, key, EXPORT_ROWS, (), after)
            yield from page.events
            after = page.next
            if after is None:
                return

    def delete_events(self, user_id: str, event_id: str | None = None) -> int:
        """Delete all events of a listener, or one of them; returns how many there were.

        Raises
        ------
        UnknownListenerError
            If nothing is known of them.
        """
        with self._database.writing() as connection:
            statement = delete(events).where(events.c.user_key == _require_key(connection, user_id))
            if event_id is not None:
                if not storable(event_id):
                    return 0
                statement = statement.where(events.c.event_id == event_id)
            deleted = connection.execute(statement).rowcount
        self._database.forget_log()
        return deleted

    def erase(self, user_id: str) -> int:
        """Delete everything about a listener, and keep them out; returns how many events went.

        Whoever is not known is kept out all the same.

        Raises
        ------
        DataError
            If the id is empty or not valid text.
        """
        require_storable(user_id, "user id")
        with self._database.writing() as connection:
            key = _key(connection, user_id)
            deleted = 0
            if key is not None:
                deleted = connection.execute(
                    delete(events).where(events.c.user_key == key)
                ).rowcount
                connection.execute(delete(users).where(users.c.key == key))
            erasures.bar(connection, user_id)
        self._database.forget_log()
        return deleted

    def erased(self, user_ids: Sequence[str]) -> set[str]:
        """Those of `user_ids` who were erased and have not come back."""
        with self._database.reading() as connection:
            found = erasures.barred(connection, user_ids)
        return {user_id for user_id, since in found.items() if since == inf}


def _key(connection: Connection, user_id: str) -> int | None:
    if not storable(user_id):
        return None
    return connection.scalar(select(users.c.key).where(users.c.user_id == user_id))


def _require_key(connection: Connection, user_id: str) -> int:
    key = _key(connection, user_id)
    if key is None:
        raise UnknownListenerError(user_id)
    return key


def _page(
    connection: Connection,
    user_id: str,
    user_key: int,
    limit: int,
    kinds: Collection[EventKind],
    after: Place | None,
) -> EventPage:
    statement = (
        select(events, tracks.c.track_id)
        .join_from(events, tracks, tracks.c.key == events.c.track_key)
        .where(events.c.user_key == user_key)
        .order_by(events.c.timestamp.desc().nulls_last(), events.c.key.desc())
        .limit(limit + 1)
    )
    if kinds:
        statement = statement.where(events.c.kind.in_([kind.code for kind in kinds]))
    if after is not None:
        statement = statement.where(_beyond(after))
    rows = connection.execute(statement).all()
    found = tuple(
        Event(
            row.event_id,
            user_id,
            row.track_id,
            KINDS[row.kind],
            row.timestamp,
            row.play_ratio,
            row.plays,
            row.request_id,
        )
        for row in rows[:limit]
    )
    last = rows[limit - 1] if len(rows) > limit else None
    return EventPage(found, None if last is None else (last.timestamp, last.key))


def _beyond(place: Place) -> ColumnElement[bool]:
    """Condition of the events that come after `place` in the order of pages."""
    timestamp, key = place
    earlier = events.c.key < key
    if timestamp is None:
        return and_(events.c.timestamp.is_(None), earlier)
    return or_(
        events.c.timestamp < timestamp,
        and_(events.c.timestamp == timestamp, earlier),
        events.c.timestamp.is_(None),
    )
