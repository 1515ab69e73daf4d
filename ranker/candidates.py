"""One source's candidates, and the outer join of several sources'."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.arrays import Floats, Mask, Positions

_SAMPLED = 16
"""One value in so many is looked at to tell where the highest begin."""


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
        positions = _promising(score, n)
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


def _promising(score: Floats, n: int) -> NDArray[np.intp]:
    """Positions above a bar that a sample of `score` suggests, likely with the `n` highest in it.

    One comparison a value, where a partition of all of them takes ten times as long. Whatever lies
    above the bar is there, so that the `n` highest are, too, if there are that many.
    """
    sample = score[::_SAMPLED]
    sample = sample[~np.isnan(sample)]
    expected = 2 * n // _SAMPLED + _SAMPLED
    if 2 * expected >= len(sample):
        return np.zeros(0, np.intp)
    return np.flatnonzero(score >= np.partition(sample, len(sample) - expected)[-expected])


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

    def proposed_by(self, row: int) -> tuple[str, ...]:
        """Sources that proposed the candidate in `row`, best rank first."""
        ranks = self.rank[row]
        order = np.argsort(ranks, kind="stable")
        return tuple(self.sources[column] for column in order if not np.isnan(ranks[column]))


def merge(lists: Mapping[str, CandidateList], also: Positions | None = None) -> Candidates:
    """Join the lists of all sources; a track that several propose becomes one row.

    The tracks `also` are candidates whether proposed or not.
    """
    sources = tuple(lists)
    proposed = [candidates.item_index for candidates in lists.values()]
    given = np.zeros(0, np.int32) if also is None else also
    item_index = np.unique(np.concatenate([*proposed, given])).astype(np.int32)
    rank = np.full((len(item_index), len(sources)), np.nan, np.float32)
    for column, positions in enumerate(proposed):
        rank[np.searchsorted(item_index, positions), column] = np.arange(1, len(positions) + 1)
    return Candidates(item_index, sources, rank)


def reciprocal_rank_fusion(rank: Floats, constant: float = 60.0) -> Floats:
    """Fused score [shape=(n,)] of `rank` [shape=(n, n_sources)], NaN = not proposed.

    Sum of 1 / (constant + rank) (Cormack, Clarke and Büttcher, SIGIR 2009).
    """
    share = 1.0 / (constant + rank)
    fused: Floats = np.where(np.isnan(share), 0.0, share).sum(axis=1).astype(np.float32)
    return fused
