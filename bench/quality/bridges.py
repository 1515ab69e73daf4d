"""Other ways from sound, or from the artist, to what tracks nobody has heard are worth to whom.

Each stands beside the product's ``bridge`` and ``carried`` in the table, and is what somebody would
write in an afternoon with scikit-learn: penalties by cross-validation, no weights, no calibration.
Sound is in the encoder's content space where it has one, the stronger of the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler

from cf_model.als import fit_als
from cf_model.config import ALSSettings
from cf_model.fold_in import FoldIn
from cf_model.model import CollaborativeModel
from data.arrays import Floats, Mask, Positions
from data.interactions import Interactions
from ranker.hybrid import Hybrid
from recsys.evaluation.baselines import ItemKnn, positive_matrix
from recsys.evaluation.methods import Asked, Method

FOLDS = 5
PENALTIES = (1.0, 10.0, 100.0, 1_000.0, 10_000.0)
KERNEL_UP_TO = 4_000
"""Tracks up to which a kernel over all of them is fitted, for each penalty and width and fold."""
KERNEL = {"alpha": (0.1, 1.0, 10.0), "gamma": (0.1, 0.3, 1.0)}
"""Penalties, and widths in units of one over the number of dimensions."""
DECAYS = (0.1, 1.0, 10.0)
HIDDEN = 64
NEIGHBOURS = 10


class Regressor(Protocol):
    """What scikit-learn's regressions share."""

    def fit(self, inputs: Floats, targets: Floats) -> Any:
        """Learn `targets` [shape=(n, factors)] from `inputs` [shape=(n, dimension)]."""
        ...

    def predict(self, inputs: Floats) -> Floats:
        """Targets of `inputs`."""
        ...


@dataclass(frozen=True)
class Task:
    """What all of them start from.

    Parameters
    ----------
    inputs : np.ndarray [shape=(n_items, dimension)]
        Sound, standardised over the `known` tracks; NaN rows where a track has none.
    known : np.ndarray [shape=(n_items,), dtype=bool]
        Tracks with sound and listeners.
    als : CollaborativeModel
        32 factors, λ 10.
    """

    inputs: Floats
    known: Mask
    als: CollaborativeModel


def bridges(hybrid: Hybrid, histories: Interactions) -> dict[str, Method]:
    """Every way that the world has the means for."""
    models = hybrid.models
    if not models.popularity.any():
        return {}
    als = fit_als(
        histories, ALSSettings(factors=32, regularization=10.0), models.confidence, seed=0
    )
    compared: dict[str, Method] = {}
    artist = np.asarray(models.catalogue.artist)
    if (np.bincount(artist[artist >= 0]) > 1).any():
        compared["artist_mean"] = by_factor(artist_mean(als, artist), als.fold_in)
    if models.embeddings is None:
        return compared
    embeddings = np.asarray(models.embeddings)
    task = make_task(embeddings, None if models.carry is None else models.carry.content, als)
    n_known = int(task.known.sum())
    if n_known < 2 * FOLDS:
        return compared
    regressors: dict[str, Regressor] = {"plain_ridge": RidgeCV(PENALTIES), "network": network()}
    if n_known <= KERNEL_UP_TO:
        regressors["kernel_ridge"] = kernel_ridge(task.inputs.shape[1])
    for name, regressor in regressors.items():
        compared[name] = by_factor(predicted(task, regressor), als.fold_in)
    positive = positive_matrix(histories, models.confidence)
    compared["item_knn_by_sound"] = by_neighbours(ItemKnn(positive), task)
    return compared


def make_task(embeddings: Floats, content: Floats | None, als: CollaborativeModel) -> Task:
    """Standardise `embeddings` [shape=(n_items, dimension)], in the content space if there is one.

    Parameters
    ----------
    content : np.ndarray [shape=(dimension, n_content)] or None
        Map to it.
    """
    inputs = np.array(embeddings if content is None else embeddings @ content, np.float64)
    with_sound = ~np.isnan(inputs[:, 0])
    known = with_sound & (als.support > 0)
    if known.any():
        scaler = StandardScaler().fit(inputs[known])
        inputs[with_sound] = scaler.transform(inputs[with_sound])
    return Task(inputs, known, als)


