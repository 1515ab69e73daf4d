"""Candidate lists with what their listeners took to: what a ranker is trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data.arrays import Floats


@dataclass(frozen=True)
class LabelledLists:
    """Candidate lists of several listeners with what they heard next.

    Parameters
    ----------
    features : np.ndarray [shape=(n_rows, n_features), dtype=float32]
        Rows of all listeners, one after the other.
    relevant : np.ndarray [shape=(n_rows,), dtype=int8]
        1 where the listener played the candidate in the label window.
    group : np.ndarray [shape=(n_lists,), dtype=int64]
        Number of rows of each list.
    listener : np.ndarray [shape=(n_lists,), dtype=int64]
        Whose list it is; a listener has one list a window.
    """

    features: Floats
    relevant: np.ndarray[tuple[int], np.dtype[np.int8]]
    group: np.ndarray[tuple[int], np.dtype[np.int64]]
    listener: np.ndarray[tuple[int], np.dtype[np.int64]]

    @classmethod
    def joined(cls, parts: Sequence[LabelledLists]) -> LabelledLists:
        """The lists of several windows, at least one, with the same features."""
        if len(parts) == 1:
            return parts[0]  # not a copy of it, which may be gigabytes
        return cls(
            **{
                name: np.concatenate([getattr(part, name) for part in parts])
                for name in ("features", "relevant", "group", "listener")
            }
        )

    def drawn(self, n: int, *, seed: int = 0) -> LabelledLists:
        """`n` of the lists, drawn by `seed`; all of them where there are no more."""
        if len(self.group) <= n:
            return self
        chosen = np.zeros(len(self.group), np.bool_)
        chosen[np.random.default_rng(seed).permutation(len(self.group))[:n]] = True
        rows = np.repeat(chosen, self.group)
        return LabelledLists(
            self.features[rows], self.relevant[rows], self.group[chosen], self.listener[chosen]
        )
