"""The other family: a chunk goes through its vector and is drawn again.

A convolutional encoder-decoder on the same spectrograms, trained by the mean squared error; it
never hears which chunks belong together. Its encoder is that of `default`, so that the two compare
what is learned and not the network.
"""

from audio_model.recipes.base import Recipe

AUTOENCODER = Recipe(
    "autoencoder",
    objective="reconstruction",
    network="strided",
    filters=(40, 64, 128, 256),
    norm_momentum=0.95,
    positives="chunks",
    noise_sigma=0.0,
    batch_tracks=96,
    learning_rate=1e-3,
    schedule="cosine",
    steps=500,
)
