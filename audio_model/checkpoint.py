"""Training state and weights on disk: whole or not at all, never a pickle."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

from audio_model.files import replacing
from data.errors import ArtefactError


def save_checkpoint(
    path: Path, network: keras.Model, optimizer: keras.optimizers.Optimizer, step: int
) -> None:
    """Write weights, optimiser state and the number of finished steps."""
    arrays = _named("w", network.weights) | _named("o", optimizer.variables)
    _write(path, step=np.array(step), **{name: np.asarray(arrays[name]) for name in arrays})


def restore_checkpoint(
    path: Path, network: keras.Model, optimizer: keras.optimizers.Optimizer
) -> int:
    """Restore what `save_checkpoint` wrote; return the number of finished steps.

    0, with network and optimiser untouched, where there is no checkpoint or it is damaged.
    """
    stored = _read(path)
    variables = _named("w", network.weights) | _named("o", optimizer.variables)
    return int(stored["step"]) if _assigned(variables, stored) else 0


def save_weights(path: Path, network: keras.Model, **facts: float) -> None:
    """Write the weights of `network`, and numbers to go with them.

    Kernels are kept as float16, which is below the noise of any training; vectors (biases,
    statistics of the batches) as they are.
    """
    arrays = {
        name: value.astype(np.float16) if value.ndim > 1 else value
        for name, value in (
            (name, np.asarray(variable)) for name, variable in _named("w", network.weights).items()
        )
    }
    _write(path, **arrays, **{name: np.array(value) for name, value in facts.items()})


def restore_weights(path: Path, network: keras.Model) -> dict[str, float]:
    """Set what `save_weights` wrote; return the numbers.

    Raises
    ------
    ArtefactError
        If the file is missing, damaged, or of another network; the network is untouched then.
    """
    stored = _read(path)
    if not _assigned(_named("w", network.weights), stored):
        raise ArtefactError(
            f"{path.name} of {path.parent.name!r} is missing, damaged, or of another network than "
            f"{network.name!r}: train from scratch"
        )
    return {name: float(value) for name, value in stored.items() if value.ndim == 0}


def _named(letter: str, variables: list[Any]) -> dict[str, Any]:
    return {f"{letter}{place}": variable for place, variable in enumerate(variables)}


def _write(path: Path, **arrays: Any) -> None:
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


def _read(path: Path) -> dict[str, Any]:
    """Arrays of the archive; none where it is missing or damaged."""
    try:
        # Opened here, as numpy leaves a damaged archive open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return dict(stored)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return {}


def _assigned(variables: dict[str, Any], stored: dict[str, Any]) -> bool:
    """Assign all of `variables`, or none when an array is missing or has another shape."""
    for name, variable in variables.items():
        if name not in stored or stored[name].shape != tuple(variable.shape):
            return False
    for name, variable in variables.items():
        variable.assign(stored[name].astype(np.dtype(variable.dtype)))
    return True
