"""Nearest neighbours by cosine: one protocol, an exact and an approximate implementation."""

from audio_model.index.annoy_index import AnnoyIndex
from audio_model.index.base import EmbeddingIndex, SearchIndex
from audio_model.index.exact import ExactIndex
from audio_model.index.stacked import StackedIndex
from audio_model.index.store import EXACT_UP_TO, build_index, load_index

__all__ = [
    "EXACT_UP_TO",
    "AnnoyIndex",
    "EmbeddingIndex",
    "ExactIndex",
    "SearchIndex",
    "StackedIndex",
    "build_index",
    "load_index",
]
