"""Why a track is in the list, in words a listener understands.

The features' contributions to the score are summed per family; of the families that can explain a
track at all, the one with the largest sum gives the sentence. Where a source can tell which track
of the history its score rests on, the sentence names it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from data.arrays import Doubles, Floats, Mask, Positions
from data.ids import MISSING
from data.tracks import Track
from ranker.habit import HABIT, days_since
from ranker.listener import Listener
from ranker.models import CandidateModels
from ranker.sources.base import explaining, strongest
from ranker.sources.rising import RISING

OFTEN = 5.0
"""Plays from which on a track is said to be played often."""
LONG_DAYS = 30.0
"""Days without a track, before the listener's latest event, that are said to be a while."""

_PREFIXES = {
    "collaborative": ("collaborative_",),
    "item_item": ("item_item_",),
    "audio": ("audio_",),
    "bridge": ("bridge_",),
    "carried": ("carried_",),
    "artist": ("artist_", "album_"),
    "label": ("label_",),
    "popular": ("popular_", "popularity", "recent_popularity", "age"),
    "rising": ("rising_",),
    "own": ("own_",),
}
_OF_ITSELF = frozenset({"artist", "label"})
"""Families whose sentence names what the recommended track is of."""
_TOLD = frozenset({"own", "popular"})
"""Families whose sentence follows from numbers."""
_OF_NEWCOMERS = frozenset({"bridge", "carried"})
"""Families that say most of tracks with few listeners or none."""
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
        return cls((*_PREFIXES, _REST), contributions[:, :-1] @ _membership(tuple(names)))

    def strongest(self, applicable: Mapping[str, Mask]) -> list[str]:
        """Family with the largest share among those that can explain a row, for each row.

        Parameters
        ----------
        applicable : mapping of str to np.ndarray [shape=(n,), dtype=bool]
            Rows that each family can explain.
        """
        families = list(applicable)
        columns = [self.families.index(family) for family in families]
        able = np.stack([applicable[family] for family in families], axis=1)
        best = np.where(able, self.share[:, columns], -np.inf).argmax(axis=1)
        explained = np.asarray(able.any(axis=1))
        return [
            families[int(place)] if there else _NEW
            for place, there in zip(best, explained, strict=True)
        ]


@lru_cache
def _membership(names: tuple[str, ...]) -> Doubles:
    """1 where the feature of a row belongs to the family of a column, else 0."""
    families = (*_PREFIXES, _REST)
    belongs = np.zeros((len(names), len(families)))
    belongs[np.arange(len(names)), [families.index(_family(name)) for name in names]] = 1.0
    return belongs


def _family(name: str) -> str:
    return next((family for family, own in _PREFIXES.items() if name.startswith(own)), _REST)


@dataclass(frozen=True)
class Reason:
    """Why one track was recommended.

    Parameters
    ----------
    family : str
        Which kind of evidence weighed most: a source, ``artist``, ``label``, ``own`` or ``new``.
    by : int or None
        Position of the track of the history that speaks most for it; for ``artist`` and
        ``label``, of the recommended track itself.
    how : str
        What the listener does with the track at `by`; for ``own`` and ``popular``, the sentence.
    cold : bool
        Nobody took to the recommended track yet.
    newcomer : bool
        Hardly anybody did.
    """

    family: str
    by: int | None = None
    how: str = "play"
    cold: bool = False
    newcomer: bool = False

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
        if self.family == "label":
            label = named.label if named is not None and named.label else "a label"
            return f"{'new' if self.cold else 'more'} on {label}, whose tracks you play"
        if self.family in _TOLD:
            return self.how
        if named is None:
            said = _UNNAMED[self.family]
        else:
            said = _NAMED[self.family].format(track=named.caption, how=self.how)
        hardly_heard = self.newcomer and self.family in _OF_NEWCOMERS
        return f"hardly heard yet, and it {said}" if hardly_heard else said


