"""Why a track is in the list, in words a listener understands.

The features' contributions to the score are summed per family; the family with the largest sum
gives the sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from data.arrays import Floats, Positions
from ranker.listener import Listener
from ranker.models import CandidateModels

_FAMILIES = {
    "collaborative": ("collaborative_",),
    "audio": ("audio_",),
    "bridge": ("bridge_",),
    "artist": ("artist_",),
    "popular": ("popular_", "popularity", "recent_popularity"),
}


def strongest_family(
    contributions: Floats, names: Sequence[str], applicable: Callable[[int, str], bool]
) -> list[str]:
    """Family with the largest summed contribution, one for each row.

    Parameters
    ----------
    contributions : np.ndarray [shape=(n, n_features)]
        From ``Ranker.contributions``.
    names : sequence of str
        Names of the features.
    applicable : callable
        Whether a family can explain the row at all (a track without a vector sounds like nothing).
    """
    families = list(_FAMILIES)
    sums = np.column_stack(
        [
            contributions[:, [i for i, name in enumerate(names) if name.startswith(prefixes)]].sum(
                axis=1
            )
            for prefixes in _FAMILIES.values()
        ]
    )
    strongest = []
    for row, values in enumerate(sums):
        ordered = [families[column] for column in np.argsort(-values, kind="stable")]
        strongest.append(next((name for name in ordered if applicable(row, name)), "new"))
    return strongest


@dataclass(frozen=True)
class Reason:
    """Why one track was recommended.

    Parameters
    ----------
    family : str
        Which kind of evidence weighed most: ``collaborative``, ``audio``, ``bridge``, ``artist``,
        ``popular`` or ``new``.
    similar_to : int or None
        For ``audio``, position of the liked track that sounds most like it.
    """

    family: str
    similar_to: int | None = None

    def sentence(self, label: Callable[[int], str]) -> str:
        """The reason in words; `label` names the track at a position."""
        if self.similar_to is not None:
            return f"sounds like {label(self.similar_to)}, which you play"
        return _SENTENCES[self.family]


_SENTENCES = {
    "collaborative": "listeners with your taste play this",
    "bridge": "hardly heard yet, and it sounds like what listeners with your taste play",
    "artist": "more from an artist you play",
    "popular": "many listeners play this",
    "new": "nobody has played this yet",
}


def explain(
    models: CandidateModels,
    listener: Listener,
    items: Positions,
    features: Floats,
    contributions: Floats,
    names: Sequence[str],
) -> list[Reason]:
    """One reason for each of `items` [shape=(n,)].

    Parameters
    ----------
    features, contributions : np.ndarray [shape=(n, n_features)]
        Of the items, in their order; columns as `names`.
    """
    column = {name: i for i, name in enumerate(names)}

    def known(row: int, name: str) -> bool:
        return name in column and not np.isnan(features[row, column[name]])

    def applicable(row: int, family: str) -> bool:
        if family == "artist":
            return known(row, "artist_plays") and features[row, column["artist_plays"]] > 0
        if family == "audio":
            return known(row, "audio_nearest")
        if family == "popular":
            return bool(models.popularity[items[row]] > 0)
        return known(row, f"{family}_score")

    reasons = []
    for row, family in enumerate(strongest_family(contributions, names, applicable)):
        item = int(items[row])
        if family == "audio":
            reasons.append(Reason(family, _nearest_liked(models, listener, item)))
        else:
            reasons.append(Reason(family))
    return reasons


def _nearest_liked(models: CandidateModels, listener: Listener, item: int) -> int | None:
    """Position of the liked track whose sound is closest to `item`'s."""
    liked = listener.liked_items
    if models.embeddings is None or not len(liked):
        return None
    cosine = models.embeddings[liked] @ models.embeddings[item]
    return None if np.isnan(cosine).all() else int(liked[np.nanargmax(cosine)])
