"""The artist cap."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data.arrays import Positions


def capped(artist: Positions, most: int) -> NDArray[np.intp]:
    """Places of the first `most` entries of each artist, in their order.

    The cap holds over the whole list, not page by page, so that a long page equals the short ones
    put together.

    Parameters
    ----------
    artist : np.ndarray [shape=(n,), dtype=int32]
        Code of each entry's artist, −1 where unknown; unknown artists are never capped.
    most : int
        0 = no cap.
    """
    if not most:
        return np.arange(len(artist))
    by_artist = np.argsort(artist, kind="stable")
    codes = artist[by_artist]
    starts = np.flatnonzero(np.diff(codes, prepend=codes[:1] - 1))
    sizes = np.diff(np.append(starts, len(codes)))
    nth = np.empty(len(artist), np.int64)  # how many of the artist stand before
    nth[by_artist] = np.arange(len(artist)) - np.repeat(starts, sizes)
    return np.flatnonzero((nth < most) | (artist < 0))
