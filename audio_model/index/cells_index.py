r"""Approximate search in cells: near a query are the vectors of the nearest cells.

k-means (Lloyd 1982) parts the vectors into some :math:`2 \sqrt n` cells, whose rows lie one after
the other. A search compares the query with all centres, and then with the rows of the best cells
until enough rows were seen (Sivic and Zisserman, "Video Google", ICCV 2003). Centres are means and
not scaled to unit length, so that the product of a query with one is the mean of its products with
the rows of the cell.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audio_model.index.base import (
    at_least_kth,
    best_first,
    check_query,
    empty_result,
    unit_rows,
)
from audio_model.index.manifest import write_manifest
from data.arrays import Floats, Positions
from data.errors import ArtefactError

_FILES = ("centres", "starts", "positions", "rows")
_ROUNDS = 8
_SAMPLE = 40
"""Vectors a cell that its centre is learned from."""
_AT_ONCE = 16_384


def rows_to_see(n_vectors: int) -> int:
    """Rows that a search compares at least.

    A quarter of 100,000 holds 99 of the 100 nearest to a direction of taste and 97 of those to a
    track, where vectors have the spectrum of real ones and hardly any clusters; nearly all of them
    where they lie in styles. ``python -m bench.encoder.index`` measures it on vectors at hand.
    """
    return max(20_000, int(25_000 * (n_vectors / 100_000) ** 0.6))


class CellsIndex:
    """Vectors in cells; build it with `CellsIndex.build`.

    Parameters
    ----------
    centres : np.ndarray [shape=(n_cells, dim), dtype=float32]
        Mean of the rows of each cell.
    starts : np.ndarray [shape=(n_cells + 1,), dtype=int64]
        ``rows[starts[c]:starts[c + 1]]`` are those of cell ``c``.
    positions : np.ndarray [shape=(n_vectors,), dtype=int32]
        Item of each row.
    rows : np.ndarray [shape=(n_vectors, dim), dtype=float32]
        Unit vectors; may be memory-mapped.
    n_items : int
        Items, those without a vector included.

    Attributes
    ----------
    rows_seen : int
        Rows that a search compares at least; more find more and take longer.
    """

    kind = "cells"

    def __init__(
        self,
        centres: Floats,
        starts: NDArray[np.int64],
        positions: Positions,
        rows: Floats,
        n_items: int,
    ) -> None:
        self._centres = centres
        self._starts = starts
        self._positions = positions
        self._rows = rows
        self._n_items = n_items
        self._sizes = np.diff(starts)
        self.rows_seen = rows_to_see(len(positions))

    @classmethod
    def build(cls, vectors: Floats, seed: int = 0) -> CellsIndex:
        """Index `vectors` [shape=(n_items, dim)]."""
        unit, valid = unit_rows(vectors)
        rows = unit[valid]
        n_cells = min(len(rows), max(1, round(2 * len(rows) ** 0.5)))
        centres = _centres(rows, n_cells, np.random.default_rng(seed))
        cell = _nearest(rows, centres)
        order = np.argsort(cell, kind="stable")
        starts = np.searchsorted(cell[order], np.arange(n_cells + 1)).astype(np.int64)
        positions = np.flatnonzero(valid)[order].astype(np.int32)
        rows = rows[order]
        return cls(_means(rows, starts, centres), starts, positions, rows, len(unit))

    @property
    def n_items(self) -> int:
        """Items in the index, those without a vector included."""
        return self._n_items

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self._rows.shape[1])

    def search(
        self, vectors: Floats, k: int, *, exclude: Positions | None = None
    ) -> tuple[Positions, Floats]:
        """Most similar items to each query, see `SearchIndex.search`; a few may be missed."""
        queries, answerable = check_query(vectors, k, self.dimension)
        positions, cosine = empty_result(len(queries), k)
        barred = None
        if exclude is not None and len(exclude):
            barred = np.zeros(self._n_items, np.bool_)
            barred[exclude] = True
        # Excluded items may be the nearest ones, and k more than a few of those that are seen.
        wanted = self.rows_seen + 4 * k + (0 if exclude is None else len(exclude))
        for row in np.flatnonzero(answerable):
            found, score = self._near(queries[row], wanted)
            if barred is not None:
                free = ~barred[found]
                found, score = found[free], score[free]
            best = at_least_kth(score, k)
            found, score = best_first(found[best], score[best], k)
            positions[row, : found.size] = found
            cosine[row, : found.size] = score
        return positions, cosine

    def _near(self, query: Floats, wanted: int) -> tuple[Positions, Floats]:
        """Items of the best cells, `wanted` or more where there are, and their cosines."""
        cells = np.argsort(-(self._centres @ query), kind="stable")
        enough = int(np.searchsorted(self._sizes[cells].cumsum(), wanted)) + 1
        parts = [slice(self._starts[c], self._starts[c + 1]) for c in cells[:enough]]
        if not parts:
            return np.zeros(0, np.int32), np.zeros(0, np.float32)
        found = np.concatenate([self._positions[part] for part in parts])
        score = np.concatenate([self._rows[part] @ query for part in parts])
        return found, score

    def save(self, folder: Path) -> None:
        """Write the cells and the manifest into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "centres.npy", self._centres, allow_pickle=False)
        np.save(folder / "starts.npy", self._starts, allow_pickle=False)
        np.save(folder / "positions.npy", self._positions, allow_pickle=False)
        np.save(folder / "rows.npy", self._rows, allow_pickle=False)
        names = tuple(f"{name}.npy" for name in _FILES)
        write_manifest(folder, self.kind, self._n_items, self.dimension, names)

    @classmethod
    def open(cls, folder: Path, n_items: int) -> CellsIndex:
        """Map what `save` wrote; the caller has checked the digests.

        Raises
        ------
        ArtefactError
            If the files do not fit each other.
        """
        centres, starts, positions, rows = (
            # A view on the same pages: slicing a memmap object costs more than the product.
            np.asarray(np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False))
            for name in _FILES
        )
        if not (
            len(starts) == len(centres) + 1
            and len(positions) == len(rows) == starts[-1]
            and centres.shape[1] == rows.shape[1]
        ):
            raise ArtefactError(
                f"{len(centres)} cells, {len(positions)} positions and {len(rows)} rows do not fit "
                "each other; build the index again"
            )
        return cls(centres, starts, positions, rows, n_items)


