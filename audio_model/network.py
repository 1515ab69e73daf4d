"""The convolutional network of a recipe, in Keras."""

from __future__ import annotations

import keras
from keras import layers

from audio_model.recipes import Recipe


def build_network(recipe: Recipe, seed: int) -> keras.Model:
    """Untrained network ``(batch, n_mels, time, 1) → (batch, dim)`` with unit rows.

    Blocks of convolution, batch normalisation and max pooling; global average pooling; dense;
    L2 normalisation. Its initial weights depend on `seed` alone. Layers have names of their own, as
    the counters that Keras would name them by get into the exported file and change its digest.
    """
    frontend = recipe.frontend
    inputs = keras.Input(
        (frontend.n_mels, frontend.chunk_frames, 1), name="chunks"
    )  # (batch, mel, time, 1)
    x = inputs
    for block, filters in enumerate(recipe.filters):
        x = layers.Conv2D(
            filters,
            3,
            padding="same",
            activation="relu",
            kernel_initializer=keras.initializers.GlorotUniform(seed=seed + block),
            name=f"convolution_{block}",
        )(x)
        x = layers.BatchNormalization(momentum=recipe.norm_momentum, name=f"norm_{block}")(x)
        x = layers.MaxPooling2D(2, name=f"pool_{block}")(x)  # (batch, mel / 2, time / 2, filters)
    x = layers.GlobalAveragePooling2D(name="average")(x)  # (batch, filters)
    x = layers.Dense(
        recipe.embedding_dim,
        kernel_initializer=keras.initializers.GlorotUniform(seed=seed + len(recipe.filters)),
        name="dense",
    )(x)
    outputs = layers.UnitNormalization(name="unit")(x)  # (batch, dim)
    return keras.Model(inputs, outputs, name=recipe.name)
