"""Whether a space of vectors puts together what belongs together, and keeps it there."""

from audio_model.probes.retrieval import (
    answerable,
    average_precision,
    knn_hits,
    label_precision,
    nearest_others,
    precision_at_k,
)
from audio_model.probes.spread import Hubness, effective_rank, hubness

__all__ = [
    "Hubness",
    "answerable",
    "average_precision",
    "effective_rank",
    "hubness",
    "knn_hits",
    "label_precision",
    "nearest_others",
    "precision_at_k",
]
