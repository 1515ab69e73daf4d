"""Spectrograms as pictures."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_ANCHORS = np.array(
    [(12, 10, 28), (64, 20, 92), (150, 44, 112), (224, 92, 82), (250, 170, 96), (252, 246, 200)]
)
"""Colours from silence to the loudest, dark to light."""


def spectrogram_png(picture: NDArray[np.uint8]) -> bytes:
    """PNG of `picture` [shape=(n_bands, n_columns)], lowest band at the bottom."""
    steps = np.linspace(0, 255, len(_ANCHORS))
    colours = [np.interp(np.arange(256), steps, channel) for channel in _ANCHORS.T]
    image = Image.fromarray(np.ascontiguousarray(picture[::-1]))
    image.putpalette(np.rint(np.column_stack(colours)).astype(np.uint8).tobytes())
    png = BytesIO()
    image.save(png, "PNG", optimize=False)
    return png.getvalue()
