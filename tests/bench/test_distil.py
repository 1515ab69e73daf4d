"""Training on mixtures: what student and teacher are given, and what they are told."""

import itertools
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from audio_model.loss import info_nce, similarity_transfer
from audio_model.network import build_network, build_student
from audio_model.recipes import RECIPES, Augmentation
from bench.encoder import distil, mixtures
from bench.encoder.mixtures import Mixtures
from bench.encoder.packed import STEPS_A_DECADE, Pack, rolled_out
from tests.audio_model.test_teacher import tiny_weights

RECIPE = replace(RECIPES["default"], filters=(4, 4, 8), noise_sigma=0.0)
UNCHANGED = Augmentation(0.0, 0.0, 0.0, -80.0, 0.0, 0.0, 0, 0, 0)
COUNTS = [3, 1, 4, 2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack of smooth pictures, which WebP keeps."""
    folder = tmp_path_factory.mktemp("pack")
    starts = np.cumsum(COUNTS) - COUNTS
    for side, bands, frames in (("student", 128, 129), ("teacher", 96, 187)):
        (folder / side).mkdir()
        for track, count in enumerate(COUNTS):
            slope = np.linspace(-20, 20, bands)[:, None] + np.linspace(-10, 10, frames)
            level = 80 + 8 * (starts[track] + np.arange(count))[:, None, None]  # no two alike
            rolled_out((slope + level).astype(np.uint8), folder / side / f"{track}.webp")
    index = {str(track): count for track, count in enumerate(COUNTS)}
    (folder / "index.json").write_text(json.dumps(index), "utf-8")
    return folder


@pytest.fixture(scope="module")
def pack(folder: Path) -> Pack:
    return Pack.read(folder)


def model_of(recipe=RECIPE) -> distil.Distillation:
    weights = tiny_weights()
    layers = [np.random.default_rng(1).normal(size=(40, size)) for size in (72, 10)]
    lesson = distil.Lesson([layer.astype(np.float32) for layer in layers], [12, 4])
    network = build_network(recipe, 0)
    student = build_student(network, recipe, 0, lesson.dimension)
    return distil.Distillation(student, weights, lesson, recipe, 0)


def unchanged(batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The batch without what only the student sees, its floor of noise included."""
    off = {"shift", "gain", "tilt", "bumps", "bands", "frames", "reverberant", "floor_tilt"}
    quiet = {name: np.zeros_like(values) for name, values in batch.items() if name in off}
    return batch | quiet | {"floor": np.full_like(batch["floor"], -200.0)}


def test_a_pack_is_read_as_it_was_written(pack):
    assert pack.student.shape == (10, 128, 129)
    assert pack.teacher.shape == (10, 187, 96)
    assert pack.starts.tolist() == [0, 3, 4, 8]
    assert pack.tracks.tolist() == [0, 0, 0, 1, 2, 2, 2, 2, 3, 3]
    slope = np.linspace(-20, 20, 128)[:, None] + np.linspace(-10, 10, 129)
    written = slope + 80.0 + 8.0 * np.arange(10)[:, None, None]
    assert np.abs(pack.student - written).mean(axis=(1, 2)).max() < 2.0


def test_a_batch_depends_on_its_number_alone(pack):
    one, other = (Mixtures(pack, RECIPE, 4, 1, seed=3) for _ in range(2))
    for name, values in one[5][0].items():
        np.testing.assert_array_equal(values, other[5][0][name])
    other.on_epoch_end()
    assert not np.array_equal(one[5][0]["below"], other[5][0]["below"])


def test_both_views_of_a_row_are_of_one_track_and_of_two_chunks_where_there_are(pack):
    (batch,) = Mixtures(pack, RECIPE, 4, 1, seed=0)[0]
    flat = pack.student.reshape(len(pack.student), -1)
    place = [int(np.flatnonzero((flat == view.ravel()).all(axis=1))[0]) for view in batch["first"]]
    for left, right in zip(place[:4], place[4:], strict=True):
        assert pack.tracks[left] == pack.tracks[right]
        assert left != right or pack.counts[pack.tracks[left]] == 1


def test_student_and_teacher_are_given_the_same_mixture(pack):
    (batch,) = Mixtures(pack, RECIPE, 4, 1, seed=1)[2]
    batch = unchanged(batch)
    model = model_of()

    first, second = ((1.0 - batch[side] / 255.0) * -80.0 for side in ("first", "second"))
    second = second - batch["below"][:, None, None]
    expected = np.maximum(10.0 * np.log10(10.0 ** (first / 10.0) + 10.0 ** (second / 10.0)), -80.0)
    np.testing.assert_allclose(np.asarray(model._seen(batch)), expected, atol=1e-2)

    first, second = (
        10.0 ** (batch[side] / STEPS_A_DECADE) - 1.0 for side in ("first_heard", "second_heard")
    )
    heard = 10.0 ** np.asarray(model._heard(batch), float) - 1.0
    added = (heard - first).max(axis=(1, 2)) / second.max(axis=(1, 2))
    np.testing.assert_allclose(heard, first + second * batch["share"][:, None, None], rtol=1e-3)
    # Relative to the loudest of each track, the second lies as far below as for the student.
    assert ((added > 1e-4) == (batch["below"] < 100)).all()


def test_what_is_far_below_is_not_mixed(pack, monkeypatch):
    monkeypatch.setattr(mixtures, "MIXED", 0.0)
    (batch,) = Mixtures(pack, RECIPE, 4, 1, seed=1)[0]
    seen = np.asarray(model_of()._seen(unchanged(batch)))
    np.testing.assert_allclose(seen, (1.0 - batch["first"] / 255.0) * -80.0, atol=1e-3)


def test_changes_stay_within_the_range_of_the_spectrogram(pack):
    (batch,) = Mixtures(pack, RECIPES["default"], 4, 1, seed=2)[0]
    seen = np.asarray(model_of(RECIPES["default"])._seen(batch))
    assert seen.min() == -80.0
    assert seen.max() <= 0.0
    assert np.isfinite(seen).all()
    blank = batch["frames"][:, None, :] + batch["bands"][:, :, None] < 0
    assert (seen[blank] < -70.0).all()


def test_the_losses_are_those_of_the_encoder():
    rng = np.random.default_rng(0)
    one, other = (rng.normal(size=(6, 5)).astype(np.float32) for _ in range(2))
    one, other = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (one, other))
    for given, expected in zip(
        distil._info_nce(one, other, 0.1),
        info_nce(tf.constant(one), tf.constant(other), 0.1),
        strict=True,
    ):
        assert float(given) == pytest.approx(float(expected), abs=1e-5)
    transfer = similarity_transfer(tf.constant(one), tf.constant(other), 0.1)
    assert float(distil._transfer(one, other, 0.1)) == pytest.approx(float(transfer), abs=1e-5)


