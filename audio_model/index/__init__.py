"""Nearest neighbours by cosine: one protocol, an exact and two approximate implementations."""

from audio_model.index.annoy_index import AnnoyIndex
from audio_model.index.base import EmbeddingIndex, SearchIndex
from audio_model.index.cells_index import CellsIndex
from audio_model.index.exact import ExactIndex
from audio_model.index.stacked import StackedIndex
from audio_model.index.store import CELLS_UP_TO, EXACT_UP_TO, build_index, load_index

__all__ = [
    "CELLS_UP_TO",
    "EXACT_UP_TO",
    "AnnoyIndex",
    "CellsIndex",
    "EmbeddingIndex",
    "ExactIndex",
    "SearchIndex",
    "StackedIndex",
    "build_index",
    "load_index",
]
