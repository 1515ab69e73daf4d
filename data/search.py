"""Finding tracks by text that people type, by artist, genre and record label, in memory.

A word of the query matches a word of title, artist or album that is equal to it, begins with it,
contains it, or differs by a typo: one letter inserted, left out, changed or swapped with its
neighbour from 4 letters on, two from 8 on (optimal string alignment distance, by RapidFuzz). The
better the words match, the earlier a track stands; among equals the one with fewer other words.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from rapidfuzz.distance import OSA
from rapidfuzz.process import cdist

from data.arrays import Floats, Mask
from data.importers.matching import normalise
from data.store import Store
from data.tracks import Track, artist_names

MOST_LATE = 2_000
"""Tracks that may have changed before everything is indexed again."""
MOST_WORDS = 12
"""Words of a query that count."""

_EQUAL, _PREFIX, _INSIDE, _ONE_TYPO, _TWO_TYPOS = 1.0, 0.85, 0.6, 0.7, 0.5
_ALBUM = 0.6
"""Weight of a word that only the album has."""
_INSIDE_FROM = 3


@dataclass(frozen=True)
class Found:
    """Ids of one page, best first, and whether more follow."""

    track_ids: tuple[str, ...]
    more: bool


class TrackSearch:
    """Search over the tracks of a store that are offered; threads may share it.

    The index is built when it is first needed. Before each search one row of the store tells
    whether tracks have changed; those that have are indexed again, beside the others.

    Parameters
    ----------
    store : Store
        Where the tracks are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._change = -1
        self._view = _View(_Index(()), np.zeros(0, np.bool_), _Index(()))

    def by_text(
        self,
        query: str,
        limit: int,
        *,
        offset: int = 0,
        genre: str | None = None,
        artist: str | None = None,
        label: str | None = None,
    ) -> Found:
        """Tracks that match `query`, best first, `offset` of them left out at the beginning."""
        words = normalise(query).split()[:MOST_WORDS]
        view = self._fresh()
        wanted = offset + limit + 1
        hits = [
            hit
            for index, offered in view.parts()
            for hit in index.matches(words, offered & index.filtered(genre, artist, label), wanted)
        ]
        # A part may know fewer of the words than another, whose tracks then go first.
        hits.sort()
        best = hits[0].n_missing if hits else 0
        ids = [hit.track_id for hit in hits if hit.n_missing == best]
        return Found(tuple(ids[offset : offset + limit]), len(ids) > offset + limit)

    def all(
        self,
        limit: int,
        *,
        after: str = "",
        genre: str | None = None,
        artist: str | None = None,
        label: str | None = None,
    ) -> Found:
        """Tracks by id, from the one after `after` on."""
        ids: list[str] = []
        for index, offered in self._fresh().parts():
            rows = np.flatnonzero(offered & index.filtered(genre, artist, label))
            start = np.searchsorted(rows, bisect_right(index.track_ids, after))
            ids += [index.track_ids[row] for row in rows[start : start + limit + 1]]
        ids.sort()
        return Found(tuple(ids[:limit]), len(ids) > limit)

    def of_artist(self, name: str) -> tuple[str | None, list[str]]:
        """Spelling of an artist's name, and the ids of all their tracks; None for nobody."""
        spelling, ids = None, []
        for index, offered in self._fresh().parts():
            rows = [row for row in index.rows_of_artist(name) if offered[row]]
            if rows:
                spelling = spelling or index.spelling[_folded(name)]
            ids += [index.track_ids[row] for row in rows]
        return spelling, sorted(ids)

    def _fresh(self) -> _View:
        if self._store.change() == self._change:
            return self._view
        with self._lock:
            # Read before the tracks: what changes in between is read once more.
            change = self._store.change()
            if change != self._change:
                self._view = self._updated(self._store.changed_since(self._change))
                self._change = change
            return self._view

    def _updated(self, changed: Sequence[str]) -> _View:
        base = self._view.base
        late = {*self._view.late.track_ids, *changed}
        late |= {base.track_ids[row] for row in np.flatnonzero(~self._view.offered)}
        if self._change < 0 or len(late) > MOST_LATE:
            base, late = _Index(self._store.tracks()), set()
        offered = np.ones(len(base.track_ids), np.bool_)
        for track_id in late:
            row = bisect_left(base.track_ids, track_id)
            if row < len(base.track_ids) and base.track_ids[row] == track_id:
                offered[row] = False
        return _View(base, offered, _Index(self._store.tracks(sorted(late))))


@dataclass(frozen=True, order=True)
class _Hit:
    """A track that matches; hits sort best first."""

    n_missing: int
    penalty: float
    n_words: int
    track_id: str


@dataclass(frozen=True)
class _View:
    """Everything as it was indexed, which of it still holds, and what has changed since."""

    base: _Index
    offered: Mask
    late: _Index

    def parts(self) -> tuple[tuple[_Index, Mask], tuple[_Index, Mask]]:
        return (
            (self.base, self.offered),
            (self.late, np.ones(len(self.late.track_ids), np.bool_)),
        )


