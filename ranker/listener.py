"""A listener as the sources and features see one: history, factor, taste in sound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np

from data.arrays import Floats, Mask, Positions
from data.interactions import History
from data.rows import Rows

T = TypeVar("T")


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
    chosen : np.ndarray [dtype=int32]
        Positions of the history that the request named, rather than the listener's past.
    """

    history: History
    prefers: Mask
    user_factor: Floats | None
    taste: Floats | None
    excluded: Positions
    chosen: Positions = field(default_factory=lambda: np.zeros(0, np.int32))
    _computed: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    _splits: dict[int, tuple[Listener, Listener]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def once(self, name: str, compute: Callable[[], T]) -> T:
        """What `compute` gives, computed once for this listener and kept under `name`.

        Proposing and scoring need the same scores of the whole catalogue.
        """
        if name not in self._computed:
            self._computed[name] = compute()
        computed: T = self._computed[name]
        return computed

    def keep(self, name: str, computed: object) -> None:
        """Have `once` give `computed` under `name`: it was worked out for several listeners."""
        self._computed[name] = computed

    def split(self, n_items: int) -> tuple[Listener, Listener]:
        """The listener as sources of the first `n_items` tracks, and of those after, see them.

        For the latter, what is excluded counts from `n_items`. Both have the history of the tracks
        before, and share what is computed from it.
        """
        if n_items not in self._splits:
            known = self.history.item_index < n_items
            early = self.excluded < n_items
            before = self
            if not known.all() or not early.all():
                before = replace(
                    self,
                    history=self.history.take(known),
                    prefers=self.prefers[known],
                    excluded=self.excluded[early],
                    _computed={},
                    _splits={},
                )
            after = replace(before, excluded=self.excluded[~early] - np.int32(n_items), _splits={})
            self._splits[n_items] = before, after
        return self._splits[n_items]

    @property
    def liked_items(self) -> Positions:
        """Positions of the tracks that the history speaks for."""
        return self.history.item_index[self.prefers]


def taste_direction(
    embeddings: Rows, mean: Floats, item_index: Positions, signed_confidence: Floats
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
    weight = np.where(np.isnan(rows[:, 0]), np.float32(0.0), signed_confidence)
    liked, refused = weight > 0, weight < 0
    if not liked.any():
        return None
    direction = _mean(rows[liked], weight[liked]) - mean
    if refused.any():
        away = _mean(rows[refused], weight[refused]) - mean
        share = refused.sum() / (refused.sum() + liked.sum())
        direction = direction - share * away
    length = float(np.linalg.norm(direction))
    return (direction / length).astype(np.float32) if length > 1e-9 else None


def _mean(rows: Floats, weight: Floats) -> Floats:
    """Weighted mean [shape=(dimension,)] of `rows`; weights of one sign."""
    mean: Floats = weight @ rows / weight.sum()
    return mean
