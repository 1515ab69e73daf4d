"""Statistics of timbre beside the network, and the map that weighs both."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from scipy.fft import dct

from audio_model.network import build_network
from audio_model.timbre import _statistics, discriminating, with_timbre
from audio_model.whitening import vectors_of
from tests.audio_model.tiny import TINY


def loudness(batch: int, seed: int = 0) -> np.ndarray:
    shape = (batch, TINY.frontend.n_mels, TINY.frontend.chunk_frames)
    return np.random.default_rng(seed).uniform(-70.0, -5.0, shape).astype(np.float32)


def test_the_statistics_are_those_of_the_cepstrum():
    chunks = loudness(5)
    inputs = keras.Input((*chunks.shape[1:], 1))
    given = vectors_of(keras.Model(inputs, _statistics(inputs, 6)), chunks)

    cepstrum = dct(chunks * 0.025 + 1.0, axis=1, norm="ortho")[:, :6]
    change = np.diff(cepstrum, axis=2)
    expected = [cepstrum.mean(axis=2), cepstrum.std(axis=2), change.std(axis=2)]
    np.testing.assert_allclose(given, np.concatenate(expected, axis=1), atol=1e-4)


def test_the_map_keeps_what_tells_tracks_apart_and_drops_what_varies_within_them():
    rng = np.random.default_rng(1)
    tracks = np.repeat(np.arange(400, dtype=np.int32), 5)
    between = rng.standard_normal((400, 2))[tracks]
    within = 2.0 * rng.standard_normal((2000, 6))
    mixed = np.hstack([between + 0.1 * rng.standard_normal((2000, 2)), within])
    rotation = np.linalg.qr(rng.standard_normal((8, 8)))[0]

    mapped = mixed @ rotation @ discriminating(mixed @ rotation, tracks, 2)

    missed = np.linalg.lstsq(np.c_[between, np.ones(2000)], mapped, rcond=None)[1]
    left = missed / ((mapped - mapped.mean(axis=0)) ** 2).sum(axis=0)
    assert left.max() < 0.2  # half is left where nothing is evened out


def test_timbre_finds_tracks_that_the_network_confuses():
    """Tracks differ by the slope of their spectrum alone; the network sees its middle band only."""
    rng = np.random.default_rng(2)
    tracks = np.repeat(np.arange(12, dtype=np.int32), 6)
    slope = np.linspace(-20.0, 20.0, 12)[tracks, None, None]
    band = np.linspace(-1.0, 1.0, TINY.frontend.n_mels)[None, :, None]
    noise = 3.0 * rng.standard_normal((72, TINY.frontend.n_mels, TINY.frontend.chunk_frames))
    chunks = (slope * band - 40.0 + noise).astype(np.float32)
    inputs = keras.Input((TINY.frontend.n_mels, TINY.frontend.chunk_frames, 1))
    middle = keras.layers.Flatten()(keras.layers.Cropping2D((7, 4))(inputs))
    draws = keras.initializers.GlorotUniform(seed=2)
    dense = keras.layers.Dense(8, kernel_initializer=draws)(middle)
    blind = keras.Model(inputs, keras.layers.UnitNormalization()(dense))

    def neighbour_is_of_the_track(network):
        vectors = vectors_of(network, chunks)
        cosine = vectors @ vectors.T - 2.0 * np.eye(72)
        return float(np.mean(tracks[cosine.argmax(axis=1)] == tracks))

    joined = with_timbre(blind, chunks, tracks, 4)
    assert neighbour_is_of_the_track(joined) > neighbour_is_of_the_track(blind) + 0.2


@pytest.mark.parametrize("chunks", [loudness(3), np.full_like(loudness(4), -80.0)])
def test_few_chunks_and_silence_give_finite_unit_vectors(chunks):
    network = build_network(replace(TINY, timbre_coefficients=5), 0)
    joined = with_timbre(network, chunks, np.arange(len(chunks), dtype=np.int32) // 2, 5)
    vectors = vectors_of(joined, loudness(7, seed=3))
    assert vectors.shape == (7, TINY.embedding_dim)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
