"""New tracks, scored by the taste that their sound predicts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from data.arrays import Floats, Mask, Positions
from ranker.candidates import CandidateList
from ranker.listener import Listener
from ranker.sources.base import allowed_mask


class BridgeSource:
    """Inner product of the listener's factor and the factors predicted from sound.

    Proposes newcomers only: of tracks with listeners enough the collaborative source knows more.

    Parameters
    ----------
    bridged_factors : np.ndarray [shape=(n_items, factors), dtype=float32]
        From `cf_model.bridge`; rows of NaN for tracks without an audio vector.
    newcomers : np.ndarray [shape=(n_items,), dtype=bool]
        Tracks that may be proposed.
    """

    name = "bridge"

    def __init__(self, bridged_factors: Floats, newcomers: Mask) -> None:
        self._factors = bridged_factors
        self._newcomers = newcomers
        self._positions = np.flatnonzero(newcomers & ~np.isnan(bridged_factors[:, 0]))
        # Factor after factor: the product with one listener's takes half the time.
        self._newcomer_factors = np.asfortranarray(bridged_factors[self._positions])
        self._key = f"newcomers of {id(self)}"

    def candidates(self, listener: Listener, n: int) -> CandidateList:
        """Best newcomers."""
        if listener.user_factor is None:
            return CandidateList.empty()
        allowed = allowed_mask(listener, len(self._factors))[self._positions]
        factor = listener.user_factor
        score = listener.once(self._key, lambda: self._newcomer_factors @ factor)
        best = CandidateList.best(score, n, allowed)
        return CandidateList(self._positions[best.item_index].astype(np.int32), best.score)

    def score(self, listener: Listener, item_index: Positions) -> Floats:
        """Predicted preference; NaN for tracks without an audio vector."""
        if listener.user_factor is None:
            return np.full(len(item_index), np.nan, np.float32)
        return (self._factors[item_index] @ listener.user_factor).astype(np.float32)

    def prepare(self, listeners: Sequence[Listener], n: int) -> None:  # noqa: ARG002 (contract)
        """Scores of all newcomers for all listeners in one product."""
        factors = {
            row: listener.user_factor
            for row, listener in enumerate(listeners)
            if listener.user_factor is not None
        }
        if factors:
            scores = np.stack(list(factors.values())) @ self._newcomer_factors.T
            for row, score in zip(factors, scores, strict=True):
                listeners[row].keep(self._key, score)
