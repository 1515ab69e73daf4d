"""The constant-Q front end against librosa, in pieces, in children, and in an encoder's card."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, replace

import librosa
import numpy as np
import pytest

from audio_model import constant_q
from audio_model.constant_q import ConstantQFrontEnd, frontend_from
from audio_model.encoder import CARD_FILE, Encoder, EncoderCard
from audio_model.frontend import FrontEnd
from audio_model.pool import AnalysisPool
from audio_model.train import untrained_encoder
from data.errors import ArtefactError, ParameterError
from tests.audio_model.sounds import SR, tone
from tests.audio_model.tiny import TINY

LOW = ConstantQFrontEnd(
    sr=8000, hop_length=256, n_mels=48, fmin=65.4, chunk_frames=16, max_chunks=4
)
"""A cheap one: 4 octaves from C2 at 8 kHz."""


def librosa_decibels(y, frontend):
    spectrum = librosa.cqt(
        y,
        sr=frontend.sr,
        hop_length=frontend.hop_length,
        fmin=frontend.fmin,
        n_bins=frontend.n_mels,
        bins_per_octave=frontend.bins_per_octave,
    )
    return librosa.amplitude_to_db(np.abs(spectrum), ref=np.max, top_db=80)  # (bins, frames)


def test_chunks_equal_librosa_on_the_whole_file(write_sound):
    y = tone(7.0)
    frontend = ConstantQFrontEnd(max_chunks=2)
    chunks = frontend.spectrogram(write_sound("a.wav", y, subtype="FLOAT")).chunks
    expected = librosa_decibels(y, frontend)
    assert chunks.shape == (2, 84, 129)
    starts = [0, expected.shape[1] - 129]
    for chunk, start in zip(chunks, starts, strict=True):
        np.testing.assert_allclose(chunk, expected[:, start : start + 129], atol=1e-3)


def test_pure_tone_is_loudest_in_its_own_semitone():
    frontend = ConstantQFrontEnd()
    a4 = np.sin(2 * np.pi * 440.0 * np.arange(3 * SR) / SR).astype(np.float32)
    power = frontend.power([a4])
    assert power.shape == (1 + 3 * SR // 512, 84)
    assert power[60].argmax() == 45  # A4 is 3 octaves and 9 semitones above C1
    assert power[60, 45] > 100 * max(power[60, 43], power[60, 47])  # a whole tone away


@pytest.mark.parametrize("piece", [1_000, 4_096, 33_333])
def test_long_sound_in_pieces_equals_librosa_on_the_whole(piece, monkeypatch):
    monkeypatch.setattr(constant_q, "_FRAMES_AT_ONCE", 150)
    y = tone(30.0, 8000)  # 938 frames: six pieces and a rest
    blocks = (y[start : start + piece] for start in range(0, y.size, piece))
    decibels = LOW.decibels(LOW.power(blocks))
    expected = librosa_decibels(y, LOW)
    assert decibels.shape == expected.T.shape
    np.testing.assert_allclose(decibels, expected.T, atol=0.02)


def test_pieces_smaller_than_their_context_lose_and_repeat_nothing(monkeypatch):
    y = tone(6.0, 8000)
    expected = LOW.decibels(LOW.power([y]))
    monkeypatch.setattr(constant_q, "_FRAMES_AT_ONCE", 7)
    np.testing.assert_allclose(LOW.decibels(LOW.power([y])), expected, atol=0.02)


def test_never_more_than_one_piece_is_transformed_at_a_time(monkeypatch):
    monkeypatch.setattr(constant_q, "_FRAMES_AT_ONCE", 100)
    sizes = []

    def transformed(self, samples):
        sizes.append(samples.size)
        return np.zeros((1 + samples.size // self.hop_length, self.n_mels), np.float32)

    monkeypatch.setattr(ConstantQFrontEnd, "_transformed", transformed)
    power = LOW.power(np.zeros(5_000, np.float32) for _ in range(500))
    assert len(power) == 1 + 500 * 5_000 // LOW.hop_length
    context = 2 * LOW._window + LOW.hop_length
    assert max(sizes) <= 100 * LOW.hop_length + 2 * context + 5_000


@pytest.mark.parametrize("seconds", [0.5, 0.74, 1.0])
def test_sound_shorter_than_the_longest_window_is_one_chunk(seconds, write_sound):
    chunks = ConstantQFrontEnd().spectrogram(write_sound("a.wav", tone(seconds))).chunks
    frames = 1 + int(seconds * SR) // 512
    assert chunks.shape == (1, 84, 129)
    assert chunks[0, :, :frames].max() == 0.0
    assert (chunks[0, :, frames:] == -80.0).all()


def test_no_samples_give_no_frames():
    assert LOW.power([]).shape == (0, 48)


@pytest.mark.parametrize(
    "bad", [{"fmin": 0.0}, {"fmin": np.nan}, {"bins_per_octave": 0}, {"transform": "mel"}]
)
def test_settings_outside_their_range_are_refused(bad):
    with pytest.raises(ParameterError, match=next(iter(bad))):
        ConstantQFrontEnd(**bad)


def test_bands_beyond_the_nyquist_frequency_are_refused():
    with pytest.raises(ParameterError, match=r"reach 16744 Hz.*ends at 11025 Hz"):
        ConstantQFrontEnd(n_mels=108)


def test_settings_survive_their_round_trip_and_old_ones_are_of_mel_bands():
    frontend = replace(LOW, bins_per_octave=24)
    assert frontend_from(json.loads(json.dumps(asdict(frontend)))) == frontend
    old = {"sr": 8000, "n_fft": 256, "hop_length": 128, "n_mels": 16}
    assert frontend_from(old) == FrontEnd(**old)
    # Caches and checkpoints are named by these settings: a new one would decode everything again.
    assert set(asdict(FrontEnd())) == {
        *("sr", "n_fft", "hop_length", "n_mels", "min_db", "chunk_frames", "max_chunks")
    }


def test_encoder_of_constant_q_chunks_is_used_by_children(tmp_path, write_sound):
    recipe = replace(TINY, frontend=LOW)
    folder = untrained_encoder(recipe, tmp_path)
    assert EncoderCard.read(folder).frontend == LOW
    path = write_sound("a.wav", tone(3.0, 8000), 8000)
    encoder = Encoder.load(folder)
    expected = encoder.track_vector(LOW.spectrogram(path).chunks)
    with AnalysisPool(folder) as pool:
        analysis = pool.analyse(path)
    assert analysis.n_chunks == 4
    np.testing.assert_allclose(analysis.vector, expected, atol=1e-6)


def test_card_with_an_unknown_transform_is_refused(tmp_path):
    folder = untrained_encoder(replace(TINY, frontend=LOW), tmp_path)
    card = json.loads((folder / CARD_FILE).read_text())
    card["frontend"]["transform"] = "wavelet"
    (folder / CARD_FILE).write_text(json.dumps(card))
    with pytest.raises(ArtefactError, match="not of this build: transform must be 'cqt'"):
        EncoderCard.read(folder)


def test_loading_an_encoder_imports_no_librosa(tmp_path):
    folder = untrained_encoder(replace(TINY, frontend=LOW), tmp_path)
    code = (
        "import sys; from pathlib import Path; from audio_model.pool import AnalysisPool, Encoder;"
        "Encoder.load(Path(sys.argv[1])); sys.exit('librosa' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True)
