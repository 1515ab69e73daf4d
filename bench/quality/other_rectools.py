"""Lists by RecTools, in its own environment: ``python other_rectools.py FOLDER``.

Reads what `bench.quality.outside` wrote and imports nothing of the project. RecTools' own EASE
multiplies by the transposed matrix; here it is turned back and is a generator of candidates only.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from implicit.als import AlternatingLeastSquares
from implicit.nearest_neighbours import CosineRecommender
from lightgbm import LGBMRanker
from rectools import Columns
from rectools.dataset import Dataset
from rectools.model_selection import RandomSplitter
from rectools.models import (
    EASEModel,
    ImplicitALSWrapperModel,
    ImplicitItemKNNWrapperModel,
    PopularModel,
)
from rectools.models.base import ModelBase
from rectools.models.ranking import (
    CandidateGenerator,
    CandidateRankingModel,
    PerUserNegativeSampler,
    Reranker,
)

CANDIDATES = 200
TREES = 300
CAUTIOUS = {
    "n_estimators": 100,
    "num_leaves": 15,
    "learning_rate": 0.05,
    "min_child_samples": 50,
}
"""The defaults learn the candidates of 1.9k listeners by heart: what gives RecTools a chance."""


class TurnedEase(EASEModel):
    """EASE whose scores are the history times B, as in the paper."""

    def _fit(self, dataset: Dataset) -> None:
        super()._fit(dataset)
        self.weight = np.ascontiguousarray(self.weight.T)


class ListwiseReranker(Reranker):
    """LightGBM's ranker with the lists it needs, as in RecTools' tutorial."""

    def prepare_fit_kwargs(self, candidates_with_target: pd.DataFrame) -> dict[str, object]:
        """Rows of each listener together, and how many they are."""
        ordered = candidates_with_target.sort_values(Columns.User)
        return {
            "X": ordered.drop(columns=[*Columns.UserItem, Columns.Target]),
            "y": ordered[Columns.Target],
            "group": ordered.groupby(Columns.User)[Columns.Item].count().to_numpy(),
        }


class Task:
    """What was written for us."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = json.loads((folder / "settings.json").read_text("utf-8"))
        with np.load(folder / "train.npz") as arrays:
            self.users, self.user, self.item = arrays["users"], arrays["user"], arrays["item"]
            self.confidence = arrays["confidence"]
        self.seconds: dict[str, float] = {}

    def dataset(self, weight: np.ndarray) -> Dataset:
        """The training part with a weight of each pair."""
        return Dataset.construct(
            pd.DataFrame(
                {
                    Columns.User: self.user,
                    Columns.Item: self.item,
                    Columns.Weight: weight.astype(np.float32),
                    Columns.Datetime: pd.Timestamp("2011-01-01"),  # it asks for one; none is known
                }
            )
        )

    def als(self, seed: int) -> ImplicitALSWrapperModel:
        """ALS with our settings; confidence is complete in the weights."""
        return ImplicitALSWrapperModel(
            AlternatingLeastSquares(
                factors=self.settings["factors"],
                regularization=self.settings["regularization"],
                iterations=self.settings["iterations"],
                alpha=1.0,
                random_state=seed,
            )
        )

    def knn(self) -> ImplicitItemKNNWrapperModel:
        """Cosine between the listeners of two tracks; all neighbours."""
        return ImplicitItemKNNWrapperModel(CosineRecommender(K=self.settings["n_items"]))

    def two_stage(self, reranker: Reranker, negatives: int, *, ease: bool) -> CandidateRankingModel:
        """Candidates with rank and score of each model, a reranker over a random fifth."""
        models: list[ModelBase] = [self.als(0), self.knn(), PopularModel()]
        if ease:
            models.append(TurnedEase(regularization=self.settings["ease_regularization"]))
        return CandidateRankingModel(
            [CandidateGenerator(m, CANDIDATES, keep_ranks=True, keep_scores=True) for m in models],
            RandomSplitter(0.2, random_state=0, filter_cold_users=True),
            reranker,
            PerUserNegativeSampler(negatives, random_state=0),
        )

    def run(self, name: str, model: ModelBase, dataset: Dataset) -> None:
        """Fit, list for every listener that is judged, write."""
        began = time.perf_counter()
        model.fit(dataset)
        depth = self.settings["depth"]
        found = model.recommend(self.users, dataset, k=depth, filter_viewed=True)
        row = pd.Series(np.arange(len(self.users)), self.users)
        lists = np.full((len(self.users), depth), -1, np.int32)
        lists[row[found[Columns.User]], found[Columns.Rank] - 1] = found[Columns.Item]
        np.save(self.folder / f"rectools_{name}.npy", lists)
        self.seconds[name] = round(time.perf_counter() - began, 1)
        print(f"rectools {name}: {self.seconds[name]} s", flush=True)


def main() -> None:
    """Run everything."""
    task = Task(Path(sys.argv[1]))
    binary, weighted = task.dataset(np.ones(len(task.user))), task.dataset(task.confidence)
    task.run("popular", PopularModel(), binary)
    task.run("item_knn", task.knn(), binary)
    for seed in range(task.settings["als_seeds"]):
        task.run(f"als_{seed}", task.als(seed), weighted)

    def trees(**settings: object) -> Reranker:
        return ListwiseReranker(LGBMRanker(random_state=0, verbosity=-1, **settings))

    for negatives in (3, 400):
        model = task.two_stage(trees(n_estimators=TREES), negatives, ease=False)
        task.run(f"two_stage_{negatives}_negatives", model, weighted)
    model = task.two_stage(trees(n_estimators=TREES), 400, ease=True)
    task.run("two_stage_400_negatives_ease", model, weighted)
    task.run(
        "two_stage_400_negatives_ease_cautious",
        task.two_stage(trees(**CAUTIOUS), 400, ease=True),
        weighted,
    )
    packages = ("rectools", "pm-implicit", "lightgbm", "numpy")
    about = {
        "versions": {package: version(package) for package in packages},
        "seconds": task.seconds,
    }
    (task.folder / "rectools.json").write_text(json.dumps(about), "utf-8")


if __name__ == "__main__":
    main()
