"""Audio vectors as a parquet table or as numpy arrays."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data.arrays import Floats
from data.errors import DataError, ParameterError

ID = "track_id"
VECTOR = "vector"


def write_parquet(out: BinaryIO, ids: Sequence[str], vectors: Floats, encoder_id: str) -> None:
    """Columns ``track_id`` and ``vector``; encoder and dimension in the metadata of the schema."""
    dimension = vectors.shape[1]
    column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), dimension)
    facts = {"encoder_id": encoder_id, "dimension": str(dimension)}
    schema = pa.schema({ID: pa.string(), VECTOR: column.type}, metadata=facts)
    pq.write_table(pa.table([pa.array(ids, pa.string()), column], schema=schema), out)


def write_npz(out: BinaryIO, ids: Sequence[str], vectors: Floats, encoder_id: str) -> None:
    """Arrays ``track_id``, ``vector``, ``encoder_id`` and ``dimension``; none of them pickled."""
    np.savez(
        out,
        track_id=np.array(ids, np.str_),
        vector=vectors,
        encoder_id=np.array(encoder_id),
        dimension=np.array(vectors.shape[1]),
    )


WRITERS: Mapping[str, Callable[[BinaryIO, Sequence[str], Floats, str], None]] = {
    ".parquet": write_parquet,
    ".npz": write_npz,
}
"""Ending of the file's name → what writes it."""


def check_target(file: Path) -> None:
    """Refuse a file that `export_vectors` could not write, before any work is done.

    Raises
    ------
    ParameterError
        If its ending names no format, or there is a folder in its place.
    """
    if file.suffix.lower() not in WRITERS:
        raise ParameterError(
            f"expected a file that ends in {' or '.join(WRITERS)}, got {file.name!r}"
        )
    if file.is_dir():
        raise ParameterError(f"expected a file to write, {file} is a folder")


def export_vectors(file: Path, ids: Sequence[str], vectors: Floats, encoder_id: str) -> None:
    """Write vectors with the ids of their tracks, in the format that the file's ending names.

    The file appears whole or not at all; one that is there is replaced.

    Parameters
    ----------
    file : Path
        Ends in ``.parquet`` or ``.npz``.
    ids : sequence of str
        Track ids.
    vectors : np.ndarray [shape=(n, dimension), dtype=float32]
        One row an id.
    encoder_id : str
        What computed the vectors; kept with them.

    Raises
    ------
    ParameterError
        As `check_target`.
    DataError
        If the file cannot be written.
    """
    check_target(file)
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as out:
            WRITERS[file.suffix.lower()](out, ids, vectors, encoder_id)
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(file)
    except OSError as error:
        raise DataError(f"{file} cannot be written: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)
