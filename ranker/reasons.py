"""Why a track is in the list, in words a listener understands.

The features' contributions to the score are summed per family; of the families that can explain a
track at all, the one with the largest sum gives the sentence. Where a source can tell which track
of the history its score rests on, the sentence names it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from data.arrays import Doubles, Floats, Positions
from data.tracks import Track
from ranker.listener import Listener
from ranker.models import CandidateModels
from ranker.sources import ExplainingSource

OFTEN = 5.0
"""Plays from which on a track is said to be played often."""

_PREFIXES = {
    "collaborative": ("collaborative_",),
    "item_item": ("item_item_",),
    "audio": ("audio_",),
    "bridge": ("bridge_",),
    "carried": ("carried_",),
    "artist": ("artist_",),
    "popular": ("popular_", "popularity", "recent_popularity"),
}
_REST = "rest"
"""Features that weigh in every score and explain none: agreement of sources, who is asking."""
_NEW = "new"
"""What is left to say of a track that no family can explain."""


@dataclass(frozen=True)
class FamilyShares:
    """Contributions to the score, summed per family.

    Parameters
    ----------
    families : tuple of str
        Names of the columns; the last gathers the features of no family.
    share : np.ndarray [shape=(n, n_families), dtype=float64]
        A row adds up to the ranker's score but for its constant.
    """

    families: tuple[str, ...]
    share: Doubles

    @classmethod
    def of(cls, contributions: Doubles, names: Sequence[str]) -> FamilyShares:
        """Sums of `contributions` [shape=(n, n_features + 1)], columns as `names`, constant last.

        The constant belongs to no family and is left out.
        """
        families = (*_PREFIXES, _REST)
        column = [families.index(_family(name)) for name in names]
        share = np.zeros((len(contributions), len(families)))
        np.add.at(share.T, column, contributions[:, :-1].T)
        return cls(families, share)

    def strongest(self, row: int, applicable: Callable[[str], bool]) -> str:
        """Family with the largest share among those that can explain the row."""
        for place in np.argsort(-self.share[row], kind="stable").tolist():
            family: str = self.families[place]
            if family != _REST and applicable(family):
                return family
        return _NEW


def _family(name: str) -> str:
    return next((family for family, own in _PREFIXES.items() if name.startswith(own)), _REST)


@dataclass(frozen=True)
class Reason:
    """Why one track was recommended.

    Parameters
    ----------
    family : str
        Which kind of evidence weighed most: a source, ``artist``, or ``new``.
    by : int or None
        Position of the track of the history that speaks most for it; for ``artist``, of the
        recommended track itself.
    how : str
        What the listener does with the track at `by`.
    cold : bool
        Nobody took to the recommended track yet.
    """

    family: str
    by: int | None = None
    how: str = "play"
    cold: bool = False

    @property
    def tracks(self) -> tuple[int, ...]:
        """Positions of the tracks that the sentence names."""
        return () if self.by is None else (self.by,)

    def sentence(self, track: Callable[[int], Track]) -> str:
        """The reason in words; `track` gives the tags of the track at a position."""
        named = None if self.by is None else track(self.by)
        if self.family == "artist":
            artist = named.artist if named is not None and named.artist else "an artist"
            return f"{'new' if self.cold else 'more'} from {artist}, whom you play"
        if named is None:
            return _UNNAMED[self.family]
        return _NAMED[self.family].format(track=named.label, how=self.how)


_NAMED = {
    "collaborative": "listeners who share your taste for {track} play this",
    "item_item": "listeners of {track} play this",
    "audio": "sounds like {track}, which you {how}",
    "carried": "hardly heard yet, and it sounds like what listeners of {track} play",
}
_UNNAMED = {
    "collaborative": "listeners with your taste play this",
    "item_item": "goes with what you play",
    "audio": "sounds like what you play",
    "bridge": "hardly heard yet, and it sounds like what listeners with your taste play",
    "carried": "hardly heard yet, and it sounds like what goes with your tracks",
    "popular": "popular: many listeners play this",
    "new": "nobody has played this yet",
}


def explain(
    models: CandidateModels,
    listener: Listener,
    items: Positions,
    features: Floats,
    contributions: Doubles,
    names: Sequence[str],
) -> list[Reason]:
    """One reason for each of `items` [shape=(n,)].

    Parameters
    ----------
    features : np.ndarray [shape=(n, n_features)]
        Of the items, in their order; columns as `names`.
    contributions : np.ndarray [shape=(n, n_features + 1)]
        From the ranker.
    """
    column = {name: i for i, name in enumerate(names)}
    explaining = {
        source.name: source for source in models.sources if isinstance(source, ExplainingSource)
    }
    shares = FamilyShares.of(contributions, names)

    def reason(row: int, item: int) -> Reason:
        def known(name: str) -> bool:
            return name in column and not np.isnan(features[row, column[name]])

        def applicable(family: str) -> bool:
            if family == "artist":
                return known("artist_plays") and features[row, column["artist_plays"]] > 0
            if family == "audio":
                return known("audio_nearest")
            if family == "popular":
                return bool(models.popularity[item] > 0)
            return known(f"{family}_score")

        family = shares.strongest(row, applicable)
        if family == "artist":
            return Reason(family, item, cold=bool(models.popularity[item] == 0))
        by = None
        if family == "audio":
            by = _nearest_liked(models, listener, item)
        elif family in explaining:
            by = explaining[family].explain(listener, item)
        return Reason(family) if by is None else Reason(family, by, how=_how(listener, by))

    return [reason(row, int(item)) for row, item in enumerate(items)]


def _how(listener: Listener, item: int) -> str:
    """What the listener does with the track of their history at position `item`."""
    if item in listener.chosen:
        return "chose"
    history = listener.history
    row = int(np.searchsorted(history.item_index, item))
    if history.opinion[row] > 0:
        return "like"
    return "play often" if history.plays[row] >= OFTEN else "play"


def _nearest_liked(models: CandidateModels, listener: Listener, item: int) -> int | None:
    """Position of the liked track whose sound is closest to `item`'s."""
    liked = listener.liked_items
    if models.embeddings is None or not len(liked):
        return None
    embeddings = models.embeddings
    vectors = listener.once("liked vectors", lambda: embeddings[liked])
    cosine = vectors @ embeddings[item]
    return None if np.isnan(cosine).all() else int(liked[np.nanargmax(cosine)])
