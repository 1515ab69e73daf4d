"""The order of candidates: LightGBM LambdaRank, or rank fusion where there is too little to learn.

LambdaRank follows Burges, "From RankNet to LambdaRank to LambdaMART", MSR-TR-2010-82.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cached_property
from typing import Protocol

import numpy as np

from data.arrays import Doubles, Floats
from data.errors import ArtefactError
from ranker.attribution import PathShares
from ranker.config import RankerSettings
from ranker.habit import HABIT
from ranker.labelled import LabelledLists

ENOUGH_LISTENERS = 1000
"""Listeners whose verdict on when to stop is sure enough; the others are better learned from."""
FEW_TREES = 60
"""Trees grown when too few listeners can be held out to decide when to stop."""
LEAST_GAIN = 0.0005
"""NDCG@20 of the judges that ``settings.patience`` more trees must gain for growing to go on. Their
verdict is not sure in its fourth digit, and trees that follow it there learn by heart what was made
new. On a log with a fifth of the tracks cold (five draws) recall@20 among cold ones is .312, among
others that compete with them .516 beside .517 of a blend that lists no new ones; without this .309
and .508, and one draw has 170 trees for 84 and .481 for .518. On one without sound (three splits)
recall@20 is .3828 and NDCG@20 .3542, without this .3835 and .3542."""
FEW_ROWS = 100_000
"""Candidates up to which one thread grows the trees: of several, each waits for the others. With
63,000 on two cores that others used, too, two threads took 8 s of processor time and one 1.5 s."""

HEADED = "carried_relative"
"""Feature that scores of new tracks start from."""
_RISING = frozenset(
    {"agreement", "fusion", "audio_nearest", "item_item_nearest"}
    | {"album_plays", "artist_plays", "label_plays"}
    | {HABIT, "own_plays", "own_opinion"}
)
_FALLING = frozenset({"artist_skips", "own_skips"})

# LightGBM imports pandas and scikit-learn whenever they are installed, to accept their types. We
# hand it numpy arrays only, and the serving process must stay without them (0.5 s and 80 MB each).
_hidden = [name for name in ("pandas", "sklearn") if name not in sys.modules]
for _name in _hidden:
    sys.modules[_name] = None  # type: ignore[assignment]
try:
    import lightgbm
finally:
    for _name in _hidden:
        del sys.modules[_name]


class Ranker(Protocol):
    """Scores candidates from their features."""

    @property
    def kind(self) -> str:
        """Name under which a bundle stores it."""
        ...

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Columns it was made for."""
        ...

    def predict(self, features: Floats) -> Floats:
        """Score [shape=(n,)] of `features` [shape=(n, n_features)]; higher is better."""
        ...

    def contributions(self, features: Floats) -> Doubles:
        """Share of each feature in the score, and the constant [shape=(n, n_features + 1)].

        Rows add up to the score.
        """
        ...


class FusionRanker:
    """Reciprocal-rank fusion of the sources; needs no training.

    Parameters
    ----------
    feature_names : sequence of str
        Columns of the features; ``fusion`` and the ``*_rank`` columns are read.
    """

    kind = "fusion"

    def __init__(self, feature_names: Sequence[str]) -> None:
        self.feature_names = tuple(feature_names)
        self._fusion = self.feature_names.index("fusion")
        self._ranks = [i for i, name in enumerate(self.feature_names) if name.endswith("_rank")]

    def predict(self, features: Floats) -> Floats:
        """The ``fusion`` column."""
        return features[:, self._fusion]

    def contributions(self, features: Floats) -> Doubles:
        """1 / (60 + rank) in each rank column, 0 elsewhere."""
        shares = np.zeros((len(features), features.shape[1] + 1))
        ranks = features[:, self._ranks].astype(np.float64)
        shares[:, self._ranks] = np.nan_to_num(1.0 / (60.0 + ranks), nan=0.0)
        return shares


class LambdaRanker:
    """A trained LightGBM model.

    Parameters
    ----------
    booster : lightgbm.Booster
        The trees.
    head_start : float
        Points that their sum is added to, see `initial_score`.
    """

    kind = "lambdarank"

    def __init__(self, booster: lightgbm.Booster, head_start: float = 0.0) -> None:
        self._booster = booster
        self.head_start = head_start
        self.feature_names = tuple(booster.feature_name())

    @classmethod
    def from_text(cls, text: str, head_start: float = 0.0) -> LambdaRanker:
        """Model from LightGBM's text format.

        LightGBM may abort the process on damaged text: check its digest first.
        """
        return cls(lightgbm.Booster(model_str=text), head_start)

    def to_text(self) -> str:
        """Model in LightGBM's text format."""
        return str(self._booster.model_to_string())

    def predict(self, features: Floats) -> Floats:
        """LambdaRank score."""
        self._check(features)
        # One thread: at this size threads cost ten times what they save.
        grown = np.asarray(self._booster.predict(features, num_threads=1))
        start = initial_score(features, self.feature_names, self.head_start)
        return np.asarray(start + grown, np.float32)

    def contributions(self, features: Floats) -> Doubles:
        """What each feature's splits add on the way to the leaves; see `ranker.attribution`.

        What a score starts from counts as its feature's.
        """
        self._check(features)
        if not len(features):  # LightGBM divides by the number of rows
            return np.zeros((0, features.shape[1] + 1))
        leaf = self._booster.predict(features, num_threads=1, pred_leaf=True)
        shares = self._shares.at(np.asarray(leaf, np.int64).reshape(len(features), -1))
        headed = _headed(self.feature_names)
        if headed is not None:
            start = initial_score(features, self.feature_names, self.head_start)
            shares[:, self.feature_names.index(headed)] += start
        return shares

    @cached_property
    def _shares(self) -> PathShares:
        return PathShares.of(self._booster.dump_model())

    def importance(self) -> dict[str, float]:
        """Gain per feature, as shares that add up to 1."""
        gain = self._booster.feature_importance("gain")
        total = float(gain.sum()) or 1.0
        return {
            name: float(value) / total for name, value in zip(self.feature_names, gain, strict=True)
        }

    def _check(self, features: Floats) -> None:
        if features.shape[1] != len(self.feature_names):
            raise ArtefactError(
                f"the ranker was trained with {len(self.feature_names)} features, "
                f"this build computes {features.shape[1]}: run `recsys train`"
            )


