"""How much of a label a linear model reads off the vectors. Offline only."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from data.arrays import Floats, Mask
from data.errors import DataError

FOLDS = 5
_MOST_ITERATIONS = 2000


def linear_hits(vectors: Floats, labels: Sequence[str], train: Mask, test: Mask) -> Floats:
    """1 where multinomial logistic regression, fitted on `train`, names a test item's label.

    Columns are standardised on the training items; the penalty is scikit-learn's default (L2,
    C = 1), the same for every space, so that nothing is tuned on what is judged.

    Parameters
    ----------
    vectors : np.ndarray [shape=(n, dim)]
        One row an item.
    labels : sequence of str
        Label of each row.
    train, test : np.ndarray [shape=(n,), dtype=bool]
        Rows to learn from and to be asked about.

    Returns
    -------
    np.ndarray [shape=(n_test,), dtype=float32]

    Raises
    ------
    DataError
        If there is nothing to learn from, or nothing to be asked about.
    """
    if not train.any() or not test.any():
        raise DataError(
            f"the linear probe needs tracks to learn from and tracks to ask about, the split has "
            f"{int(train.sum())} and {int(test.sum())}"
        )
    names = np.array(labels, dtype=object)
    if len(set(names[train])) == 1:  # scikit-learn refuses to learn a single answer
        predicted = np.full(int(test.sum()), names[train][0])
    else:
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=_MOST_ITERATIONS))
        model.fit(vectors[train].astype(np.float64), names[train].astype(str))
        predicted = model.predict(vectors[test].astype(np.float64))
    return np.asarray(predicted == names[test].astype(str), np.float32)


def cross_validated_hits(
    vectors: Floats, labels: Sequence[str], folds: NDArray[np.int64]
) -> Floats:
    """`linear_hits` of every item [shape=(n,)], by the model that learned from the other folds."""
    hits = np.zeros(len(vectors), np.float32)
    for fold in np.unique(folds):
        test = folds == fold
        hits[test] = linear_hits(vectors, labels, ~test, test)
    return hits


def disjoint_folds(
    groups: Sequence[Hashable], *, seed: int, n_folds: int = FOLDS
) -> NDArray[np.int64]:
    """Fold 0 … `n_folds` − 1 of each item [shape=(n,)]; no group stands in two of them.

    Groups are dealt in a seeded order, each to the fold that is smallest by then.

    Raises
    ------
    DataError
        If there is one group only.
    """
    members: dict[Hashable, list[int]] = {}
    for row, group in enumerate(groups):
        members.setdefault(group, []).append(row)
    if len(members) < 2:
        raise DataError("a split without common groups needs at least 2 groups")
    folds = np.zeros(len(groups), np.int64)
    sizes = np.zeros(min(n_folds, len(members)), np.int64)
    names = list(members)
    for position in np.random.default_rng(seed).permutation(len(names)):
        rows = members[names[position]]
        smallest = int(np.argmin(sizes))
        folds[rows] = smallest
        sizes[smallest] += len(rows)
    return folds


def split_masks(track_ids: Sequence[str], split: Mapping[str, str]) -> tuple[Mask, Mask]:
    """Masks of the tracks that an official split calls ``"train"`` and ``"test"``."""
    part = np.array([split.get(track_id, "") for track_id in track_ids])
    return np.asarray(part == "train"), np.asarray(part == "test")