@dataclass
class _Words:
    """Words and the rows that have them, while they are collected."""

    codes: dict[str, int] = field(default_factory=dict)
    word: list[int] = field(default_factory=list)
    row: list[int] = field(default_factory=list)
    weight: list[float] = field(default_factory=list)

    def add(self, row: int, words: Iterable[str], weight: float) -> None:
        for word in words:
            self.word.append(self.codes.setdefault(word, len(self.codes)))
            self.row.append(row)
            self.weight.append(weight)


class _Index:
    """Words, genres, artists and record labels of some tracks, in the order of their ids."""

    def __init__(self, tracks: Iterable[Track]) -> None:
        ordered = sorted(tracks, key=lambda track: track.track_id)
        self.track_ids = [track.track_id for track in ordered]
        self.n_words = np.zeros(len(ordered), np.int32)
        self.spelling: dict[str, str] = {}
        self._artists: dict[str, list[int]] = {}
        self._genres: dict[str, list[int]] = {}
        self._labels: dict[str, list[int]] = {}
        collected = _Words()
        for row, track in enumerate(ordered):
            heading = {*normalise(track.title or track.track_id).split()}
            heading.update(normalise(track.artist).split())
            album = {*normalise(track.album).split()} - heading
            collected.add(row, heading, 1.0)
            collected.add(row, album, _ALBUM)
            self.n_words[row] = len(heading)
            for name in artist_names(track.artist):
                self.spelling.setdefault(_folded(name), name)
                self._artists.setdefault(_folded(name), []).append(row)
            if track.genre:
                self._genres.setdefault(_folded(track.genre), []).append(row)
            if track.label:
                self._labels.setdefault(_folded(track.label), []).append(row)
        self.words = sorted(collected.codes)
        place = np.empty(len(self.words), np.int32)
        place[[collected.codes[word] for word in self.words]] = np.arange(len(self.words))
        word = place[np.array(collected.word, np.int32)]
        order = np.argsort(word, kind="stable")
        self._row = np.array(collected.row, np.int32)[order]
        self._weight = np.array(collected.weight, np.float32)[order]
        self._start = np.searchsorted(word[order], np.arange(len(self.words) + 1))

    def rows_of_artist(self, name: str) -> list[int]:
        """Rows of the tracks of an artist."""
        return self._artists.get(_folded(name), [])

    def filtered(self, genre: str | None, artist: str | None, label: str | None) -> Mask:
        """Which tracks are of `genre`, by `artist` and on `label` [shape=(n_tracks,)]."""
        kept = np.ones(len(self.track_ids), np.bool_)
        indexed = ((genre, self._genres), (artist, self._artists), (label, self._labels))
        for wanted, rows_of in indexed:
            if wanted is not None:
                other = np.ones_like(kept)
                other[rows_of.get(_folded(wanted), [])] = False
                kept &= ~other
        return kept

    def matches(self, words: Sequence[str], allowed: Mask, limit: int) -> list[_Hit]:
        """Best `limit` of the allowed tracks; those that lack fewer of the `words` go first.

        A track that lacks more than half of them is no match.
        """
        if not words or not len(self.words):
            return []
        n_found = np.zeros(len(self.track_ids), np.int32)
        total = np.zeros(len(self.track_ids), np.float32)
        for word in words:
            score = self._scores(word)
            n_found += score > 0
            total += score
        rows = np.flatnonzero(allowed & (2 * n_found >= max(len(words), 1)) & (n_found > 0))
        rows = rows[np.lexsort((self.n_words[rows], -total[rows], -n_found[rows]))[:limit]]
        return [
            _Hit(
                len(words) - int(n_found[row]),
                -float(total[row]),
                int(self.n_words[row]),
                self.track_ids[row],
            )
            for row in rows
        ]

    def _scores(self, word: str) -> Floats:
        """How well each track has `word` [shape=(n_tracks,)], 0 where it does not."""
        likeness = np.zeros(len(self.words), np.float32)
        if len(word) >= _INSIDE_FROM:
            likeness[[place for place, known in enumerate(self.words) if word in known]] = _INSIDE
        typos = 2 if len(word) >= 8 else 1 if len(word) >= 4 else 0
        if typos:
            distance = cdist([word], self.words, scorer=OSA.distance, score_cutoff=typos)[0]
            for n_typos, value in ((2, _TWO_TYPOS), (1, _ONE_TYPO))[2 - typos :]:
                near = distance == n_typos
                likeness[near] = np.maximum(likeness[near], value)
        first = bisect_left(self.words, word)
        last = bisect_left(self.words, word + "\U0010ffff")
        likeness[first:last] = _PREFIX
        if first < len(self.words) and self.words[first] == word:
            likeness[first] = _EQUAL
        scores = np.zeros(len(self.track_ids), np.float32)
        alike = np.flatnonzero(likeness)
        if len(alike):
            spans = [slice(self._start[place], self._start[place + 1]) for place in alike]
            n_rows = self._start[alike + 1] - self._start[alike]
            postings = np.concatenate([self._row[span] for span in spans])
            weights = np.concatenate([self._weight[span] for span in spans])
            np.maximum.at(scores, postings, weights * np.repeat(likeness[alike], n_rows))
        return scores


def _folded(name: str) -> str:
    return name.strip().casefold()
