"""The `default` recipe's parts: views, pairs, heads, lessons of a teacher."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from audio_model.augment import augmented_view
from audio_model.batches import PairBatches
from audio_model.cache import cache_spectrograms
from audio_model.encoder import Encoder
from audio_model.loss import similarity_transfer
from audio_model.network import (
    EMBEDDING,
    PROJECTION,
    TEACHER,
    build_network,
    build_student,
)
from audio_model.probes import average_precision, effective_rank
from audio_model.recipes import Augmentation, recipe_named
from audio_model.train import train_encoder
from audio_model.whitening import whitened
from tests.audio_model.tiny import TINY

FLOOR = -80.0
NOTHING = Augmentation(
    gain_db=0.0,
    tilt_db=0.0,
    bumps_db=0.0,
    noise_db=FLOOR,
    cutoff_share=0.0,
    reverb_share=0.0,
    shift_bands=0,
    time_mask=0,
    band_mask=0,
)
TINY_DEFAULT = replace(
    TINY,
    network="strided",
    filters=(4, 4, 8),
    positives="chunks",
    augmentation=Augmentation(time_mask=4, band_mask=4),
    symmetric=True,
    projection_dim=6,
    schedule="cosine",
    whitening=0.75,
    timbre_coefficients=6,
    teacher_weight=1.0,
)


def some_chunks(batch: int = 8) -> np.ndarray:
    rng = np.random.default_rng(4)
    return rng.uniform(-60.0, -20.0, (batch, 128, 129, 1)).astype(np.float32)


def test_an_augmentation_of_no_strength_changes_nothing_loud():
    view = augmented_view(some_chunks(), NOTHING, FLOOR, np.random.default_rng(0))
    np.testing.assert_allclose(view, some_chunks(), atol=1e-4)


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        ({"gain_db": 6.0}, lambda d: np.ptp(d, axis=(1, 2)).max() < 1e-3),
        ({"tilt_db": 6.0}, lambda d: np.ptp(d, axis=2).max() < 1e-3),
        ({"bumps_db": 6.0}, lambda d: np.ptp(d, axis=2).max() < 1e-3),
        ({"time_mask": 10}, lambda d: ((d != 0).all(axis=1).sum(axis=1) <= 10).all()),
        ({"band_mask": 10}, lambda d: ((d != 0).all(axis=2).sum(axis=1) <= 10).all()),
        ({"cutoff_share": 1.0}, lambda d: (d[:, :64] == 0).all()),
        ({"reverb_share": 1.0}, lambda d: (d >= -1e-3).all()),
        ({"noise_db": -25.0}, lambda d: (d >= -1e-3).all()),
    ],
)
def test_each_augmentation_does_what_it_says(change, seen):
    before = some_chunks()
    after = augmented_view(before, replace(NOTHING, **change), FLOOR, np.random.default_rng(1))
    difference = (after - before)[..., 0]
    difference[np.abs(difference) < 1e-4] = 0.0
    assert difference.any()
    assert seen(difference)
    assert after.min() >= FLOOR
    assert after.max() <= 0.0


def test_shifted_bands_move_the_spectrum():
    before = some_chunks(64)
    how = replace(NOTHING, shift_bands=2)
    after = augmented_view(before, how, FLOOR, np.random.default_rng(2))
    moved = [
        shift
        for row in range(64)
        for shift in range(-2, 3)
        if np.allclose(after[row, 4:-4], np.roll(before[row], shift, axis=0)[4:-4], atol=1e-4)
    ]
    assert len(moved) == 64
    assert set(moved) == {-2, -1, 0, 1, 2}


def test_pairs_are_two_chunks_of_one_track_with_their_lessons(music, cache):
    tracks = cache_spectrograms(sorted(music.iterdir()), TINY.frontend, cache / "spectrograms")
    lessons = [
        np.array([[track, chunk] for chunk in range(len(tracks.chunks(track)))], np.float32)
        for track in range(len(tracks.files))
    ]
    batch = PairBatches(tracks, TINY_DEFAULT, 3, 0, lessons)[1]
    assert (batch.first_teacher[:, 0] == batch.second_teacher[:, 0]).all()
    several = np.array([len(lessons[int(t)]) > 1 for t in batch.first_teacher[:, 0]])
    assert several.any()
    assert (batch.first_teacher[several, 1] != batch.second_teacher[several, 1]).all()


def test_similarity_transfer_is_zero_for_the_same_similarities_only():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(6, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rotation = np.linalg.qr(rng.normal(size=(4, 4)))[0].astype(np.float32)
    assert float(similarity_transfer(vectors @ rotation, vectors, 0.1)) == pytest.approx(
        0, abs=1e-4
    )
    assert float(similarity_transfer(vectors[::-1].copy(), vectors, 0.1)) > 0.1


def test_similarity_transfer_equals_the_naive_divergence():
    rng = np.random.default_rng(1)
    student, teacher = (rng.normal(size=(5, 3)).astype(np.float32) for _ in range(2))
    total = 0.0
    for row in range(5):
        others = [other for other in range(5) if other != row]
        p, q = (
            np.exp([side[row] @ side[other] / 0.5 for other in others])
            for side in (teacher, student)
        )
        p, q = p / p.sum(), q / q.sum()
        total += float((p * np.log(p / q)).sum())
    assert float(similarity_transfer(student, teacher, 0.5)) == pytest.approx(total / 5, rel=1e-3)


def test_student_has_heads_that_the_network_has_not():
    network = build_network(TINY_DEFAULT, 0)
    student = build_student(network, TINY_DEFAULT, 0, teacher_dim=5)
    outputs = student(np.zeros((2, 16, 16, 1), np.float32))
    assert {name: value.shape[1] for name, value in outputs.items()} == {
        EMBEDDING: 8,
        PROJECTION: 6,
        TEACHER: 5,
    }
    assert network.count_params() < student.count_params()
    np.testing.assert_allclose(
        outputs[EMBEDDING], network(np.zeros((2, 16, 16, 1), np.float32)), atol=1e-6
    )


def test_default_network_is_small_enough_to_ship() -> None:
    network = build_network(recipe_named("default"), 0)
    assert network.count_params() * 4 < 4 * 2**20
    assert not any(
        isinstance(layer, keras.layers.GlobalAveragePooling2D) for layer in network.layers
    )


def test_default_network_keeps_where_in_frequency_energy_lies() -> None:
    low, high = np.full((2, 1, 128, 129, 1), FLOOR, np.float32)
    low[:, 20:30], high[:, 90:100] = 0.0, 0.0
    cosine = {}
    for name in ("article", "default"):
        network = build_network(recipe_named(name), 0)
        cosine[name] = float(np.array(network(low))[0] @ np.array(network(high))[0])
    assert cosine["default"] < 0.95 < 0.999 < cosine["article"]


def test_taught_training_runs_and_exports(music, cache, tmp_path):
    taught = []

    def teacher(path):
        taught.append(path)
        n_chunks = {p: len(tracks.chunks(i)) for i, p in enumerate(tracks.paths)}[path]
        return np.random.default_rng(len(taught)).normal(size=(n_chunks, 5)).astype(np.float32)

    tracks = cache_spectrograms(sorted(music.iterdir()), TINY.frontend, cache / "spectrograms")
    folder = train_encoder(
        sorted(music.iterdir()), TINY_DEFAULT, out=tmp_path, cache=cache, steps=3, teacher=teacher
    )
    encoder = Encoder.load(folder)
    assert encoder.card.training["taught"]
    assert len(taught) == len(tracks.paths)
    assert encoder.dimension == 8


def test_whitening_evens_out_the_directions_and_keeps_unit_length():
    network = build_network(TINY_DEFAULT, 0)
    chunks = np.random.default_rng(6).uniform(FLOOR, 0.0, (200, 16, 16)).astype(np.float32)
    before = np.asarray(network(chunks[..., None]))
    after = np.asarray(whitened(network, chunks, 0.75)(chunks[..., None]))
    np.testing.assert_allclose(np.linalg.norm(after, axis=1), 1.0, atol=1e-5)
    assert effective_rank(after) > effective_rank(before) + 0.5
    np.testing.assert_allclose(after.mean(axis=0), 0.0, atol=0.1)


def test_average_precision_equals_the_naive_one():
    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(30, 4)).astype(np.float32)
    labels = [None if row % 7 == 0 else f"l{row % 4}" for row in range(30)]
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    expected = []
    for query, name in enumerate(labels):
        if name is None:
            continue
        others = sorted(
            (r for r in range(30) if r != query), key=lambda r: -(unit[r] @ unit[query])
        )
        hits = precision = 0.0
        for rank, other in enumerate(others, start=1):
            if labels[other] == name:
                hits += 1
                precision += hits / rank
        expected.append(precision / hits)
    np.testing.assert_allclose(average_precision(vectors, labels), expected, rtol=1e-5)


def test_effective_rank_counts_directions():
    rng = np.random.default_rng(5)
    flat = rng.normal(size=(500, 3)) @ np.linalg.qr(rng.normal(size=(10, 10)))[0][:3]
    assert effective_rank(flat) == pytest.approx(3.0, abs=0.1)
    assert effective_rank(rng.normal(size=(5000, 10))) == pytest.approx(10.0, abs=0.1)
