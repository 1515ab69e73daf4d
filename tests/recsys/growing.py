"""The planted listeners over time, who twice find tracks of their kind, unheard ones among them."""

from __future__ import annotations

import numpy as np

from cf_model.config import ALSSettings
from data.events import EventKind
from ranker.config import RankerSettings
from recsys.config import Config
from recsys.training import TrainingData
from tests.logs import make_log
from tests.ranker.worlds import COLD, N_TRACKS, planted_catalogue, planted_embeddings, track_id

DAY = 86_400.0
QUICK = Config(
    als=ALSSettings(factors=8, iterations=5),
    ranker=RankerSettings(min_listeners=10, min_rows_in_leaf=5, trees=20, windows=1),
)
"""Settings under which the planted order is learned in a second."""


def growing_world() -> TrainingData:
    """Sixty listeners: tracks of their kind for a week, others from day 80, and again from 91."""
    rng = np.random.default_rng(5)
    rows = []
    for user in range(60):
        own = rng.permutation([n for n in range(50) if n % 2 == user % 2])
        early, late = ([n for n in half if n % 2 == user % 2] for half in (COLD[:5], COLD[5:]))
        weeks = [(own[:16], 0), (own[16:19], 80), (early, 80), (own[19:21], 91), (late, 91)]
        rows += [
            (f"u{user:02d}", track_id(n), EventKind.PLAY, DAY * (since + 8 * rng.random()))
            for tracks, since in weeks
            for n in tracks
        ]
    log = make_log(rows, items=[track_id(n) for n in range(N_TRACKS)])
    return TrainingData(planted_catalogue(), log, planted_embeddings())
