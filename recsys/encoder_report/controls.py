"""The vectors that a trained encoder has to beat, as functions that know their subject."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from data.arrays import Floats
from data.tracks import Track

Watch = Callable[[str], AbstractContextManager[Callable[[int, int], None]]]
"""Shows the progress of a task: a context that gives ``advance(done, total)``."""

Control = Callable[[Sequence[Track], Watch], dict[str, Floats]]
"""Tracks with audio → track id → vector, without those that gave none."""
