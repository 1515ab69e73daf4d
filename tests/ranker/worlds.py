"""A planted world: two kinds of listeners, two sounds, tracks that nobody has heard."""

from __future__ import annotations

import numpy as np

from cf_model.config import (
    ALSSettings,
    BridgeSettings,
    CarrySettings,
    ConfidenceSettings,
    ItemItemSettings,
)
from data.events import EventLog
from data.tracks import Catalogue, Track
from ranker.config import CandidateSettings
from ranker.fitting import fit_candidate_models
from ranker.models import CandidateModels
from tests.logs import make_log

N_TRACKS = 60
COLD = range(50, N_TRACKS)
"""Tracks that nobody has heard; even ones sound like even ones, odd ones like odd ones."""


def track_id(number: int) -> str:
    return f"t{number:02d}"


def planted_log(n_listeners: int = 40, seed: int = 0) -> EventLog:
    """Even listeners play even tracks, odd ones odd tracks, side by side; none a cold one."""
    rng = np.random.default_rng(seed)
    rows = []
    for user in range(n_listeners):
        own = [track for track in range(50) if track % 2 == user % 2]
        rows += [(f"u{user:02d}", track_id(track)) for track in rng.permutation(own)[:15]]
    shuffled = [rows[row] for row in rng.permutation(len(rows))]
    return make_log(shuffled, items=[track_id(track) for track in range(N_TRACKS)])


def planted_embeddings(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = np.array([[1.0, 0, 0, 0], [0, 1.0, 0, 0]])
    vectors = centres[np.arange(N_TRACKS) % 2] + 0.2 * rng.normal(size=(N_TRACKS, 4))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def planted_catalogue() -> Catalogue:
    """Artists with ten tracks each; nobody has heard the last one."""
    return Catalogue.from_tracks(
        [
            Track(track_id(n), artist=f"artist {n // 10}", title=f"title {n}")
            for n in range(N_TRACKS)
        ]
    )


def mixed_catalogue() -> Catalogue:
    """Artists with six tracks each, one of them cold; even ones are for even listeners."""
    return Catalogue.from_tracks(
        [Track(track_id(n), artist=f"artist {n % 10}") for n in range(N_TRACKS)]
    )


def label_catalogue() -> Catalogue:
    """Labels with six tracks each, one of them cold; nobody has two tracks."""
    return Catalogue.from_tracks(
        [Track(track_id(n), artist=f"artist {n}", label=f"label {n % 10}") for n in range(N_TRACKS)]
    )


def fit(
    log: EventLog,
    embeddings: np.ndarray | None,
    per_source: int = 20,
    dense_up_to: int = 4000,
    catalogue: Catalogue | None = None,
    taste_centres: int = 1,
) -> CandidateModels:
    return fit_candidate_models(
        log,
        catalogue or planted_catalogue(),
        embeddings,
        als=ALSSettings(factors=4),
        bridge=BridgeSettings(),
        confidence=ConfidenceSettings(),
        candidates=CandidateSettings(per_source=per_source, taste_centres=taste_centres),
        item_item=ItemItemSettings(dense_up_to=dense_up_to),
        carry=CarrySettings(),
    )
