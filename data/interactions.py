"""Events summed up per listener and track: what models learn from, and one listener's history.

The same summing serves training (everybody at once) and a request (one listener), so that both
see a history in the same way. It depends on what happened when, never on what arrived when: events
may come late, in any order and in any batches. Of events of one moment the one with the higher
``EventKind.code`` counts as the later.

- Plays and skips are added up.
- A like or a dislike holds until the other follows, or what takes it back (unlike, undislike).
- A hide holds until an unhide follows, or a like.
- A track of which nothing is left (liked and unliked, never played) is as if never touched.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from data.events import EventKind, EventLog
from data.ids import IdMap

SKIPPED_BELOW = 0.3
"""A play of which less than this share was heard counts as a skip as well."""
_IS_OPINION = np.array(
    [kind in (EventKind.LIKE, EventKind.DISLIKE, EventKind.HIDE) for kind in EventKind]
)


@dataclass(frozen=True)
class History:
    """What one listener did, one entry a track, tracks in ascending position.

    Parameters
    ----------
    item_index : np.ndarray [shape=(n,), dtype=int32]
        Positions of the tracks, ascending, each once.
    plays : np.ndarray [shape=(n,), dtype=float32]
        Plays, each weighted by the share that was heard (at most 1).
    skips : np.ndarray [shape=(n,), dtype=float32]
        Skips, plays broken off early included.
    opinion : np.ndarray [shape=(n,), dtype=float32]
        −1 where the track is hidden or disliked, else +1 where it is liked, else 0.
    last_at : np.ndarray [shape=(n,), dtype=float64]
        Time of the latest event, UNIX seconds, NaN where unknown.
    """

    item_index: NDArray[np.int32]
    plays: NDArray[np.float32]
    skips: NDArray[np.float32]
    opinion: NDArray[np.float32]
    last_at: NDArray[np.float64]

    def __len__(self) -> int:
        return int(self.item_index.shape[0])

    @property
    def disliked(self) -> NDArray[np.int32]:
        """Positions of the tracks that the listener refused."""
        return self.item_index[self.opinion < 0]

    def take(self, rows: NDArray[np.bool_] | slice) -> History:
        """The entries at `rows`."""
        return History(
            item_index=self.item_index[rows],
            plays=self.plays[rows],
            skips=self.skips[rows],
            opinion=self.opinion[rows],
            last_at=self.last_at[rows],
        )


@dataclass(frozen=True)
class Interactions:
    """Histories of all listeners, row after row as in a CSR matrix.

    Parameters
    ----------
    users, items : IdMap
        What rows and columns stand for.
    indptr : np.ndarray [shape=(n_users + 1,), dtype=int64]
        ``indptr[u]:indptr[u + 1]`` are the entries of listener ``u``.
    pairs : History
        Entries of all listeners, one after the other.
    """

    users: IdMap
    items: IdMap
    indptr: NDArray[np.int64]
    pairs: History

    @classmethod
    def from_log(cls, log: EventLog) -> Interactions:
        """Sum up `log` per listener and track."""
        n_items = max(len(log.items), 1)
        key = log.user_index.astype(np.int64) * n_items + log.item_index
        time = np.where(np.isnan(log.timestamp), -np.inf, log.timestamp)
        order = np.lexsort((log.kind, time, key))
        key = key[order]
        starts = np.flatnonzero(np.diff(key, prepend=-1))
        pair_user, pair_item = np.divmod(key[starts], n_items)

        kind = log.kind[order]
        times = log.plays[order]
        heard = np.fmin(log.play_ratio[order], np.float32(1.0))  # unknown counts as all of it
        played = kind == EventKind.PLAY.code
        plays = np.where(played, times * heard, 0.0)
        skips = np.where(
            (kind == EventKind.SKIP.code) | (played & (heard < SKIPPED_BELOW)), times, 0.0
        )
        pairs = History(
            item_index=pair_item.astype(np.int32),
            plays=_sum(plays, starts),
            skips=_sum(skips, starts),
            opinion=_opinion(kind, starts),
            last_at=_last(log.timestamp[order], starts),
        )
        left = (pairs.plays > 0) | (pairs.skips > 0) | (pairs.opinion != 0)
        indptr = np.searchsorted(pair_user[left], np.arange(len(log.users) + 1)).astype(np.int64)
        return cls(log.users, log.items, indptr, pairs.take(left))

    def history(self, user_index: int) -> History:
        """History of the listener at `user_index`."""
        rows = slice(int(self.indptr[user_index]), int(self.indptr[user_index + 1]))
        return self.pairs.take(rows)

    def among(
        self, other: Interactions, counted: NDArray[np.bool_] | slice = slice(None)
    ) -> NDArray[np.bool_]:
        """Whether each pair [shape=(n_pairs,)] is one of the pairs `counted` of `other`, too.

        Both have the same listeners and tracks.
        """
        theirs = other._keys()[counted]
        if not len(theirs):
            return np.zeros(len(self.pairs), np.bool_)
        own = self._keys()
        found: NDArray[np.bool_] = theirs[np.searchsorted(theirs[:-1], own)] == own
        return found

    def by_listener(self, chosen: NDArray[np.bool_]) -> dict[int, NDArray[np.int32]]:
        """Position of each listener with any of the `chosen` pairs → the tracks of these."""
        users = np.repeat(np.arange(len(self.users)), np.diff(self.indptr))[chosen]
        starts = np.flatnonzero(np.diff(users, prepend=-1))
        parts = np.split(self.pairs.item_index[chosen], starts)[1:]
        return dict(zip(users[starts].tolist(), parts, strict=True))

    def _keys(self) -> NDArray[np.int64]:
        """A number for each pair, ascending."""
        users = np.repeat(np.arange(len(self.users), dtype=np.int64), np.diff(self.indptr))
        return users * max(len(self.items), 1) + self.pairs.item_index

    def matrix(self, values: NDArray[np.float32]) -> sparse.csr_matrix:
        """`values` [shape=(n_pairs,)] as a CSR matrix [shape=(n_users, n_items)] of its own arrays.

        Dropping zeros works in place: with shared arrays it would rewrite everybody's history.
        """
        return sparse.csr_matrix(
            (values, self.pairs.item_index, self.indptr),
            shape=(len(self.users), len(self.items)),
            copy=True,
        )


def _sum(values: NDArray[np.floating], starts: NDArray[np.intp]) -> NDArray[np.float32]:
    """Sum of each group; in double precision, where the order of the terms leaves no trace."""
    if not len(starts):
        return np.zeros(0, np.float32)
    return np.add.reduceat(values.astype(np.float64), starts).astype(np.float32)


def _last(values: NDArray[np.float64], starts: NDArray[np.intp]) -> NDArray[np.float64]:
    ends = np.append(starts[1:], len(values)) - 1
    return values[ends] if len(starts) else np.zeros(0, np.float64)


def _opinion(kind: NDArray[np.int8], starts: NDArray[np.intp]) -> NDArray[np.float32]:
    """Opinion of each group of events in the order of time, see `History`."""
    if not _IS_OPINION[kind].any():
        return np.zeros(len(starts), np.float32)
    like = _latest(kind, starts, EventKind.LIKE)
    dislike = _latest(kind, starts, EventKind.DISLIKE)
    liked = (like > dislike) & (like > _latest(kind, starts, EventKind.UNLIKE))
    disliked = (dislike > like) & (dislike > _latest(kind, starts, EventKind.UNDISLIKE))
    hide = _latest(kind, starts, EventKind.HIDE)
    hidden = hide > np.maximum(like, _latest(kind, starts, EventKind.UNHIDE))
    return np.where(hidden | disliked, -1, liked).astype(np.float32)


def _latest(
    kind: NDArray[np.int8], starts: NDArray[np.intp], wanted: EventKind
) -> NDArray[np.int64]:
    """Position of the last `wanted` event of each group, −1 where there is none."""
    found = np.flatnonzero(kind == wanted.code)
    latest = np.full(len(starts), -1, np.int64)
    # Of several assignments to one place the last holds, and positions ascend.
    latest[np.searchsorted(starts, found, side="right") - 1] = found
    return latest
