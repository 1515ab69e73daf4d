"""A counter of the changes to tracks and their vectors, so that readers need not compare rows."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select, update

from data.schema import meta, tracks
from data.store.database import chunked
from data.store.prepared import Fetch, Prepared

_CURRENT = Prepared(select(meta.c.change))


def current(fetch: Fetch) -> int:
    """Number of changes so far."""
    found = fetch(_CURRENT, {})
    return int(found[0][0]) if found else 0


def advance(connection: Connection) -> int:
    """Count one more change and return its number.

    The row stays locked until the transaction ends, so that numbers become visible in their order.
    """
    statement = update(meta).values(change=meta.c.change + 1).returning(meta.c.change)
    return int(connection.execute(statement).scalar_one())


def mark(connection: Connection, track_keys: Sequence[int]) -> None:
    """Note that these tracks have changed."""
    if not track_keys:
        return
    change = advance(connection)
    for chunk in chunked(track_keys):
        connection.execute(update(tracks).where(tracks.c.key.in_(chunk)).values(change=change))


def since(connection: Connection, change: int) -> list[str]:
    """Ids of the tracks that have changed after `change`, withdrawn ones included."""
    return list(
        connection.scalars(
            select(tracks.c.track_id).where(tracks.c.change > change).order_by(tracks.c.change)
        )
    )
