"""Two-way map between external ids and array positions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

MISSING = -1


class IdMap:
    """Immutable bijection between external ids (strings) and positions ``0 … n−1``.

    External ids appear only at the edges of the system; everything inside works on positions.

    Parameters
    ----------
    ids : iterable of str
        External ids in the order of their positions.

    Raises
    ------
    ValueError
        If an id occurs twice.
    """

    __slots__ = ("_ids", "_index")

    def __init__(self, ids: Iterable[str]) -> None:
        self._ids: tuple[str, ...] = tuple(ids)
        self._index = {external: position for position, external in enumerate(self._ids)}
        if len(self._index) != len(self._ids):
            raise ValueError("external ids must be unique")

    @classmethod
    def sorted(cls, ids: Iterable[str]) -> IdMap:
        """Map over the distinct `ids` in lexical order, so that equal sets give equal maps."""
        return cls(sorted(set(ids)))

    def extended(self, ids: Iterable[str]) -> IdMap:
        """Map that goes on with the new `ids` after those of this one.

        Raises
        ------
        ValueError
            If an id occurs twice.
        """
        longer = IdMap.__new__(IdMap)
        longer._ids = (*self._ids, *ids)
        longer._index = self._index | {
            external: position
            for position, external in enumerate(longer._ids[len(self) :], start=len(self))
        }
        if len(longer._index) != len(longer._ids):
            raise ValueError("external ids must be unique")
        return longer

    def __len__(self) -> int:
        return len(self._ids)

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __contains__(self, external: object) -> bool:
        return external in self._index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IdMap) and self._ids == other._ids

    def __hash__(self) -> int:
        return hash(self._ids)

    def __repr__(self) -> str:
        return f"IdMap({len(self)} ids)"

    def external(self, position: int) -> str:
        """External id at `position`."""
        return self._ids[position]

    def externals(self, positions: Iterable[int]) -> list[str]:
        """External ids at `positions`, in their order."""
        return [self._ids[position] for position in positions]

    def index(self, external: str) -> int:
        """Position of `external`, or ``MISSING`` (−1)."""
        return self._index.get(external, MISSING)

    def indices(self, externals: Sequence[str]) -> NDArray[np.int32]:
        """Positions of `externals` [shape=(len(externals),)]; −1 where an id is not in the map."""
        get = self._index.get
        return np.fromiter(
            (get(external, MISSING) for external in externals), np.int32, len(externals)
        )
