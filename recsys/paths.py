r"""A smooth sequence of tracks from one sound to another.

With unit audio vectors a and b of the ends, the great circle between them lies in the plane of a
and :math:`e = \mathrm{unit}(b - (a \cdot b)\,a)`. A track x has made the progress

.. math::
    \theta(x) = \mathrm{atan2}(x \cdot e,\; x \cdot a)

from 0 at a to :math:`\omega = \arccos(a \cdot b)` at b. Of the tracks nearest to points spread
evenly along the arc, the path is the sequence of increasing progress that minimises the sum of

.. math::
    \sum_j \angle(x_j, x_{j+1})^2

found exactly by dynamic programming. Squares make one long step dearer than several short ones, and
increasing progress excludes turning back and repeating a track.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data.arrays import Doubles, Floats, Positions
from data.errors import NotAnalysedError, ParameterError
from ranker.rerank.duplicates import distinct
from recsys.catalogue import CatalogueView
from recsys.lists import Recommendation
from recsys.seeds import position_of

MAX_LENGTH = 100
NEAREST = 12
"""Tracks looked at around each point of the arc."""
LEAST_POOL = 200
_SHORTEST_ARC = 1e-3
"""Radians between two ends that sound the same, so that nothing lies between them."""


def path(
    view: CatalogueView, start_id: str, end_id: str, n: int, duplicate_cosine: float
) -> tuple[Recommendation, ...]:
    """`n` tracks from `start_id` to `end_id`, both included; fewer where fewer lie between them.

    The score of an entry is its cosine to the one before (1 for the first).

    Raises
    ------
    UnknownTrackError, NotAnalysedError
        If an end is not in the catalogue, or has no audio vector in the model.
    ParameterError
        If `n` is not within 2 … `MAX_LENGTH`, or both ends are one track.
    """
    if not 2 <= n <= MAX_LENGTH:
        raise ParameterError(f"n must be 2 to {MAX_LENGTH}, got {n}")
    if start_id == end_id:
        raise ParameterError("a path leads from one track to another, both ends are the same")
    ends = np.array([position_of(view, start_id), position_of(view, end_id)], np.int32)
    vectors = _end_vectors(view, ends, (start_id, end_id))
    between = _between(view, ends, vectors, n, duplicate_cosine)
    chosen = shortest_chain(
        np.concatenate([vectors[:1], between[1], vectors[1:]]), min(n, len(between[0]) + 2)
    )
    items = np.concatenate([ends[:1], between[0], ends[1:]])[chosen]
    embeddings = view.hybrid.models.embeddings
    assert embeddings is not None
    along = embeddings[items]
    cosine = np.append(1.0, np.einsum("ij,ij->i", along[1:], along[:-1]))
    return tuple(
        Recommendation(
            view.items.external(int(item)), float(score), ("audio",), _reason(place, len(items))
        )
        for place, (item, score) in enumerate(zip(items, cosine, strict=True))
    )


def _reason(place: int, n: int) -> str:
    if place in (0, n - 1):
        return "where the path begins" if place == 0 else "where the path ends"
    return f"{round(100 * place / (n - 1))} % of the way"


def _end_vectors(view: CatalogueView, ends: Positions, names: tuple[str, str]) -> Floats:
    embeddings = view.hybrid.models.embeddings
    if embeddings is not None:
        vectors = embeddings[ends]
        missing = np.flatnonzero(np.isnan(vectors).any(axis=1))
        if not len(missing):
            return vectors
        names = (names[int(missing[0])], "")
    raise NotAnalysedError(
        f"track {names[0]!r} has no audio vector in the current model: run `recsys embed`, then "
        "`recsys train`"
    )


def progress(vectors: Floats, start: Floats, end: Floats) -> Doubles:
    """θ of `vectors` [shape=(n, dimension)], radians, on the way from `start` to `end`."""
    a, b = start.astype(np.float64), end.astype(np.float64)
    across = b - (a @ b) * a
    length = float(np.linalg.norm(across))
    if length < _SHORTEST_ARC:
        return np.zeros(len(vectors))
    wide = vectors.astype(np.float64)
    return np.arctan2(wide @ (across / length), wide @ a)


def _between(
    view: CatalogueView, ends: Positions, vectors: Floats, n: int, duplicate_cosine: float
) -> tuple[Positions, Floats]:
    """Tracks near the arc, in the order of their progress, none of them twice, with vectors."""
    models = view.hybrid.models
    assert models.index is not None
    assert models.embeddings is not None
    start, end = vectors
    arc = float(progress(end[None, :], start, end)[0])
    empty = np.zeros(0, np.int32), np.zeros((0, len(start)), np.float32)
    if n == 2 or arc < _SHORTEST_ARC:
        return empty
    a, b = start.astype(np.float64), end.astype(np.float64)
    share = np.linspace(0.0, 1.0, n)[1:-1, None] * arc
    across = (b - (a @ b) * a) / np.sin(arc)
    points = np.cos(share) * a + np.sin(share) * across  # (n − 2, dimension), on the arc
    k = max(NEAREST, -(-LEAST_POOL // len(points)))
    found, _ = models.index.search(points.astype(np.float32), k, exclude=np.sort(ends))
    # Nearest to a point first: that is the better one of two copies.
    pool = found.T.ravel()
    pool = pool[np.sort(np.unique(pool, return_index=True)[1])]
    pool = pool[pool >= 0]
    pool = pool[view.offered(pool)]
    every = np.concatenate([ends, pool])
    stays = distinct(models.embeddings[every], models.catalogue.duration[every], duplicate_cosine)
    pool = pool[stays[stays >= 2] - 2]
    if not len(pool):
        return empty
    theta = progress(models.embeddings[pool], start, end)
    inside = np.flatnonzero((theta > 0) & (theta < arc))
    inside = inside[np.argsort(theta[inside], kind="stable")]
    return pool[inside], models.embeddings[pool[inside]]


def shortest_chain(vectors: Floats, n: int) -> NDArray[np.intp]:
    """Places of `n` of the rows, the first and the last among them, in ascending order.

    Of all such sequences, the one whose steps have the smallest sum of squared angles.

    Parameters
    ----------
    vectors : np.ndarray [shape=(m, dimension)]
        Unit vectors, 2 ≤ n ≤ m.
    """
    m = len(vectors)
    angle = np.arccos(np.clip(vectors.astype(np.float64) @ vectors.T.astype(np.float64), -1.0, 1.0))
    step = np.where(np.arange(m)[:, None] < np.arange(m), angle**2, np.inf)  # from row to column
    cost = np.full(m, np.inf)
    cost[0] = 0.0
    came_from = np.zeros((n, m), np.intp)
    for length in range(1, n):
        total = cost[:, None] + step
        came_from[length] = total.argmin(axis=0)
        cost = total.min(axis=0)
    chain = [m - 1]
    for length in range(n - 1, 0, -1):
        chain.append(int(came_from[length, chain[-1]]))
    return np.array(chain[::-1], np.intp)
