"""Lists by LensKit, in its own environment: ``python other_lenskit.py FOLDER``.

Reads what `bench.quality.outside` wrote and imports nothing of the project.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from lenskit.als import ImplicitMFScorer
from lenskit.basic import PopScorer
from lenskit.data import Dataset, ItemList, RecQuery, from_interactions_df
from lenskit.knn import ItemKNNScorer
from lenskit.knn.ease import EASEScorer
from lenskit.training import TrainingOptions


class Task:
    """What was written for us."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = json.loads((folder / "settings.json").read_text("utf-8"))
        with np.load(folder / "train.npz") as arrays:
            self.users = arrays["users"]
            self.log = pd.DataFrame(
                {
                    "user_id": arrays["user"],
                    "item_id": arrays["item"],
                    # Its objective is over 1 + weight * rating.
                    "rating": (arrays["confidence"] - 1.0).astype(np.float32),
                }
            )
        self.data: Dataset = from_interactions_df(self.log.copy())
        self.seconds: dict[str, float] = {}

    def run(self, name: str, scorer: object, seed: int = 0, *, personal: bool = True) -> None:
        """Fit, list for every listener that is judged, write; popularity knows no listener."""
        began = time.perf_counter()
        scorer.train(self.data, TrainingOptions(rng=seed))
        items = np.unique(self.log["item_id"].to_numpy())
        asked = ItemList(item_ids=items)
        depth = self.settings["depth"]
        lists = np.full((len(self.users), depth), -1, np.int32)
        for row, user in enumerate(self.users.tolist()):
            history = self.data.user_row(user)
            query = {"query": RecQuery(user_id=user, history_items=history)} if personal else {}
            found = scorer(items=asked, **query)
            score = np.nan_to_num(found.scores().astype(np.float64), nan=-np.inf)
            score[np.searchsorted(items, history.ids())] = -np.inf
            best = np.argsort(-score, kind="stable")[:depth]
            best = best[np.isfinite(score[best])]
            lists[row, : len(best)] = items[best]
        np.save(self.folder / f"lenskit_{name}.npy", lists)
        self.seconds[name] = round(time.perf_counter() - began, 1)
        print(f"lenskit {name}: {self.seconds[name]} s", flush=True)


def main() -> None:
    """Run everything."""
    task = Task(Path(sys.argv[1]))
    settings = task.settings
    n_items = settings["n_items"]
    task.run("popular", PopScorer(), personal=False)
    task.run("item_knn", ItemKNNScorer(max_nbrs=n_items, feedback="implicit"))
    task.run("ease", EASEScorer(regularization=settings["ease_regularization"]))
    for seed in range(settings["als_seeds"]):
        scorer = ImplicitMFScorer(
            embedding_size=settings["factors"],
            epochs=settings["iterations"],
            regularization=settings["regularization"],
            weight=1.0,
            use_ratings=True,
        )
        task.run(f"als_{seed}", scorer, seed)
    packages = ("lenskit", "numpy", "scipy", "torch")
    about = {
        "versions": {package: version(package) for package in packages},
        "seconds": task.seconds,
    }
    (task.folder / "lenskit.json").write_text(json.dumps(about), "utf-8")


if __name__ == "__main__":
    main()
