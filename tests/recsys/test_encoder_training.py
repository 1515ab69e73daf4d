"""Of two encoders, the one that is better on held-out tracks is used."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from data.errors import NotReadyError
from data.importers.library import scan_library
from recsys import encoder_training
from recsys.cli.encoder import outcome
from recsys.encoder_training import train_on_library
from recsys.workspace import Workspace


@pytest.fixture
def workspace(tmp_path):
    music = tmp_path / "music"
    music.mkdir()
    t = np.arange(32_000) / 4000
    for track in range(12):
        sound = 0.5 * np.sin(2 * np.pi * 50 * (track + 1) * t)
        soundfile.write(music / f"{track}.wav", sound.astype(np.float32), 4000)
    (tmp_path / "home").mkdir()
    (tmp_path / "home/recsys.toml").write_text("analysis.workers = 1", "utf-8")
    workspace = Workspace.open(tmp_path / "home")
    with workspace.open_store() as store:
        scan_library([music], store)
    return workspace


def trained(workspace, **options):
    with workspace.open_store() as store:
        return train_on_library(workspace, store, recipe="article", steps=1, **options)


@pytest.mark.parametrize(("new", "old", "taken"), [(0.6, 0.5, True), (0.5, 0.5, False)])
def test_only_a_better_encoder_becomes_current(workspace, monkeypatch, new, old, taken):
    judge = encoder_training.probe_encoder
    scores = {"article": new, "default": old}

    def judged(folder, *arguments, **options):
        probe = judge(folder, *arguments, **options)
        assert 0 < probe.score <= 1
        recipe = "article" if folder.name.startswith("article") else "default"
        return type(probe)(scores[recipe], probe.effective_rank)

    monkeypatch.setattr(encoder_training, "probe_encoder", judged)
    shipped = workspace.encoder_dir()
    training = trained(workspace)
    assert training.taken == taken
    current = workspace.encoders / training.trained if taken else shipped
    assert workspace.encoder_dir() == current
    assert f"probe {new:.3f} against {old:.3f} of {training.before}" in outcome(training)
    assert ("stays current" in outcome(training)) == (not taken)
    assert trained(workspace, force=True).taken


def test_a_library_without_audio_says_what_to_do(tmp_path):
    with pytest.raises(NotReadyError, match="recsys library add"):
        trained(Workspace.open(tmp_path))
