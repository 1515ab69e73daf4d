"""The catalogue as points in the plane, in columns that travel well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.arrays import Floats
from data.errors import NotReadyError
from data.ids import IdMap
from data.store import Store
from recsys.bundle import ModelBundle

GRID = 65_535
"""Largest coordinate: two bytes each, finer than any screen."""


@dataclass(frozen=True)
class CatalogueMap:
    """Places and colours of the tracks that have a sound and are not withdrawn.

    Parameters
    ----------
    track_ids : sequence of str
        The tracks, ``n`` of them.
    views : mapping of str to np.ndarray [shape=(n, 2), dtype=uint16]
        Place of each track in each view, the longer side stretched over 0 … `GRID`.
    genres : sequence of str
        Names, the commonest first.
    genre : np.ndarray [shape=(n,), dtype=int32]
        Position in `genres`, −1 where none is known.
    artist : np.ndarray [shape=(n,), dtype=int32]
        Code of the artist, −1 where none is known.
    listeners : np.ndarray [shape=(n,), dtype=int32]
        Listeners who took to the track; 0 makes it cold.
    """

    track_ids: Sequence[str]
    views: Mapping[str, NDArray[np.uint16]]
    genres: Sequence[str]
    genre: NDArray[np.int32]
    artist: NDArray[np.int32]
    listeners: NDArray[np.int32]


def catalogue_map(bundle: ModelBundle, store: Store) -> CatalogueMap:
    """Map of the bundle's tracks as the store knows them now.

    Raises
    ------
    NotReadyError
        If the bundle holds no projection.
    """
    if not bundle.projections:
        raise NotReadyError(
            "the current model has no map: analyse the audio with `recsys embed`, then run "
            "`recsys train`"
        )
    models = bundle.hybrid.models
    genre_of = store.genres()
    items = models.catalogue.items
    placed = ~np.isnan(next(iter(bundle.projections.values()))).any(axis=1)
    offered = np.fromiter((track_id in genre_of for track_id in items), np.bool_, len(items))
    rows = np.flatnonzero(placed & offered)
    track_ids = items.externals(rows)
    genres, genre = _by_frequency([genre_of[track_id] for track_id in track_ids])
    return CatalogueMap(
        track_ids=track_ids,
        views={name: _on_grid(points[rows]) for name, points in bundle.projections.items()},
        genres=genres,
        genre=genre,
        artist=models.catalogue.artist[rows].astype(np.int32),
        listeners=models.popularity[rows].astype(np.int32),
    )


def _on_grid(points: Floats) -> NDArray[np.uint16]:
    if not len(points):
        return np.zeros((0, 2), np.uint16)
    low = points.min(axis=0)
    longer = max(float(np.ptp(points, axis=0).max()), 1e-12)
    return np.asarray(np.round((points - low) / longer * GRID), np.uint16)


def _by_frequency(names: Sequence[str | None]) -> tuple[list[str], NDArray[np.int32]]:
    known = [name for name in names if name]
    distinct, counts = np.unique(np.array(known, dtype=object), return_counts=True)
    order = np.argsort(-counts, kind="stable")
    codes = IdMap(str(distinct[place]) for place in order)
    return list(codes), codes.indices([name or "" for name in names])