_NAMED = {
    "collaborative": "listeners who share your taste for {track} play this",
    "item_item": "listeners of {track} play this",
    "audio": "sounds like {track}, which you {how}",
    "carried": "sounds like what listeners of {track} play",
}
_OWN = {
    "like": "you like this",
    "play often": "you play this often",
    "play": "you play this",
}
_UNNAMED = {
    "collaborative": "listeners with your taste play this",
    "item_item": "goes with what you play",
    "audio": "sounds like what you play",
    "bridge": "sounds like what listeners with your taste play",
    "carried": "sounds like what goes with your tracks",
    "rising": "rising: more listeners play this than before",
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
    families = FamilyShares.of(contributions, names).strongest(
        _applicable(models, items, features, names)
    )
    named = np.full(len(items), MISSING, np.int32)
    sources = {source.name: source for source in models.sources}
    for family in set(families):
        rows = np.array([each == family for each in families], np.bool_)
        source = explaining(sources.get(family))
        if family in _OF_ITSELF:
            named[rows] = items[rows]
        elif family == "audio":
            named[rows] = _nearest_liked(models, listener, items[rows])
        elif source is not None:
            named[rows] = source.explain(listener, items[rows])
    cold = (models.popularity[items] == 0).tolist()
    newcomer = (models.popularity[items] < models.settings.newcomer_support).tolist()
    told = {
        "own": iter(_own(listener, items[[family == "own" for family in families]])),
        "popular": iter(_popular(models, items[[family == "popular" for family in families]])),
    }

    def reason(family: str, by: int, how: str, cold: bool, newcomer: bool) -> Reason:
        if family in _OF_ITSELF:
            return Reason(family, by, cold=cold)
        if family in told:
            return Reason(family, how=next(told[family]))
        named = None if by == MISSING else by
        return Reason(family, named, how=how, newcomer=newcomer)

    return list(map(reason, families, named.tolist(), _how(listener, named), cold, newcomer))


def _applicable(
    models: CandidateModels, items: Positions, features: Floats, names: Sequence[str]
) -> dict[str, Mask]:
    """Which of `items` [shape=(n,)] each family can explain."""
    column = {name: i for i, name in enumerate(names)}

    def known(name: str) -> Mask:
        there = column.get(name)
        if there is None:
            return np.zeros(len(items), np.bool_)
        return np.asarray(~np.isnan(features[:, there]))

    applicable = {family: known(f"{family}_score") for family in _PREFIXES}

    def plays(name: str) -> Floats:
        there = column.get(name)
        nothing = np.zeros(len(items), np.float32)
        return nothing if there is None else np.nan_to_num(features[:, there])

    applicable["artist"] = plays("artist_plays") > 0
    # Where all of the label that they play is by the artist, the artist is the reason.
    applicable["label"] = plays("label_plays") > plays("artist_plays")
    applicable["audio"] = known("audio_nearest")
    applicable["own"] = known(HABIT)
    # Of a track of their own, what others play is no news.
    applicable["popular"] = (models.popularity[items] > 0) & ~applicable["own"]
    there = column.get("rising_score")
    applicable["rising"] = applicable["popular"] & (
        False if there is None else features[:, there] > RISING
    )
    return applicable


def _how(listener: Listener, items: Positions) -> list[str]:
    """What the listener does with each of `items` [shape=(n,)], anything for what they never heard.

    A track that they chose may stand in their history, too.
    """
    history, chosen = listener.history, set(listener.chosen.tolist())
    if not len(history):
        return ["chose" if item in chosen else "play" for item in items.tolist()]
    row = np.minimum(np.searchsorted(history.item_index, items), len(history) - 1)
    likes, often = history.opinion[row] > 0, history.plays[row] >= OFTEN
    return [
        "chose" if item in chosen else "like" if liked else "play often" if oft else "play"
        for item, liked, oft in zip(items.tolist(), likes.tolist(), often.tolist(), strict=True)
    ]


def _own(listener: Listener, items: Positions) -> list[str]:
    """What the listener does with each of `items` [shape=(n,)], all of the history, in words."""
    row = np.searchsorted(listener.history.item_index, items)
    rested = np.nan_to_num(days_since(listener.history)[row], nan=0.0) >= LONG_DAYS
    return [
        _OWN[how] + (", but not for a while" if rest else "")
        for how, rest in zip(_how(listener, items), rested.tolist(), strict=True)
    ]


def _popular(models: CandidateModels, items: Positions) -> list[str]:
    """How many listeners play each of `items` [shape=(n,)], in words.

    Many are more than play the average of the tracks that anybody plays.
    """

    def said(listeners: float) -> str:
        if listeners > models.mean_popularity:
            return "popular: many listeners play this"
        return "other listeners play this" if listeners > 1 else "another listener plays this"

    return [said(listeners) for listeners in models.popularity[items].tolist()]


def _nearest_liked(models: CandidateModels, listener: Listener, items: Positions) -> Positions:
    """The liked track whose sound is closest to that of each of `items`; −1 where none has any."""
    liked = listener.liked_items
    if models.embeddings is None or not len(liked):
        return np.full(len(items), MISSING, np.int32)
    cosine = models.embeddings[liked] @ models.embeddings[items].T  # (n_liked, n)
    # Cosines are at least −1: what has no vector is farther from everything than what has one.
    return strongest(liked, np.nan_to_num(cosine + 2.0, nan=0.0))
