"""Audio vectors of a catalogue: read from a file, or made by an encoder and kept."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from data.exporters.vectors import export_vectors


@dataclass(frozen=True)
class Vectors:
    """Vectors [shape=(n, dimension)] of the tracks `ids`, by one encoder, and its content map."""

    ids: list[str]
    vectors: np.ndarray
    encoder_id: str
    content: np.ndarray | None = None


def read_vectors(file: Path) -> Vectors:
    """Vectors as ``recsys embeddings export`` writes them, npz or parquet."""
    if file.suffix == ".npz":
        with np.load(file, allow_pickle=False) as arrays:
            return Vectors(arrays["track_id"].tolist(), arrays["vector"], str(arrays["encoder_id"]))
    table = pq.read_table(file)
    vectors = np.array(table["vector"].to_pylist(), np.float32)
    encoder_id = (table.schema.metadata or {}).get(b"encoder_id", b"unknown").decode()
    return Vectors(table["track_id"].to_pylist(), vectors, encoder_id)


def music_vectors(
    catalogue: Path, files: dict[str, Path] | None, music: Path, encoder: Path, cache: Path
) -> Vectors:
    """Vectors of the catalogue's tracks, whose `files` lie below `music`.

    Spectrograms are decoded once and kept in `cache`, and so are the vectors of each encoder.
    """
    # Heavy: the decoding children import this module again.
    from audio_model.cache import cache_spectrograms
    from audio_model.encoder import Encoder, content_map

    if files is None:
        with catalogue.open(encoding="utf-8", newline="") as source:
            rows = list(csv.DictReader(source))
        files = {row["track_id"]: Path(row["path"]) for row in rows if row.get("path")}
    loaded, content = Encoder.load(encoder), content_map(encoder)
    kept = cache / f"vectors-{loaded.card.encoder_id}-{len(files)}.npz"
    if kept.exists():
        return replace(read_vectors(kept), content=content)
    track_of = {music / path: track_id for track_id, path in files.items()}
    cached = cache_spectrograms(sorted(track_of), loaded.card.frontend, cache / "spectrograms")
    if cached.skipped:
        print(f"{len(cached.skipped)} files could not be analysed")
    vectors = np.stack(
        [loaded.track_vector(cached.chunks(row)) for row in range(len(cached.paths))]
    )
    ids = [track_of[path] for path in cached.paths]
    export_vectors(kept, ids, vectors.astype(np.float32), loaded.card.encoder_id)
    return replace(read_vectors(kept), content=content)
