"""A larger planted world: six sounds, and listeners who each take to one of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cf_model.config import (
    ALSSettings,
    BridgeSettings,
    CarrySettings,
    ConfidenceSettings,
    ItemItemSettings,
)
from data.events import KINDS, Event, EventLog
from data.store import Store
from data.tracks import Catalogue, Track
from ranker.config import CandidateSettings
from ranker.features import feature_names
from ranker.fitting import fit_candidate_models
from ranker.hybrid import Hybrid
from ranker.ranking import FusionRanker
from recsys.bundle import BundleFacts, ModelBundle, open_bundle, write_bundle
from tests.logs import make_log

N_TRACKS, N_SOUNDS, DIMENSION = 480, 6, 8
ENCODER = "planted"
GENRES = ("Ambient", "Blues", "Choral", "Dub", "Electro", "Folk")


def track_id(number: int) -> str:
    return f"t{number:03d}"


def number(external: str) -> int:
    return int(external[1:])


def sound(number: int) -> int:
    """Which of the six sounds a track has."""
    return number % N_SOUNDS


def track(n: int) -> Track:
    return Track(
        track_id(n),
        title=f"title {n}",
        artist=f"artist {n // 8}",
        genre="Rare" if n in (17, 170, 301) else GENRES[sound(n)],
        year=1960 + n % 60,
        duration=100.0 + 3 * n,
    )


def vector_near(sound: int, rng: np.random.Generator, spread: float = 0.25) -> np.ndarray:
    away = np.zeros(DIMENSION)
    away[sound], away[-1] = 1.0, 1.0  # the last coordinate is what all tracks share
    vector = away + spread * rng.normal(size=DIMENSION)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def vectors() -> np.ndarray:
    rng = np.random.default_rng(3)
    return np.stack([vector_near(sound(n), rng) for n in range(N_TRACKS)])


def log() -> EventLog:
    """Ninety listeners with twenty tracks of their sound each; the last 60 tracks are unheard."""
    rng = np.random.default_rng(4)
    rows = []
    for user in range(90):
        own = [n for n in range(N_TRACKS - 60) if sound(n) == user % N_SOUNDS]
        rows += [(f"u{user:02d}", track_id(n)) for n in rng.permutation(own)[:20]]
    shuffled = [rows[row] for row in rng.permutation(len(rows))]
    return make_log(shuffled, items=[track_id(n) for n in range(N_TRACKS)])


def facts() -> BundleFacts:
    return BundleFacts(90, 1800, 1e6, encoder_id=ENCODER, encoder_dir=None)


def bundle(folder: Path, tracks: Sequence[Track] | None = None) -> ModelBundle:
    """Bundle of the world, its tracks described as usual or by `tracks`."""
    models = fit_candidate_models(
        log(),
        Catalogue.from_tracks(tracks or [track(n) for n in range(N_TRACKS)]),
        vectors(),
        als=ALSSettings(factors=8, iterations=8),
        bridge=BridgeSettings(),
        confidence=ConfidenceSettings(),
        candidates=CandidateSettings(per_source=60),
        item_item=ItemItemSettings(),
        carry=CarrySettings(),
    )
    names = feature_names([source.name for source in models.sources])
    write_bundle(folder / "v1", "v1", Hybrid(models, FusionRanker(names)), facts())
    return open_bundle(folder / "v1")


def fill(store: Store) -> None:
    store.upsert_tracks(track(n) for n in range(N_TRACKS))
    events = log()
    store.add_events(
        [
            Event(
                f"e{row}",
                events.users.external(int(events.user_index[row])),
                events.items.external(int(events.item_index[row])),
                KINDS[int(events.kind[row])],
                float(events.timestamp[row]),
            )
            for row in range(len(events))
        ]
    )
    rows = vectors()
    store.put_embeddings(ENCODER, [(track_id(n), rows[n], "") for n in range(N_TRACKS)])