def _centres(rows: Floats, n_cells: int, rng: np.random.Generator) -> Floats:
    """k-means over a sample of `rows`, begun at some of them."""
    sample = rows
    if len(rows) > _SAMPLE * n_cells:
        sample = rows[np.sort(rng.choice(len(rows), _SAMPLE * n_cells, replace=False))]
    centres: Floats = sample[np.sort(rng.choice(len(sample), n_cells, replace=False))]
    for _ in range(_ROUNDS):
        cell = _nearest(sample, centres)
        order = np.argsort(cell, kind="stable")
        starts = np.searchsorted(cell[order], np.arange(n_cells + 1))
        centres = _means(sample[order], starts, centres)
    return centres


def _nearest(rows: Floats, centres: Floats) -> NDArray[np.intp]:
    """Centre nearest to each row [shape=(n,)]."""
    nearest = np.empty(len(rows), np.intp)
    half_square = (centres**2).sum(axis=1) / 2
    for start in range(0, len(rows), _AT_ONCE):
        block = rows[start : start + _AT_ONCE] @ centres.T - half_square
        nearest[start : start + len(block)] = block.argmax(axis=1)
    return nearest


def _means(rows: Floats, starts: NDArray[np.integer], otherwise: Floats) -> Floats:
    """Mean of the rows of each cell, and the row of `otherwise` where a cell is empty."""
    means = otherwise.copy()
    there = np.flatnonzero(np.diff(starts))
    if len(there):
        total = np.add.reduceat(rows, starts[there], axis=0)
        means[there] = total / np.diff(starts)[there, None]
    return means
