"""Where in the space of sound a listener's taste lies."""

from __future__ import annotations

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage

from data.arrays import Floats, Positions
from data.rows import Rows

MOST_CLUSTERED = 300
"""Tracks of a history that kinds of sound are told apart by, those it speaks for most."""


def taste_direction(
    embeddings: Rows, mean: Floats, item_index: Positions, signed_confidence: Floats
) -> Floats | None:
    """Direction from the catalogue's mean sound to the listener's.

    All tracks of an encoder share a large common component; a plain mean of a listener's vectors
    points mostly along it and finds the catalogue's most average tracks. Refused tracks push away
    with half their weight.

    Parameters
    ----------
    embeddings : np.ndarray [shape=(n_items, dimension), dtype=float32]
        Unit audio vectors, NaN rows where a track has none.
    mean : np.ndarray [shape=(dimension,), dtype=float32]
        Mean of the catalogue's vectors.
    item_index, signed_confidence : np.ndarray [shape=(n,)]
        The history and what each entry says.

    Returns
    -------
    np.ndarray [shape=(dimension,), dtype=float32] or None
        Unit length; None when no track of the history that they like has a vector.
    """
    rows = embeddings[item_index]  # (n, dimension)
    weight = np.where(np.isnan(rows[:, 0]), np.float32(0.0), signed_confidence)
    liked, refused = weight > 0, weight < 0
    if not liked.any():
        return None
    direction = _mean(rows[liked], weight[liked]) - mean
    if refused.any():
        away = _mean(rows[refused], weight[refused]) - mean
        share = refused.sum() / (refused.sum() + liked.sum())
        direction = direction - share * away
    length = float(np.linalg.norm(direction))
    return (direction / length).astype(np.float32) if length > 1e-9 else None


def taste_centres(
    embeddings: Rows,
    mean: Floats,
    item_index: Positions,
    signed_confidence: Floats,
    count: int,
) -> Floats | None:
    """Directions, as `taste_direction` gives them, of each of `count` kinds of sound in a history.

    The kinds are Ward's clusters of the liked tracks' vectors, as in Pal et al., "PinnerSage:
    multi-modal user embedding framework for recommendations at Pinterest", KDD 2020; each is asked
    for apart, refused tracks pushing away from all.

    Parameters
    ----------
    embeddings, mean, item_index, signed_confidence
        As for `taste_direction`.
    count : int
        Kinds wanted.

    Returns
    -------
    np.ndarray [shape=(n, dimension), dtype=float32] or None
        At most `count`; None for one kind or fewer than two tracks, of which `taste_direction`
        says everything.
    """
    with_sound = ~np.isnan(embeddings[item_index][:, 0])
    liked = np.flatnonzero(with_sound & (signed_confidence > 0))
    if count < 2 or len(liked) < 2:
        return None
    liked = liked[np.argsort(-signed_confidence[liked], kind="stable")[:MOST_CLUSTERED]]
    tree = linkage(embeddings[item_index[liked]].astype(np.float64), "ward")
    kind = fcluster(tree, min(count, len(liked)), "maxclust")
    refused = np.flatnonzero(signed_confidence < 0)
    found = []
    for one in np.unique(kind):
        rows = np.concatenate([liked[kind == one], refused])
        found.append(taste_direction(embeddings, mean, item_index[rows], signed_confidence[rows]))
    directions = [direction for direction in found if direction is not None]
    return np.stack(directions) if directions else None


def _mean(rows: Floats, weight: Floats) -> Floats:
    """Weighted mean [shape=(dimension,)] of `rows`; weights of one sign."""
    mean: Floats = weight @ rows / weight.sum()
    return mean
