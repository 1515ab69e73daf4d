"""CSV, TSV and parquet files as chunks of text columns, with the row numbers people see."""

from __future__ import annotations

import csv
import gc
import gzip
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import compress, islice
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from data.errors import DataError
from data.report import ImportReport

SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet")
MICROSECONDS = 1e6


@dataclass(frozen=True)
class Chunk:
    """Successive rows of a table.

    Parameters
    ----------
    row : np.ndarray [shape=(n_rows,), dtype=int64]
        Row numbers as a spreadsheet shows them: the header of a text file is row 1. Rows of a
        parquet file, which has no header row, count from 1.
    columns : dict of str to list of str
        Name → cells without the blanks around them; an empty text where there is no value.
    """

    row: NDArray[np.int64]
    columns: dict[str, list[str]]

    def __len__(self) -> int:
        return len(self.row)


def read_header(file: Path) -> list[str]:
    """Names of the columns of `file`, in lower case.

    Raises
    ------
    DataError
        If the file does not exist, is of another type, is not UTF-8, is empty, or names a column
        twice.
    """
    if not file.is_file():
        raise DataError(f"{file} does not exist, or is no file")
    if not file.name.lower().endswith(SUFFIXES):
        raise DataError(f"{file.name}: expected one of {', '.join(SUFFIXES)}")
    with explained(file):
        if _is_parquet(file):
            with pq.ParquetFile(file) as table:
                names = [str(name) for name in table.schema_arrow.names]
        else:
            with _opened(file) as lines:
                names = next(_reader(file, lines), [])
    header = [name.strip().lower() for name in names]
    if not any(header):
        raise DataError(f"{file.name} is empty: expected a first row that names the columns")
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        raise DataError(f"{file.name} names a column twice: {', '.join(twice)}")
    return header


def read_chunks(
    file: Path, wanted: Collection[str], n_rows: int, report: ImportReport
) -> Iterator[Chunk]:
    """Columns of `file` that are `wanted`, `n_rows` rows at a time.

    Rows of a text file that have more or fewer cells than the header are skipped, with a problem
    in `report`; blank lines count as rows, and are passed over.

    Raises
    ------
    DataError
        As `read_header`; and where the file turns out to be damaged or not UTF-8 further down.
    """
    header = read_header(file)
    positions = {name: header.index(name) for name in header if name in wanted}
    with explained(file):
        if _is_parquet(file):
            yield from _parquet_chunks(file, positions, n_rows)
        else:
            yield from _text_chunks(file, positions, len(header), n_rows, report)


def _text_chunks(
    file: Path, positions: dict[str, int], width: int, n_rows: int, report: ImportReport
) -> Iterator[Chunk]:
    with _opened(file) as lines:
        reader = _reader(file, lines)
        next(reader)
        first = 2
        while batch := _taken(reader, n_rows):
            row = np.arange(first, first + len(batch))
            first += len(batch)
            cells_of_row = np.fromiter(map(len, batch), np.int64, len(batch))
            fits = cells_of_row == width
            if not fits.all():
                for position in np.flatnonzero(~fits & (cells_of_row > 0)).tolist():
                    report.skip(
                        f"row {row[position]}",
                        f"{cells_of_row[position]} cells instead of {width}",
                    )
                batch = list(compress(batch, fits.tolist()))
                row = row[fits]
            columns = list(zip(*batch, strict=True)) or [()] * width
            yield Chunk(
                row,
                {
                    name: [cell.strip() for cell in columns[position]]
                    for name, position in positions.items()
                },
            )


def _taken(reader: Iterator[list[str]], n_rows: int) -> list[list[str]]:
    # The cycle collector would walk the growing heap of small lists again and again, which takes
    # twice as long as reading them; there are no cycles in it.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return list(islice(reader, n_rows))
    finally:
        if collecting:
            gc.enable()


def _parquet_chunks(file: Path, positions: dict[str, int], n_rows: int) -> Iterator[Chunk]:
    first = 1
    with pq.ParquetFile(file) as table:
        names = table.schema_arrow.names
        selected = {name: names[position] for name, position in positions.items()}
        for batch in table.iter_batches(n_rows, columns=list(selected.values())):
            yield Chunk(
                np.arange(first, first + batch.num_rows),
                {
                    name: _texts(file, name, batch.column(original))
                    for name, original in selected.items()
                },
            )
            first += batch.num_rows


def _texts(file: Path, name: str, column: Any) -> list[str]:
    """Cells of a parquet column as text; times as UNIX seconds."""
    try:
        if pa.types.is_timestamp(column.type):
            # A time without a zone is UTC here as everywhere else; a cast drops the zone only.
            since_1970 = column.cast(pa.timestamp("us"), safe=False).cast(pa.int64())
            column = pc.divide(since_1970.cast(pa.float64(), safe=False), MICROSECONDS)
        if pa.types.is_floating(column.type):
            # Tables of numbers write "no value" as NaN.
            column = pc.if_else(pc.is_nan(column), None, column)
        column = column.cast(pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as error:
        raise DataError(
            f"{file.name}: column {name!r} has the type {column.type}; expected text, a number "
            "or a time"
        ) from error
    return [cell.strip() for cell in pc.fill_null(column, "").to_pylist()]


@contextmanager
def _opened(file: Path) -> Iterator[TextIO]:
    # "utf-8-sig" drops the byte order mark that spreadsheets write.
    if file.name.lower().endswith(".gz"):
        with gzip.open(file, "rt", encoding="utf-8-sig", newline="") as lines:
            yield lines
    else:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            yield lines


def _reader(file: Path, lines: TextIO) -> Iterator[list[str]]:
    tabs = file.name.lower().removesuffix(".gz").endswith(".tsv")
    return csv.reader(lines, delimiter="\t" if tabs else ",")


def _is_parquet(file: Path) -> bool:
    return file.name.lower().endswith(".parquet")


@contextmanager
def explained(file: Path) -> Iterator[None]:
    """Turn what the readers raise into the project's words."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise DataError(
            f"{file.name} is not UTF-8 (byte {error.object[error.start]:#04x}): save it as "
            "UTF-8 and import again"
        ) from error
    except csv.Error as error:
        raise DataError(
            f"{file.name} is malformed ({error}): is a quotation mark opened and never closed?"
        ) from error
    except (pa.ArrowException, EOFError, OSError) as error:
        raise DataError(f"{file.name} is damaged or cannot be read: {error}") from error
