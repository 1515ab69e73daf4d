"""``tracks.csv`` of ``fma_metadata``: a header of two rows, and a third that names the index."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from data.errors import DataError
from data.importers.tables import explained
from data.report import Problem

TABLE = "tracks.csv"
COLUMNS = {
    "title": ("track", "title"),
    "artist": ("artist", "name"),
    "album": ("album", "title"),
    "genre": ("track", "genre_top"),
    "released": ("album", "date_released"),
    "recorded": ("track", "date_recorded"),
    "split": ("set", "split"),
    "subset": ("set", "subset"),
}
"""Columns that are read: field of `Row` → the two rows of its header."""
FURTHER = {"labels": ("artist", "associated_labels")}
"""Columns that are read where they are there."""


class Subset(StrEnum):
    """Parts of the data set, each within the next; the full one has whole tracks, not clips."""

    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"
    FULL = "full"

    def holds(self, other: Subset) -> bool:
        """Whether the tracks of `other` are in this subset."""
        order = list(Subset)
        return order.index(other) <= order.index(self)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table; cells as they are written, but for the blanks around them.

    Parameters
    ----------
    where : str
        The row's number in the table, the header's rows included.
    fma_id : int
        FMA's number of the track.
    subset : Subset
        The smallest subset that holds the track.
    split : str
        Part of the official split.
    title, artist, album, genre, released, recorded, labels : str
        Description; empty where the table says nothing. The labels are the artist's, of any
        release.
    """

    where: str
    fma_id: int
    subset: Subset
    split: str
    title: str
    artist: str
    album: str
    genre: str
    released: str
    recorded: str
    labels: str = ""


def read_rows(metadata: Path, problems: list[Problem]) -> Iterator[Row]:
    """Rows of the table in `metadata`, which is the folder or the table itself.

    A row with too few or too many cells, or whose id or subset makes no sense, goes to `problems`.

    Raises
    ------
    DataError
        If there is no table, it cannot be read, or it has not the header that is expected.
    """
    table = metadata / TABLE if metadata.is_dir() else metadata
    if not table.is_file():
        raise DataError(f"{table} does not exist: name the folder that fma_metadata.zip unpacks to")
    # Biographies of artists exceed the reader's usual limit of 128 KiB a cell.
    usual = csv.field_size_limit(sys.maxsize)
    try:
        with explained(table), table.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.reader(lines)
            header = list(zip(next(reader, []), next(reader, []), strict=False))
            positions = _positions(table, header)
            for number, cells in enumerate(reader, 3):
                if cells and not (number == 3 and not any(cells[1:])):
                    row = _row(f"{table.name} row {number}", cells, len(header), positions)
                    if isinstance(row, Row):
                        yield row
                    else:
                        problems.append(row)
    finally:
        csv.field_size_limit(usual)


def _positions(table: Path, header: list[tuple[str, str]]) -> dict[str, int]:
    missing = [names for names in COLUMNS.values() if names not in header]
    if missing:
        raise DataError(
            f"{table.name}: expected FMA's header of two rows, without "
            f"{', '.join('/'.join(names) for names in missing)} it is another table; "
            f"take {TABLE} out of fma_metadata.zip as it is"
        )
    columns = COLUMNS | {field: names for field, names in FURTHER.items() if names in header}
    return {field: header.index(names) for field, names in columns.items()}


def _row(where: str, cells: list[str], width: int, positions: dict[str, int]) -> Row | Problem:
    if len(cells) != width:
        return Problem(where, f"{len(cells)} cells instead of {width}")
    texts = {field: cells[position].strip() for field, position in positions.items()}
    subset = texts.pop("subset")
    if subset not in set(Subset):
        return Problem(where, f"{subset!r} is no subset")
    fma_id = cells[0].strip()
    if not (fma_id.isascii() and fma_id.isdecimal()):
        return Problem(where, f"the track's id {fma_id!r} is no number")
    return Row(where=where, fma_id=int(fma_id), subset=Subset(subset), **texts)
