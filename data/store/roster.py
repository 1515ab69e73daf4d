"""Listeners by the beginnings of their ids and names, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Column, Connection, case, func, select, union
from sqlalchemy.sql import ColumnElement

from data.events import EventKind
from data.listeners import ListenerEntry, ListenerPage
from data.schema import events, users
from data.store.text import storable

_ESCAPE = "\\"


def page(connection: Connection, limit: int, beginning: str, after: str | None) -> ListenerPage:
    """At most `limit` listeners whose id or name begins with `beginning`, ordered by id.

    Parameters
    ----------
    beginning : str
        Whose case does not matter (for ASCII letters, on SQLite); everybody when empty.
    after : str, optional
        ``ListenerPage.next`` of the page before.
    """
    if not all(storable(text) for text in (beginning, after) if text):
        return ListenerPage((), None)
    wanted = select(users.c.key, users.c.user_id, users.c.display_name)
    wanted = wanted.order_by(_in_order(connection, users.c.user_id)).limit(limit + 1)
    if after is not None:
        wanted = wanted.where(_in_order(connection, users.c.user_id) > after)
    if beginning:
        # Joined by OR they would leave an index aside, and unlimited they would all be merged.
        either = [
            wanted.where(_begins(connection, column, beginning)).subquery()
            for column in (users.c.user_id, users.c.display_name)
        ]
        both = union(*(select(part) for part in either)).subquery()
        wanted = select(both).order_by(_in_order(connection, both.c.user_id)).limit(limit + 1)
    rows = connection.execute(wanted).all()
    heard = _heard(connection, [row.key for row in rows[:limit]])
    found = tuple(
        ListenerEntry(row.user_id, row.display_name, *heard.get(row.key, (0, None)))
        for row in rows[:limit]
    )
    return ListenerPage(found, found[-1].user_id if len(rows) > limit else None)


def _in_order(connection: Connection, column: ColumnElement[str]) -> ColumnElement[str]:
    """`column`, to be compared by code points, as SQLite does and Python."""
    return column.collate("C") if connection.dialect.name == "postgresql" else column


def _begins(connection: Connection, column: Column[str], text: str) -> ColumnElement[bool]:
    """Condition that `column` begins with `text`, as the indexes of `data.schema` have it."""
    for special in (_ESCAPE, "%", "_"):
        text = text.replace(special, _ESCAPE + special)
    if connection.dialect.name == "postgresql":
        return func.lower(column).like(func.lower(f"{text}%"), escape=_ESCAPE)
    return column.like(f"{text}%", escape=_ESCAPE)


def _heard(connection: Connection, keys: Sequence[int]) -> dict[int, tuple[int, float | None]]:
    """Plays and the time of the latest event of each listener that has any event."""
    plays = case((events.c.kind == EventKind.PLAY.code, events.c.plays), else_=0)
    statement = (
        select(events.c.user_key, func.sum(plays), func.max(events.c.timestamp))
        .where(events.c.user_key.in_(keys))
        .group_by(events.c.user_key)
    )
    return {key: (int(heard), last) for key, heard, last in connection.execute(statement)}
