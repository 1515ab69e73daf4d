"""A table that divides tracks into train, validation and test: what data sets come with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from data.errors import DataError
from data.importers.tables import read_chunks, read_header
from data.report import ImportReport

COLUMNS = ("track_id", "split")
PARTS = ("train", "validation", "test")
CHUNK_ROWS = 20_000


def read_split(file: Path) -> dict[str, str]:
    """Track id → train, validation or test, of a CSV, TSV or parquet file.

    Raises
    ------
    DataError
        If the file cannot be read, lacks a column, or a row names no track or no part.
    """
    missing = [name for name in COLUMNS if name not in read_header(file)]
    if missing:
        raise DataError(f"{file.name} has no column {missing[0]}; expected {', '.join(COLUMNS)}")
    report = ImportReport()
    split: dict[str, str] = {}
    for chunk in read_chunks(file, COLUMNS, CHUNK_ROWS, report):
        rows = zip(chunk.row, chunk.columns["track_id"], chunk.columns["split"], strict=True)
        for row, track_id, part in rows:
            if not track_id or part not in PARTS or split.setdefault(track_id, part) != part:
                raise DataError(
                    f"{file.name} row {row}: expected a track in one of {', '.join(PARTS)}, got "
                    f"{track_id!r} in {part!r}"
                )
    if not report.complete:
        where, reason = report.problems[0]
        raise DataError(f"{file.name} {where}: {reason}")
    return split


def split_lines(split: Mapping[str, str]) -> str:
    """`split` as the CSV that `read_split` reads, ordered by track id."""
    rows = (",".join(row) for row in (COLUMNS, *sorted(split.items())))
    return "".join(f"{row}\n" for row in rows)
