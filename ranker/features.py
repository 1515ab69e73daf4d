"""Features of candidates: one function, called alike in training and in serving.

"Cannot be computed" is NaN, which LightGBM treats as a value of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from data.arrays import Doubles, Floats, Positions
from data.ids import MISSING
from ranker.candidates import Candidates
from ranker.habit import OWN, own_columns
from ranker.listener import Listener
from ranker.models import CandidateModels
from ranker.nearest import mean_of_highest
from ranker.sources import PopularSource, RisingSource
from ranker.sources.item_item import liked_rows

NEAREST = 3
"""Tracks of the history that speak most for a track, by sound or by item–item weights."""
_ROUNDING = 1e-6
_SAME_FOR_ALL = frozenset({PopularSource.name, RisingSource.name})
"""Sources that do not go by the listener."""

_PER_SOURCE = (
    "score",  # the source's own
    "relative",  # score in standard deviations above the mean of the listener's candidates
    "rank",  # place in the source's list, from 1
)
_COMMON = (
    "agreement",  # number of sources that proposed the track
    "fusion",  # reciprocal-rank fusion of the sources' ranks
    "popularity",  # log(1 + listeners)
    "recent_popularity",  # log(1 + listeners of late)
    "age",  # log(1 + days since anybody's first event with the track)
    "audio_nearest",  # mean cosine to the NEAREST most similar tracks that the listener likes
    "audio_recent",  # mean cosine to the NEAREST tracks that the listener liked last
    "album_plays",  # share of the listener's plays that went to the track's album
    "artist_plays",  # share of the listener's plays that went to the track's artist
    "artist_skips",  # share of the listener's plays and skips of that artist that were skips
    "listener_tracks",  # log(1 + tracks in the history)
    "listener_mainstream",  # mean log(1 + listeners) over the tracks that the listener likes
)
_WITH_SOURCE = {
    # mean of the NEAREST highest weights from what the listener likes, relative as above; where
    # every pair of tracks has a weight
    "item_item": ("item_item_nearest",),
    "label": ("label_plays",),  # share of the listener's plays that went to the track's label
}
"""Further columns of a source: they are there where it is, so that nothing changes elsewhere."""


def feature_names(sources: Sequence[str], *, known: bool = False) -> tuple[str, ...]:
    """Names of the columns that `compute_features` returns for models with these sources."""
    per_source = (f"{source}_{column}" for source in sources for column in _PER_SOURCE)
    further = (column for source in sources for column in _WITH_SOURCE.get(source, ()))
    return (*per_source, *_COMMON, *further, *(OWN if known else ()))


def compute_features(
    models: CandidateModels,
    listener: Listener,
    candidates: Candidates,
    rows: NDArray[np.intp] | slice = slice(None),
    *,
    known: bool = False,
) -> Floats:
    """Features of `rows` of the candidates, of all by default.

    Every source that can score a candidate does so, also where another source proposed it; ranks
    exist only where the source itself proposed it. What is relative is so to all candidates,
    whatever `rows` are asked for.

    Parameters
    ----------
    known : bool
        All candidates are in the listener's history, and what they did with them is asked for, too.

    Returns
    -------
    np.ndarray [shape=(n_rows, n_features), dtype=float32]
        Columns as `feature_names`.
    """
    sources, catalogue = models.sources, models.catalogue
    score = np.stack([source.score(listener, candidates.item_index) for source in sources])
    items, rank = candidates.item_index[rows], candidates.rank[rows]
    n, n_own = len(items), len(sources) * len(_PER_SOURCE)
    n_common = n_own + len(_COMMON)
    further = [column for source in sources for column in _WITH_SOURCE.get(source.name, ())]
    n_without_own = n_common + len(further)
    columns = np.empty((n_without_own + known * len(OWN), n), np.float32)
    of_source = columns[:n_own].reshape(len(sources), len(_PER_SOURCE), n)
    of_source[:, 0] = score[:, rows]
    relative = _relative(score)
    of_source[:, 1] = relative[:, rows]
    of_source[:, 2] = rank.T

    liked = listener.liked_items
    common = columns[n_own:n_common]
    common[0] = (~np.isnan(rank)).sum(axis=1)
    common[1] = candidates.fused[rows]
    common[2] = np.log1p(models.popularity[items])
    common[3] = np.log1p(models.recent_popularity[items])
    common[4] = np.log1p(models.age[items])
    common[5], common[6] = _audio_likeness(models, listener, items)
    common[7], _ = _affinity(catalogue.album, listener, items)
    common[8], common[9] = _affinity(catalogue.artist, listener, items)
    common[10] = np.log1p(len(listener.history))
    common[11] = np.log1p(models.popularity[liked]).mean() if len(liked) else np.nan
    for place, source in enumerate(sources):
        if source.name == "item_item":
            nearest = _nearest_weights(models, listener, candidates.item_index, score[place])
            nearest = _relative(nearest[None])[0]
            columns[n_common + further.index("item_item_nearest")] = nearest[rows]
        elif source.name == "label":
            plays, _ = _affinity(catalogue.label, listener, items)
            columns[n_common + further.index("label_plays")] = plays
    if known:
        theirs = [source.name not in _SAME_FOR_ALL for source in sources]
        own = own_columns(listener.history, candidates.item_index, relative[theirs])
        columns[n_without_own:] = own[:, rows]
    return columns.T


def _relative(score: Floats) -> Doubles:
    """Rows of `score` standardised, NaN where they are NaN; scales differ between listeners."""
    known = ~np.isnan(score)
    n_known = np.maximum(known.sum(axis=1, keepdims=True), 1)
    mean = np.where(known, score, 0.0).sum(axis=1, keepdims=True, dtype=np.float64) / n_known
    apart = score - mean
    spread = np.sqrt(np.where(known, apart * apart, 0.0).sum(axis=1, keepdims=True) / n_known)
    # Equal but for rounding is equal.
    equal = spread <= _ROUNDING * np.abs(mean)
    relative: Doubles = apart / np.where(equal, np.inf, spread)
    return relative


def _audio_likeness(
    models: CandidateModels, listener: Listener, items: Positions
) -> tuple[Floats, Floats]:
    """Mean cosines of `items` to the nearest and to the latest tracks that the listener likes.

    The latter are NaN where the history has no times.
    """
    unknown = np.full(len(items), np.nan, np.float32)
    liked = listener.liked_items
    if models.embeddings is None or not len(liked):
        return unknown, unknown
    rows = models.embeddings[liked]  # (n_liked, dimension)
    with_sound = ~np.isnan(rows[:, 0])
    if not with_sound.any():
        return unknown, unknown
    cosine = models.embeddings[items] @ rows[with_sound].T  # (n_items, n_known)
    k = min(NEAREST, cosine.shape[1])
    nearest = mean_of_highest(cosine, k)
    last_at = listener.history.last_at[listener.prefers][with_sound]
    if np.isnan(last_at).any():
        return nearest, unknown
    latest = np.argsort(last_at, kind="stable")[-k:]
    return nearest, cosine[:, latest].mean(axis=1)


def _nearest_weights(
    models: CandidateModels, listener: Listener, items: Positions, score: Floats
) -> Floats:
    """Mean of the highest item–item weights on each of `items`; NaN where their `score` is.

    Many faint hints add up to the score of few strong ones, and say less. Where only the nearest
    neighbours have weights there are no faint ones, and finding the strongest of a sparse matrix
    takes a millisecond a list: NaN, then.
    """
    nearest = np.full(len(items), np.nan, np.float32)
    known = ~np.isnan(score)
    if models.item_item is None or not models.item_item.dense:
        return nearest
    if known.any():
        weights = liked_rows(models.item_item, listener).evidence(items[known]).T
        nearest[known] = mean_of_highest(weights, min(NEAREST, weights.shape[1]))
    return nearest


def _affinity(category: Positions, listener: Listener, items: Positions) -> tuple[Floats, Floats]:
    """Shares of plays that went to each item's category, and of skips among that one's events.

    Parameters
    ----------
    category : np.ndarray [shape=(n_items,), dtype=int32]
        Artist, album or record label of every track, −1 where unknown.
    """
    history = listener.history
    heard, wanted = category[history.item_index], category[items]
    # A catalogue may have a hundred thousand artists, a history seldom more than a hundred.
    theirs, which = np.unique(heard[heard >= 0], return_inverse=True)
    plays = np.bincount(which, history.plays[heard >= 0], len(theirs) + 1)
    skips = np.bincount(which, history.skips[heard >= 0], len(theirs) + 1)
    place = np.searchsorted(theirs, wanted)
    place[np.append(theirs, MISSING)[place] != wanted] = len(theirs)  # one not heard
    total = max(float(history.plays.sum()), 1e-9)
    play_share = np.where(wanted >= 0, plays[place] / total, np.nan).astype(np.float32)
    events = plays + skips
    share = (skips / np.where(events > 0, events, np.nan)).astype(np.float32)  # of none: NaN
    return play_share, share[place]
