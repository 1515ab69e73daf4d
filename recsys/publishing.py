"""`recsys train`: from the store to a published bundle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audio_model.encoder import EncoderCard, content_map
from data.errors import WorseModelError
from data.store import Store
from recsys.bundle import BundleFacts, write_bundle
from recsys.comparison import Comparison, compare_with_live
from recsys.manifest import Manifest, read_manifest
from recsys.projection import project
from recsys.training import MadeLists, TrainingData, fit_hybrid, load_training_data
from recsys.trial import write_trial
from recsys.versions import publish
from recsys.workspace import Workspace


def workspace_data(workspace: Workspace, store: Store) -> tuple[TrainingData, Path]:
    """Training data of the workspace, and the folder of the encoder that made its vectors."""
    folder = workspace.encoder_dir()
    encoder = EncoderCard.read(folder)
    data = load_training_data(store, encoder.encoder_id, encoder.dimension, content_map(folder))
    return data, folder


@dataclass(frozen=True)
class Published:
    """A new version, and how it compared with the one before."""

    manifest: Manifest
    comparison: Comparison


def train_and_publish(workspace: Workspace, store: Store, *, force: bool = False) -> Published:
    """Fit the hybrid on everything in the store and publish it as the current bundle.

    Parameters
    ----------
    force : bool
        Publish whatever the comparison with the live model says.

    Raises
    ------
    WorseModelError
        If the new model is significantly worse than the live one; that one stays.
    """
    # Read once: while this trains, another encoder may become current.
    data, encoder_dir = workspace_data(workspace, store)
    made: MadeLists = {}  # the trial's windows are this training's, too, but for the latest
    comparison = compare_with_live(data, workspace.config, workspace.models, made)
    if comparison.worse and not force:
        found = "; ".join(f"over {name} tracks: {part}" for name, part in comparison.worse.items())
        raise WorseModelError(
            f"the new model is significantly worse than the live {comparison.live}, which stays "
            f"({found}, judged by {comparison.basis}): look for what changed in the log, the "
            "encoder or the settings, or publish it with `recsys train --force`"
        )
    hybrid = fit_hybrid(data, data.log, workspace.config, made)
    projections = project(data.embeddings, workspace.config.map, seed=workspace.config.seed)
    with_sound = hybrid.models.embeddings is not None
    facts = BundleFacts(
        n_listeners=len(np.unique(data.log.user_index)),
        n_events=len(data.log),
        last_event_at=float(data.log.timestamp.max()) if data.log.has_timestamps else None,
        encoder_id=EncoderCard.read(encoder_dir).encoder_id if with_sound else None,
        encoder_dir=encoder_dir if with_sound else None,
    )

    def write(folder: Path, version: str) -> None:
        write_bundle(folder, version, hybrid, facts, projections)
        trial = comparison.trial
        if trial is not None:  # whoever was erased while this was training is not to be named
            trial = trial.without(store.listeners.erased(sorted(trial.listeners())))
        write_trial(folder, trial)

    version = publish(workspace.models, write)
    return Published(read_manifest(workspace.models / version), comparison)
