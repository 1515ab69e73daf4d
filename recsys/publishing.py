"""`recsys train`: from the store to a published bundle."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from audio_model.encoder import EncoderCard
from data.store import Store
from recsys.bundle import BundleFacts, Manifest, read_manifest, write_bundle
from recsys.training import TrainingData, fit_hybrid, load_training_data
from recsys.versions import publish
from recsys.workspace import Workspace


def workspace_data(workspace: Workspace, store: Store) -> tuple[TrainingData, EncoderCard]:
    """Training data of the workspace, and the encoder that made its vectors."""
    encoder = EncoderCard.read(workspace.encoder_dir())
    return load_training_data(store, encoder.encoder_id, encoder.dimension), encoder


def train_and_publish(workspace: Workspace, store: Store) -> Manifest:
    """Fit the hybrid on everything in the store and publish it as the current bundle."""
    data, encoder = workspace_data(workspace, store)
    hybrid = fit_hybrid(data, data.log, workspace.config)
    with_sound = hybrid.models.embeddings is not None
    facts = BundleFacts(
        n_listeners=len(np.unique(data.log.user_index)),
        n_events=len(data.log),
        last_event_at=float(data.log.timestamp.max()) if data.log.has_timestamps else None,
        encoder_id=encoder.encoder_id if with_sound else None,
        encoder_dir=workspace.encoder_dir() if with_sound else None,
    )

    def write(folder: Path, version: str) -> None:
        write_bundle(folder, version, hybrid, facts)

    version = publish(workspace.models, write)
    return read_manifest(workspace.models / version)
