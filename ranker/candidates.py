"""One source's candidates, and the outer join of several sources'."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from data.arrays import Floats, Mask, Positions
from data.highest import promising


@dataclass(frozen=True)
class CandidateList:
    """What one source proposes, best first.

    Parameters
    ----------
    item_index : np.ndarray [shape=(n,), dtype=int32]
        Positions, each once.
    score : np.ndarray [shape=(n,), dtype=float32]
        The source's own scale, descending, never NaN.
    """

    item_index: Positions
    score: Floats

    def __len__(self) -> int:
        return int(self.item_index.shape[0])

    @classmethod
    def empty(cls) -> CandidateList:
        """No proposal."""
        return cls(np.zeros(0, np.int32), np.zeros(0, np.float32))

    @classmethod
    def best(cls, score: Floats, n: int, allowed: Mask | None = None) -> CandidateList:
        """The `n` highest of `score` [shape=(n_items,)]; NaN means "cannot score" and never enters.

        Ties go to the lower position, so that equal input gives equal lists.
        """
        positions, _ = promising(score, n)
        if allowed is not None:
            positions = positions[allowed[positions]]
        if len(positions) < n:
            positions = np.flatnonzero(
                ~np.isnan(score) if allowed is None else allowed & ~np.isnan(score)
            )
        if len(positions) > n:
            positions = positions[_highest(score[positions], n)]
        order = np.lexsort((positions, -score[positions]))
        positions = positions[order]
        return cls(positions.astype(np.int32), score[positions].astype(np.float32))


def _highest(values: Floats, n: int) -> NDArray[np.intp]:
    """Rows of the `n` highest of more than `n` values; of ties the first."""
    bar = np.partition(values, len(values) - n)[len(values) - n]
    above = np.flatnonzero(values > bar)
    return np.concatenate([above, np.flatnonzero(values == bar)[: n - len(above)]])


@dataclass(frozen=True)
class Candidates:
    """Outer join of the sources' lists.

    Parameters
    ----------
    item_index : np.ndarray [shape=(n,), dtype=int32]
        Positions in ascending order, each once.
    sources : tuple of str
        Names, in the order of the columns.
    rank : np.ndarray [shape=(n, n_sources), dtype=float32]
        Rank (from 1) in the source's list, NaN where the source did not propose the track.
    """

    item_index: Positions
    sources: tuple[str, ...]
    rank: Floats

    def __len__(self) -> int:
        return int(self.item_index.shape[0])

    @classmethod
    def unproposed(cls, item_index: Positions, sources: Sequence[str]) -> Candidates:
        """Tracks that no source was asked for."""
        rank = np.full((len(item_index), len(sources)), np.nan, np.float32)
        return cls(item_index, tuple(sources), rank)

    @cached_property
    def fused(self) -> Floats:
        """Reciprocal-rank fusion of the sources [shape=(n,)]."""
        return reciprocal_rank_fusion(self.rank)

    def proposed_by(self, rows: NDArray[np.intp]) -> list[tuple[str, ...]]:
        """Sources that proposed each of the candidates in `rows`, best rank first."""
        rank = self.rank[rows]
        order = np.argsort(rank, axis=1, kind="stable")  # NaN comes last
        count = (~np.isnan(rank)).sum(axis=1)
        return [
            tuple([self.sources[column] for column in columns[:n]])
            for columns, n in zip(order.tolist(), count.tolist(), strict=True)
        ]


def merge(lists: Mapping[str, CandidateList], also: Positions | None = None) -> Candidates:
    """Join the lists of all sources; a track that several propose becomes one row.

    The tracks `also` are candidates whether proposed or not.
    """
    sources = tuple(lists)
    parts = [candidates.item_index for candidates in lists.values()]
    if also is not None:
        parts.append(also)
    everything = np.concatenate([np.zeros(0, np.int32), *parts])
    order = np.argsort(everything)
    ascending = everything[order]
    first = np.append(True, ascending[1:] != ascending[:-1])[: len(ascending)]
    row = np.empty(len(everything), np.intp)
    row[order] = np.cumsum(first) - 1
    item_index = ascending[first]
    # Column after column, as what is computed over all rows of a column likes it.
    rank = np.full((len(sources), len(item_index)), np.nan, np.float32)
    start = 0
    for column, candidates in enumerate(lists.values()):
        stop = start + len(candidates)
        rank[column, row[start:stop]] = np.arange(1, len(candidates) + 1)
        start = stop
    return Candidates(item_index, sources, rank.T)


def reciprocal_rank_fusion(rank: Floats, constant: float = 60.0) -> Floats:
    """Fused score [shape=(n,)] of `rank` [shape=(n, n_sources)], NaN = not proposed.

    Sum of 1 / (constant + rank) (Cormack, Clarke and Büttcher, SIGIR 2009).
    """
    share = 1.0 / (constant + rank)
    share[np.isnan(share)] = 0.0
    fused: Floats = share.sum(axis=1).astype(np.float32)
    return fused
