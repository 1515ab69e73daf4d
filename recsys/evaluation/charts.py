"""The report's plots as SVG: lines, bars with intervals, calibration.

They hold no script and no style; colours and fonts come from classes that the page's style sheet
knows (``s0`` … ``s15``, ``own``, ``axis``, ``grid``, ``whisker``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup, escape

from recsys.evaluation.methods import HYBRID
from recsys.evaluation.schema import CalibrationBin, Estimate

WIDTH, HEIGHT = 640, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 12, 34
COLOURS = 16
_BAR = 22
"""Height of a row of bars, SVG user units."""
_LABELS = 190


def series(number: int, name: str) -> str:
    """Class that colours the line or bar of a name; the hybrid's stands out."""
    return "own" if name == HYBRID else f"s{number % COLOURS}"


def line_chart(lines: Mapping[str, Sequence[float]], x_label: str, y_label: str) -> Markup:
    """One line a name over x = 1, 2, …; the name is the line's tooltip."""
    longest = max(len(values) for values in lines.values())
    top = _ceiling(max(max(values) for values in lines.values()))
    parts = [_axes(1, longest, top, x_label, y_label)]
    for number, (name, values) in enumerate(lines.items()):
        points = " ".join(
            f"{_x(k, 1, longest):.1f},{_y(value, top):.1f}"
            for k, value in enumerate(values, start=1)
        )
        parts.append(
            Markup('<polyline class="{}" points="{}"><title>{}</title></polyline>').format(
                series(number, name), points, name
            )
        )
    return _svg(WIDTH, HEIGHT, f"{y_label} by {x_label}", parts)


def bar_chart(bars: Mapping[str, Estimate], label: str) -> Markup:
    """One horizontal bar a name, from 0 to its mean, with its interval as a whisker."""
    top = _ceiling(max(estimate.high for estimate in bars.values()))
    span = WIDTH - _LABELS - 60
    parts = []
    for row, (name, bar) in enumerate(bars.items()):
        y = row * _BAR + 4
        middle = y + (_BAR - 6) / 2
        low, mean, high = (_LABELS + span * value / top for value in (bar.low, bar.mean, bar.high))
        parts.append(
            Markup(
                '<text class="axis" x="{}" y="{:.1f}" text-anchor="end">{}</text>'
                '<rect class="{}" x="{}" y="{}" width="{:.1f}" height="{}"><title>{}</title></rect>'
                '<path class="whisker" d="M{:.1f} {:.1f}H{:.1f}"/>'
                '<text class="axis" x="{:.1f}" y="{:.1f}">{:.3f}</text>'
            ).format(
                _LABELS - 8,
                middle + 4,
                name,
                series(row, name),
                _LABELS,
                y,
                max(mean - _LABELS, 0.0),
                _BAR - 6,
                f"{name}: {bar.mean:.4f}, 95 % {bar.low:.4f} to {bar.high:.4f}",
                low,
                middle,
                high,
                high + 6,
                middle + 4,
                bar.mean,
            )
        )
    return _svg(WIDTH, len(bars) * _BAR + 8, label, parts)


def share_chart(shares: Mapping[str, float], label: str) -> Markup:
    """Bars without intervals."""
    return bar_chart(
        {name: Estimate(mean=share, low=share, high=share) for name, share in shares.items()}, label
    )


def calibration_chart(bins: Sequence[CalibrationBin]) -> Markup:
    """Predicted preference against the share that was taken to, with the line where both agree."""
    low = min(0.0, *(bin_.predicted for bin_ in bins))
    high = _ceiling(max(max(bin_.predicted, bin_.actual) for bin_ in bins))
    parts = [_axes(low, high, high, "predicted preference", "share taken to")]
    parts.append(
        Markup('<path class="whisker" d="M{:.1f} {:.1f}L{:.1f} {:.1f}"/>').format(
            _x(0, low, high), _y(0, high), _x(high, low, high), _y(high, high)
        )
    )
    parts += [
        Markup(
            '<circle class="s5" cx="{:.1f}" cy="{:.1f}" r="4"><title>{}</title></circle>'
        ).format(
            _x(bin_.predicted, low, high),
            _y(bin_.actual, high),
            f"{bin_.n_pairs} pairs: predicted {bin_.predicted:.4f}, taken to {bin_.actual:.4f}",
        )
        for bin_ in bins
    ]
    return _svg(WIDTH, HEIGHT, "calibration of the bridge", parts)


def _svg(width: float, height: float, label: str, parts: Sequence[Markup]) -> Markup:
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        width, height, label, Markup("").join(parts)
    )


def _axes(low: float, high: float, top: float, x_label: str, y_label: str) -> Markup:
    parts = []
    for share in np.linspace(0.0, 1.0, 5):
        y = _y(top * share, top)
        parts.append(
            Markup(
                '<path class="grid" d="M{} {:.1f}H{}"/>'
                '<text class="axis" x="{}" y="{:.1f}" text-anchor="end">{:.3g}</text>'
            ).format(_LEFT, y, WIDTH - _RIGHT, _LEFT - 6, y + 4, top * share)
        )
        x = low + (high - low) * share
        parts.append(
            Markup(
                '<text class="axis" x="{:.1f}" y="{}" text-anchor="middle">{:.3g}</text>'
            ).format(_x(x, low, high), HEIGHT - _BOTTOM + 16, round(x) if high > 10 else x)
        )
    parts.append(
        Markup('<text class="axis" x="{}" y="{}" text-anchor="end">{}, {} up</text>').format(
            WIDTH - _RIGHT, HEIGHT - 4, x_label, escape(y_label)
        )
    )
    return Markup("").join(parts)


def _x(value: float, low: float, high: float) -> float:
    return _LEFT + (WIDTH - _LEFT - _RIGHT) * (value - low) / max(high - low, 1e-12)


def _y(value: float, top: float) -> float:
    return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * value / top


def _ceiling(value: float) -> float:
    """The next of 1, 1.5, 2, 3, 5 and 7 times a power of ten."""
    if value <= 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(value))
    return float(next(step * power for step in (1, 1.5, 2, 3, 5, 7, 10) if step * power >= value))
