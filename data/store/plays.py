"""How often tracks were played, and by how many."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nsmallest

from sqlalchemy import Connection, func, select

from data.events import EventKind
from data.schema import events, users
from data.store.database import chunked
from data.store.tracks import keys_by_id


@dataclass(frozen=True, slots=True)
class PlayCounts:
    """Plays of one track, or of several together.

    Parameters
    ----------
    plays : int
        Plays, however much of the track was heard.
    listeners : int
        Distinct listeners behind them.
    last_played_at : float or None
        Time of the latest, UNIX seconds.
    """

    plays: int = 0
    listeners: int = 0
    last_played_at: float | None = None


@dataclass(frozen=True, slots=True)
class PlaysOfListener:
    """How often one listener played a track, or several together.

    Parameters
    ----------
    user_id : str
        External id.
    display_name : str or None
        Name to show.
    plays : int
        Plays, however much was heard.
    last_played_at : float or None
        Time of the latest, UNIX seconds.
    """

    user_id: str
    display_name: str | None
    plays: int
    last_played_at: float | None


_COUNTS = (
    func.coalesce(func.sum(events.c.plays), 0),
    func.count(events.c.user_key.distinct()),
    func.max(events.c.timestamp),
)


def of_each(connection: Connection, track_ids: Sequence[str]) -> dict[str, PlayCounts]:
    """Counts of each of `track_ids`; zeros for a track that nobody played."""
    id_of = {key: track_id for track_id, key in keys_by_id(connection, track_ids).items()}
    counts = dict.fromkeys(track_ids, PlayCounts())
    statement = select(events.c.track_key, *_COUNTS).group_by(events.c.track_key)
    for chunk in chunked(list(id_of)):
        condition = (events.c.track_key.in_(chunk), events.c.kind == EventKind.PLAY.code)
        for key, plays, listeners, last in connection.execute(statement.where(*condition)):
            counts[id_of[key]] = PlayCounts(int(plays), listeners, last)
    return counts


def together(connection: Connection, track_ids: Sequence[str]) -> PlayCounts:
    """Counts over all of `track_ids`, each listener counted once."""
    keys = list(keys_by_id(connection, track_ids).values())
    conditions = [
        (events.c.track_key.in_(chunk), events.c.kind == EventKind.PLAY.code)
        for chunk in chunked(keys)
    ]
    parts = [
        PlayCounts(int(plays), listeners, last)
        for condition in conditions
        for plays, listeners, last in connection.execute(select(*_COUNTS).where(*condition))
    ]
    if len(parts) == 1:
        return parts[0]
    listeners = {
        key
        for condition in conditions
        for key in connection.scalars(select(events.c.user_key).where(*condition).distinct())
    }
    times = [part.last_played_at for part in parts if part.last_played_at is not None]
    return PlayCounts(sum(p.plays for p in parts), len(listeners), max(times, default=None))


def by_listener(
    connection: Connection, track_ids: Sequence[str], limit: int
) -> list[PlaysOfListener]:
    """At most `limit` listeners who played any of `track_ids`, those who did so most first."""
    counts: dict[int, int] = defaultdict(int)
    latest: dict[int, float | None] = {}
    statement = select(
        events.c.user_key, func.sum(events.c.plays), func.max(events.c.timestamp)
    ).group_by(events.c.user_key)
    for chunk in chunked(list(keys_by_id(connection, track_ids).values())):
        condition = (events.c.track_key.in_(chunk), events.c.kind == EventKind.PLAY.code)
        for key, plays, last in connection.execute(statement.where(*condition)):
            counts[key] += int(plays)
            times = [time for time in (latest.get(key), last) if time is not None]
            latest[key] = max(times, default=None)
    most = nsmallest(limit, counts, key=lambda key: (-counts[key], key))
    named = select(users.c.key, users.c.user_id, users.c.display_name).where(users.c.key.in_(most))
    names = {row.key: row for row in connection.execute(named)}
    return [
        PlaysOfListener(names[key].user_id, names[key].display_name, counts[key], latest[key])
        for key in most
    ]
