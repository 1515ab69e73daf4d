"""Where the time of a list goes, and how many of its tracks are new, is told."""

from __future__ import annotations

import time

from data.stages import recorded
from data.store import Store
from ranker.hybrid import Hybrid
from recsys.bundle import open_bundle
from recsys.recommender import Recommender
from recsys.workspace import Workspace
from tests.recsys.conftest import publish_hybrid


def test_the_stages_of_a_list_are_told_and_make_up_most_of_its_time(
    workspace: Workspace, hybrid: Hybrid, store: Store
) -> None:
    bundle = open_bundle(workspace.models / publish_hybrid(workspace, hybrid))
    recommender = Recommender(bundle, store)
    recommender.recommend("u02", 10)  # what is built once
    shares = []
    for _ in range(5):  # other programs may take the processor away between two stages
        began = time.perf_counter()
        with recorded() as seconds:
            found = recommender.recommend("u02", 10)
        shares.append(sum(seconds.values()) / (time.perf_counter() - began))
        assert set(seconds) >= {
            "history", "fold_in", "candidates", "features", "ranker", "rerank", "reasons",
        }  # fmt: skip
    assert 0.5 < max(shares) <= 1
    popularity = hybrid.models.popularity
    items = hybrid.models.catalogue.items
    positions = items.indices([item.track_id for item in found.items])
    assert found.n_cold == sum(popularity[position] == 0 for position in positions)
