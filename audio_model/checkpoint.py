"""Training state on disk, so that a killed training goes on where it stood."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

from audio_model.files import replacing


def save_checkpoint(
    path: Path, network: keras.Model, optimizer: keras.optimizers.Optimizer, step: int
) -> None:
    """Write weights, optimiser state and the number of finished steps, whole or not at all."""
    arrays: dict[str, Any] = {f"w{i}": np.asarray(value) for i, value in enumerate(network.weights)}
    arrays |= {f"o{i}": np.asarray(value) for i, value in enumerate(optimizer.variables)}
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, step=np.array(step), **arrays)


def restore_checkpoint(
    path: Path, network: keras.Model, optimizer: keras.optimizers.Optimizer
) -> int:
    """Restore what `save_checkpoint` wrote; return the number of finished steps.

    0, with network and optimiser untouched, where there is no checkpoint or it is damaged.
    """
    try:
        # Opened here, as numpy leaves a damaged archive open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = dict(stored)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return 0
    variables = {f"w{i}": variable for i, variable in enumerate(network.weights)}
    variables |= {f"o{i}": variable for i, variable in enumerate(optimizer.variables)}
    for name, variable in variables.items():
        if name not in arrays or arrays[name].shape != tuple(variable.shape):
            return 0
    for name, variable in variables.items():
        variable.assign(arrays[name])
    return int(arrays["step"])
