"""Small logs for tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from data.events import EventKind, EventLog
from data.ids import IdMap


def make_log(
    rows: Sequence[tuple], items: Sequence[str] | None = None, start: float = 1_000_000.0
) -> EventLog:
    """Log of ``(user, track[, kind[, timestamp]])``; times count up by an hour where not given."""
    full = [
        (
            row[0],
            row[1],
            row[2] if len(row) > 2 else EventKind.PLAY,
            row[3] if len(row) > 3 else start + 3600.0 * position,
        )
        for position, row in enumerate(rows)
    ]
    full.sort(key=lambda row: row[3])
    users = IdMap.sorted(row[0] for row in full)
    tracks = IdMap.sorted(items if items is not None else [row[1] for row in full])
    return EventLog(
        users=users,
        items=tracks,
        user_index=users.indices([row[0] for row in full]),
        item_index=tracks.indices([row[1] for row in full]),
        timestamp=np.array([row[3] for row in full], np.float64),
        kind=np.array([row[2].code for row in full], np.int8),
        play_ratio=np.full(len(full), np.nan, np.float32),
        plays=np.ones(len(full), np.float32),
    )
