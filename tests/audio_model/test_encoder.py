"""An encoder folder proves itself before it is used."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from audio_model.encoder import Encoder
from audio_model.frontend import FrontEnd
from data.errors import ArtefactError, ParameterError
from tests.audio_model.sounds import tone


@pytest.fixture
def copy(encoder_dir, tmp_path):
    return shutil.copytree(encoder_dir, tmp_path / "copy")


def test_analysis_is_the_unit_mean_of_the_chunk_vectors(encoder_dir, write_sound):
    encoder = Encoder.load(encoder_dir)
    path = write_sound("a.wav", tone(10.0))
    analysis = encoder.analyse(path)
    chunks = encoder.frontend.spectrogram(path).chunks
    vectors = encoder.encode(chunks)
    assert vectors.shape == (3, encoder.dimension) == (3, 128)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    mean = vectors.mean(axis=0)
    np.testing.assert_allclose(analysis.vector, mean / np.linalg.norm(mean), atol=1e-6)
    assert analysis.vector.dtype == np.float32
    assert (analysis.duration, analysis.n_chunks) == (pytest.approx(10.0), 3)


def test_loaded_encoder_knows_its_settings(encoder_dir):
    encoder = Encoder.load(encoder_dir)
    assert encoder.encoder_id == encoder_dir.name
    assert encoder.encoder_id.startswith("article-")
    assert encoder.frontend == FrontEnd()
    assert encoder.card.training == {"steps": 0, "precision": "float32"}


def test_chunks_of_another_shape_are_refused(encoder_dir):
    with pytest.raises(ParameterError, match="expected chunks"):
        Encoder.load(encoder_dir).encode(np.zeros((2, 64, 129), np.float32))


def test_missing_encoder_is_refused(tmp_path):
    with pytest.raises(ArtefactError, match="no encoder in 'nothing'"):
        Encoder.load(tmp_path / "nothing")


@pytest.mark.parametrize("name", ["encoder.json", "encoder.tflite"])
def test_damaged_file_is_refused(copy, name):
    content = (copy / name).read_bytes()
    for damage in (b"", content[: len(content) // 2], b"\0" + content[1:]):
        (copy / name).write_bytes(damage)
        with pytest.raises(ArtefactError):
            Encoder.load(copy)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"format": 2}, "has format 2, this build reads 1"),
        ({"dimension": 64}, "its card says"),
        ({"sha256": "0" * 64}, "has SHA-256"),
        ({"extra": 1}, "has fields"),
        ({"frontend": {"sr": 0}}, "front end settings"),
        ({"frontend": {"n_bands": 3}}, "front end settings"),
        ({"frontend": {"n_mels": 64}}, "its card says"),
    ],
)
def test_card_that_does_not_fit_is_refused(copy, change, reason):
    card = json.loads((copy / "encoder.json").read_text())
    (copy / "encoder.json").write_text(json.dumps({**card, **change}))
    with pytest.raises(ArtefactError, match=reason):
        Encoder.load(copy)
