"""PNG pictures of the report, drawn without a display."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.text import Text

from data.arrays import Floats
from recsys.encoder_report.views import View

_DPI = 110
_STRIP_DPI = 80
"""Noise compresses badly: at 110 a page of spectrograms would weigh megabytes."""
_CHUNKS = 8
"""Chunks of a track that its picture shows."""


def draw_view(view: View, groups: Sequence[str], colours: Mapping[str, str], path: Path) -> None:
    """Scatter of a view, coloured by genre, with a legend."""
    figure = Figure(figsize=(8.5, 6.0), dpi=_DPI, layout="constrained")
    axes = figure.add_subplot()
    member = np.array(groups)
    for name, colour in reversed(list(colours.items())):  # the commonest genre on top
        rows = member == name
        x, y = view.points[rows].T
        axes.scatter(x, y, s=14, c=colour, label=name, linewidths=0)
    axes.set_title(f"{view.name}, coloured by genre")
    axes.set_xticks([])
    axes.set_yticks([])
    figure.legend(loc="outside right upper", frameon=False, reverse=True)
    _save(figure, path)


def draw_chunks(chunks: Floats, seconds: float, title: str, path: Path) -> None:
    """Spectrogram chunks side by side, as the encoder gets them.

    Parameters
    ----------
    chunks : np.ndarray [shape=(n_chunks, n_bands, chunk_frames)]
        Decibels.
    seconds : float
        Length of a chunk.
    title : str
        Name of the track.
    path : Path
        The file.
    """
    rows = np.linspace(0, len(chunks) - 1, min(_CHUNKS, len(chunks))).round().astype(int)
    strip = np.concatenate(list(chunks[rows].astype(np.float32)), axis=1)  # (bands, frames)
    figure = Figure(figsize=(9.0, 2.4), dpi=_STRIP_DPI, layout="constrained")
    axes = figure.add_subplot()
    extent = (0.0, len(rows) * seconds, 0.0, float(strip.shape[0]))
    image = axes.imshow(strip, origin="lower", aspect="auto", cmap="magma", extent=extent)
    for seam in range(1, len(rows)):
        axes.axvline(seam * seconds, color="white", linewidth=0.8)
    axes.set_title(title)
    axes.set_xlabel(f"s ({len(rows)} of {len(chunks)} chunks)")
    axes.set_ylabel("band")
    figure.colorbar(image, ax=axes, label="dB")
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    for text in figure.findobj(Text):
        text.set_parse_math(False)  # a dollar in a title is a dollar
    with warnings.catch_warnings():
        # Titles come in every script, the font does not; a box in their place is good enough.
        warnings.filterwarnings("ignore", r"Glyph .* missing from font", UserWarning)
        # Without its version and date in the file, equal pictures are equal bytes.
        figure.savefig(path, format="png", metadata={"Software": None})
