"""The catalogue as it is now: the bundle's tracks, and those that were added after it."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from data.arrays import Floats, Mask, Positions
from data.ids import MISSING, IdMap
from data.store import Store
from data.tracks import Track
from ranker.hybrid import Hybrid
from ranker.late import LateTracks, extended
from recsys.cursor import Fingerprints, fingerprints
from recsys.filters import Filters, Tags, tag_row
from recsys.offered import OfferedTracks

CHECK_EVERY = 1.0
"""Seconds between two looks at whether the catalogue has changed."""


@dataclass(frozen=True)
class CatalogueView:
    """One state of the catalogue; a request works with the one it began with.

    Parameters
    ----------
    hybrid : Hybrid
        Sources and ranker, late tracks included.
    store : Store
        Where tags are read.
    offering : OfferedTracks
        Knows what was withdrawn.
    known : Fingerprints
        Of the bundle's tracks.
    """

    hybrid: Hybrid
    store: Store = field(repr=False)
    offering: OfferedTracks = field(repr=False)
    known: Fingerprints = field(repr=False)
    _tags: Tags | None = field(default=None, repr=False)

    @property
    def items(self) -> IdMap:
        """External ids of the positions."""
        return self.hybrid.models.catalogue.items

    @cached_property
    def tags(self) -> Tags:
        """Tags of the tracks, as of the latest change."""
        return Tags.of(self.items, self.store.tags()) if self._tags is None else self._tags

    @property
    def tags_if_read(self) -> Tags | None:
        """The tags, if anything has asked for them."""
        return self.__dict__.get("tags", self._tags)

    @cached_property
    def prints(self) -> Fingerprints:
        """Fingerprints of all tracks, for cursors [shape=(n_items,)]."""
        late = [self.items.external(position) for position in range(len(self.known), self.n_items)]
        return np.concatenate([self.known, fingerprints(late)])

    @cached_property
    def _by_print(self) -> tuple[Positions, Fingerprints]:
        """Positions in the order of their fingerprints, and these."""
        order = np.argsort(self.prints, kind="stable").astype(np.int32)
        return order, self.prints[order]

    @property
    def n_items(self) -> int:
        """Number of tracks."""
        return len(self.items)

    def with_prints(self, wanted: Fingerprints) -> Positions:
        """Positions of the tracks with these fingerprints, in their order."""
        if not len(wanted):
            return np.zeros(0, np.int32)
        order, there = self._by_print
        first = np.searchsorted(there, wanted, side="left")
        last = np.searchsorted(there, wanted, side="right")
        found = [order[a:b] for a, b in zip(first, last, strict=True)]
        return np.concatenate([np.zeros(0, np.int32), *found])

    def allowed(self, filters: Filters) -> Mask | None:
        """Tracks that meet `filters` [shape=(n_items,)]; None = all of them do."""
        mask = self.tags.matching(filters) if filters.by_tags else None
        if filters.exclude_ids:
            mask = np.ones(self.n_items, np.bool_) if mask is None else mask
            unwanted = self.items.indices(list(filters.exclude_ids))
            mask[unwanted[unwanted != MISSING]] = False
        return mask

    def offered(self, items: Positions) -> Mask:
        """Which of `items` the catalogue offers at this moment [shape=(n,)]."""
        return self.offering.among(self.items, items)


class LiveCatalogue:
    """Follows the store from the state that a bundle was made of.

    Parameters
    ----------
    hybrid : Hybrid
        The bundle's.
    store : Store
        Looked at once in `CHECK_EVERY` seconds at most.
    encoder_id : str or None
        Encoder whose vectors the bundle holds.
    """

    def __init__(self, hybrid: Hybrid, store: Store, encoder_id: str | None) -> None:
        self._bundled = hybrid
        self._store = store
        self._encoder_id = encoder_id
        self._late: dict[str, tuple[Track, Floats]] = {}
        self._lock = threading.Lock()
        self._view: CatalogueView | None = None
        self._seen = 0
        self._looked_at = float("-inf")

    def current(self) -> CatalogueView:
        """The catalogue to use for one request."""
        view = self._view
        if view is not None and time.monotonic() - self._looked_at < CHECK_EVERY:
            return view
        # Whoever comes while changes are being read gets the state before them.
        if not self._lock.acquire(blocking=view is None):
            assert view is not None
            return view
        try:
            self._view = self._opened() if self._view is None else self._refreshed(self._view)
            self._looked_at = time.monotonic()
            return self._view
        finally:
            self._lock.release()

    def _opened(self) -> CatalogueView:
        items = self._bundled.models.catalogue.items
        self._seen = self._store.change()
        offering = OfferedTracks(self._store, items)
        view = CatalogueView(self._bundled, self._store, offering, fingerprints(items))
        if self._encoder_id is None or self._bundled.models.embeddings is None:
            return view
        new = sorted(self._store.embedded(self._encoder_id) - set(items))
        return self._with_late(view, self._store.tracks(new)) if new else view

    def _refreshed(self, view: CatalogueView) -> CatalogueView:
        change = self._store.change()
        if change == self._seen:
            return view
        tracks = self._store.tracks(self._store.changed_since(self._seen), withdrawn=True)
        self._seen = change
        known = self._bundled.models.catalogue.items
        view = self._with_late(view, [track for track in tracks if track.track_id not in known])
        if view.tags_if_read is None:
            return view
        rows = [tag_row(track) for track in tracks]
        return replace(view, _tags=view.tags_if_read.updated(view.items, rows))

    def _with_late(self, view: CatalogueView, tracks: Sequence[Track]) -> CatalogueView:
        """`view` with those of `tracks` that have a vector, and without those that have none."""
        if not tracks or self._encoder_id is None:
            return view
        vectors = self._store.some_embeddings(
            self._encoder_id, [track.track_id for track in tracks]
        )
        for track in tracks:
            self._late.pop(track.track_id, None)
            if track.track_id in vectors:
                self._late[track.track_id] = track, vectors[track.track_id]
        known = view.tags.first(self._bundled.models.n_items)
        if not self._late:
            return replace(view, hybrid=self._bundled, _tags=known)
        models = extended(self._bundled.models, self._late_tracks())
        rows = [tag_row(track) for track, _ in self._late.values()]
        tags = known.updated(models.catalogue.items, rows)
        return replace(view, hybrid=replace(self._bundled, models=models), _tags=tags)

    def _late_tracks(self) -> LateTracks:
        tracks = [track for track, _ in self._late.values()]
        return LateTracks(
            track_ids=tuple(track.track_id for track in tracks),
            vectors=np.stack([vector for _, vector in self._late.values()]).astype(np.float32),
            categories=self._bundled.models.catalogue.categories.codes_of(tracks),
            duration=np.array(
                [np.nan if t.duration is None else t.duration for t in tracks], np.float32
            ),
        )
