"""The second objective: what a listener may want to hear again.

Its ranker learns from the windows of the first one's and from the same sources, so that it costs
little: no source is fitted for it. Of a track that a window makes cold nothing is left in anybody's
history, and so it is no candidate here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from data.arrays import Floats
from ranker.labelled import LabelledLists
from ranker.ranking import LambdaRanker, train_ranker
from recsys.config import Config

MOST_LISTS = 2_000
"""Lists that its training takes at most, over all windows. In the demo world (two logs) 1,000 gave
NDCG@20 .724 and 1,470, which were all, .728."""
SETTINGS = {"head_start": 0.5, "leaves": 7, "learning_rate": 0.2, "patience": 15}
"""What differs from ``ranker``: lists are few and short. The head start is of habit. In the demo
world (two logs) NDCG@20 was .724 without one, .726 with this one and .720 with twice as much; small
trees and long steps took less than half the time and gave .728 instead of .727."""


def train_relisten(
    gathered: Sequence[LabelledLists], names: Sequence[str], config: Config
) -> LambdaRanker | None:
    """The ranker of what is known, or None where habit has to do.

    It has to where too few listeners can be held out to say when to stop
    (``ranker.min_validation``): what little is learned of too few may be worse than habit.
    """
    if not gathered:
        return None
    lists = LabelledLists.joined(gathered)
    if len(np.unique(lists.listener)) // 5 < config.ranker.min_validation:
        return None
    settings = config.ranker.model_copy(update=SETTINGS)
    return train_ranker(lists, names, settings, seed=config.seed)


def alternating(one: NDArray[np.intp], other: NDArray[np.intp]) -> tuple[NDArray[np.intp], Floats]:
    """Entries of both in turns, best first, and a descending score, 1 / (60 + rank)."""
    places = np.concatenate([one, other])
    rank = np.concatenate([np.arange(len(one)), np.arange(len(other)) + 0.5])
    order = np.argsort(rank, kind="stable")
    return places[order], (1.0 / (61.0 + rank[order])).astype(np.float32)
