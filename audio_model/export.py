"""Keras network → encoder folder, proven equal before it gets its name."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf

from audio_model.checkpoint import save_weights
from audio_model.encoder import (
    CARD_FILE,
    CONTENT_FILE,
    NETWORK_FILE,
    WEIGHTS_FILE,
    Encoder,
    EncoderCard,
)
from audio_model.files import new_folder, sha256_of
from audio_model.recipes import Recipe
from data.arrays import Floats
from data.errors import ArtefactError

PARITY = 1e-4
"""Largest difference allowed between a component of the Keras and of the float32 TFLite vector."""
COSINE_PARITY = 0.9999
"""Smallest cosine allowed between the Keras and the exported float16 vector of a chunk.

float16 keeps 0.99998 of the shipped network at half its size and the same speed, as the weights are
widened once when it is loaded. int8 weights (0.974; a quarter of the size, 3.5 times the speed) are
no option: whitening enlarges the rounding of the directions that hold little."""

Precision = Literal["float32", "float16"]
"""Number format of the weights in the file; the arithmetic is float32 in both."""


def export_encoder(
    network: keras.Model,
    recipe: Recipe,
    chunks: Floats,
    out: Path,
    training: dict[str, Any],
    *,
    weights: keras.Model | None = None,
    content: Floats | None = None,
    precision: Precision = "float32",
) -> Path:
    """Write the network as TFLite with its card into ``out/<encoder_id>/``.

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
    weights : keras.Model, optional
        The recipe's own network, whose weights are kept beside, for training to go on from.
    content : np.ndarray [shape=(dim, n_content), dtype=float32], optional
        Map from vectors to the content space, see `audio_model.finishing`.
    precision : {"float32", "float16"}
        Format of the weights. float16 gives way to float32 where a vector would fall below
        `COSINE_PARITY`; what was written stands under `precision` in the card's `training`.

    Raises
    ------
    ArtefactError
        If the exported float32 network differs from the Keras network by more than `PARITY`.
    """
    expected = network(chunks[..., None], training=False).numpy()
    with new_folder(out) as folder:
        if precision == "float16":
            card = _write(folder, network, recipe, training, "float16")
            vectors = Encoder.load(folder).encode(chunks)
            if not float((vectors * expected).sum(axis=1).min()) >= COSINE_PARITY:
                precision = "float32"
        if precision == "float32":
            card = _write(folder, network, recipe, training, "float32")
            difference = float(np.abs(Encoder.load(folder).encode(chunks) - expected).max())
            if not difference <= PARITY:
                raise ArtefactError(
                    f"the exported encoder differs from the trained one by {difference:.1e} "
                    f"(at most {PARITY:.0e} is allowed): this TensorFlow cannot export the network"
                )
        if weights is not None:
            save_weights(folder / WEIGHTS_FILE, weights)
        if content is not None:
            np.save(folder / CONTENT_FILE, content, allow_pickle=False)
        final = out / card.encoder_id
        if not final.exists():
            folder.chmod(0o755)
            folder.rename(final)
    return final


def _write(
    folder: Path,
    network: keras.Model,
    recipe: Recipe,
    training: dict[str, Any],
    precision: Precision,
) -> EncoderCard:
    """Write network and card into `folder`, over what it holds."""
    (folder / NETWORK_FILE).write_bytes(_to_tflite(network, recipe, precision))
    digest = sha256_of(folder / NETWORK_FILE)
    card = EncoderCard(
        encoder_id=f"{recipe.name}-{digest[:10]}",
        recipe=recipe.name,
        dimension=recipe.embedding_dim,
        sha256=digest,
        frontend=recipe.frontend,
        training=training | {"precision": precision},
    )
    (folder / CARD_FILE).write_text(card.to_json(), encoding="utf-8")
    return card


def _to_tflite(network: keras.Model, recipe: Recipe, precision: Precision) -> bytes:
    """TFLite flatbuffer of the network in inference mode, one chunk at a time."""
    frontend = recipe.frontend
    chunk = keras.Input(batch_shape=(1, frontend.n_mels, frontend.chunk_frames, 1), name="chunk")
    single = keras.Model(chunk, network(chunk, training=False), name="encoder")
    # Only this way in freezes the variables of a Keras 3 network (from concrete functions they
    # stay unset resources, and every value is NaN); it prints the whole signature.
    with contextlib.redirect_stdout(io.StringIO()):
        converter = tf.lite.TFLiteConverter.from_keras_model(single)
        if precision == "float16":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_types = [tf.float16]
        content: bytes = converter.convert()
    return content