def kernel_ridge(dimension: int) -> Regressor:
    """Gaussian kernel over `dimension` standardised numbers; penalty and width by folds."""
    grid = {"alpha": KERNEL["alpha"], "gamma": [width / dimension for width in KERNEL["gamma"]]}
    return GridSearchCV(KernelRidge(kernel="rbf"), grid, cv=FOLDS)


def network() -> Regressor:
    """One hidden layer; weight decay by folds, a tenth of the tracks decides when to stop."""
    small = MLPRegressor(
        hidden_layer_sizes=(HIDDEN,), early_stopping=True, max_iter=2_000, random_state=0
    )
    return GridSearchCV(small, {"alpha": DECAYS}, cv=FOLDS)


def predicted(task: Task, regressor: Regressor) -> Floats:
    """Factors [shape=(n_items, factors)] that `regressor` gives to sound; NaN rows without any."""
    targets = task.als.item_factors[task.known].astype(np.float64)
    # All factors on one scale, which keeps what each weighs in a product of two.
    centre, scale = targets.mean(axis=0), targets.std()
    regressor.fit(task.inputs[task.known], (targets - centre) / scale)
    with_sound = ~np.isnan(task.inputs[:, 0])
    factors = np.full((len(task.inputs), targets.shape[1]), np.nan, np.float32)
    factors[with_sound] = regressor.predict(task.inputs[with_sound]) * scale + centre
    return factors


def artist_mean(als: CollaborativeModel, artist: Positions) -> Floats:
    """Mean factor of the artist's tracks, by listeners; NaN for artists nobody listens to.

    Parameters
    ----------
    artist : np.ndarray [shape=(n_items,)]
        Code of the artist, −1 where none is known.
    """
    named = artist >= 0
    n_artists = int(artist.max()) + 1
    listeners = np.bincount(artist[named], als.support[named], n_artists)
    weighted = np.asarray(als.item_factors) * als.support[:, None]
    total = np.zeros((n_artists, weighted.shape[1]))
    np.add.at(total, artist[named], weighted[named])
    with np.errstate(invalid="ignore"):
        mean = total / np.where(listeners > 0, listeners, np.nan)[:, None]
    return np.where(named[:, None], mean[artist], np.nan).astype(np.float32)


def by_factor(factors: Floats, fold_in: FoldIn) -> Method:
    """Product of `factors` [shape=(n_items, factors)] and the listener's, folded in."""

    def score(asked: Asked) -> Floats:
        liked = asked.listener.liked_items
        ones = np.full(len(liked), 2.0, np.float32)
        return (factors @ fold_in.user_factor(liked, ones)).astype(np.float32)

    return score


def by_neighbours(item_knn: ItemKnn, task: Task) -> Method:
    """Item-kNN's scores, each track's the mean over the known tracks that sound most like it."""
    unit = task.inputs / np.maximum(np.linalg.norm(task.inputs, axis=1, keepdims=True), 1e-9)
    known = np.flatnonzero(task.known)
    k = min(NEIGHBOURS, len(known))
    similarity = unit @ unit[known].T  # (n_items, n_known)
    # A track is not its own neighbour: known ones are scored as if nobody had heard them.
    similarity[known, np.arange(len(known))] = -np.inf
    nearest = known[np.argpartition(similarity, -k, axis=1)[:, -k:]]  # (n_items, k)
    without_sound = np.isnan(task.inputs[:, 0])

    def score(asked: Asked) -> Floats:
        carried = item_knn.score(asked.listener.liked_items)[nearest].mean(axis=1)
        return np.where(without_sound, np.nan, carried).astype(np.float32)

    return score
