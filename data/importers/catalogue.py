"""A table of tracks into the catalogue."""

from __future__ import annotations

import os
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Any

from data.errors import DataError
from data.importers.tables import Chunk, read_chunks, read_header
from data.importers.tags import clean_text
from data.record_labels import first_label
from data.report import ImportReport
from data.store import Store
from data.store.text import storable
from data.tracks import Track

CHUNK_ROWS = 20_000
TEXT_COLUMNS = ("title", "artist", "album", "album_artist", "genre")
COLUMNS = ("track_id", "path", *TEXT_COLUMNS, "label", "year", "duration")


def import_catalogue(file: Path, store: Store) -> ImportReport:
    """Register the tracks of a CSV, TSV or parquet file.

    Columns: ``track_id`` (required), ``path`` (absolute, or relative to the file's folder),
    ``title``, ``artist``, ``album``, ``album_artist``, ``genre``, ``label``, ``year``, ``duration``
    (seconds). Others are ignored, with a note. A track that is known takes the cells of the
    columns that are there, and keeps the rest; one that is given another file loses its embeddings.

    Of several rows with one id the last counts. A year, a duration or a path that makes no sense
    is a problem in the report, and the track is registered without it.

    Raises
    ------
    DataError
        If the file cannot be read, or has no column ``track_id``.
    """
    header = read_header(file)
    if "track_id" not in header:
        found = ", ".join(name or "?" for name in header)
        raise DataError(f"{file.name} has no column track_id; found: {found}")
    report = ImportReport()
    ignored = [name for name in header if name not in COLUMNS]
    if ignored:
        report.notes.append(
            f"columns that were not used: {', '.join(name or '?' for name in ignored)}"
        )
    seen: set[str] = set()
    for chunk in read_chunks(file, COLUMNS, CHUNK_ROWS, report):
        track_ids = [clean_text(cell) or "" for cell in chunk.columns["track_id"]]
        known = {track.track_id: track for track in store.tracks(track_ids, withdrawn=True)}
        tracks: dict[str, Track] = {}
        for position, track_id in enumerate(track_ids):
            where = f"row {chunk.row[position]}"
            if not storable(track_id):
                report.skip(where, "no track_id")
                continue
            report.duplicates += track_id in seen
            seen.add(track_id)
            before = known.get(track_id, Track(track_id))
            tracks[track_id] = _described(before, chunk, position, file.parent, report)
        # First the embeddings: were the import cut off in between, the paths would still be old,
        # and the next import would come here again.
        store.drop_embeddings(
            [
                track.track_id
                for track in known.values()
                if tracks[track.track_id].path != track.path
            ]
        )
        counts = store.upsert_tracks(tracks.values())
        report.created += counts.created
        report.updated += counts.updated
        report.unchanged += counts.unchanged
    return report


def _described(
    track: Track, chunk: Chunk, position: int, folder: Path, report: ImportReport
) -> Track:
    """`track` with the cells of one row in place of what was known."""
    where = f"row {chunk.row[position]}"
    cells = {name: cells[position] for name, cells in chunk.columns.items()}
    texts: dict[str, Any] = {
        name: clean_text(cells[name]) for name in TEXT_COLUMNS if name in cells
    }
    track = replace(track, **texts)
    if "label" in cells:
        track = replace(track, label=first_label([clean_text(cells["label"]) or ""]))
    if "year" in cells:
        track = replace(track, year=_year(cells["year"], where, report))
    if "duration" in cells:
        track = replace(track, duration=_duration(cells["duration"], where, report))
    if "path" in cells:
        track = replace(track, path=_path(cells["path"], folder, where, report))
        if track.path is not None and track.added_at is None:
            track = replace(track, added_at=Path(track.path).stat().st_mtime)
    return track


def _year(cell: str, where: str, report: ImportReport) -> int | None:
    # Spreadsheets and tables with gaps write whole numbers as 1999.0.
    digits = cell.removesuffix(".0")
    if digits.isdecimal() and 1000 <= int(digits) <= 2999:
        return int(digits)
    if cell:
        report.flag(where, f"expected a year with four digits, got {cell!r}")
    return None


def _duration(cell: str, where: str, report: ImportReport) -> float | None:
    if not cell:
        return None
    try:
        seconds = float(cell)
    except ValueError:
        seconds = float("nan")
    if isfinite(seconds) and seconds > 0:
        return seconds
    report.flag(where, f"expected a duration in seconds, above 0, got {cell!r}")
    return None


def _path(cell: str, folder: Path, where: str, report: ImportReport) -> str | None:
    if not cell:
        return None
    path = os.path.abspath(folder / cell) if "\0" not in cell else cell  # noqa: PTH100
    if "\0" not in cell and os.path.isfile(path):  # noqa: PTH113
        return path
    report.flag(where, f"there is no file {cell!r}; the track is registered without audio")
    return None
