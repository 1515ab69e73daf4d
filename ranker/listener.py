"""A listener as the sources and features see one: history, factor, taste in sound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from data.arrays import Floats, Mask, Positions
from data.interactions import History


@dataclass(frozen=True)
class Listener:
    """Everything about one listener at one moment.

    Parameters
    ----------
    history : History
        What they did so far.
    prefers : np.ndarray [shape=(len(history),), dtype=bool]
        Entries of the history that speak for their track.
    user_factor : np.ndarray [shape=(factors,), dtype=float32] or None
        Place among the item factors; None without a collaborative model or anything positive.
    taste : np.ndarray [shape=(dimension,), dtype=float32] or None
        Direction in audio space that sets this listener apart, unit length; None without vectors.
    excluded : np.ndarray [dtype=int32]
        Positions that must not be recommended, ascending.
    """

    history: History
    prefers: Mask
    user_factor: Floats | None
    taste: Floats | None
    excluded: Positions
    _computed: dict[str, Floats] = field(default_factory=dict, repr=False, compare=False)

    def once(self, name: str, compute: Callable[[], Floats]) -> Floats:
        """What `compute` gives, computed once for this listener and kept under `name`.

        Proposing and scoring need the same scores of the whole catalogue.
        """
        if name not in self._computed:
            self._computed[name] = compute()
        return self._computed[name]

    @property
    def liked_items(self) -> Positions:
        """Positions of the tracks that the history speaks for."""
        return self.history.item_index[self.prefers]


def taste_direction(
    embeddings: Floats, mean: Floats, item_index: Positions, signed_confidence: Floats
) -> Floats | None:
    """Direction from the catalogue's mean sound to the listener's.

    All tracks of an encoder share a large common component; a plain mean of a listener's vectors
    points mostly along it and finds the catalogue's most average tracks. Refused tracks push away
    with half their weight.

    Parameters
    ----------
    embeddings : np.ndarray [shape=(n_items, dimension), dtype=float32]
        Unit audio vectors, NaN rows where a track has none.
    mean : np.ndarray [shape=(dimension,), dtype=float32]
        Mean of the catalogue's vectors.
    item_index, signed_confidence : np.ndarray [shape=(n,)]
        The history and what each entry says.

    Returns
    -------
    np.ndarray [shape=(dimension,), dtype=float32] or None
        Unit length; None when no track of the history that they like has a vector.
    """
    rows = embeddings[item_index]  # (n, dimension)
    known = ~np.isnan(rows[:, 0])
    liked = known & (signed_confidence > 0)
    if not liked.any():
        return None
    direction = np.average(rows[liked], axis=0, weights=signed_confidence[liked]) - mean
    refused = known & (signed_confidence < 0)
    if refused.any():
        away = np.average(rows[refused], axis=0, weights=-signed_confidence[refused]) - mean
        share = refused.sum() / (refused.sum() + liked.sum())
        direction = direction - share * away
    length = float(np.linalg.norm(direction))
    return (direction / length).astype(np.float32) if length > 1e-9 else None