def test_the_running_maximum_is_that_of_numpy():
    x = np.random.default_rng(0).normal(size=(2, 3, 129)).astype(np.float32)
    given = np.asarray(distil._running_maximum(tf.constant(x)))
    np.testing.assert_array_equal(given, np.maximum.accumulate(x, axis=2))


def test_a_lesson_is_a_unit_vector_of_evened_out_directions():
    rng = np.random.default_rng(0)
    layer = (rng.normal(size=(500, 6)) * [9, 5, 3, 1, 1, 1] @ rng.normal(size=(6, 6))).astype("f4")
    vectors = np.asarray(distil.Lesson([layer], [4])([tf.constant(layer)]))
    assert vectors.shape == (500, 4)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-4)


def test_training_learns_the_lesson_and_stops_by_the_clock(folder, tmp_path, monkeypatch, capsys):
    np.savez(folder / "teacher.npz", **tiny_weights())
    monkeypatch.setattr(distil, "EPOCH", 6)
    monkeypatch.setattr(distil, "POOLED_DIM", 6)
    monkeypatch.setattr(distil, "PENULTIMATE_DIM", 3)
    monkeypatch.setitem(distil.RECIPES, "default", replace(RECIPE, augmentation=UNCHANGED))
    ticks = itertools.count(0.0, 0.1)  # at each look a tenth of a second later
    monkeypatch.setattr(distil, "time", SimpleNamespace(perf_counter=lambda: next(ticks)))
    out = tmp_path / "weights.npz"
    arguments = ["--pack", str(folder), "--out", str(out), "--seconds", "4", "--batch", "4"]
    monkeypatch.setattr("sys.argv", ["distil", *arguments, "--workers", "1"])
    distil.main()
    said = [line for line in capsys.readouterr().out.splitlines() if "steps, " in line]
    angles = [json.loads(line.partition(": ")[2].replace("'", '"'))["angle"] for line in said]
    assert len(said) == 22  # two looks an epoch; the first epoch, which compiles, does not count
    assert angles[-1] < 0.8 * angles[0]
    with np.load(out) as stored:
        assert int(stored["step"]) == 6 * len(said)
