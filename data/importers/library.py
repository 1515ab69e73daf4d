"""A folder tree of audio files into the catalogue; run again, it follows what happened to them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from math import isclose
from pathlib import Path

from data.errors import DataError
from data.importers.matching import TrackFinder
from data.importers.tags import clean_text, read_track
from data.importers.walk import audio_files
from data.report import ImportReport, Progress
from data.store import FileStamp, Store
from data.tracks import Track

BATCH = 200
"""Files in one transaction: what an interrupted scan has stored is not read again."""

ID_LENGTH = 16
"""Hexadecimal digits of the SHA-256 of a file's bytes that make its track id."""


def scan_library(
    paths: Sequence[Path],
    store: Store,
    *,
    reread: bool = False,
    on_progress: Progress | None = None,
) -> ImportReport:
    """Register the audio files under `paths`, and follow those that were moved or re-tagged.

    A file whose path, size and time are as before is not read. Any other is recognised, in this
    order, as

    1. the track whose bytes it has: moved, or, while that track's own file is still in its place,
       a duplicate copy, which is skipped;
    2. the track that was registered at its path: updated, its embeddings are dropped, unless the
       file is as old as when a table named it, so that they are of these very bytes;
    3. a track that has lost its file (or never had one), by `TrackFinder`: moved and updated;
    4. a new track. Its id comes from the file's bytes, so a fresh store gives it the same one.

    Parameters
    ----------
    paths : sequence of Path
        Folders; single files are taken as well.
    store : Store
        Where to register.
    reread : bool
        Whether files that did not change are read all the same: what their tags say of fields that
        the catalogue knows nothing of is taken in. So a library that was scanned by a version that
        read fewer tags gets the others.
    on_progress : callable or None
        Called with the number of files done and found.

    Raises
    ------
    DataError
        If a path does not exist, or holds no audio file.
    """
    report = ImportReport()
    files = audio_files(paths, report)
    scan = _Scan(store, report, reread=reread)
    for done, path in enumerate(files, 1):
        scan.visit(path)
        if on_progress is not None:
            on_progress(done, len(files))
    scan.finish()
    return report


@dataclass(frozen=True)
class _File:
    """An audio file that was read; the id of `track` is still the digest's."""

    track: Track
    stamp: FileStamp

    @property
    def path(self) -> str:
        return str(self.track.path)


