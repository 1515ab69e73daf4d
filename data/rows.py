"""Rows of an array that cannot grow, followed by rows that came later."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from data.arrays import Floats


class StackedRows:
    """Two arrays read as one [shape=(n + m, width)], without copying the first.

    The arrays of a bundle are mapped from files that all server processes share; joining them with
    a few more rows would give each process a copy of its own.

    Parameters
    ----------
    first : np.ndarray or StackedRows [shape=(n, width), dtype=float32]
        Rows 0 … n−1.
    later : np.ndarray [shape=(m, width), dtype=float32]
        Rows n … n+m−1.
    """

    def __init__(self, first: Rows, later: Floats) -> None:
        self._first = first
        self._later = later
        self.shape = (len(first) + len(later), int(later.shape[1]))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, positions: int | NDArray[np.integer]) -> Floats:
        """Row [shape=(width,)] at a position, or rows [shape=(k, width)] at several."""
        n = len(self._first)
        wanted = np.atleast_1d(np.asarray(positions))
        rows: Floats = np.empty((len(wanted), self.shape[1]), np.float32)
        late = wanted >= n
        rows[~late] = self._first[wanted[~late]]
        rows[late] = self._later[wanted[late] - n]
        return rows[0] if np.ndim(positions) == 0 else rows

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Floats:
        """All rows in one array, which costs the copy that serving avoids."""
        del copy
        return np.concatenate([np.asarray(self._first), self._later]).astype(dtype or np.float32)

    def __matmul__(self, vector: Floats) -> Floats:
        """Inner product of each row with `vector` [shape=(width,)]."""
        return np.concatenate([self._first @ vector, self._later @ vector])


Rows: TypeAlias = Floats | StackedRows
