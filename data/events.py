"""Listening events: one, and a log of them as parallel arrays."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from data.ids import IdMap


class EventKind(StrEnum):
    """What a listener did with a track."""

    PLAY = "play"
    LIKE = "like"
    DISLIKE = "dislike"
    SKIP = "skip"
    HIDE = "hide"
    UNLIKE = "unlike"
    UNDISLIKE = "undislike"
    UNHIDE = "unhide"
    IMPRESSION = "impression"

    @property
    def code(self) -> int:
        """Position in the declaration order; the value used in arrays and in the store.

        Of events of one moment the higher code counts as the later (`data.interactions`), which
        is why what takes back stands after what it takes back.
        """
        return _CODES[self]


_CODES = {kind: code for code, kind in enumerate(EventKind)}
KINDS: tuple[EventKind, ...] = tuple(EventKind)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing a listener did.

    Parameters
    ----------
    event_id : str
        Client's id; the same id is stored once, however often it is sent.
    user_id, track_id : str
        External ids.
    kind : EventKind
        What happened.
    timestamp : float or None
        UNIX seconds; None for logs that keep none.
    play_ratio : float or None
        Share of the track that was heard, ≥ 0 (above 1 when parts were repeated); plays only.
    plays : int
        How often it happened; above 1 only for logs that keep counts instead of events.
    request_id : str or None
        The answer whose list showed the track, where the client says.
    """

    event_id: str
    user_id: str
    track_id: str
    kind: EventKind = EventKind.PLAY
    timestamp: float | None = None
    play_ratio: float | None = None
    plays: int = 1
    request_id: str | None = None


@dataclass(frozen=True)
class EventLog:
    """Events as parallel arrays of one length, ordered by time where times are known.

    What was merely shown (`EventKind.IMPRESSION`) is in the store, but never in a log: nothing is
    learned from it.

    Parameters
    ----------
    users, items : IdMap
        What the positions stand for. `items` covers the whole catalogue, not only what was heard.
    user_index, item_index : np.ndarray [shape=(n_events,), dtype=int32]
        Positions of listener and track.
    timestamp : np.ndarray [shape=(n_events,), dtype=float64]
        UNIX seconds, NaN where the log keeps no time.
    kind : np.ndarray [shape=(n_events,), dtype=int8]
        ``EventKind.code``.
    play_ratio : np.ndarray [shape=(n_events,), dtype=float32]
        Share heard, NaN where unknown.
    plays : np.ndarray [shape=(n_events,), dtype=float32]
        Number of times the row stands for.
    """

    users: IdMap
    items: IdMap
    user_index: NDArray[np.int32]
    item_index: NDArray[np.int32]
    timestamp: NDArray[np.float64]
    kind: NDArray[np.int8]
    play_ratio: NDArray[np.float32]
    plays: NDArray[np.float32]

    def __len__(self) -> int:
        return int(self.user_index.shape[0])

    @property
    def has_timestamps(self) -> bool:
        """True when every event carries its time."""
        return len(self) > 0 and not bool(np.isnan(self.timestamp).any())

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> EventLog:
        """The log of `rows` (a mask or positions) over the same users and items."""
        return EventLog(
            users=self.users,
            items=self.items,
            user_index=self.user_index[rows],
            item_index=self.item_index[rows],
            timestamp=self.timestamp[rows],
            kind=self.kind[rows],
            play_ratio=self.play_ratio[rows],
            plays=self.plays[rows],
        )

    def before(self, time: float) -> EventLog:
        """Events strictly before `time` (UNIX seconds)."""
        return self.take(self.timestamp < time)

    def since(self, time: float) -> EventLog:
        """Events at or after `time` (UNIX seconds)."""
        return self.take(self.timestamp >= time)
