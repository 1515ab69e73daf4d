"""Which tracks a request may get, by their tags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from data.arrays import Mask, Positions
from data.ids import MISSING, IdMap
from data.tracks import BETWEEN_ARTISTS, Track, artist_names

UNKNOWN_YEAR = -(2**31)
TagRow: TypeAlias = tuple[str, str | None, str | None, str | None, int | None, float | None]
"""Id, artist, genre, record label, year of release, and time of adding."""


@dataclass(frozen=True)
class Filters:
    """Conditions that a track must meet, all of them.

    Parameters
    ----------
    genres, artists, labels : tuple of str
        One of them, whatever the case; empty = any. A track of several artists is each one's.
    year_from, year_to : int or None
        Years of release, both included; a track whose year is unknown meets neither.
    exclude_ids : frozenset of str
        Tracks that are not wanted.
    """

    genres: tuple[str, ...] = ()
    artists: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    year_from: int | None = None
    year_to: int | None = None
    exclude_ids: frozenset[str] = frozenset()

    @property
    def by_tags(self) -> bool:
        """Whether there is a condition on tags."""
        years = (self.year_from, self.year_to)
        return bool(self.genres or self.artists or self.labels) or years != (None, None)


EVERYTHING = Filters()


@dataclass(frozen=True)
class Tags:
    """Tags of the catalogue as arrays, aligned to its positions.

    Parameters
    ----------
    artist, genre, label : np.ndarray [shape=(n_items,), dtype=int32]
        Codes, −1 where unknown.
    year : np.ndarray [shape=(n_items,), dtype=int32]
        `UNKNOWN_YEAR` where unknown.
    added_at : np.ndarray [shape=(n_items,), dtype=float64]
        UNIX seconds, 0 where unknown.
    artists, genres, labels : dict of str to int
        Codes of case-folded names.
    """

    artist: Positions
    genre: Positions
    label: Positions
    year: Positions
    added_at: NDArray[np.float64]
    artists: dict[str, int]
    genres: dict[str, int]
    labels: dict[str, int]

    @classmethod
    def of(cls, items: IdMap, rows: Sequence[TagRow]) -> Tags:
        """Tags of `items`; those that are not among `rows` have none."""
        nobody = np.full(len(items), MISSING, np.int32)
        unknown = np.full(len(items), UNKNOWN_YEAR, np.int32)
        empty = cls(nobody, nobody, nobody, unknown, np.zeros(len(items)), {}, {}, {})
        return empty.updated(items, rows)

    def updated(self, items: IdMap, rows: Sequence[TagRow]) -> Tags:
        """These tags with those of `rows` in their place; `items` may go on beyond them."""
        more = len(items) - len(self.artist)
        artist = np.append(self.artist, np.full(more, MISSING, np.int32))
        genre = np.append(self.genre, np.full(more, MISSING, np.int32))
        label = np.append(self.label, np.full(more, MISSING, np.int32))
        year = np.append(self.year, np.full(more, UNKNOWN_YEAR, np.int32))
        added_at = np.append(self.added_at, np.zeros(more))
        artists, genres, labels = dict(self.artists), dict(self.genres), dict(self.labels)
        positions = items.indices([row[0] for row in rows])
        known = np.flatnonzero(positions != MISSING)
        there, kept = positions[known], [rows[row] for row in known.tolist()]
        artist[there] = [_code(artists, row[1]) for row in kept]
        genre[there] = [_code(genres, row[2]) for row in kept]
        label[there] = [_code(labels, row[3]) for row in kept]
        year[there] = [UNKNOWN_YEAR if row[4] is None else row[4] for row in kept]
        added_at[there] = [row[5] or 0.0 for row in kept]
        return Tags(artist, genre, label, year, added_at, artists, genres, labels)

    def first(self, n: int) -> Tags:
        """The tags of the positions 0 … n−1."""
        return replace(
            self,
            artist=self.artist[:n],
            genre=self.genre[:n],
            label=self.label[:n],
            year=self.year[:n],
            added_at=self.added_at[:n],
        )

    @cached_property
    def _shared(self) -> dict[str, list[int]]:
        """Codes of the names that stand for several artists, by the name of each of these."""
        shared: dict[str, list[int]] = {}
        for name, code in self.artists.items():
            if BETWEEN_ARTISTS in name:
                for one in artist_names(name):
                    shared.setdefault(one, []).append(code)
        return shared

    def matching(self, filters: Filters) -> Mask:
        """Tracks that meet the conditions on tags [shape=(n_items,)]."""
        mask = np.ones(len(self.artist), np.bool_)
        if filters.genres:
            mask &= np.isin(self.genre, _codes(self.genres, filters.genres))
        if filters.artists:
            codes = _codes(self.artists, filters.artists)
            for name in filters.artists:
                codes += self._shared.get(folded(name), ())
            mask &= np.isin(self.artist, codes)
        if filters.labels:
            mask &= np.isin(self.label, _codes(self.labels, filters.labels))
        if filters.year_from is not None:
            mask &= self.year >= filters.year_from
        if filters.year_to is not None:
            mask &= (self.year <= filters.year_to) & (self.year != UNKNOWN_YEAR)
        return mask


def tag_row(track: Track) -> TagRow:
    """The tags of `track` that `Tags` are made of."""
    return track.track_id, track.artist, track.genre, track.label, track.year, track.added_at


def folded(name: str | None) -> str:
    """`name` as names are compared; empty where there is none."""
    return (name or "").strip().casefold()


def _code(codes: dict[str, int], name: str | None) -> int:
    key = folded(name)
    return codes.setdefault(key, len(codes)) if key else MISSING


def _codes(codes: dict[str, int], names: Sequence[str]) -> list[int]:
    return [codes[folded(name)] for name in names if folded(name) in codes]
