"""How often tracks were played, and by how many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from data.events import EventKind
from data.schema import events
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
