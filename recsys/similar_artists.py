"""Artists that are like an artist: those whose tracks lie around the same place.

In either space the place of an artist is the unit mean of the unit vectors of the artist's tracks,
and the score of two artists is the cosine of their places. All artists are compared; their places
are worked out when they are asked for first, and kept for one state of the catalogue.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array

from data.arrays import Floats, Mask, Positions
from data.errors import NotAnalysedError, ParameterError
from data.ids import MISSING
from recsys.catalogue import CatalogueView
from recsys.similar import Space

SHOWN = 4
"""Tracks that are named of an artist."""
_BLOCK = 65_536
"""Tracks whose vectors are in memory at a time."""


@dataclass(frozen=True, slots=True)
class SimilarArtist:
    """An artist that is like another.

    Parameters
    ----------
    track_ids : tuple of str
        Up to `SHOWN` tracks of the artist, those nearest to what was asked about first; their tags
        say whose they are.
    score : float
        Cosine of the places of both artists.
    """

    track_ids: tuple[str, ...]
    score: float


class SimilarArtists:
    """Compares the artists of one state of the catalogue.

    Parameters
    ----------
    view : CatalogueView
        The catalogue.
    """

    def __init__(self, view: CatalogueView) -> None:
        self._view = view

    def to_tracks(
        self, track_ids: Sequence[str], n: int, space: Space
    ) -> tuple[SimilarArtist, ...]:
        """At most `n` artists like the one whose tracks are `track_ids`, the most alike first.

        Parameters
        ----------
        space : Space
            Sound, or who listens.

        Raises
        ------
        NotAnalysedError
            If the model knows none of the tracks in this space.
        ParameterError
            If `space` is both.
        """
        if space is Space.HYBRID:
            raise ParameterError("artists are compared by audio or by collaborative, not by both")
        own = self._view.items.indices(list(track_ids))
        own = own[own != MISSING].astype(np.int32)
        centre = _unit(_known(_directions(self._view, own, space))[1].sum(axis=0))
        if not np.any(centre):
            lacking = {
                Space.AUDIO: "an audio vector: run `recsys embed`, then `recsys train`",
                Space.COLLABORATIVE: "listeners in the current model: ask for space=audio",
            }
            raise NotAnalysedError(f"no track of this artist has {lacking[space]}")
        places = self._heard if space is Space.AUDIO else self._listened
        artist_of = self._view.tags.artist
        score = np.clip(places @ centre, -1.0, 1.0)
        score[~places.any(axis=1)] = np.nan
        by_this = artist_of[own]
        score[by_this[by_this != MISSING]] = np.nan
        found: list[SimilarArtist] = []
        for artist in np.argsort(-score, kind="stable").tolist():
            if len(found) == n or np.isnan(score[artist]):
                break
            shown = self._shown(artist, centre, space)
            if shown:
                found.append(SimilarArtist(shown, float(score[artist])))
        return tuple(found)

    def _shown(self, artist: int, centre: Floats, space: Space) -> tuple[str, ...]:
        """Tracks of an artist that are offered, nearest to `centre` first."""
        items = np.flatnonzero(self._view.tags.artist == artist).astype(np.int32)
        items = items[self._view.offered(items)]
        known, directions = _known(_directions(self._view, items, space))
        nearest = np.argsort(-(directions @ centre), kind="stable")[:SHOWN]
        return tuple(self._view.items.external(int(item)) for item in items[known][nearest])

    @cached_property
    def _heard(self) -> Floats:
        return self._places(Space.AUDIO)

    @cached_property
    def _listened(self) -> Floats:
        return self._places(Space.COLLABORATIVE)

    def _places(self, space: Space) -> Floats:
        """Where each artist code lies [shape=(n_artists, dimension)]; 0 where nothing is known."""
        artist_of = self._view.tags.artist
        n_artists = len(self._view.tags.artists)
        total: Floats | None = None
        for start in range(0, self._view.n_items, _BLOCK):
            items = np.arange(start, min(start + _BLOCK, self._view.n_items), dtype=np.int32)
            items = items[artist_of[items] != MISSING]
            known, directions = _known(_directions(self._view, items, space))
            ones = np.ones(len(directions), np.float32)
            where = (artist_of[items[known]], np.arange(len(directions)))
            block: Floats = csr_array((ones, where), (n_artists, len(directions))) @ directions
            total = block if total is None else total + block
        assert total is not None
        return _unit(total)


def _directions(view: CatalogueView, items: Positions, space: Space) -> Floats:
    """Unit vectors of `items` [shape=(n, dimension)]; NaN where the model knows none."""
    models = view.hybrid.models
    if space is Space.AUDIO and models.embeddings is not None:
        return np.asarray(models.embeddings[items], np.float32)
    if space is Space.COLLABORATIVE and models.collaborative is not None:
        directions = _unit(np.asarray(models.collaborative.item_factors[items], np.float32))
        directions[models.collaborative.support[items] <= 0] = np.nan
        return directions
    return np.full((len(items), 1), np.nan, np.float32)


def _known(directions: Floats) -> tuple[Mask, Floats]:
    """Which rows are known [shape=(n,)], and these."""
    known: Mask = np.asarray(~np.isnan(directions).any(axis=1))
    return known, directions[known]


def _unit(rows: Floats) -> Floats:
    """`rows` at length 1; 0 stays 0."""
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-9), np.float32)
