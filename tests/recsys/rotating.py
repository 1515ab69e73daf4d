"""A planted world in which what was played longest ago is what is played next."""

from __future__ import annotations

import numpy as np

from cf_model.config import ALSSettings
from data.events import EventKind
from data.tracks import Catalogue, Track
from ranker.config import RankerSettings
from recsys.config import Config
from recsys.training import TrainingData
from tests.logs import make_log

DAY = 86_400.0
N_TRACKS, N_OWN, N_LISTENERS, N_DAYS = 60, 40, 60, 160
ROTATING = Config(
    als=ALSSettings(factors=4, iterations=4),
    ranker=RankerSettings(min_listeners=10, min_validation=8, trees=40, windows=3),
)


def rotating_world() -> TrainingData:
    """Sixty listeners who go through forty tracks of theirs, one or none a day, over and over.

    Habit puts what was heard lately first, and they never go back to that so soon.
    """
    rng = np.random.default_rng(8)
    rows = []
    for user in range(N_LISTENERS):
        own = rng.permutation(N_TRACKS)[:N_OWN]
        rows += [
            (f"u{user:02d}", f"t{own[day % N_OWN]:02d}", EventKind.PLAY, DAY * (day + rng.random()))
            for day in range(N_DAYS)
            if rng.random() < 0.9
        ]
    tracks = [Track(f"t{n:02d}", artist=f"artist {n // 6}") for n in range(N_TRACKS)]
    catalogue = Catalogue.from_tracks(tracks)
    return TrainingData(catalogue, make_log(rows, items=list(catalogue.items)), None)