class _Scan:
    """State of one scan: the catalogue by path and by content, and what waits to be written."""

    def __init__(self, store: Store, report: ImportReport, *, reread: bool) -> None:
        self._store = store
        self._report = report
        self._reread = reread
        self._tracks = {track.track_id: track for track in store.tracks(withdrawn=True)}
        self._stamps: dict[str, FileStamp] = {}
        self._at_path: dict[str, str] = {}
        self._by_content: dict[str, str] = {}
        for track in self._tracks.values():
            if track.path is not None:
                self._at_path[track.path] = track.track_id
        for path, (track_id, stamp) in store.file_stamps().items():
            self._stamps[track_id] = stamp
            if stamp.digest:
                self._by_content[stamp.digest[:ID_LENGTH]] = track_id
            if _in_place(path, stamp):
                self._at_path[path] = track_id
        # Tracks whose file is gone or changed, and those that never had one: free to be found.
        self._loose = {
            track_id
            for track_id, track in self._tracks.items()
            if track.path is None or not _in_place(track.path, self._stamps.get(track_id))
        }
        for track_id in self._loose:
            # Of a track that lost its stamp, and of one that was re-tagged, the id still tells
            # which bytes it began with.
            self._by_content.setdefault(track_id, track_id)
        self._finder = TrackFinder(self._tracks[track_id] for track_id in self._loose)
        self._later: list[_File] = []
        self._batch: dict[str, _File] = {}
        self._stale: set[str] = set()

    def visit(self, path: str) -> None:
        """Recognise one file by its path or its bytes, and register it if nobody else can be it."""
        known = self._at_path.get(path)
        in_place = known is not None and known not in self._loose
        if in_place and not self._reread:
            self._report.unchanged += 1
            return
        try:
            file = _read(path)
        except DataError as error:
            self._report.skip(path, str(error))
            return
        except OSError as error:
            self._report.skip(path, f"the file cannot be read: {error.strerror}")
            return
        if known is not None and in_place:
            self._take_in(known, file)
            return
        same = self._by_content.get(file.stamp.digest[:ID_LENGTH])
        if same is not None and same in self._loose:
            self._claim_by_content(same, file)
        elif same is not None and known is None:
            self._report.duplicates += 1
            self._report.skip(path, f"the same file as {self._tracks[same].path}")
        elif known is not None or self._finder.find(file.track) is not None:
            # A file that is still to come may have the bytes of that very track: it goes first.
            self._later.append(file)
        else:
            self._create(file)

    def finish(self) -> None:
        """Recognise the files that were put off, and write what is left."""
        for file in self._later:
            known = self._at_path.get(file.path)
            if known is not None and known in self._loose:
                self._report.updated += 1
                self._claim(known, file)
            elif (found := self._finder.find(file.track)) is not None:
                if found.path is None:
                    self._report.matched += 1
                else:
                    self._report.moved += 1
                self._claim(found.track_id, file)
            else:
                self._create(file)
        self._write()
        displaced = [
            replace(track, path=None)
            for track_id in self._loose
            if (track := self._tracks[track_id]).path is not None
            and self._at_path.get(track.path, track_id) != track_id
        ]
        if displaced:
            self._store.upsert_tracks(displaced)
        lost = sum(self._tracks[track_id].path is not None for track_id in self._loose)
        if lost:
            self._report.notes.append(f"{lost} tracks of the catalogue are without their file")

    def _take_in(self, track_id: str, file: _File) -> None:
        """Fill what is not known of a track from its own file, which looks as it did."""
        track = self._tracks[track_id]
        if self._stamps[track_id].digest not in ("", file.stamp.digest):
            # Some programs write tags into the room left for them, and put the old time back.
            self._report.updated += 1
            self._claim(track_id, file)
            return
        filled = _merged(track, file.track, track, file.path)
        if filled == track:
            self._report.unchanged += 1
        else:
            self._report.updated += 1
            self._put(filled, file.stamp)

    def _claim_by_content(self, track_id: str, file: _File) -> None:
        """Give a track its file again; the bytes are the same, so what is known of it holds."""
        track = self._tracks[track_id]
        if track.path == file.path:
            self._report.unchanged += 1
        else:
            self._report.moved += 1
        self._put(replace(track, path=file.path), file.stamp)

    def _claim(self, track_id: str, file: _File) -> None:
        """Give a track a file of other bytes."""
        track, stamped = self._tracks[track_id], track_id in self._stamps
        if stamped or not _as_registered(track, file):
            self._stale.add(track_id)
        # What was not read from a file was written down by someone, and goes before the tags.
        first, second = (file.track, None) if stamped else (track, file.track)
        self._put(_merged(first, second, track, file.path), file.stamp)

    def _create(self, file: _File) -> None:
        digest = file.stamp.digest
        # The id is taken where a track began with these bytes and was re-tagged since.
        windows = (digest[start : start + ID_LENGTH] for start in range(len(digest) - ID_LENGTH))
        track_id = next(window for window in windows if window not in self._tracks)
        self._report.created += 1
        self._put(replace(file.track, track_id=track_id), file.stamp)

    def _put(self, track: Track, stamp: FileStamp) -> None:
        track_id = track.track_id
        if track.title is None:
            track = replace(track, title=clean_text(Path(str(track.path)).stem))
        if track.added_at is None:
            track = replace(track, added_at=stamp.mtime_ns / 1e9)
        before = self._tracks.get(track_id, track).path
        if before is not None and self._at_path.get(before) == track_id:
            del self._at_path[before]
        self._tracks[track_id] = track
        self._stamps[track_id] = stamp
        self._at_path[str(track.path)] = track_id
        self._by_content[stamp.digest[:ID_LENGTH]] = track_id
        self._loose.discard(track_id)
        self._finder.remove(track_id)
        self._batch[track_id] = _File(track, stamp)
        if len(self._batch) >= BATCH:
            self._write()

    def _write(self) -> None:
        # First the embeddings: were the scan cut off in between, the stamps would still be old,
        # and the next scan would come here again.
        if self._stale:
            self._store.drop_embeddings(self._stale)
        self._store.upsert_tracks(
            [file.track for file in self._batch.values()],
            {track_id: file.stamp for track_id, file in self._batch.items()},
        )
        self._stale.clear()
        self._batch.clear()


def _read(path: str) -> _File:
    status = os.stat(path)  # noqa: PTH116  (paths stay text, as the store keeps them)
    track = read_track(Path(path), "")
    with open(path, "rb") as file:  # noqa: PTH123
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return _File(
        replace(track, track_id=digest[:ID_LENGTH], path=path),
        FileStamp(status.st_size, status.st_mtime_ns, digest),
    )


def _in_place(path: str, stamp: FileStamp | None) -> bool:
    """Whether the file at `path` is still the one that was stamped."""
    try:
        status = os.stat(path)  # noqa: PTH116
    except OSError:
        return False
    return stamp is not None and (status.st_size, status.st_mtime_ns) == (
        stamp.size,
        stamp.mtime_ns,
    )


def _as_registered(track: Track, file: _File) -> bool:
    """Whether a file that is read for the first time is the one that a table named for `track`."""
    return (
        track.path == file.path
        and track.added_at is not None
        and isclose(track.added_at, file.stamp.mtime_ns / 1e9, rel_tol=0.0, abs_tol=1e-6)
    )


def _merged(first: Track, second: Track | None, registered: Track, path: str) -> Track:
    """Fields of `first`, gaps filled from `second`, as the registered track at `path`."""
    values = {field.name: getattr(first, field.name) for field in fields(Track)}
    if second is not None:
        for name, value in values.items():
            if value is None:
                values[name] = getattr(second, name)
    values |= {
        "track_id": registered.track_id,
        "path": path,
        "added_at": registered.added_at,
    }
    return Track(**values)
