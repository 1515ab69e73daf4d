"""Features of candidates: one function, called alike in training and in serving.

"Cannot be computed" is NaN, which LightGBM treats as a value of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from data.arrays import Doubles, Floats, Positions
from data.ids import MISSING
from ranker.candidates import Candidates
from ranker.listener import Listener
from ranker.models import CandidateModels
from ranker.nearest import mean_of_highest

NEAREST = 3
"""Tracks of the history whose similarity is averaged for ``audio_nearest``."""

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
    "audio_nearest",  # mean cosine to the NEAREST most similar tracks that the listener likes
    "artist_plays",  # share of the listener's plays that went to the track's artist
    "artist_skips",  # share of the listener's plays and skips of that artist that were skips
    "listener_tracks",  # log(1 + tracks in the history)
    "listener_mainstream",  # mean log(1 + listeners) over the tracks that the listener likes
)


def feature_names(sources: Sequence[str]) -> tuple[str, ...]:
    """Names of the columns that `compute_features` returns for models with these sources."""
    per_source = (f"{source}_{column}" for source in sources for column in _PER_SOURCE)
    return (*per_source, *_COMMON)


def compute_features(models: CandidateModels, listener: Listener, candidates: Candidates) -> Floats:
    """Features [shape=(n_candidates, n_features), dtype=float32], columns as `feature_names`.

    Every source that can score a candidate does so, also where another source proposed it; ranks
    exist only where the source itself proposed it.
    """
    items, sources = candidates.item_index, models.sources
    n, n_own = len(items), len(sources) * len(_PER_SOURCE)
    columns = np.empty((n_own + len(_COMMON), n), np.float32)
    of_source = columns[:n_own].reshape(len(sources), len(_PER_SOURCE), n)
    for position, source in enumerate(sources):
        of_source[position, 0] = source.score(listener, items)
    of_source[:, 1] = _relative(of_source[:, 0])
    of_source[:, 2] = candidates.rank.T

    liked = listener.liked_items
    mainstream = float(np.log1p(models.popularity[liked]).mean()) if len(liked) else np.nan
    common = columns[n_own:]
    common[0] = (~np.isnan(candidates.rank)).sum(axis=1)
    common[1] = candidates.fused
    common[2] = np.log1p(models.popularity[items])
    common[3] = np.log1p(models.recent_popularity[items])
    common[4] = _audio_nearest(models, liked, items)
    common[5], common[6] = _artist_affinity(models, listener, items)
    common[7] = np.log1p(len(listener.history))
    common[8] = mainstream
    return columns.T


def _relative(score: Floats) -> Doubles:
    """Rows of `score` standardised, NaN where they are NaN; scales differ between listeners."""
    known = ~np.isnan(score)
    n_known = np.maximum(known.sum(axis=1, keepdims=True), 1)
    mean = np.where(known, score, 0.0).sum(axis=1, keepdims=True, dtype=np.float64) / n_known
    apart = score - mean
    spread = np.sqrt(np.where(known, apart * apart, 0.0).sum(axis=1, keepdims=True) / n_known)
    relative: Doubles = apart / np.where(spread > 0, spread, np.inf)
    return relative


def _audio_nearest(models: CandidateModels, liked: Positions, items: Positions) -> Floats:
    if models.embeddings is None or not len(liked):
        return np.full(len(items), np.nan, np.float32)
    known = models.embeddings[liked]  # (n_liked, dimension)
    known = known[~np.isnan(known[:, 0])]
    if not len(known):
        return np.full(len(items), np.nan, np.float32)
    cosine = models.embeddings[items] @ known.T  # (n_items, n_known)
    return mean_of_highest(cosine, min(NEAREST, len(known)))


def _artist_affinity(
    models: CandidateModels, listener: Listener, items: Positions
) -> tuple[Floats, Floats]:
    """Share of plays that went to each candidate's artist, and share of skips among its events."""
    artist = models.catalogue.artist
    history = listener.history
    heard, wanted = artist[history.item_index], artist[items]
    # A catalogue may have a hundred thousand artists, a history seldom more than a hundred.
    theirs, which = np.unique(heard[heard >= 0], return_inverse=True)
    plays = np.bincount(which, history.plays[heard >= 0], len(theirs) + 1)
    skips = np.bincount(which, history.skips[heard >= 0], len(theirs) + 1)
    place = np.searchsorted(theirs, wanted)
    place[np.append(theirs, MISSING)[place] != wanted] = len(theirs)  # an artist not heard
    total = max(float(history.plays.sum()), 1e-9)
    play_share = np.where(wanted >= 0, plays[place] / total, np.nan).astype(np.float32)
    events = plays + skips
    with np.errstate(invalid="ignore"):  # an artist without events has no share: NaN
        share = (skips / np.where(events > 0, events, np.nan)).astype(np.float32)
    return play_share, share[place]
