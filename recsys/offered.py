"""Which tracks the catalogue offers at this moment."""

from __future__ import annotations

import threading

import numpy as np

from data.arrays import Mask, Positions
from data.ids import MISSING, IdMap
from data.store import Store


class OfferedTracks:
    """Knows withdrawn and missing tracks, and asks the store only for what has changed.

    Each question begins with the store's counter of changes, so that a track that was withdrawn a
    moment ago, by whichever process, is not offered any more. Asking about a thousand candidates
    one by one would take longer than ranking them.

    Parameters
    ----------
    store : Store
        The catalogue.
    items : IdMap
        Tracks of the bundle.
    """

    def __init__(self, store: Store, items: IdMap) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._seen = store.change()
        # All that are offered: to ask about a million by name takes ten times as long.
        self._withheld = frozenset(items) - store.offered()
        self._barred: tuple[frozenset[str], IdMap, Mask] | None = None

    def among(self, items: IdMap, positions: Positions) -> Mask:
        """Which of the tracks at `positions` of `items` are offered [shape=(n,)]."""
        withheld = self._current()
        if not withheld:
            return np.ones(len(positions), np.bool_)
        kept = self._barred
        if kept is None or kept[0] is not withheld or kept[1] is not items:
            mask = np.zeros(len(items), np.bool_)
            barred = items.indices(list(withheld))
            mask[barred[barred != MISSING]] = True
            self._barred = kept = withheld, items, mask
        offered: Mask = ~kept[2][positions]
        return offered

    def _current(self) -> frozenset[str]:
        change = self._store.change()
        if change != self._seen:
            with self._lock:
                if change > self._seen:
                    changed = self._store.changed_since(self._seen)
                    gone = frozenset(changed) - self._store.offered(changed)
                    self._withheld = (self._withheld - frozenset(changed)) | gone
                    self._seen = change
        return self._withheld
