"""A listener as the sources and features see one: history, factor, taste in sound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from cf_model.confidence import liked_weights
from data.arrays import Floats, Mask, Positions
from data.interactions import History

T = TypeVar("T")


@dataclass(frozen=True)
class Listener:
    """Everything about one listener at one moment.

    Parameters
    ----------
    history : History
        What they did so far.
    confidence : np.ndarray [shape=(len(history),), dtype=float32]
        What each entry of the history says of its track, see `cf_model.confidence`: negative where
        it speaks against it.
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
    confidence: Floats
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
                    confidence=self.confidence[known],
                    excluded=self.excluded[early],
                    _computed={},
                    _splits={},
                )
            after = replace(before, excluded=self.excluded[~early] - np.int32(n_items), _splits={})
            self._splits[n_items] = before, after
        return self._splits[n_items]

    @cached_property
    def prefers(self) -> Mask:
        """Entries of the history that speak for their track [shape=(len(history),)]."""
        return self.confidence > 0

    @cached_property
    def liked_items(self) -> Positions:
        """Positions of the tracks that the history speaks for."""
        return self.history.item_index[self.prefers]

    @cached_property
    def liked_weight(self) -> Floats:
        """Confidence in each of `liked_items`, 1 on average [shape=(n_liked,)]."""
        return liked_weights(self.confidence)
