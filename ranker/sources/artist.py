"""New tracks of the artists that a listener plays."""

from __future__ import annotations

import numpy as np

from data.arrays import Floats, Mask, Positions
from ranker.candidates import CandidateList
from ranker.listener import Listener
from ranker.sources.base import allowed_mask


class ArtistSource:
    """Plays that a listener gave the tracks of an artist.

    Proposes newcomers only: of tracks with listeners enough other sources know more.

    Parameters
    ----------
    heard : np.ndarray [shape=(n_known,), dtype=int32]
        Artist of each track that may stand in a history, −1 where unknown.
    artist : np.ndarray [shape=(n_items,), dtype=int32]
        Artist of each track that is scored.
    newcomers : np.ndarray [shape=(n_items,), dtype=bool]
        Tracks that may be proposed.
    """

    name = "artist"

    def __init__(self, heard: Positions, artist: Positions, newcomers: Mask) -> None:
        self._heard = heard
        self._artist = artist
        new = np.flatnonzero(newcomers & (artist >= 0))
        # Newcomers by artist, those of one artist side by side.
        self._new = new[np.argsort(artist[new], kind="stable")].astype(np.int32)
        self._new_artist = artist[self._new]

    def candidates(self, listener: Listener, n: int) -> CandidateList:
        """Newcomers of the artists that were played most."""
        artists, plays = self._played(listener)
        first = np.searchsorted(self._new_artist, artists, side="left")
        last = np.searchsorted(self._new_artist, artists, side="right")
        theirs = [self._new[a:b] for a, b in zip(first, last, strict=True)]
        items = np.concatenate([np.zeros(0, np.int32), *theirs])
        score = np.repeat(plays, last - first)
        allowed = allowed_mask(listener, len(self._artist))[items]
        items, score = items[allowed], score[allowed]
        order = np.lexsort((items, -score))[:n]
        return CandidateList(items[order], score[order])

    def score(self, listener: Listener, item_index: Positions) -> Floats:
        """log(1 + plays of the artist); NaN where the artist is unknown."""
        artists, plays = self._played(listener)
        wanted = self._artist[item_index]
        score = np.where(wanted >= 0, 0.0, np.nan).astype(np.float32)
        if len(artists):
            place = np.minimum(np.searchsorted(artists, wanted), len(artists) - 1)
            met = artists[place] == wanted
            score[met] = plays[place[met]]
        return score

    def _played(self, listener: Listener) -> tuple[Positions, Floats]:
        """Artists of the liked tracks, ascending, and log(1 + plays) of each."""

        def computed() -> tuple[Positions, Floats]:
            liked = listener.prefers
            artist = self._heard[listener.history.item_index[liked]]
            artists, place = np.unique(artist[artist >= 0], return_inverse=True)
            plays = np.bincount(place, listener.history.plays[liked][artist >= 0], len(artists))
            return artists.astype(np.int32), np.log1p(plays).astype(np.float32)

        return listener.once("artists", computed)
