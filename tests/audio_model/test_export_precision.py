"""Weights in half the bytes, where the vectors stay what they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from audio_model import export
from audio_model.encoder import NETWORK_FILE, Encoder
from audio_model.export import COSINE_PARITY, export_encoder
from audio_model.network import build_network
from data.errors import ArtefactError
from tests.audio_model.tiny import TINY

WIDE = replace(TINY, filters=(16, 64), embedding_dim=64)


@pytest.fixture(scope="module")
def network():
    return build_network(WIDE, 3)


@pytest.fixture(scope="module")
def chunks():
    return np.random.default_rng(0).uniform(-80, 0, (8, 16, 16)).astype(np.float32)


def test_float16_halves_the_file_and_keeps_the_vectors(network, chunks, tmp_path):
    whole = export_encoder(network, WIDE, chunks, tmp_path, {"steps": 0})
    half = export_encoder(network, WIDE, chunks, tmp_path, {"steps": 0}, precision="float16")
    sizes = [(folder / NETWORK_FILE).stat().st_size for folder in (whole, half)]
    assert sizes[1] < 0.6 * sizes[0]
    assert half.name != whole.name
    vectors = [Encoder.load(folder).encode(chunks) for folder in (whole, half)]
    cosine = (vectors[0] * vectors[1]).sum(axis=1)
    assert cosine.min() >= COSINE_PARITY
    assert Encoder.load(half).card.training == {"steps": 0, "precision": "float16"}


def test_float16_that_loses_parity_gives_way_to_float32(network, chunks, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "COSINE_PARITY", 1.1)  # nothing reaches it
    whole = export_encoder(network, WIDE, chunks, tmp_path, {})
    refused = export_encoder(network, WIDE, chunks, tmp_path, {}, precision="float16")
    assert refused == whole
    assert Encoder.load(refused).card.training["precision"] == "float32"


def test_float16_of_a_network_that_fails_altogether_is_refused(network, tmp_path):
    chunks = np.full((1, 16, 16), np.nan, np.float32)
    with pytest.raises(ArtefactError, match="differs"):
        export_encoder(network, WIDE, chunks, tmp_path, {}, precision="float16")
    assert not list(tmp_path.iterdir())
