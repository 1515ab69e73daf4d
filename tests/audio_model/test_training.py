"""Training: the loss, the batches, determinism, resuming, export."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import soundfile

from audio_model import fitting
from audio_model.augment import noisy_view
from audio_model.batches import PairBatches
from audio_model.cache import cache_spectrograms
from audio_model.checkpoint import restore_checkpoint, save_checkpoint
from audio_model.encoder import Encoder
from audio_model.export import export_encoder
from audio_model.loss import info_nce
from audio_model.network import build_network
from audio_model.recipes import RECIPES, recipe_named
from audio_model.train import train_encoder, untrained_encoder
from data.errors import ArtefactError, DataError, ParameterError
from tests.audio_model.sounds import tone
from tests.audio_model.tiny import STEPS, TINY


@pytest.fixture(scope="module")
def trained(music, cache, tmp_path_factory):
    progress = []
    broken = tmp_path_factory.mktemp("broken") / "broken.mp3"
    broken.write_text("not music")
    folder = train_encoder(
        [*music.iterdir(), broken],
        TINY,
        out=tmp_path_factory.mktemp("out"),
        cache=cache,
        on_progress=progress.append,
    )
    return folder, progress


def naive_info_nce(anchors, positives, tau):
    losses = []
    for i, anchor in enumerate(anchors):
        similarities = [np.exp(anchor @ positive / tau) for positive in positives]
        losses.append(-np.log(similarities[i] / sum(similarities)))
    return np.mean(losses)


def test_loss_equals_the_naive_one():
    rng = np.random.default_rng(0)
    anchors, positives = rng.standard_normal((2, 8, 5)).astype(np.float32)
    loss, accuracy = info_nce(anchors, positives, 0.7)
    assert float(loss) == pytest.approx(naive_info_nce(anchors, positives, 0.7), rel=1e-5)
    hits = (anchors @ positives.T).argmax(axis=1) == np.arange(8)
    assert float(accuracy) == pytest.approx(hits.mean())


def test_loss_of_indistinguishable_views_is_the_log_of_the_batch():
    same = np.ones((8, 1), np.float32)
    assert float(info_nce(same, same, 0.1)[0]) == pytest.approx(np.log(8))


def test_view_adds_noise_of_the_given_size_and_stays_in_range():
    chunks = np.linspace(-80, 0, 40_000, dtype=np.float32).reshape(2, 100, 200, 1)
    view = noisy_view(chunks, 0.05, -80.0, np.random.default_rng(0))
    assert view.dtype == np.float32
    assert (view - chunks).std() == pytest.approx(0.05, rel=0.02)
    assert view.min() >= -80.0
    assert view.max() <= 0.0


def test_article_recipe_is_the_article():
    article = recipe_named("article")
    assert (article.batch_tracks, article.tau, article.noise_sigma) == (8, 0.1, 0.05)
    assert article.filters == (32, 64, 128)
    network = build_network(article, 0)
    assert network.input_shape == (None, 128, 129, 1)
    assert network.output_shape == (None, 128)
    kinds = [type(layer).__name__ for layer in network.layers[1:]]
    block = ["Conv2D", "BatchNormalization", "MaxPooling2D"]
    assert kinds == [*block * 3, "GlobalAveragePooling2D", "Dense", "UnitNormalization"]
    with pytest.raises(ParameterError, match="article"):
        recipe_named("artcle")


def test_batch_is_two_views_of_distinct_tracks_and_depends_on_seed_and_index(music, cache):
    tracks = cache_spectrograms(sorted(music.iterdir()), TINY.frontend, cache / "spectrograms")
    batches = PairBatches(tracks, TINY, STEPS, seed=3)
    assert isinstance(batches, keras.utils.PyDataset)
    assert len(batches) == STEPS
    first, second, lesson, _ = batches[0]
    assert lesson.shape == (4, 0)
    assert first.shape == second.shape == (4, 16, 16, 1)
    assert 0 < np.abs(first - second).max() < 1.0
    assert all(np.abs(first[0] - other).max() > 1.0 for other in first[1:])
    np.testing.assert_array_equal(first, PairBatches(tracks, TINY, STEPS, seed=3)[0][0])
    assert not np.array_equal(first, batches[1][0])
    assert not np.array_equal(first, PairBatches(tracks, TINY, STEPS, seed=4)[0][0])


def test_training_reports_progress_and_writes_a_card(trained):
    folder, progress = trained
    assert [each.step for each in progress if each.stage == "train"] == [*range(1, STEPS + 1)]
    decoded = [each for each in progress if each.stage == "decode"]
    assert (decoded[-1].step, decoded[-1].steps) == (7, 7)
    card = json.loads((folder / "encoder.json").read_text())
    assert card["encoder_id"] == folder.name == f"tiny-{card['sha256'][:10]}"
    training = card["training"]
    assert (training["tracks"], training["skipped"], training["steps"]) == (6, 1, STEPS)
    assert np.isfinite(training["loss"])
    assert sorted(path.name for path in folder.iterdir()) == [
        "encoder.json",
        "encoder.tflite",
        "weights.npz",
    ]
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_training_twice_gives_the_same_encoder(trained, music, cache, tmp_path):
    again = train_encoder(sorted(music.iterdir())[::-1], TINY, out=tmp_path, cache=cache)
    assert again.name == trained[0].name


@pytest.mark.slow
def test_training_killed_in_its_middle_goes_on_to_the_same_encoder(
    trained, music, cache, tmp_path, monkeypatch
):
    root = Path(__file__).parents[2]
    script = [sys.executable, str(Path(__file__).with_name("tiny.py")), str(music), str(cache)]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    killed = subprocess.run(script, env=environment, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    monkeypatch.setattr(fitting, "CHECKPOINT_EVERY", 5)
    steps = []
    folder = train_encoder(
        sorted(music.iterdir()),
        TINY,
        out=tmp_path,
        cache=cache,
        on_progress=lambda progress: steps.append(progress.step),
    )
    assert steps == [*range(6, STEPS + 1)]
    assert folder.name == trained[0].name
    assert not list((cache / "checkpoints").iterdir())


def test_damaged_or_foreign_checkpoint_changes_nothing(tmp_path):
    network, optimizer = build_network(TINY, 0), keras.optimizers.Adam()
    optimizer.build(network.trainable_variables)
    path = tmp_path / "run.npz"
    save_checkpoint(path, network, optimizer, 7)
    other = build_network(TINY, 1)
    before = [weight.copy() for weight in other.get_weights()]
    whole = path.read_bytes()
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :]
    for damage in (b"", b"no archive", whole[: len(whole) // 2], flipped):
        path.write_bytes(damage)
        assert restore_checkpoint(path, other, optimizer) == 0
    wider = build_network(replace(TINY, filters=(5, 8)), 0)
    path.write_bytes(whole)
    assert restore_checkpoint(path, wider, optimizer) == 0
    for was, now in zip(before, other.get_weights(), strict=True):
        np.testing.assert_array_equal(was, now)
    assert restore_checkpoint(path, other, optimizer) == 7
    for was, now in zip(network.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(was, now)


def test_exported_network_equals_the_keras_network_on_real_chunks(music, cache, tmp_path):
    tracks = cache_spectrograms(sorted(music.iterdir()), TINY.frontend, cache / "spectrograms")
    chunks = np.concatenate([tracks.chunks(row) for row in range(6)]).astype(np.float32)
    network = build_network(TINY, 5)
    folder = export_encoder(network, TINY, chunks, tmp_path, {})
    ours = Encoder.load(folder).encode(chunks)
    np.testing.assert_allclose(ours, network(chunks[..., None]).numpy(), atol=1e-5)


def test_export_that_differs_is_refused_and_leaves_nothing(tmp_path):
    chunks = np.full((1, 16, 16), np.nan, np.float32)
    with pytest.raises(ArtefactError, match="differs"):
        export_encoder(build_network(TINY, 0), TINY, chunks, tmp_path, {})
    assert not list(tmp_path.iterdir())


def test_untrained_encoder_depends_on_its_seed(tmp_path):
    names = {untrained_encoder(TINY, tmp_path, seed).name for seed in (0, 0, 9)}
    assert len(names) == 2


def test_chunks_are_read_without_parsing_python(music, cache, monkeypatch):
    """TensorFlow traces in another thread; two parsers at once end in a SystemError (see cache)."""
    tracks = cache_spectrograms(sorted(music.iterdir()), TINY.frontend, cache / "spectrograms")
    expected = [np.load(file) for file in tracks.files]
    with monkeypatch.context() as patched:
        patched.delattr("ast.literal_eval")
        found = [tracks.chunks(track) for track in range(len(expected))]
    for chunks, stored in zip(found, expected, strict=True):
        np.testing.assert_array_equal(chunks, stored, strict=True)


def test_changed_file_is_decoded_again_and_a_vanished_one_is_skipped(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(1.0, 8000), 8000)
    paths = [path, tmp_path / "gone.wav"]
    first = cache_spectrograms(paths, TINY.frontend, tmp_path / "cache")
    assert list(first.skipped) == [tmp_path / "gone.wav"]
    soundfile.write(path, tone(1.5, 8000, seed=1), 8000)
    second = cache_spectrograms(paths, TINY.frontend, tmp_path / "cache")
    assert first.files != second.files
    floor = 1 / 32 + 1e-6
    expected = TINY.frontend.spectrogram(path).chunks
    np.testing.assert_allclose(second.chunks(0), expected, atol=floor)


def test_too_few_tracks_and_steps_are_refused(music, cache, tmp_path):
    paths = [music / "0.wav", tmp_path / "gone.mp3"]
    with pytest.raises(DataError, match=r"at least 2 tracks.*gone.mp3"):
        train_encoder(paths, TINY, out=tmp_path, cache=cache)
    with pytest.raises(ParameterError, match="steps"):
        train_encoder(paths, TINY, out=tmp_path, cache=cache, steps=0)


def test_every_recipe_trains_what_its_front_end_gives():
    for name, recipe in RECIPES.items():
        assert recipe.name == name
        network = build_network(replace(recipe, filters=(2,)), 0)
        frontend = recipe.frontend
        assert network.input_shape == (None, frontend.n_mels, frontend.chunk_frames, 1)
