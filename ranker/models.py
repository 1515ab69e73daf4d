"""Everything that proposes candidates, as learned from a log up to some moment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import numpy as np

from audio_model.index import SearchIndex
from cf_model.bridge import Bridge
from cf_model.carry import Carry
from cf_model.confidence import signed_confidence
from cf_model.config import ConfidenceSettings
from cf_model.fold_in import FoldIn
from cf_model.item_item import ItemItemModel
from cf_model.model import CollaborativeModel
from data.arrays import Floats, Mask, Positions
from data.categories import ARTIST, LABEL, LEVELS
from data.errors import ParameterError
from data.interactions import History
from data.rows import Rows
from data.tracks import Catalogue
from ranker.candidates import Candidates, merge
from ranker.config import CandidateSettings
from ranker.directions import taste_direction
from ranker.listener import Listener
from ranker.sources import (
    BridgeSource,
    CandidateSource,
    CarriedSource,
    CategorySource,
    CentresSource,
    CollaborativeSource,
    ContentSource,
    ItemItemSource,
    PopularSource,
    RisingSource,
)
from ranker.sources.base import PreparingSource
from ranker.sources.category import listening_shares

_AT_ONCE = 64
"""Listeners whose scores are worked out in one product."""


@dataclass(frozen=True)
class CandidateModels:
    """Fitted sources over one catalogue.

    A part that could not be learned is None, and its source proposes nothing: a log whose tracks
    have no audio works without vectors, a library nobody has listened to without factors.

    Parameters
    ----------
    catalogue : Catalogue
        The tracks, ``n_items`` of them.
    confidence : ConfidenceSettings
        How events are weighed; the same for training and for serving.
    settings : CandidateSettings
        How many candidates each source brings.
    popularity : np.ndarray [shape=(n_items,), dtype=float32]
        Distinct listeners who are positive about each track.
    recent_popularity : np.ndarray [shape=(n_items,), dtype=float32]
        The same over the last ``settings.recent_days``; equal to `popularity` without timestamps.
    age : np.ndarray [shape=(n_items,), dtype=float32]
        Days from a track's first event to the last of the log; NaN without.
    collaborative : CollaborativeModel or None
        Item factors.
    embeddings : np.ndarray, StackedRows [shape=(n_items, dimension), dtype=float32] or None
        Unit audio vectors, NaN rows where a track has none.
    index : SearchIndex or None
        Index over `embeddings`.
    bridged_factors : np.ndarray, StackedRows [shape=(n_items, factors), dtype=float32] or None
        Factors predicted from sound.
    bridge : Bridge or None
        What predicted them, for tracks to come.
    item_item : ItemItemModel or None
        Weights between tracks.
    carry : Carry or None
        Regression on sound that gives newcomers the scores of established tracks.
    related : ItemItemModel or None
        Weights that those scores come from; None = `item_item`.
    """

    catalogue: Catalogue
    confidence: ConfidenceSettings
    settings: CandidateSettings
    popularity: Floats
    recent_popularity: Floats
    age: Floats
    collaborative: CollaborativeModel | None = None
    embeddings: Rows | None = None
    index: SearchIndex | None = None
    bridged_factors: Rows | None = None
    bridge: Bridge | None = None
    item_item: ItemItemModel | None = None
    carry: Carry | None = None
    related: ItemItemModel | None = None

    @property
    def newcomers(self) -> Mask:
        """Tracks with few listeners or none [shape=(n_items,)]."""
        return self.popularity < self.settings.newcomer_support

    @cached_property
    def mean_popularity(self) -> float:
        """Listeners of a track that anybody plays, on average."""
        return float(self.popularity.sum() / max(np.count_nonzero(self.popularity), 1))

    @property
    def n_items(self) -> int:
        """Number of tracks."""
        return len(self.popularity)

    @cached_property
    def sources(self) -> tuple[CandidateSource, ...]:
        """The sources that can propose something, in a fixed order.

        Raises
        ------
        ParameterError
            If ``settings.leave_out`` leaves none.
        """
        sources: list[CandidateSource] = []
        if self.collaborative is not None and self._fold_in is not None:
            sources.append(
                CollaborativeSource(
                    self.collaborative.item_factors,
                    self.collaborative.support,
                    self._fold_in,
                )
            )
        if self.item_item is not None:
            sources.append(ItemItemSource(self.item_item, self.popularity > 0))
        if self.embeddings is not None and self.index is not None:
            sources.append(ContentSource(self.embeddings, self.index))
            if self.settings.taste_centres > 1 and self.mean_embedding is not None:
                sources.append(
                    CentresSource(
                        self.embeddings,
                        self.index,
                        self.mean_embedding,
                        self.settings.taste_centres,
                    )
                )
        if self.bridged_factors is not None:
            sources.append(BridgeSource(np.asarray(self.bridged_factors), self.newcomers))
        if self.item_item is not None and self.carry is not None:
            sources.append(
                CarriedSource(
                    self.related or self.item_item,
                    self.carry,
                    self.carry.newcomers,
                    self.carry.kernel,
                    self.n_items,
                )
            )
        artist, label = self.catalogue.artist, self.catalogue.label
        if (artist >= 0).any() and self.popularity.any():
            sources.append(CategorySource(LEVELS[ARTIST], artist, artist, self.newcomers))
        if (label >= 0).any() and self.popularity.any():
            shares = self.label_shares
            sources.append(CategorySource(LEVELS[LABEL], label, label, self.newcomers, shares))
        sources.append(PopularSource(self.popularity))
        sources.append(RisingSource(self.popularity, self.recent_popularity))
        left = tuple(source for source in sources if source.name not in self.settings.leave_out)
        if not left:
            raise ParameterError(
                "candidates.leave_out: expected at least one source to be left of "
                f"{', '.join(source.name for source in sources)}, which are all that there are "
                "for this catalogue; remove one of them from the setting"
            )
        return left

    @cached_property
    def label_shares(self) -> Floats:
        """Share of all listening that each record label has [shape=(n_labels,)]."""
        return listening_shares(self.catalogue.label, self.popularity)

    @cached_property
    def mean_embedding(self) -> Floats | None:
        """Mean audio vector of the catalogue [shape=(dimension,)]."""
        return None if self.embeddings is None else np.nanmean(np.asarray(self.embeddings), axis=0)

    @cached_property
    def _fold_in(self) -> FoldIn | None:
        return None if self.collaborative is None else self.collaborative.fold_in

    def listener(self, history: History, excluded: Positions) -> Listener:
        """The listener with this history, to whom `excluded` (ascending) is not recommended."""
        signed = signed_confidence(history, self.confidence)
        factor = None
        if self._fold_in is not None and (signed > 0).any():
            factor = self._fold_in.user_factor(history.item_index, signed)
        taste = None
        if self.embeddings is not None and self.mean_embedding is not None:
            taste = taste_direction(
                self.embeddings, self.mean_embedding, history.item_index, signed
            )
        return Listener(history, signed, factor, taste, excluded)

    def prepare(self, listeners: Sequence[Listener]) -> None:
        """Let sources work out for all of `listeners` at once what their candidates follow from.

        Candidates and features are the same without it, but for rounding; it saves time where many
        listeners are asked about, and takes memory for some scores of each (MBs in a large
        catalogue) as long as they are held.
        """
        for source in self.sources:
            if isinstance(source, PreparingSource):
                source.prepare(listeners, self.settings.per_source)

    def prepared(self, listeners: Iterable[Listener]) -> Iterator[Listener]:
        """`listeners` one after the other, `prepare`d some at a time."""
        waiting = iter(listeners)
        while block := list(islice(waiting, _AT_ONCE)):
            self.prepare(block)
            yield from block

    def candidates(self, listener: Listener, also: Positions | None = None) -> Candidates:
        """Joined proposals of all sources, and the tracks `also` whoever proposes them."""
        return merge(
            {
                source.name: source.candidates(listener, self.settings.per_source)
                for source in self.sources
            },
            also,
        )
