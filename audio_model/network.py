"""The convolutional networks of the recipes, in Keras.

Initial weights depend on the seed alone. Layers have names of their own, as the counters that Keras
would name them by get into the exported file and change its digest.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from audio_model.recipes import Recipe

EMBEDDING, PROJECTION, TEACHER = "embedding", "projection", "teacher"
"""Outputs of a student: the vector itself, what pairs are compared by, the guess at the teacher."""


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
    return keras.Model(network.input, outputs, name=f"{recipe.name}_student")


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
