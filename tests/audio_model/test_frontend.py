"""The front end against librosa, and its chunks."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soxr

from audio_model.decode import AudioStream
from audio_model.frontend import FrontEnd
from audio_model.mel import hz_to_mel, mel_filterbank, mel_to_hz
from data.errors import ParameterError
from tests.audio_model.sounds import SR, tone


def test_decibels_equal_what_librosa_gave():
    with np.load(Path(__file__).with_name("golden_decibels.npz")) as golden:
        expected = golden["decibels"].T
    frontend = FrontEnd()
    decibels = frontend.decibels(frontend.power([tone(1.5)]))
    assert decibels.shape == expected.shape
    np.testing.assert_allclose(decibels, expected, atol=1e-4)


@pytest.mark.slow  # librosa compiles for a minute where nothing is cached
def test_filterbank_equals_librosa():
    import librosa

    expected = librosa.filters.mel(sr=SR, n_fft=2048, n_mels=128)
    np.testing.assert_allclose(mel_filterbank(SR, 2048, 128), expected, atol=1e-8)


def test_mel_scale_is_undone_by_its_inverse():
    hz = np.linspace(0, 11025, 500)
    np.testing.assert_allclose(mel_to_hz(hz_to_mel(hz)), hz, atol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("samples", [11025, 66048, 5 * SR + 123])
def test_decibels_equal_librosa(samples):
    import librosa

    y = tone(6.0)[:samples]
    frontend = FrontEnd()
    ours = frontend.decibels(frontend.power([y]))
    mel = librosa.feature.melspectrogram(y=y, sr=SR, n_fft=2048, hop_length=512, n_mels=128)
    theirs = librosa.power_to_db(mel, ref=np.max, top_db=80)
    assert ours.shape == theirs.T.shape
    np.testing.assert_allclose(ours, theirs.T, atol=1e-4)


def test_what_lies_80_db_below_the_loudest_equals_double_precision():
    # A loud tone that beats, over noise near the floor: the hardest case for single precision.
    t = np.arange(2 * SR) / SR
    y = 0.5 * np.sin(2 * np.pi * 220 * t) + 0.4 * np.sin(2 * np.pi * 223 * t)
    y = (y + 1e-3 * np.random.default_rng(0).standard_normal(t.size)).astype(np.float32)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(2048) / 2048)
    padded = np.pad(y.astype(np.float64), 1024)
    frames = [padded[start : start + 2048] for start in range(0, y.size + 1, 512)]
    power = np.abs(np.fft.rfft(np.stack(frames) * window)) ** 2
    frontend = FrontEnd()
    expected = frontend.decibels(power @ mel_filterbank(SR, 2048, 128).T.astype(np.float64))
    assert (expected > -80).mean() > 0.5
    np.testing.assert_allclose(frontend.decibels(frontend.power([y])), expected, atol=0.003)


@pytest.mark.parametrize("piece", [1, 100, 511, 4096, 40_000])
def test_streamed_in_pieces_equals_the_whole(piece):
    y = tone(1.5)
    frontend = FrontEnd()
    pieces = (y[start : start + piece] for start in range(0, y.size, piece))
    np.testing.assert_array_equal(frontend.power(pieces), frontend.power([y]))


def test_samples_in_double_precision_give_the_same_frames():
    y = tone(1.5)
    doubled = FrontEnd().power([y.astype(np.float64)])
    np.testing.assert_array_equal(doubled, FrontEnd().power([y]))


def test_frames_of_a_long_track_are_held_once():
    frontend = FrontEnd(sr=8000, n_fft=64, hop_length=16)
    block = tone(2.0, sr=8000)
    tracemalloc.start()
    power = frontend.power(block for _ in range(40))
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held > power.nbytes == 40_001 * 128 * 4
    assert peak < 1.4 * power.nbytes


def test_streamed_resampling_equals_resampling_the_whole(write_sound):
    y = tone(8.0, sr=48_000)
    path = write_sound("a.wav", y, 48_000, subtype="FLOAT")
    streamed = np.concatenate(list(AudioStream(path, SR)))
    np.testing.assert_allclose(streamed, soxr.resample(y, 48_000, SR, "HQ"), atol=1e-6)


def test_short_track_is_one_chunk_filled_up_with_the_floor(write_sound):
    chunks = FrontEnd().spectrogram(write_sound("a.wav", tone(1.0))).chunks
    assert chunks.shape == (1, 128, 129)
    frames = 1 + SR // 512
    assert (chunks[0, :, frames:] == -80.0).all()
    assert chunks[0, :, :frames].max() == 0.0


def test_long_track_is_spread_over_at_most_max_chunks():
    frontend = FrontEnd(chunk_frames=10, max_chunks=3, n_mels=2)
    power = np.repeat(10.0 ** np.arange(-6, 0, 0.1), 2).reshape(-1, 2).astype(np.float32)  # 60 rows
    chunks = frontend.chunks(power)
    assert chunks.shape == (3, 2, 10)
    np.testing.assert_allclose(chunks[0, 0, 0], -59.0, atol=1e-3)
    np.testing.assert_allclose(chunks[1, 0, 0], -59.0 + 25, atol=1e-3)
    np.testing.assert_allclose(chunks[2, 0, -1], 0.0, atol=1e-3)


def test_chunks_stay_within_the_range_of_decibels(write_sound):
    chunks = FrontEnd().spectrogram(write_sound("a.flac", tone(12.0))).chunks
    assert chunks.dtype == np.float32
    assert chunks.min() >= -80.0
    assert chunks.max() == 0.0


@pytest.mark.parametrize("bad", [{"sr": 0}, {"n_fft": 2047}, {"min_db": 0.0}, {"max_chunks": 0}])
def test_settings_outside_their_range_are_refused(bad):
    with pytest.raises(ParameterError, match=next(iter(bad))):
        FrontEnd(**bad)
