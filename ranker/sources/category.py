"""New tracks of the artists, and of the record labels, that a listener plays."""

from __future__ import annotations

import numpy as np

from data.arrays import Floats, Mask, Positions
from ranker.candidates import CandidateList
from ranker.listener import Listener
from ranker.sources.base import allowed_mask


class CategorySource:
    r"""Plays that a listener gave the tracks of a category, beside those to be expected.

    With :math:`p_c` plays of the tracks that the listener likes in category c, and the category's
    share :math:`s_c` of all listening, a track of c scores

    .. math::
        \log(1 + p_c) - \log\Bigl(1 + s_c \sum_d p_d\Bigr)

    An artist is played because somebody chose to: nothing is to be expected, :math:`s_c = 0`. Of a
    record label that has a third of all music a third of anybody's plays are, which says nothing
    about its next track; three plays of a small one do.

    Proposes newcomers only, of categories that are played at least as much as expected: of tracks
    with listeners enough other sources know more.

    Parameters
    ----------
    name : str
        Which kind of category.
    heard : np.ndarray [shape=(n_known,), dtype=int32]
        Category of each track that may stand in a history, −1 where unknown.
    category : np.ndarray [shape=(n_items,), dtype=int32]
        Category of each track that is scored.
    newcomers : np.ndarray [shape=(n_items,), dtype=bool]
        Tracks that may be proposed.
    share : np.ndarray [shape=(n_categories,)], optional
        s of each category; 0 of those beyond, and of all by default.
    """

    def __init__(
        self,
        name: str,
        heard: Positions,
        category: Positions,
        newcomers: Mask,
        share: Floats | None = None,
    ) -> None:
        self.name = name
        self._heard = heard
        self._category = category
        n_categories = 1 + max(int(heard.max(initial=-1)), int(category.max(initial=-1)))
        self._share = np.zeros(n_categories + 1)  # the last for what is in none, code −1
        if share is not None:
            self._share[: len(share)] = share
        new = np.flatnonzero(newcomers & (category >= 0))
        # Newcomers by category, those of one category side by side.
        self._new = new[np.argsort(category[new], kind="stable")].astype(np.int32)
        self._new_category = category[self._new]

    def candidates(self, listener: Listener, n: int) -> CandidateList:
        """Newcomers of the categories that were played most beside what was to be expected."""
        played, score, _ = self._played(listener)
        played, score = played[score >= 0], score[score >= 0]
        first = np.searchsorted(self._new_category, played, side="left")
        last = np.searchsorted(self._new_category, played, side="right")
        theirs = [self._new[a:b] for a, b in zip(first, last, strict=True)]
        items = np.concatenate([np.zeros(0, np.int32), *theirs])
        score = np.repeat(score, last - first)
        allowed = allowed_mask(listener, len(self._category))[items]
        items, score = items[allowed], score[allowed]
        order = np.lexsort((items, -score))[:n]
        return CandidateList(items[order], score[order])

    def score(self, listener: Listener, item_index: Positions) -> Floats:
        """The formula above; NaN where the category is unknown."""
        played, scores, total = self._played(listener)
        wanted = self._category[item_index]
        unplayed = -np.log1p(self._share[wanted] * total)
        score = np.where(wanted >= 0, unplayed, np.nan).astype(np.float32)
        if len(played):
            place = np.minimum(np.searchsorted(played, wanted), len(played) - 1)
            met = played[place] == wanted
            score[met] = scores[place[met]]
        return score

    def _played(self, listener: Listener) -> tuple[Positions, Floats, float]:
        """Categories of the liked tracks, ascending, the score of each, and all their plays."""

        def computed() -> tuple[Positions, Floats, float]:
            liked = listener.prefers
            category = self._heard[listener.history.item_index[liked]]
            known = category >= 0
            played, place = np.unique(category[known], return_inverse=True)
            plays = np.bincount(place, listener.history.plays[liked][known], len(played))
            total = float(plays.sum())
            score = np.log1p(plays) - np.log1p(self._share[played] * total)
            return played.astype(np.int32), score.astype(np.float32), total

        return listener.once(f"plays by {self.name}", computed)


def listening_shares(category: Positions, popularity: Floats) -> Floats:
    """Share of all listening that each category has [shape=(n_categories,)].

    Parameters
    ----------
    category : np.ndarray [shape=(n_items,), dtype=int32]
        Category of every track, −1 where unknown; such tracks don't count.
    popularity : np.ndarray [shape=(n_items,), dtype=float32]
        Listeners of each track.
    """
    known = category >= 0
    listeners = np.bincount(category[known], popularity[known])
    shares: Floats = (listeners / max(float(listeners.sum()), 1.0)).astype(np.float32)
    return shares