def train_ranker(
    lists: LabelledLists, names: Sequence[str], settings: RankerSettings, *, seed: int = 0
) -> LambdaRanker:
    """Fit LambdaRank.

    A fifth of the listeners, with all lists of theirs, decides when to stop, or `ENOUGH_LISTENERS`;
    where that would be fewer than ``settings.min_validation``, their verdict would be noise, and a
    fixed small number of trees is grown on everybody. What a source says can only count for a track
    where it says more (`direction`). Boosting starts from `initial_score`.
    """
    listeners = np.random.default_rng(seed).permutation(np.unique(lists.listener))
    judges = listeners[: min(len(listeners) // 5, ENOUGH_LISTENERS)]
    early = len(judges) >= settings.min_validation
    held_out = np.isin(lists.listener, judges if early else judges[:0])
    stop = lightgbm.early_stopping(settings.patience, verbose=False, min_delta=LEAST_GAIN)
    booster = lightgbm.train(
        {
            "objective": "lambdarank",
            "metric": "ndcg",
            "eval_at": [20],
            "learning_rate": settings.learning_rate,
            "num_leaves": settings.leaves,
            "min_data_in_leaf": settings.min_rows_in_leaf,
            "lambdarank_truncation_level": 30,
            "monotone_constraints": [direction(name) for name in names],
            "seed": seed,
            "deterministic": True,
            "force_col_wise": True,
            "num_threads": 1 if len(lists.relevant) <= FEW_ROWS else 0,
            "verbosity": -1,
        },
        _dataset(lists, names, ~held_out, settings, seed),
        num_boost_round=settings.trees if early else min(settings.trees, FEW_TREES),
        valid_sets=[_dataset(lists, names, held_out, settings, seed)] if early else None,
        callbacks=[stop] if early else None,
    )
    return LambdaRanker(booster, settings.head_start)


def initial_score(features: Floats, names: Sequence[str], head_start: float) -> Doubles:
    """Scores [shape=(n,)] that boosting starts from.

    Where habit is among the features (`ranker.habit`), known tracks begin in its order. Elsewhere
    new tracks begin in the order of what is carried over to them: trees learn the order of new
    tracks from the few that were made new, and from what is peculiar to these. Starting from the
    one source that orders them best, they change its order only where that pays. On a real log with
    a fifth of the tracks cold, recall@20 and NDCG@20 among these were .320 and .187, .325 and .214
    (two draws) with a head start of 0.6, .307 and .171, .317 and .174 without, and carried scores
    alone have .324 and .214, .322 and .228; in the demo world .673 and .660 of NDCG@20, carried
    alone .580.
    """
    headed = _headed(names)
    if headed is None:
        return np.zeros(len(features))
    return head_start * np.nan_to_num(features[:, names.index(headed)].astype(np.float64))


def _headed(names: Sequence[str]) -> str | None:
    """The feature that scores start from."""
    return next((name for name in (HABIT, HEADED) if name in names), None)


def direction(name: str) -> int:
    """Sign of what a feature may do to the score: 1, −1, or 0 for either.

    How popular a track is, or gets, may speak for or against it; so may who is asking.
    """
    if name.startswith(("popular_", "rising_")):
        return 0
    if name.endswith(("_score", "_relative")) or name in _RISING:
        return 1
    return -1 if name.endswith("_rank") or name in _FALLING else 0


def _dataset(
    lists: LabelledLists,
    names: Sequence[str],
    chosen: np.ndarray,
    settings: RankerSettings,
    seed: int,
) -> lightgbm.Dataset:
    rows = np.repeat(chosen, lists.group)
    features = lists.features[rows]
    return lightgbm.Dataset(
        features,
        label=lists.relevant[rows],
        group=lists.group[chosen],
        init_score=initial_score(features, names, settings.head_start),
        feature_name=list(names),
        free_raw_data=True,
        params={"verbosity": -1, "seed": seed},
    )
