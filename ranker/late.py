"""Models with tracks that came after they were learned.

A late track has sound, but no listeners that anything was learned from. So it is scored by what can
score a vector: the index, the bridge, what carries scores over, and every feature that follows from
them; the other sources say NaN, as for any track they know nothing of. The arrays of the models are
not copied (`data.rows.StackedRows`): they may be mapped from files and large.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from audio_model.index import StackedIndex
from cf_model.fold_in import FoldIn
from cf_model.model import CollaborativeModel
from data.arrays import Floats, Positions
from data.categories import ARTIST, LABEL, LEVELS, Categories
from data.ids import MISSING
from data.rows import StackedRows
from data.tracks import Catalogue
from ranker.candidates import CandidateList
from ranker.listener import Listener
from ranker.models import CandidateModels
from ranker.sources import (
    BridgeSource,
    CandidateSource,
    CarriedSource,
    CategorySource,
    CentresSource,
    ContentSource,
    PopularSource,
    RisingSource,
)
from ranker.sources.base import explaining


@dataclass(frozen=True)
class LateTracks:
    """Tracks that the models have not seen.

    Parameters
    ----------
    track_ids : tuple of str
        External ids; empty for vectors that only a request knows.
    vectors : np.ndarray [shape=(m, dimension), dtype=float32]
        Unit audio vectors of the models' encoder.
    categories : np.ndarray [shape=(m, n_levels), dtype=int32]
        Codes as in the catalogue, −1 where unknown.
    duration : np.ndarray [shape=(m,), dtype=float32]
        Seconds, NaN where unknown.
    """

    track_ids: tuple[str, ...]
    vectors: Floats
    categories: Positions
    duration: Floats

    def __len__(self) -> int:
        return len(self.vectors)

    @classmethod
    def anonymous(cls, vectors: Floats) -> LateTracks:
        """Vectors [shape=(m, dimension)] that belong to no track of the catalogue."""
        m = len(vectors)
        categories = np.full((m, len(LEVELS)), MISSING, np.int32)
        return cls((), vectors, categories, np.full(m, np.nan, np.float32))


@dataclass(frozen=True)
class _ExtendedModels(CandidateModels):
    """`known`, and `late` at the positions after its own; made by `extended`."""

    known: CandidateModels = field(kw_only=True)
    late: LateTracks = field(kw_only=True)

    @property
    def mean_embedding(self) -> Floats | None:
        """Mean audio vector of what the models were learned from."""
        return self.known.mean_embedding

    @cached_property
    def sources(self) -> tuple[CandidateSource, ...]:
        """The sources of `known`, each with what it can say of late tracks."""
        n = self.known.n_items
        nobody = np.zeros(len(self.late), np.float32)
        everyone_new = np.ones(len(self.late), np.bool_)
        shares = {ARTIST: None, LABEL: self.known.label_shares}
        late: dict[str, CandidateSource] = {
            LEVELS[level]: CategorySource(
                LEVELS[level],
                self.known.catalogue.categories.codes[:, level],
                self.late.categories[:, level],
                everyone_new,
                share,
            )
            for level, share in shares.items()
        }
        late |= {
            PopularSource.name: PopularSource(nobody),
            RisingSource.name: RisingSource(nobody, nobody),
        }
        if self._predicted is not None:
            late[BridgeSource.name] = BridgeSource(self._predicted, everyone_new)
        carried = self._carried()
        if carried is not None:
            late[CarriedSource.name] = carried
        found: list[CandidateSource] = []
        for source in self.known.sources:
            if isinstance(source, ContentSource | CentresSource) and self.embeddings is not None:
                assert self.index is not None
                found.append(source.over(self.embeddings, self.index))
            else:
                found.append(_WithLate(source, late.get(source.name), n))
        return tuple(found)

    @cached_property
    def _fold_in(self) -> FoldIn | None:
        # What a listener did with a late track counts by the factor that its sound predicts.
        known = self.known._fold_in
        if known is None or self.collaborative is None:
            return None
        if self._predicted is not None:
            return known.extended(self._predicted)
        width = self.collaborative.item_factors.shape[1]
        return known.extended(np.zeros((len(self.late), width), np.float32))

    @cached_property
    def _predicted(self) -> Floats | None:
        """Factors that the bridge predicts for late tracks [shape=(m, factors)]."""
        if self.bridge is None:
            return None
        return self.bridge.predict(self.late.vectors, self.late.categories)

    def _carried(self) -> CarriedSource | None:
        if self.item_item is None or self.carry is None:
            return None
        m = len(self.late)
        return CarriedSource(
            self.related or self.item_item,
            self.carry,
            np.arange(m, dtype=np.int32),
            self.carry.towards(self.late.vectors),
            m,
        )


def extended(models: CandidateModels, late: LateTracks) -> CandidateModels:
    """`models` over a catalogue that goes on with the tracks `late`.

    Without vectors in `models` nothing can be said of late tracks, and they come back as they are.
    """
    if models.embeddings is None or models.index is None or not len(late):
        return models
    nobody = np.zeros(len(late), np.float32)
    catalogue = models.catalogue
    collaborative = models.collaborative
    if collaborative is not None:
        width = collaborative.item_factors.shape[1]
        collaborative = CollaborativeModel(
            StackedRows(collaborative.item_factors, np.zeros((len(late), width), np.float32)),
            np.concatenate([collaborative.support, nobody]),
            collaborative.regularization,
        )
    bridged = models.bridged_factors
    if bridged is not None:
        predicted = np.full((len(late), bridged.shape[1]), np.nan, np.float32)
        if models.bridge is not None:
            predicted = models.bridge.predict(late.vectors, late.categories)
        bridged = StackedRows(bridged, predicted)
    return _ExtendedModels(
        catalogue=Catalogue(
            catalogue.items.extended(late.track_ids) if late.track_ids else catalogue.items,
            Categories(
                catalogue.categories.names,
                np.concatenate([catalogue.categories.codes, late.categories]),
            ),
            np.concatenate([catalogue.duration, late.duration]),
        ),
        confidence=models.confidence,
        settings=models.settings,
        popularity=np.concatenate([models.popularity, nobody]),
        recent_popularity=np.concatenate([models.recent_popularity, nobody]),
        age=np.concatenate([models.age, np.full(len(late), np.nan, np.float32)]),
        collaborative=collaborative,
        embeddings=StackedRows(models.embeddings, late.vectors),
        index=StackedIndex(models.index, late.vectors),
        bridged_factors=bridged,
        bridge=models.bridge,
        item_item=models.item_item,
        carry=models.carry,
        related=models.related,
        known=models,
        late=late,
    )


class _WithLate:
    """A source, and what is known of the tracks that came after it.

    Parameters
    ----------
    source : CandidateSource
        Over the positions 0 … n−1.
    late : CandidateSource or None
        Over the positions from n on, counted from there; None = cannot score them.
    n_items : int
        n.
    """

    def __init__(self, source: CandidateSource, late: CandidateSource | None, n_items: int) -> None:
        self.name = source.name
        self._source = source
        self._late = late
        self._n = n_items

    def candidates(self, listener: Listener, n: int) -> CandidateList:
        """Best of both."""
        before, after = listener.split(self._n)
        found = self._source.candidates(before, n)
        more = CandidateList.empty() if self._late is None else self._late.candidates(after, n)
        if not len(more):
            return found
        items = np.concatenate([found.item_index, more.item_index + np.int32(self._n)])
        score = np.concatenate([found.score, more.score])
        order = np.lexsort((items, -score))[:n]
        return CandidateList(items[order], score[order])

    def score(self, listener: Listener, item_index: Positions) -> Floats:
        """Score by the one that knows the track; NaN where none does."""
        before, after = listener.split(self._n)
        score = np.full(len(item_index), np.nan, np.float32)
        known = item_index < self._n
        score[known] = self._source.score(before, item_index[known])
        if self._late is not None and not known.all():
            score[~known] = self._late.score(after, item_index[~known] - np.int32(self._n))
        return score

    def explain(self, listener: Listener, items: Positions) -> Positions:
        """The liked track that speaks most for each of `items`; −1 when none does."""
        before, after = listener.split(self._n)
        named = np.full(len(items), MISSING, np.int32)
        known = items < self._n
        for source, view, rows, first in (
            (self._source, before, known, 0),
            (self._late, after, ~known, self._n),
        ):
            able = explaining(source)
            if able is not None and rows.any():
                named[rows] = able.explain(view, items[rows] - np.int32(first))
        return named
