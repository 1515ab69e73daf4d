"""Tracks that are like a track, or like a sound."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import cached_property

import numpy as np

from data.arrays import Floats, Mask, Positions
from data.errors import NotAnalysedError, NotReadyError, ParameterError
from ranker.candidates import CandidateList, merge, reciprocal_rank_fusion
from ranker.rerank.duplicates import distinct
from recsys.catalogue import CatalogueView
from recsys.filters import EVERYTHING, Filters
from recsys.lists import Recommendation
from recsys.seeds import position_of, unit_vector

GATHERED_UP_TO = 0.25
"""Share of the catalogue up to which what the filters leave is compared track by track; beyond, an
index searches deeper until enough of what it finds is left."""
FUSED_DEPTH = 500
"""Tracks of either space that are fused."""


class Space(StrEnum):
    """In what two tracks may be alike."""

    AUDIO = "audio"
    COLLABORATIVE = "collaborative"
    HYBRID = "hybrid"


_REASONS = {
    Space.AUDIO: "sounds alike",
    Space.COLLABORATIVE: "the same listeners play both",
    Space.HYBRID: "sounds alike, and the same listeners play both",
}


class SimilarTracks:
    """Searches one state of the catalogue.

    Parameters
    ----------
    view : CatalogueView
        The catalogue.
    duplicate_cosine : float
        Cosine above which two tracks of one length are the same (`RerankSettings`).
    """

    def __init__(self, view: CatalogueView, duplicate_cosine: float) -> None:
        self._view = view
        self._models = view.hybrid.models
        self._duplicate_cosine = duplicate_cosine

    def to_track(
        self, track_id: str, n: int, space: Space | None = None, filters: Filters = EVERYTHING
    ) -> tuple[Recommendation, ...]:
        """At most `n` tracks like `track_id`, which is not among them, nor any copy of it.

        Parameters
        ----------
        space : Space, optional
            By default sound, and shared listeners for a track without a vector.

        Raises
        ------
        UnknownTrackError
            If the track is not in the catalogue.
        NotAnalysedError
            If the model cannot say what the track is like in this space.
        """
        seed = position_of(self._view, track_id)
        allowed = self._allowed(filters)
        allowed[seed] = False
        heard = self._heard_like(seed)
        listened = self._played_like(seed)
        if space is Space.HYBRID and heard is not None and listened is not None:
            fused = self._fused(heard, listened, n, allowed, seed)
            return self._described(fused, Space.HYBRID)
        if heard is not None and space is not Space.COLLABORATIVE:
            return self._described(self._filled(heard, n, allowed, seed), Space.AUDIO)
        if listened is not None and space is not Space.AUDIO:
            return self._described(self._filled(listened, n, allowed, seed), Space.COLLABORATIVE)
        lacking = {
            Space.AUDIO: "no audio vector: run `recsys embed`, then `recsys train`",
            Space.COLLABORATIVE: "no listeners in the current model: ask for space=audio",
        }
        nothing = "neither an audio vector nor listeners: run `recsys embed`"
        missing = nothing if space is None else lacking.get(space, nothing)
        raise NotAnalysedError(f"track {track_id!r} has {missing}")

    def to_vector(
        self, vector: Floats, n: int, filters: Filters = EVERYTHING
    ) -> tuple[Recommendation, ...]:
        """At most `n` tracks that sound like `vector` [shape=(dimension,)].

        Raises
        ------
        NotReadyError
            If the model knows no sound.
        ParameterError
            If the vector has another dimension.
        """
        if n < 1:
            raise ParameterError(f"n must be at least 1, got {n}")
        search = self._sounding_like(unit_vector(self._models, vector))
        return self._described(self._filled(search, n, self._allowed(filters)), Space.AUDIO)

    def _allowed(self, filters: Filters) -> Mask:
        allowed = self._view.allowed(filters)
        return np.ones(self._view.n_items, np.bool_) if allowed is None else allowed

    def _heard_like(self, seed: int) -> _Search | None:
        if self._models.embeddings is None:
            return None
        vector = self._models.embeddings[seed]
        return None if np.isnan(vector).any() else self._sounding_like(vector)

    def _sounding_like(self, vector: Floats) -> _Search:
        index, embeddings = self._models.index, self._models.embeddings
        if index is None or embeddings is None:
            raise NotReadyError("the current model knows no sound: run `recsys embed`")

        def search(k: int, allowed: Mask) -> CandidateList:
            if allowed.mean() > GATHERED_UP_TO:
                barred = np.flatnonzero(~allowed)
                # A few are left out by the index, many are dropped from what it finds.
                exclude = barred.astype(np.int32) if len(barred) <= k else None
                positions, cosine = index.search(vector[None, :], k, exclude=exclude)
                there = positions[0] >= 0
                return CandidateList(positions[0][there], cosine[0][there])
            left = np.flatnonzero(allowed).astype(np.int32)
            cosine = np.clip(embeddings[left] @ vector, -1.0, 1.0).astype(np.float32)
            best = CandidateList.best(cosine, k)
            return CandidateList(left[best.item_index], best.score)

        return search

    def _played_like(self, seed: int) -> _Search | None:
        collaborative = self._models.collaborative
        if collaborative is None or not collaborative.support[seed] > 0:
            return None
        factors = collaborative.item_factors
        own = factors[seed]
        supported = collaborative.support > 0

        def search(k: int, allowed: Mask) -> CandidateList:
            length = self._factor_lengths * float(np.linalg.norm(own))
            cosine = ((factors @ own) / np.maximum(length, 1e-12)).astype(np.float32)
            return CandidateList.best(cosine, k, allowed & supported)

        return search

    @cached_property
    def _factor_lengths(self) -> Floats:
        assert self._models.collaborative is not None
        lengths: Floats = np.linalg.norm(
            np.asarray(self._models.collaborative.item_factors), axis=1
        ).astype(np.float32)
        return lengths

    def _fused(
        self, heard: _Search, listened: _Search, n: int, allowed: Mask, seed: int
    ) -> CandidateList:
        """Reciprocal-rank fusion of both spaces."""
        depth = max(FUSED_DEPTH, 2 * n)
        joined = merge(
            {
                Space.AUDIO: self._filled(heard, depth, allowed, seed),
                Space.COLLABORATIVE: self._filled(listened, depth, allowed, seed),
            }
        )
        fused = CandidateList.best(reciprocal_rank_fusion(joined.rank), depth)
        found = CandidateList(joined.item_index[fused.item_index], fused.score)
        stays = self._distinct(found.item_index, seed)[:n]
        return CandidateList(found.item_index[stays], found.score[stays])

    def _filled(
        self, search: _Search, n: int, allowed: Mask, seed: int | None = None
    ) -> CandidateList:
        """Search deeper until `n` tracks may be listed, or there are no more."""
        k = n + 10
        while True:
            found = search(k, allowed)
            stays = allowed[found.item_index]
            stays[stays] = self._view.offered(found.item_index[stays])
            places = np.flatnonzero(stays)
            places = places[self._distinct(found.item_index[places], seed)][:n]
            if len(places) == n or len(found) < k:
                return CandidateList(found.item_index[places], found.score[places])
            k *= 2

    def _distinct(
        self, items: Positions, seed: int | None
    ) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        """Places in `items` without near-duplicates of the seed and of entries before."""
        if self._models.embeddings is None:
            return np.arange(len(items))
        before = np.array([] if seed is None else [seed], np.int32)
        every = np.concatenate([before, items])
        stays = distinct(
            self._models.embeddings[every],
            self._models.catalogue.duration[every],
            self._duplicate_cosine,
        )
        return stays[stays >= len(before)] - len(before)

    def _described(self, found: CandidateList, space: Space) -> tuple[Recommendation, ...]:
        sources = (
            (Space.AUDIO.value, Space.COLLABORATIVE.value)
            if space is Space.HYBRID
            else (space.value,)
        )
        return tuple(
            Recommendation(
                self._view.items.external(int(item)), float(score), sources, _REASONS[space]
            )
            for item, score in zip(found.item_index, found.score, strict=True)
        )


_Search = Callable[[int, Mask], CandidateList]
"""Length and what is allowed → best tracks; one that gives fewer than the length has no more."""
