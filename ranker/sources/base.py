"""The contract of a candidate source."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np

from data.arrays import Floats, Mask, Positions
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

    def explain(self, listener: Listener, item: int) -> int | None:
        """Position of the liked track that speaks most for `item`; None when none does."""
        ...


def strongest(liked: Positions, evidence: Floats) -> int | None:
    """The track of `liked` [shape=(n,)] with the largest `evidence`, None unless it is above 0."""
    if not len(liked):
        return None
    best = int(evidence.argmax())
    return int(liked[best]) if evidence[best] > 0 else None


def allowed_mask(listener: Listener, n_items: int) -> Mask:
    """True for the tracks that may be recommended to `listener` [shape=(n_items,)]."""
    allowed = np.ones(n_items, np.bool_)
    allowed[listener.excluded] = False
    return allowed
