"""Keras network → encoder folder, proven equal before it gets its name."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from audio_model.encoder import CARD_FILE, NETWORK_FILE, Encoder, EncoderCard
from audio_model.files import new_folder, sha256_of
from audio_model.recipes import Recipe
from data.arrays import Floats
from data.errors import ArtefactError

PARITY = 1e-4
"""Largest difference allowed between a component of the Keras and of the exported vector."""


def export_encoder(
    network: keras.Model, recipe: Recipe, chunks: Floats, out: Path, training: dict[str, Any]
) -> Path:
    """Write the network as TFLite (float32) with its card into ``out/<encoder_id>/``.

    Parameters
    ----------
    network : keras.Model
        Trained network.
    recipe : Recipe
        The recipe it was trained by.
    chunks : np.ndarray [shape=(n, n_mels, chunk_frames), dtype=float32]
        Chunks on which both networks must agree.
    out : Path
        Parent of the new folder.
    training : dict
        What the card tells about the training.

    Raises
    ------
    ArtefactError
        If the exported network differs from the Keras network by more than `PARITY`.
    """
    with new_folder(out) as folder:
        (folder / NETWORK_FILE).write_bytes(_to_tflite(network, recipe))
        digest = sha256_of(folder / NETWORK_FILE)
        card = EncoderCard(
            encoder_id=f"{recipe.name}-{digest[:10]}",
            recipe=recipe.name,
            dimension=recipe.embedding_dim,
            sha256=digest,
            frontend=recipe.frontend,
            training=training,
        )
        (folder / CARD_FILE).write_text(card.to_json(), encoding="utf-8")
        expected = network(chunks[..., None], training=False).numpy()
        difference = float(np.abs(Encoder.load(folder).encode(chunks) - expected).max())
        if not difference <= PARITY:
            raise ArtefactError(
                f"the exported encoder differs from the trained one by {difference:.1e} "
                f"(at most {PARITY:.0e} is allowed): this TensorFlow cannot export the network"
            )
        final = out / card.encoder_id
        if not final.exists():
            folder.chmod(0o755)
            folder.rename(final)
    return final


def _to_tflite(network: keras.Model, recipe: Recipe) -> bytes:
    """TFLite flatbuffer of the network in inference mode, one chunk at a time."""
    frontend = recipe.frontend
    chunk = keras.Input(batch_shape=(1, frontend.n_mels, frontend.chunk_frames, 1), name="chunk")
    single = keras.Model(chunk, network(chunk, training=False), name="encoder")
    # Only this way in freezes the variables of a Keras 3 network (from concrete functions they
    # stay unset resources, and every value is NaN); it prints the whole signature.
    with contextlib.redirect_stdout(io.StringIO()):
        content: bytes = tf.lite.TFLiteConverter.from_keras_model(single).convert()
    return content
