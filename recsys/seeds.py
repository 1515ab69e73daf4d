r"""Tracks and sounds that a request names, with weights: more of this, less of that.

A seed acts in three ways.

1. *Pseudo-history.* It counts like `SEED_PLAYS` plays (a negative one: skips) a unit of weight in
   the listener's history, so that fold-in places them accordingly. A sound that is no track of the
   catalogue counts by the item factor that the bridge predicts for it.
2. *Direction of taste*, after Rocchio ("Relevance feedback in information retrieval", 1971). With
   the listener's own direction t (0 without one) and the seeds' unit directions u from the mean
   sound of the catalogue,

   .. math::
       q \propto t + \sum_{w_i > 0} w_i u_i + \gamma \sum_{w_i < 0} w_i u_i, \qquad \gamma = 1/2

   is what the audio source looks for: a listener weighs as much as one seed of weight 1.
3. *Nudge.* The ranker may hold sound for unimportant; who names a seed does not. So the order is
   that of the standardised score plus

   .. math::
       \frac{\beta}{\sqrt k} \sum_{i=1}^{k} w_i \max(0, \cos(u_i, x)), \qquad \beta = 3/2

   over the k seeds: near a negative seed tracks move down in proportion to its weight.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from data.arrays import Doubles, Floats, Positions
from data.errors import NotAnalysedError, NotReadyError, ParameterError
from data.ids import MISSING
from data.interactions import History
from ranker.late import LateTracks, extended
from ranker.listener import Listener
from ranker.models import CandidateModels
from ranker.rerank.standard import standardised
from recsys.catalogue import CatalogueView

SEED_PLAYS = 5.0
NEGATIVE_SHARE = 0.5
NUDGE = 1.5


@dataclass(frozen=True)
class Seed:
    """A track of the catalogue, or a sound.

    Parameters
    ----------
    weight : float
        Above 0 for more of it, below 0 for less.
    track_id : str or None
        The track.
    vector : np.ndarray [shape=(dimension,), dtype=float32] or None
        The sound, where no track is named.
    """

    weight: float = 1.0
    track_id: str | None = None
    vector: Floats | None = None


@dataclass(frozen=True)
class PlacedSeeds:
    """Seeds as positions.

    Parameters
    ----------
    item_index : np.ndarray [shape=(k,), dtype=int32]
        Ascending, each once; sounds stand beyond the catalogue.
    weight : np.ndarray [shape=(k,), dtype=float64]
        Of seeds named twice the sum.
    """

    item_index: Positions
    weight: Doubles

    def __len__(self) -> int:
        return len(self.item_index)

    @classmethod
    def of(cls, positions: Sequence[int], weights: Sequence[float]) -> PlacedSeeds:
        """Seeds at `positions`, in any order."""
        item_index, place = np.unique(np.asarray(positions, np.int32), return_inverse=True)
        return cls(item_index, np.bincount(place, weights, len(item_index)).astype(np.float64))


NO_SEEDS = PlacedSeeds.of((), ())


def placed(view: CatalogueView, seeds: Sequence[Seed]) -> tuple[CandidateModels, PlacedSeeds]:
    """Positions of `seeds`, and models in which sounds have a position, too.

    Raises
    ------
    UnknownTrackError
        If the catalogue lacks a track.
    NotAnalysedError
        If the model lacks it.
    ParameterError
        If a sound is not a vector of the model's encoder.
    """
    models = view.hybrid.models
    sounds: list[Floats] = []
    positions: list[int] = []
    for seed in seeds:
        if seed.track_id is not None:
            positions.append(position_of(view, seed.track_id))
        elif seed.vector is not None:
            positions.append(models.n_items + len(sounds))
            sounds.append(unit_vector(models, seed.vector))
        else:
            raise ParameterError("a seed names a track or a vector, this one names neither")
    if sounds:
        models = extended(models, LateTracks.anonymous(np.stack(sounds)))
    return models, PlacedSeeds.of(positions, [seed.weight for seed in seeds])


def position_of(view: CatalogueView, track_id: str) -> int:
    """Position of a track that the catalogue offers.

    Raises
    ------
    UnknownTrackError
        If the catalogue lacks it.
    NotAnalysedError
        If it came after the model and has no audio vector.
    """
    view.store.track(track_id)
    position = view.items.index(track_id)
    if position == MISSING:
        raise NotAnalysedError(
            f"track {track_id!r} was added after the current model was trained and has no audio "
            "vector: run `recsys embed`, or `recsys train`"
        )
    return position


def unit_vector(models: CandidateModels, vector: Floats) -> Floats:
    """`vector` at unit length, if it can be compared with those of `models`.

    Raises
    ------
    NotReadyError
        If the model knows no sound.
    ParameterError
        If it has another dimension, or no direction.
    """
    if models.index is None:
        raise NotReadyError(
            "the current model knows no sound: run `recsys embed`, then `recsys train`"
        )
    if vector.shape != (models.index.dimension,):
        raise ParameterError(
            f"expected a vector of {models.index.dimension} numbers, got shape {vector.shape}: "
            "it comes from another encoder"
        )
    length = float(np.linalg.norm(vector.astype(np.float64)))
    if not 1e-9 < length < np.inf:
        raise ParameterError("expected a vector of finite numbers that are not all 0")
    return (vector / length).astype(np.float32)


def with_seeds(history: History, seeds: PlacedSeeds) -> History:
    """`history` with the plays and skips that `seeds` count for."""
    if not len(seeds):
        return history
    items = np.union1d(history.item_index, seeds.item_index).astype(np.int32)
    own = np.searchsorted(items, history.item_index)
    named = np.searchsorted(items, seeds.item_index)

    def spread(values: Floats | Doubles, otherwise: float = 0.0) -> Doubles:
        column = np.full(len(items), otherwise)
        column[own] = values
        return column

    plays, skips = spread(history.plays), spread(history.skips)
    plays[named] += SEED_PLAYS * np.maximum(seeds.weight, 0.0)
    skips[named] += SEED_PLAYS * np.maximum(-seeds.weight, 0.0)
    return History(
        item_index=items,
        plays=plays.astype(np.float32),
        skips=skips.astype(np.float32),
        opinion=spread(history.opinion).astype(np.float32),
        last_at=spread(history.last_at, np.nan),
    )


def asking(
    models: CandidateModels, listener: Listener, own: Floats | None, seeds: PlacedSeeds
) -> Listener:
    """`listener`, whose own direction of taste is `own`, turned towards `seeds`."""
    listener = replace(listener, chosen=seeds.item_index, _computed={}, _splits={})
    towards = _directions(models, seeds.item_index)
    if towards is None:
        return listener
    known = ~np.isnan(towards[:, 0])
    weight = np.where(seeds.weight > 0, seeds.weight, NEGATIVE_SHARE * seeds.weight)
    direction = weight[known] @ towards[known] + (0.0 if own is None else own)
    length = float(np.linalg.norm(direction))
    taste = (direction / length).astype(np.float32) if length > 1e-9 else own
    return replace(listener, taste=taste)


def nudged(models: CandidateModels, items: Positions, score: Floats, seeds: PlacedSeeds) -> Doubles:
    """Standardised `score` [shape=(n,)] of `items`, moved by how near they are to `seeds`."""
    order = standardised(score)
    towards, them = _directions(models, seeds.item_index), _directions(models, items)
    if towards is None or them is None or not len(items):
        return order
    near = np.maximum(np.nan_to_num(them @ towards.T, nan=0.0), 0.0)  # (n, k)
    moved: Doubles = order + NUDGE / np.sqrt(len(seeds)) * (near @ seeds.weight)
    return moved


def _directions(models: CandidateModels, items: Positions) -> Floats | None:
    """Unit directions [shape=(n, dimension)] from the mean sound, NaN where there is no vector."""
    if models.embeddings is None or models.mean_embedding is None or not len(items):
        return None
    away = models.embeddings[items] - models.mean_embedding
    unit: Floats = away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-9)
    return unit
