"""The contract of a candidate source."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol, cast, runtime_checkable

import numpy as np

from data.arrays import Floats, Mask, Positions
from data.ids import MISSING
from ranker.candidates import CandidateList
from ranker.listener import Listener


class CandidateSource(Protocol):
    """Proposes tracks for a listener, and scores tracks that others proposed."""

    @property
    def name(self) -> str:
        """Prefix of the source's features, and its name in answers."""
        ...

    def candidates(self, listener: Listener, n: int) -> CandidateList:
        """At most `n` tracks, best first, none of ``listener.excluded``; may be empty."""
        ...

    def score(self, listener: Listener, item_index: Positions) -> Floats:
        """Score of each track [shape=(n,)] on the scale of `candidates`; NaN = cannot score."""
        ...


@runtime_checkable
class ExplainingSource(Protocol):
    """A source that can say which track of the history its score of another rests on."""

    def explain(self, listener: Listener, items: Positions) -> Positions:
        """The liked track that speaks most for each of `items` [shape=(n,)]; −1 when none does."""
        ...


@runtime_checkable
class PreparingSource(Protocol):
    """A source that does for many listeners at once what it would do for each of them alone."""

    def prepare(self, listeners: Sequence[Listener], n: int) -> None:
        """Leave with each of `listeners` what its `n` candidates and their scores follow from."""
        ...


def explaining(source: object) -> ExplainingSource | None:
    """`source`, if it can tell what its scores rest on."""
    # mypy takes classes for unhashable.
    explains = _explains(type(source))  # type: ignore[arg-type]
    return cast(ExplainingSource, source) if explains else None


@lru_cache
def _explains(kind: type[object]) -> bool:
    # Remembered: the question takes as long as many an explanation.
    return issubclass(kind, ExplainingSource)


def strongest(liked: Positions, evidence: Floats) -> Positions:
    """The track of `liked` [shape=(n_liked,)] with the largest evidence for each of n tracks.

    Parameters
    ----------
    evidence : np.ndarray [shape=(n_liked, n)]
        What each of `liked` says for each track.

    Returns
    -------
    np.ndarray [shape=(n,), dtype=int32]
        −1 where no evidence is above 0.
    """
    if not len(liked):
        return np.full(evidence.shape[1], MISSING, np.int32)
    best = evidence.argmax(axis=0)
    speaks = evidence[best, np.arange(evidence.shape[1])] > 0
    return np.where(speaks, liked[best], MISSING).astype(np.int32)


def allowed_mask(listener: Listener, n_items: int) -> Mask:
    """True for the tracks that may be recommended to `listener` [shape=(n_items,)]."""
    allowed = np.ones(n_items, np.bool_)
    allowed[listener.excluded] = False
    return allowed


def first_allowed(order: Positions, score: Floats, listener: Listener, n: int) -> CandidateList:
    """The first `n` of `order` that may be recommended to `listener`.

    Parameters
    ----------
    order : np.ndarray [shape=(m,), dtype=int32]
        Tracks, best first: the same for everybody.
    score : np.ndarray [shape=(n_items,), dtype=float32]
        Of all tracks.
    """
    # No more can be barred than are excluded.
    best = order[: n + len(listener.excluded)]
    best = best[allowed_mask(listener, len(score))[best]][:n]
    return CandidateList(best, score[best])
