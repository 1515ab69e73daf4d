"""A table of listens into the store."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.errors import DataError, NotReadyError
from data.events import KINDS, EventKind
from data.importers.cells import Check, parse_plays, parse_ratios, parse_timestamps
from data.importers.matching import name_key
from data.importers.tables import Chunk, read_chunks, read_header
from data.report import ImportReport, Progress
from data.store import EventColumns, Store
from data.store.text import storable
from data.tracks import Track

CHUNK_ROWS = 200_000
"""Rows in one transaction: an import that was cut off leaves whole chunks, and can be repeated."""

DIGEST_BYTES = 16

COLUMNS = (
    "user_id", "track_id", "path", "artist", "title", "timestamp", "event", "play_ratio",
    "ms_played", "plays",
)  # fmt: skip


def import_listens(
    file: Path, store: Store, *, on_progress: Progress | None = None
) -> ImportReport:
    """Append the listens of a CSV, TSV or parquet file to the store.

    Columns: ``user_id`` (required); the track as ``track_id``, as ``path`` (absolute, or relative
    to the file's folder), or as ``artist`` and ``title``, the first of these that names a track of
    the catalogue; ``timestamp`` (UNIX seconds or milliseconds, or ISO 8601, UTC where it names no
    zone) or ``plays`` (a count, for logs without times); optional ``event`` (play, like, dislike,
    skip, hide), ``play_ratio``, ``ms_played``. A row that has a time is an event, a row that has
    only a count is a count.

    Rows that make no sense are skipped, each with its number and the reason. Importing a file
    twice adds nothing: events are recognised by listener, track, time and kind; the count of a
    listener and a track takes the place of the one before, so that where a pair repeats, the last
    row holds.

    Parameters
    ----------
    file : Path
        Table to read.
    store : Store
        Store whose catalogue knows the tracks.
    on_progress : callable or None
        Called with the number of rows done, and 0, since the number of rows is not known.

    Raises
    ------
    DataError
        If the file cannot be read, or lacks a column that is required. Chunks before the damage
        are stored.
    NotReadyError
        If the catalogue is empty.
    """
    header = read_header(file)
    _require_columns(file, header)
    report = ImportReport()
    catalogue = store.tracks(withdrawn=True)
    if not catalogue:
        raise NotReadyError(
            "the catalogue is empty, so that no listen can name a track of it: import a library or "
            "a catalogue first"
        )
    tracks = _Tracks(catalogue, file.parent)
    erased = 0
    for chunk in read_chunks(file, COLUMNS, CHUNK_ROWS, report):
        events = _events(chunk, tracks, report)
        counts = store.add_event_columns(events, replace_counts=True)
        report.matched += len(events)
        report.created += counts.added
        report.updated += counts.updated
        report.duplicates += counts.duplicates
        erased += counts.erased
        if on_progress is not None and len(chunk):
            on_progress(int(chunk.row[-1]), 0)
    if erased:
        report.notes.append(f"{erased} events of listeners who were erased are left out")
    return report


class _Tracks:
    """The catalogue by each way of naming a track; positions stand for tracks."""

    def __init__(self, tracks: Sequence[Track], folder: Path) -> None:
        self.track_ids = np.array([track.track_id for track in tracks], object)
        self.durations = np.array(
            [np.nan if track.duration is None else track.duration for track in tracks], np.float64
        )
        self._folder = str(folder.absolute())
        self._by_id = {track.track_id: position for position, track in enumerate(tracks)}
        self._by_path: dict[str | None, int] = {}
        self._by_name: dict[str | None, int] = {}
        for position, track in enumerate(tracks):
            # Of several tracks of one name the first id counts, whatever the order of the rows.
            self._by_path.setdefault(track.path, position)
            self._by_name.setdefault(name_key(track.artist, track.title), position)
        self._by_path.pop(None, None)
        self._by_name.pop(None, None)

    def find(self, chunk: Chunk) -> tuple[NDArray[np.int64], NDArray[np.object_]]:
        """Position of each row's track, −1 where there is none, and how the row names it."""
        found = np.full(len(chunk), -1, np.int64)
        label = np.full(len(chunk), "", object)
        columns = chunk.columns
        if "track_id" in columns:
            self._look_up(columns["track_id"], self._by_id.get, found, label)
        if "path" in columns:
            self._look_up(columns["path"], self._at_path, found, label)
        if "artist" in columns and "title" in columns:
            names = [
                f"{artist}\x1f{title}" if artist and title else ""
                for artist, title in zip(columns["artist"], columns["title"], strict=True)
            ]
            self._look_up(names, self._named, found, label)
        return found, label

    def _at_path(self, cell: str) -> int | None:
        return self._by_path.get(os.path.normpath(os.path.join(self._folder, cell)))  # noqa: PTH118

    def _named(self, cell: str) -> int | None:
        artist, _, title = cell.partition("\x1f")
        return self._by_name.get(name_key(artist, title))

    @staticmethod
    def _look_up(
        cells: list[str],
        find: Callable[[str], int | None],
        found: NDArray[np.int64],
        label: NDArray[np.object_],
    ) -> None:
        """Fill in `found` and `label` where they are open; each distinct cell is sought once."""
        codes, distinct = pd.factorize(np.array(cells, object))
        position = [find(cell) if cell else None for cell in distinct]
        position_of_code = np.array([-1 if p is None else p for p in position], np.int64)
        open_rows = found < 0
        found[open_rows] = position_of_code[codes[open_rows]]
        unlabelled = label == ""
        label[unlabelled] = distinct[codes[unlabelled]]


def _events(chunk: Chunk, tracks: _Tracks, report: ImportReport) -> EventColumns:
    """Rows of `chunk` that make sense as events; the others go to `report`."""
    n_rows = len(chunk)
    blank = [""] * n_rows
    cells = {name: chunk.columns.get(name, blank) for name in COLUMNS}
    check = Check(n_rows)

    users = cells["user_id"]
    check.refuse(np.array([not storable(user) for user in users], np.bool_), "no user_id", users)
    position, label = tracks.find(chunk)
    names = [str(name).replace("\x1f", " - ") for name in label]
    check.refuse(label == "", "the track is not named", names)
    check.refuse(position < 0, "unknown track {}", names)

    kind_of_text: dict[str, int] = {"": EventKind.PLAY.code} | {k.value: k.code for k in KINDS}
    kind = np.array([kind_of_text.get(text.lower(), -1) for text in cells["event"]], np.int64)
    check.refuse(kind < 0, f"event {{}} is none of {', '.join(KINDS)}", cells["event"])
    timestamp = parse_timestamps(cells["timestamp"], check)
    plays = parse_plays(cells["plays"], check)
    neither = np.isnan(timestamp) & np.isnan(plays)
    check.refuse(neither, "neither a timestamp nor plays", users)
    ratio = parse_ratios(cells, tracks.durations[position], check)
    ratio[kind != EventKind.PLAY.code] = np.nan

    for row, reason in check.refused():
        report.skip(f"row {chunk.row[row]}", reason)
    rows = np.flatnonzero(check.passed)
    user_ids = [users[row] for row in rows.tolist()]
    track_ids = tracks.track_ids[position[rows]].tolist()
    return EventColumns(
        event_id=_event_ids(user_ids, track_ids, kind[rows], timestamp[rows]),
        user_id=user_ids,
        track_id=track_ids,
        kind=kind[rows],
        timestamp=timestamp[rows],
        play_ratio=ratio[rows],
        plays=np.nan_to_num(plays[rows], nan=1.0).astype(np.int64),
    )


def _event_ids(
    user_ids: list[str],
    track_ids: list[str],
    kind: NDArray[np.int64],
    timestamp: NDArray[np.float64],
) -> list[str]:
    """Digests of what makes a row the same event in another import.

    For a count that is the listener, the track and the word ``plays``.
    """
    events = [str(name) for name in KINDS]
    counts = ["plays" if name == EventKind.PLAY else name for name in events]
    texts = (
        "\x1f".join((user, track, *((repr(at), events[code]) if at == at else (counts[code],))))
        for user, track, code, at in zip(
            user_ids, track_ids, kind.tolist(), timestamp.tolist(), strict=True
        )
    )
    digest = hashlib.blake2b
    return [digest(text.encode(), digest_size=DIGEST_BYTES).hexdigest() for text in texts]


def _require_columns(file: Path, header: Sequence[str]) -> None:
    found = ", ".join(name or "?" for name in header)
    if "user_id" not in header:
        raise DataError(f"{file.name} has no column user_id; found: {found}")
    if not {"track_id", "path"} & set(header) and not {"artist", "title"} <= set(header):
        raise DataError(
            f"{file.name} does not name tracks: expected track_id, path, or artist and title; "
            f"found: {found}"
        )
    if not {"timestamp", "plays"} & set(header):
        raise DataError(
            f"{file.name} has neither a column timestamp nor a column plays; found: {found}"
        )
