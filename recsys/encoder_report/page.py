"""The report as one HTML file that asks for nothing from outside."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from data.tracks import Track
from recsys.encoder_report.schema import EncoderReport
from recsys.encoder_report.views import View

_WIDTH, _HEIGHT, _MARGIN = 720, 520, 14
"""SVG user units."""


@dataclass(frozen=True)
class Dot:
    """One track in a view: place in SVG units, number of its colour, text on hovering."""

    x: float
    y: float
    group: int
    text: str


def render_page(
    report: EncoderReport,
    tracks: Sequence[Track],
    views: Sequence[View],
    groups: Sequence[str],
    colours: Mapping[str, str],
    spectrograms: Mapping[str, Path],
) -> str:
    """HTML of the report.

    Parameters
    ----------
    report : EncoderReport
        All numbers.
    tracks : sequence of Track
        The judged tracks.
    views : sequence of View
        Views of their vectors.
    groups : sequence of str
        Colour group of each track.
    colours : mapping of str to str
        Group → colour.
    spectrograms : mapping of str to Path
        Title → PNG, which the page takes in.
    """
    environment = Environment(
        loader=PackageLoader("recsys.encoder_report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script, _, _ = environment.loader.get_source(environment, "report.js")  # type: ignore[union-attr]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template("report.html").render(
        report=report,
        views=[(view.name, _dots(view, tracks, groups, list(colours))) for view in views],
        size=(_WIDTH, _HEIGHT),
        colours=colours,
        spectrograms={title: _data_uri(path) for title, path in spectrograms.items()},
        script=script,
        script_digest=digest,
    )


def _dots(
    view: View, tracks: Sequence[Track], groups: Sequence[str], names: list[str]
) -> list[Dot]:
    """Dots of a view, the rarest group first, so that no common genre lies on top of it all."""
    low, high = view.points.min(axis=0), view.points.max(axis=0)
    scale = np.array([_WIDTH - 2 * _MARGIN, _HEIGHT - 2 * _MARGIN]) / np.maximum(high - low, 1e-12)
    places = np.round((view.points - low) * scale + _MARGIN, 1)
    return [
        Dot(
            float(x),
            float(_HEIGHT - y),
            names.index(group),
            f"{track.caption} ({track.genre or 'no genre'})",
        )
        for (x, y), track, group in zip(places, tracks, groups, strict=True)
    ]


def _data_uri(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
