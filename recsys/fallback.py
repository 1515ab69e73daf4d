"""What to list where hardly anybody listens."""

from __future__ import annotations

import numpy as np

from data.arrays import Floats, Mask
from ranker.candidates import CandidateList
from recsys.catalogue import CatalogueView

TYPICAL_DEPTH = 1000
"""Tracks that pages can be cut from beyond what listeners play."""


class Typical:
    """The tracks nearest to the mean of the catalogue's sound; without sound the newest ones.

    Parameters
    ----------
    view : CatalogueView
        The catalogue; what is typical of it is computed once.
    """

    def __init__(self, view: CatalogueView) -> None:
        models = view.hybrid.models
        self.closeness: Floats
        if models.embeddings is not None and models.mean_embedding is not None:
            middle = models.mean_embedding / max(float(np.linalg.norm(models.mean_embedding)), 1e-9)
            self.closeness = (models.embeddings @ middle).astype(np.float32)
            self.reason = "typical of how this library sounds"
        else:
            # Places, since single precision would make tracks of one minute equally new.
            newest = np.argsort(view.tags.added_at, kind="stable")
            self.closeness = np.empty(len(newest), np.float32)
            self.closeness[newest] = np.arange(1, len(newest) + 1) / max(len(newest), 1)
            self.reason = "among the newest tracks of this library"

    def best(self, allowed: Mask) -> CandidateList:
        """At most `TYPICAL_DEPTH` of the tracks `allowed` [shape=(n_items,)], closeness up to 1."""
        return CandidateList.best(self.closeness, TYPICAL_DEPTH, allowed)
