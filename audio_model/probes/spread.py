"""How a space of vectors is filled: the directions in use, and its hubs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data.arrays import Floats, Positions


@dataclass(frozen=True)
class Hubness:
    """Whether a few items are everybody's neighbours.

    Over the number of lists of nearest others that each item stands in (k-occurrence); Radovanović,
    Nanopoulos and Ivanović, "Hubs in space", JMLR 2010.

    Parameters
    ----------
    skewness : float
        Third standardised moment of the k-occurrence; 0 = symmetric, above about 2 there are hubs.
    orphans : float
        Share of the items that are in nobody's list, 0 … 1.
    """

    skewness: float
    orphans: float


def hubness(found: Positions) -> Hubness:
    """Hubness of the lists `found` [shape=(n, k)] that `nearest_others` gave for all n items."""
    occurrence = np.bincount(found[found >= 0], minlength=len(found)).astype(np.float64)
    spread = occurrence.std()
    skewness = np.mean((occurrence - occurrence.mean()) ** 3) / spread**3 if spread else 0.0
    return Hubness(float(skewness), float(np.mean(occurrence == 0)))


def effective_rank(vectors: Floats) -> float:
    """Number of directions that `vectors` [shape=(n, dim)] really use, 1 … dim.

    Exponential of the entropy of the normalised singular values of the centred matrix (Roy and
    Vetterli, "The effective rank", EUSIPCO 2007).
    """
    singular = np.linalg.svd(vectors - vectors.mean(axis=0), compute_uv=False)
    share = singular / singular.sum()
    share = share[share > 0]
    return float(np.exp(-(share * np.log(share)).sum()))
