"""Approximate search with Annoy's random-projection trees, for catalogues too large to scan."""

from __future__ import annotations

from pathlib import Path

import annoy
import numpy as np

from audio_model.index.base import best_first, check_query, empty_result, unit_rows
from audio_model.index.manifest import write_manifest
from data.arrays import Floats, Positions
from data.errors import ArtefactError

TREES_FILE = "trees.annoy"
ROWS_FILE = "rows.npy"
N_TREES = 25
"""More trees cost build time, memory and disk, and find hardly more for the same nodes."""


def nodes_to_inspect(n_items: int) -> int:
    """Nodes that a search inspects at least, growing slower than the catalogue.

    Of a million generated vectors with the spectrum of the shipped encoder's, 160,000 nodes find
    87 of the 100 nearest to a track and 94 of those to a taste, in half the time of a scan; twice
    as many find 95 and 98 in the time of one (``python -m bench.encoder.index``). Annoy's own
    default is trees × k, 2,500; twice as many find 56 of the 100 nearest among 100,000.
    """
    return max(20_000, int(40_000 * (n_items / 100_000) ** 0.6))


class AnnoyIndex:
    """Angular Annoy trees over the items that have a vector; build it with `AnnoyIndex.build`.

    Parameters
    ----------
    trees : annoy.AnnoyIndex
        Built or loaded trees; node ``j`` is item ``rows[j]``.
    rows : np.ndarray [shape=(n_vectors,), dtype=int32]
        Positions of the items that have a vector, ascending.
    n_items, dimension : int
        Items in all, and the length of a vector.

    Attributes
    ----------
    search_nodes : int
        Nodes that a search inspects at least; more find more and take longer.
    """

    kind = "annoy"

    def __init__(
        self, trees: annoy.AnnoyIndex, rows: Positions, n_items: int, dimension: int
    ) -> None:
        self._trees = trees
        self._rows = rows
        self._n_items = n_items
        self._dimension = dimension
        self.search_nodes = nodes_to_inspect(rows.size)

    @classmethod
    def build(cls, vectors: Floats, seed: int = 0, n_trees: int = N_TREES) -> AnnoyIndex:
        """Index `vectors` [shape=(n_items, dim)]; equal seeds give equal bytes on disk."""
        unit, valid = unit_rows(vectors)
        trees = annoy.AnnoyIndex(unit.shape[1], "angular")
        trees.set_seed(seed)
        rows = np.flatnonzero(valid).astype(np.int32)
        for node, row in enumerate(rows):
            trees.add_item(node, unit[row])
        # With more than one job the forest depends on the order in which the threads finish.
        trees.build(n_trees, n_jobs=1)
        return cls(trees, rows, len(unit), unit.shape[1])

    @property
    def n_items(self) -> int:
        """Items in the index, those without a vector included."""
        return self._n_items

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._dimension

    def search(
        self, vectors: Floats, k: int, *, exclude: Positions | None = None
    ) -> tuple[Positions, Floats]:
        """Most similar items to each query, see `SearchIndex.search`; a few may be missed."""
        queries, answerable = check_query(vectors, k, self._dimension)
        excluded = np.zeros(0, np.int32) if exclude is None else np.unique(exclude)
        wanted = min(k + excluded.size, self._rows.size)
        positions, cosine = empty_result(len(queries), k)
        if not wanted:
            return positions, cosine
        nodes_to_see = max(self.search_nodes, wanted * self._trees.get_n_trees())
        for row in np.flatnonzero(answerable):
            nodes, distances = self._trees.get_nns_by_vector(
                queries[row], wanted, nodes_to_see, include_distances=True
            )
            found = self._rows[nodes]
            # Annoy's angular distance is the chord: d² = 2 − 2 cos.
            score = (1.0 - np.square(distances) / 2.0).astype(np.float32)
            free = ~np.isin(found, excluded)
            found, score = best_first(found[free], score[free], k)
            positions[row, : found.size] = found
            cosine[row, : found.size] = score
        return positions, cosine

    def save(self, folder: Path) -> None:
        """Write the trees, their rows and the manifest into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        self._trees.save(str(folder / TREES_FILE))
        np.save(folder / ROWS_FILE, self._rows, allow_pickle=False)
        names = (TREES_FILE, ROWS_FILE)
        write_manifest(folder, self.kind, self._n_items, self._dimension, names)

    @classmethod
    def open(cls, folder: Path, n_items: int, dimension: int) -> AnnoyIndex:
        """Map what `save` wrote; the caller has checked the digests, as damage kills the process.

        Raises
        ------
        ArtefactError
            If the files do not fit each other.
        """
        rows: Positions = np.load(folder / ROWS_FILE, allow_pickle=False)
        trees = annoy.AnnoyIndex(dimension, "angular")
        if rows.size:
            trees.load(str(folder / TREES_FILE))
        if trees.get_n_items() != rows.size:
            raise ArtefactError(
                f"{TREES_FILE} holds {trees.get_n_items()} vectors, {ROWS_FILE} {rows.size}; "
                "build the index again"
            )
        return cls(trees, rows, n_items, dimension)
