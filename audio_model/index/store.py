"""Build an index of the right kind, and read one back."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from audio_model.index.annoy_index import AnnoyIndex
from audio_model.index.base import EmbeddingIndex
from audio_model.index.exact import ExactIndex
from audio_model.index.manifest import read_manifest
from data.arrays import Floats
from data.errors import ArtefactError, ParameterError

EXACT_UP_TO = 1_000_000
"""Items up to which ``kind="auto"`` searches exactly: that needs no build and finds all, in
2 ms of processor time among 100,000 vectors and 22 among a million. Annoy finds 95 of the 100
nearest only with so many nodes that it takes longer (``python -m bench.encoder.index``)."""


def build_index(
    vectors: Floats, kind: Literal["auto", "exact", "annoy"] = "auto", seed: int = 0
) -> EmbeddingIndex:
    """Index of `vectors`.

    Parameters
    ----------
    vectors : np.ndarray [shape=(n_items, dim)]
        Row ``i`` belongs to item ``i``; zero or NaN throughout where an item has no vector.
    kind : {"auto", "exact", "annoy"}
        ``auto`` is exact up to `EXACT_UP_TO` items.
    seed : int
        Seed of the approximate index.

    Raises
    ------
    ParameterError
        If the kind is unknown, or a vector is partly NaN or infinite.
    """
    if kind == "auto":
        kind = "exact" if len(vectors) <= EXACT_UP_TO else "annoy"
    if kind == "exact":
        return ExactIndex(vectors)
    if kind == "annoy":
        return AnnoyIndex.build(vectors, seed)
    raise ParameterError(f"index kind must be auto, exact or annoy, got {kind!r}")


def load_index(folder: Path) -> EmbeddingIndex:
    """Read what `EmbeddingIndex.save` wrote, after checking the digest of every file.

    Raises
    ------
    ArtefactError
        If a file is missing or damaged, or of another format.
    """
    manifest = read_manifest(folder)
    index: ExactIndex | AnnoyIndex
    if manifest.kind == ExactIndex.kind:
        index = ExactIndex.open(folder)
    elif manifest.kind == AnnoyIndex.kind:
        index = AnnoyIndex.open(folder, manifest.n_items, manifest.dimension)
    else:
        raise ArtefactError(f"index kind {manifest.kind!r} is unknown; build the index again")
    if (index.n_items, index.dimension) != (manifest.n_items, manifest.dimension):
        raise ArtefactError(
            f"index {folder.name!r} holds {index.n_items} × {index.dimension} values, its manifest "
            f"says {manifest.n_items} × {manifest.dimension}; build the index again"
        )
    return index
