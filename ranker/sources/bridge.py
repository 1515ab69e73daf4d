"""New tracks, scored by the taste that their sound predicts."""

from __future__ import annotations

import numpy as np

from data.arrays import Floats, Mask, Positions
from ranker.candidates import CandidateList
from ranker.inner_product import LongestFirst
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
        self._search = LongestFirst(bridged_factors, newcomers & ~np.isnan(bridged_factors[:, 0]))

    def candidates(self, listener: Listener, n: int) -> CandidateList:
        """Best newcomers."""
        if listener.user_factor is None:
            return CandidateList.empty()
        allowed = allowed_mask(listener, len(self._factors))
        return self._search.best(listener.user_factor, n, allowed)

    def score(self, listener: Listener, item_index: Positions) -> Floats:
        """Predicted preference; NaN for tracks without an audio vector."""
        if listener.user_factor is None:
            return np.full(len(item_index), np.nan, np.float32)
        return (self._factors[item_index] @ listener.user_factor).astype(np.float32)
