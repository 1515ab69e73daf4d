"""The teacher against a forward pass written out in numpy, and its vectors on disk."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from audio_model.frontend import FrontEnd
from audio_model.teacher import MEL, TAGS, Teacher, log_mel, windows_at
from bench.encoder.teacher_vectors import listener, merge, part_name
from data.errors import ArtefactError, NotReadyError, ParameterError
from tests.audio_model.sounds import tone

KERNELS = [(7, 38, 1, 5), (7, 67, 1, 4), (8, 1, 1, 3), (5, 1, 1, 3), (2, 1, 1, 3)]
FEATURES = 5 + 4 + 3 + 3 + 3
MIDDLE = 6
POOLED = 2 * (FEATURES + 3 * MIDDLE)
HIDDEN = 10


def tiny_weights(seed: int = 0) -> dict[str, np.ndarray]:
    """Random variables by the names of the checkpoint, with few filters."""
    rng = np.random.default_rng(seed)
    shapes = [*KERNELS, (7, FEATURES, 1, MIDDLE), (7, MIDDLE, 1, MIDDLE), (7, MIDDLE, 1, MIDDLE)]
    layers = {f"conv2d_{i}".removesuffix("_0"): shape for i, shape in enumerate(shapes)}
    layers |= {"dense": (POOLED, HIDDEN), "dense_1": (HIDDEN, len(TAGS))}
    weights = {}
    for name, shape in layers.items():
        weights[f"{name}/kernel"] = rng.normal(0, np.prod(shape[:-1]) ** -0.5, shape)
        weights[f"{name}/bias"] = rng.normal(0, 0.1, shape[-1])
    channels = [1, *(shape[-1] for shape in shapes), POOLED, HIDDEN]
    for i, size in enumerate(channels):
        name = f"batch_normalization_{i}".removesuffix("_0")
        weights[f"{name}/gamma"] = rng.choice([-1, 1], size) * rng.uniform(0.5, 2, size)
        weights[f"{name}/beta"] = rng.normal(0, 0.5, size)
        weights[f"{name}/moving_mean"] = rng.normal(0, 0.5, size)
        weights[f"{name}/moving_variance"] = rng.uniform(0.5, 2, size)
    return {name: value.astype(np.float32) for name, value in weights.items()}


def save(folder: Path, weights: dict[str, np.ndarray]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    tf.raw_ops.SaveV2(
        prefix=f"{folder}/",
        tensor_names=list(weights),
        shape_and_slices=[""] * len(weights),
        tensors=list(weights.values()),
    )
    # The published folder carries this file, and it points to the authors' machine.
    (folder / "checkpoint").write_text('model_checkpoint_path: "/elsewhere/model/"\n')
    return folder


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("tagger") / "MSD_musicnn", tiny_weights())


@pytest.fixture(scope="module")
def teacher(checkpoint: Path) -> Teacher:
    return Teacher.load(checkpoint)


def some_windows(count: int, frames: int) -> np.ndarray:
    rng = np.random.default_rng(1)
    return rng.uniform(0, 5, (count, frames, MEL.n_mels)).astype(np.float32)


def naive_features(weights: dict[str, np.ndarray], window: np.ndarray) -> tuple[np.ndarray, ...]:
    """Layer after layer for one window [shape=(time, 96)], in the order of the papers."""

    def norm(x: np.ndarray, i: int) -> np.ndarray:
        name = f"batch_normalization_{i}".removesuffix("_0")
        gamma, beta = weights[f"{name}/gamma"], weights[f"{name}/beta"]
        mean, variance = weights[f"{name}/moving_mean"], weights[f"{name}/moving_variance"]
        return gamma * (x - mean) / np.sqrt(variance + 1e-3) + beta

    def conv(x: np.ndarray, i: int) -> np.ndarray:
        name = f"conv2d_{i}".removesuffix("_0")
        kernel = weights[f"{name}/kernel"][:, :, 0].astype(float)  # (time, band, filter)
        before = (len(kernel) - 1) // 2
        x = np.pad(x, [(before, len(kernel) - 1 - before), (0, 0)])
        times, bands = x.shape[0] - kernel.shape[0] + 1, x.shape[1] - kernel.shape[1] + 1
        out = np.empty((times, bands, kernel.shape[2]))
        for t in range(times):
            for b in range(bands):
                patch = x[t : t + kernel.shape[0], b : b + kernel.shape[1]]
                out[t, b] = np.tensordot(patch, kernel, 2)
        return norm(np.maximum(out + weights[f"{name}/bias"], 0), i + 1)

    x = norm(window, 0)
    front = np.concatenate([conv(x, i).max(axis=1) for i in range(5)], axis=1)
    first = conv(front, 5)[:, 0]
    second = conv(first, 6)[:, 0] + first
    third = conv(second, 7)[:, 0] + second
    features = np.concatenate([front, first, second, third], axis=1)
    mean, maximum = features.mean(axis=0), features.max(axis=0)
    flat = norm(np.ravel([maximum, mean], order="F"), 9)
    hidden = np.maximum(flat @ weights["dense/kernel"] + weights["dense/bias"], 0)
    penultimate = norm(hidden, 10)
    logits = penultimate @ weights["dense_1/kernel"] + weights["dense_1/bias"]
    return np.concatenate([mean, maximum]), penultimate, 1 / (1 + np.exp(-logits))


def test_every_layer_equals_a_naive_forward_pass(teacher):
    windows = some_windows(2, 12)
    heard = teacher.listen(windows)
    expected = [naive_features(tiny_weights(), window) for window in windows]
    pooled, penultimate, tags = (np.stack(layer) for layer in zip(*expected, strict=True))
    np.testing.assert_allclose(heard.pooled, pooled, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(heard.penultimate, penultimate, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(heard.tags, tags, rtol=1e-4, atol=1e-4)


def test_a_window_sounds_the_same_in_any_company(teacher):
    windows = some_windows(11, 20)
    alone = np.concatenate([teacher.listen(window[None]).penultimate for window in windows])
    np.testing.assert_allclose(teacher.listen(windows).penultimate, alone, atol=1e-4)


def test_no_windows_are_an_error(teacher):
    with pytest.raises(ParameterError, match="at least one window"):
        teacher.listen(some_windows(0, MEL.chunk_frames))


def test_samples_become_one_row_a_start(teacher):
    y = tone(8.0, sr=MEL.sr)
    vectors, tags = teacher.embed(y, [0.0, 2.5, 5.0]), teacher.tags(y, [0.0, 2.5, 5.0])
    assert vectors.shape == (3, HIDDEN)
    assert tags.shape == (3, len(TAGS))
    assert ((tags >= 0) & (tags <= 1)).all()
    assert np.abs(np.diff(vectors, axis=0)).max() > 0


def test_tag_names_are_fifty_and_distinct():
    assert len(set(TAGS)) == len(TAGS) == 50


def test_mel_of_the_loudest_sound_stays_finite():
    mel = log_mel([np.full(MEL.sr, 1000.0, np.float32), tone(1.0, sr=MEL.sr)])
    assert mel.dtype == np.float32
    assert np.isfinite(mel).all()


@pytest.mark.slow  # librosa compiles for a minute where nothing is cached
def test_mel_equals_librosa():
    import librosa

    y = tone(2.0, sr=MEL.sr)
    power = librosa.feature.melspectrogram(y=y, sr=16000, n_fft=512, hop_length=256, n_mels=96)
    np.testing.assert_allclose(log_mel([y]), np.log10(10000 * power.T + 1), atol=1e-4)


def test_windows_begin_where_asked_and_never_reach_past_the_end():
    mel = np.arange(1000, dtype=np.float32)[:, None]
    windows = windows_at(mel, [0.0, 2.0, 15.0])
    assert windows.shape == (3, 187, 1)
    assert windows[:, 0, 0].tolist() == [0, 2.0 * 16000 / 256, 1000 - 187]
    assert windows[2, -1, 0] == 999


def test_a_short_track_is_repeated_until_it_fills_a_window():
    (window,) = windows_at(np.arange(50, dtype=np.float32)[:, None], [0.0])
    assert window[:, 0].tolist() == [frame % 50 for frame in range(187)]


def test_no_sound_at_all_is_an_error():
    with pytest.raises(ParameterError, match="at least one frame"):
        windows_at(np.zeros((0, 96), np.float32), [0.0])


def test_a_folder_without_checkpoint_names_the_remedy(tmp_path):
    with pytest.raises(NotReadyError, match="pip install --no-deps musicnn"):
        Teacher.load(tmp_path)


def test_a_package_that_is_not_installed_names_the_remedy(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(NotReadyError, match="pip install --no-deps musicnn"):
        Teacher.load()


def test_the_installed_package_is_found_and_never_imported(tmp_path, monkeypatch):
    save(tmp_path / "musicnn" / "MSD_musicnn", tiny_weights())
    (tmp_path / "musicnn" / "__init__.py").write_text("raise RuntimeError('imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert Teacher.load().listen(some_windows(1, 10)).tags.shape == (1, len(TAGS))
    assert "musicnn" not in sys.modules


def test_a_damaged_checkpoint_is_refused(tmp_path):
    folder = save(tmp_path / "tagger", tiny_weights())
    (data,) = folder.glob(".data*")
    data.write_bytes(data.read_bytes()[:1000])
    with pytest.raises(ArtefactError, match="damaged"):
        Teacher.load(folder)


def test_a_checkpoint_of_another_network_is_refused(tmp_path):
    weights = tiny_weights()
    del weights["conv2d_7/kernel"]
    with pytest.raises(ArtefactError, match="not MSD_musicnn"):
        Teacher.load(save(tmp_path / "tagger", weights))


@pytest.mark.parametrize(("seconds", "sr"), [(31.4, 44100), (10.0, 22050), (1.0, 48000)])
def test_vectors_on_disk_match_the_chunks_of_training_row_by_row(
    tmp_path, write_sound, checkpoint, seconds, sr
):
    music = tmp_path
    path = write_sound("a.wav", tone(seconds, sr=sr), sr)
    grid = FrontEnd(max_chunks=8)
    parts = tmp_path / "parts"
    rows = listener(music, parts, grid, checkpoint)(path)
    assert (parts / part_name(path, music, grid)).exists()
    out = tmp_path / "teacher.npz"
    other = tmp_path / "broken.wav"
    other.write_bytes(b"")
    assert merge([path, other], music, parts, grid, {other: "the file is empty"}, out) == rows
    with np.load(out, allow_pickle=False) as stored:
        assert stored["paths"].tolist() == ["a.wav"]
        assert stored["offsets"].tolist() == [0, len(grid.spectrogram(path).chunks)]
        assert stored["failed"].tolist() == ["broken.wav"]
        assert stored["pooled"].shape == (rows, POOLED)
        np.testing.assert_allclose(stored["starts"], stored["start_frames"] * 512 / 22050)


def test_a_changed_file_or_grid_gets_another_part(tmp_path, write_sound):
    path = write_sound("a.wav", tone(1.0))
    names = {part_name(path, tmp_path, FrontEnd(max_chunks=count)) for count in (8, 64)}
    write_sound("a.wav", tone(2.0))
    names.add(part_name(path, tmp_path, FrontEnd(max_chunks=8)))
    assert len(names) == 3
