"""The convolutional networks of the recipes, in Keras.

Initial weights depend on the seed alone. Layers have names of their own, as the counters that Keras
would name them by get into the exported file and change its digest.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from audio_model.recipes import Recipe

EMBEDDING, PROJECTION, TEACHER, DRAWING = "embedding", "projection", "teacher", "drawing"
"""Outputs of a student: the vector itself, what pairs are compared by, the guess at the teacher's
vector, the chunk drawn again."""


def build_network(recipe: Recipe, seed: int) -> keras.Model:
    """Untrained network ``(batch, n_mels, time, 1) → (batch, dim)`` with unit rows."""
    frontend = recipe.frontend
    inputs = keras.Input(
        (frontend.n_mels, frontend.chunk_frames, 1), name="chunks"
    )  # (batch, mel, time, 1)
    body = {"pooled": _pooled, "strided": _strided}[recipe.network]
    features = body(inputs, recipe, seed)  # (batch, features)
    vector = layers.Dense(
        recipe.embedding_dim, kernel_initializer=_glorot(seed + len(recipe.filters)), name="dense"
    )(features)
    outputs = layers.UnitNormalization(name="unit")(vector)  # (batch, dim)
    return keras.Model(inputs, outputs, name=recipe.name)


def build_student(
    network: keras.Model, recipe: Recipe, seed: int, teacher_dim: int = 0
) -> keras.Model:
    """`network` with the heads that only training needs; outputs by name.

    Parameters
    ----------
    teacher_dim : int
        Length of the teacher's vectors; 0 = there is no teacher.
    """
    embedding = network.output
    outputs = {EMBEDDING: embedding, PROJECTION: embedding}
    if recipe.projection_dim:
        hidden = layers.Dense(
            recipe.embedding_dim,
            activation="relu",
            kernel_initializer=_glorot(seed + 101),
            name="projection_hidden",
        )(embedding)
        projected = layers.Dense(
            recipe.projection_dim, kernel_initializer=_glorot(seed + 102), name="projection_dense"
        )(hidden)
        outputs[PROJECTION] = layers.UnitNormalization(name="projection_unit")(projected)
    if teacher_dim:
        guess = layers.Dense(
            teacher_dim, kernel_initializer=_glorot(seed + 103), name="teacher_dense"
        )(embedding)
        outputs[TEACHER] = layers.UnitNormalization(name="teacher_unit")(guess)
    if recipe.objective == "reconstruction":
        outputs[DRAWING] = _decoder(embedding, recipe, seed)
    return keras.Model(network.input, outputs, name=f"{recipe.name}_student")


def _decoder(vector: Any, recipe: Recipe, seed: int) -> Any:
    """Chunk in dB [shape=(batch, n_mels, chunk_frames, 1)] from its vector: the way back."""
    frontend = recipe.frontend
    halvings = len(recipe.filters)
    rows = -(-frontend.n_mels // 2**halvings)
    columns = -(-frontend.chunk_frames // 2**halvings)
    widest = recipe.filters[-1]
    x = layers.Dense(
        rows * columns * widest,
        activation="relu",
        kernel_initializer=_glorot(seed + 201),
        name="decoder_dense",
    )(vector)
    x = layers.Reshape((rows, columns, widest), name="decoder_shape")(x)
    for block, filters in enumerate((*recipe.filters[-2::-1], 1)):
        x = layers.Conv2DTranspose(
            filters,
            4,
            strides=2,
            padding="same",
            activation=None if block == halvings - 1 else "relu",
            kernel_initializer=_glorot(seed + 210 + block),
            name=f"decoder_{block}",
        )(x)  # (batch, 2 · mel, 2 · time, filters)
    surplus = (
        (0, rows * 2**halvings - frontend.n_mels),
        (0, columns * 2**halvings - frontend.chunk_frames),
    )
    x = layers.Cropping2D(surplus, name="decoder_crop")(x)  # (batch, mel, time, 1)
    return layers.Rescaling(-frontend.min_db / 2.0, frontend.min_db / 2.0, name="decibels")(x)


def _pooled(x: Any, recipe: Recipe, seed: int) -> Any:
    """Blocks of convolution, batch normalisation and max pooling; global average pooling."""
    for block, filters in enumerate(recipe.filters):
        x = layers.Conv2D(
            filters,
            3,
            padding="same",
            activation="relu",
            kernel_initializer=_glorot(seed + block),
            name=f"convolution_{block}",
        )(x)
        x = layers.BatchNormalization(momentum=recipe.norm_momentum, name=f"norm_{block}")(x)
        x = layers.MaxPooling2D(2, name=f"pool_{block}")(x)  # (batch, mel / 2, time / 2, filters)
    return layers.GlobalAveragePooling2D(name="average")(x)  # (batch, filters)


def _strided(x: Any, recipe: Recipe, seed: int) -> Any:
    """Strided stem, blocks that halve the size, mean and maximum over time only.

    The stem costs a sixth of full-size convolutions; where in frequency energy lies, which global
    pooling throws away, reaches the last layer.
    """
    x = layers.Rescaling(2.0 / -recipe.frontend.min_db, 1.0, name="rescale")(x)  # −1 … 1
    for block, filters in enumerate(recipe.filters):
        x = layers.Conv2D(
            filters,
            (5, 7) if block == 0 else 3,
            strides=(2, 4) if block == 0 else 1,
            padding="same",
            use_bias=False,
            kernel_initializer=keras.initializers.HeNormal(seed=seed + block),
            name=f"convolution_{block}",
        )(x)
        x = layers.BatchNormalization(momentum=recipe.norm_momentum, name=f"norm_{block}")(x)
        x = layers.ReLU(name=f"relu_{block}")(x)
        if block:
            last = block == len(recipe.filters) - 1
            # (batch, mel / 2, time / 2, filters); the last block keeps the frames it has left.
            x = layers.MaxPooling2D((2, 1) if last else 2, name=f"pool_{block}")(x)
    mean = _over_time(x, "mean")
    largest = _over_time(x, "max")
    return layers.Concatenate(name="pooled")([mean, largest])  # (batch, 2 · mel' · filters)


def _over_time(x: Any, kind: str) -> Any:
    """Mean or maximum over the time axis [shape=(batch, mel' · filters)]."""
    bands, frames = x.shape[1], x.shape[2]
    pool = layers.AveragePooling2D if kind == "mean" else layers.MaxPooling2D
    pooled = pool((1, frames), name=f"time_{kind}")(x)  # (batch, mel', 1, filters)
    return layers.Reshape((bands * x.shape[3],), name=f"flat_{kind}")(pooled)


def _glorot(seed: int) -> keras.initializers.Initializer:
    return keras.initializers.GlorotUniform(seed=seed)
