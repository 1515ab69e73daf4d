"""Files of sound and a small encoder that the tests of this folder share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.audio_model.sounds import SR, tone

# librosa compiles with numba on first use; one folder for all runs saves half a minute each.
os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(__file__).parents[2] / ".pytest_cache/numba"))


@pytest.fixture
def write_sound(tmp_path: Path) -> Callable[..., Path]:
    def write(name: str, y: np.ndarray, sr: int = SR, **options: str) -> Path:
        path = tmp_path / name
        soundfile.write(path, y, sr, **options)
        return path

    return write


@pytest.fixture(scope="session")
def encoder_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from audio_model.recipes import RECIPES
    from audio_model.train import untrained_encoder

    return untrained_encoder(RECIPES["article"], tmp_path_factory.mktemp("encoders"))


@pytest.fixture(scope="module")
def music(tmp_path_factory):
    folder = tmp_path_factory.mktemp("music")
    for seed in range(6):
        soundfile.write(folder / f"{seed}.wav", tone(2.0, 8000, seed=seed), 8000)
    return folder


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")
