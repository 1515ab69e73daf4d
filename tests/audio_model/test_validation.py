"""Held-out tracks, early stopping, going on from an encoder, the autoencoder."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audio_model import fitting
from audio_model.cache import cache_spectrograms
from audio_model.checkpoint import restore_weights, save_weights
from audio_model.encoder import WEIGHTS_FILE, Encoder
from audio_model.loss import reconstruction
from audio_model.network import DRAWING, build_network, build_student
from audio_model.recipes import RECIPES
from audio_model.train import train_encoder
from audio_model.validation import choose_held_out, held_out, probe_encoder
from data.errors import ArtefactError
from tests.audio_model.sounds import tone
from tests.audio_model.tiny import TINY

PROBED = replace(TINY, positives="chunks", validation_share=0.3, probe_every=2, steps=8)


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """Twenty tracks by five artists, each with a chord of their own."""
    folder = tmp_path_factory.mktemp("library")
    for track in range(20):
        noise = 0.02 * np.random.default_rng(track).standard_normal(16_000)
        sound = tone(2.0, 8000, seed=track % 5) + noise
        soundfile.write(folder / f"{track:02d}.wav", sound.astype(np.float32), 8000)
    return folder


@pytest.fixture(scope="module")
def paths(library):
    return sorted(library.iterdir())


@pytest.fixture(scope="module")
def artists(paths):
    return {path: f"artist {row % 5}" for row, path in enumerate(paths)}


def test_held_out_are_whole_groups_and_about_the_share_asked_for(paths, artists):
    chosen = choose_held_out(paths, artists, 0.4, seed=1)
    assert len(chosen) == 8
    for group in set(artists.values()):
        inside = {path in chosen for path in paths if artists[path] == group}
        assert len(inside) == 1
    assert chosen != choose_held_out(paths, artists, 0.4, seed=2)
    assert choose_held_out(paths, {}, 0.0, seed=1) == set()


def test_a_group_as_large_as_the_library_is_not_held_out(paths):
    groups = dict.fromkeys(paths, "the only artist")
    assert choose_held_out(paths, groups, 0.3, seed=0) == set()


def test_most_of_the_held_out_stay_when_the_library_grows():
    paths = [Path(f"{row}.mp3") for row in range(200)]
    before = choose_held_out(paths[:180], {}, 0.2, seed=0)
    after = choose_held_out(paths, {}, 0.2, seed=0)
    assert len(before & after) >= 0.9 * len(before)


def test_probe_of_a_space_that_knows_the_groups_is_perfect(paths, artists, cache):
    tracks = cache_spectrograms(paths, TINY.frontend, cache / "spectrograms")
    groups = {path: f"{row % 4}" for row, path in enumerate(paths)}
    _, probed = held_out(tracks, groups, 1.0, 0)
    assert probed is None  # nothing would be left to train on
    wide = {path: str(row // 10) for row, path in enumerate(paths)}
    train, probed = held_out(tracks, wide, 0.5, 0)
    assert len(train.paths) == 10
    assert not probed.by_groups  # ten queries are too few; halves of tracks are looked for
    order = iter(np.eye(10, dtype=np.float32))
    perfect = probed.probe(lambda chunks: np.repeat(next(order)[None], len(chunks), axis=0))
    assert perfect.score == pytest.approx(1.0)
    assert perfect.effective_rank > 8
    rng = np.random.default_rng(0)
    lost = probed.probe(lambda chunks: rng.normal(size=(len(chunks), 3)).astype(np.float32))
    assert lost.score < 0.6


def test_too_small_a_library_trains_on_everything(paths, cache):
    tracks = cache_spectrograms(paths[:4], TINY.frontend, cache / "spectrograms")
    train, probed = held_out(tracks, {}, 0.3, 0)
    assert probed is None
    assert train.paths == tracks.paths


def test_training_keeps_the_weights_of_the_best_probe(paths, artists, cache, tmp_path):
    seen = []
    folder = train_encoder(
        paths, PROBED, out=tmp_path, cache=cache, groups=artists, on_progress=seen.append
    )
    scores = {each.step: each.probe.score for each in seen if each.step % 2 == 0 and each.probe}
    best = max(scores, key=lambda step: (scores[step], -step))
    training = json.loads((folder / "encoder.json").read_text())["training"]
    assert (training["steps"], training["held_out"]) == (best, 8)
    assert training["probe"] == pytest.approx(scores[best], abs=1e-6)
    exported = probe_encoder(
        folder, paths, artists, share=PROBED.validation_share, seed=0, cache=cache
    )
    assert exported.score == pytest.approx(scores[best], abs=0.02)
    assert not list((cache / "checkpoints").iterdir())


def test_training_ends_when_probes_no_longer_improve(paths, artists, cache, tmp_path, monkeypatch):
    falling = iter(np.linspace(0.9, 0.1, 50))
    monkeypatch.setattr(
        "audio_model.validation.average_precision", lambda *_: np.array([next(falling)])
    )
    seen = []
    impatient = replace(PROBED, patience=2, steps=40)
    train_encoder(
        paths, impatient, out=tmp_path, cache=cache, groups=artists, on_progress=seen.append
    )
    # The first probe, at step 2, stays the best; two more follow.
    assert seen[-1].step == 6


class KilledError(Exception):
    """Raised in the middle of a training."""


def test_probed_training_goes_on_to_the_same_encoder(paths, artists, cache, tmp_path, monkeypatch):
    monkeypatch.setattr(fitting, "CHECKPOINT_EVERY", 3)

    def train(on_progress=None):
        return train_encoder(
            paths, PROBED, out=tmp_path, cache=cache, groups=artists, on_progress=on_progress
        ).name

    def kill(state):
        if state.stage == "train" and state.step == 5:
            raise KilledError

    whole = train()
    with pytest.raises(KilledError):
        train(kill)
    steps = []
    assert train(lambda state: steps.append(state.step)) == whole
    assert min(steps) == 4


def test_training_goes_on_from_an_encoder(paths, artists, cache, tmp_path):
    first = train_encoder(paths, PROBED, out=tmp_path, cache=cache, groups=artists)
    second = train_encoder(paths, PROBED, out=tmp_path, cache=cache, groups=artists, start=first)
    training = json.loads((second / "encoder.json").read_text())["training"]
    assert training["start"] == first.name
    assert training["steps"] == 2  # a fifth of eight
    tracks = cache_spectrograms(paths, TINY.frontend, cache / "spectrograms")
    chunks = tracks.chunks(0).astype(np.float32)
    was, now = (Encoder.load(folder).encode(chunks) for folder in (first, second))
    moved = 1 - (was * now).sum(axis=1).mean()
    assert 1e-6 < moved < 0.5
    other = replace(PROBED, filters=(5, 6))
    with pytest.raises(ArtefactError, match=r"another network.*from scratch"):
        train_encoder(paths, other, out=tmp_path, cache=cache, start=first)


def test_kept_weights_are_those_of_the_network_to_half_precision(tmp_path):
    network, other = build_network(TINY, 0), build_network(TINY, 1)
    save_weights(tmp_path / WEIGHTS_FILE, network, score=0.5)
    assert restore_weights(tmp_path / WEIGHTS_FILE, other) == {"score": 0.5}
    for ours, theirs in zip(network.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-6)


def test_autoencoder_learns_to_draw_what_it_hears(paths, cache, tmp_path):
    recipe = replace(
        RECIPES["autoencoder"],
        frontend=TINY.frontend,
        filters=(4, 8),
        embedding_dim=8,
        batch_tracks=8,
        learning_rate=1e-2,
        steps=40,
    )
    seen = []
    folder = train_encoder(paths, recipe, out=tmp_path, cache=cache, on_progress=seen.append)
    trained = [each for each in seen if each.stage == "train"]
    assert trained[-1].loss < 0.5 * trained[0].loss
    assert trained[-1].accuracy > trained[0].accuracy
    tracks = cache_spectrograms(paths, TINY.frontend, cache / "spectrograms")
    assert Encoder.load(folder).track_vector(tracks.chunks(0)).shape == (8,)


@pytest.mark.parametrize("name", ["autoencoder"])
def test_a_drawing_has_the_shape_of_the_chunk(name):
    recipe = RECIPES[name]
    student = build_student(build_network(recipe, 0), recipe, 0)
    frontend = recipe.frontend
    assert student.output[DRAWING].shape == (None, frontend.n_mels, frontend.chunk_frames, 1)


def test_reconstruction_is_the_scaled_mean_square_and_the_share_explained():
    rng = np.random.default_rng(0)
    chunks = rng.uniform(-80, 0, (3, 4, 5, 1)).astype(np.float32)
    drawn = chunks + rng.normal(0, 5, chunks.shape).astype(np.float32)
    loss, share = reconstruction(drawn, chunks, -80.0)
    error = ((drawn - chunks) ** 2).mean()
    assert float(loss) == pytest.approx(error / 6400, rel=1e-5)
    assert float(share) == pytest.approx(1 - error / chunks.var(), rel=1e-4)
