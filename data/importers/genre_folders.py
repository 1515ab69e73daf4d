"""Folders that are genres: ``blues/blues.00000.wav`` as in GTZAN, or a tree below each genre."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from data.errors import DataError
from data.importers.described import scan_described
from data.importers.tags import clean_text
from data.report import ImportReport, Progress
from data.store import Store
from data.tracks import Track


def import_genre_folders(
    roots: Sequence[Path],
    store: Store,
    *,
    reread: bool = False,
    on_progress: Progress | None = None,
) -> ImportReport:
    """Register the audio files under `roots`; the first folder below a root is their genre.

    Everything else is as `scan_library` does it. A file that lies in a root itself keeps the genre
    of its tags; a note counts these.

    Raises
    ------
    DataError
        If a root is no folder, or no audio file is found.
    """
    for root in roots:
        if root.exists() and not root.is_dir():
            raise DataError(f"{root} is a file: name the folder that holds one folder a genre")
    absolute = (os.path.abspath(root) for root in roots)  # noqa: PTH100  (as the scan: links stay)
    starts = sorted((root.rstrip(os.sep) + os.sep for root in absolute), key=len)
    genres: set[str] = set()
    loose = 0

    def describe(track: Track) -> Track:
        nonlocal loose
        # Of a root within another the inner one counts: it is the longer text.
        start = next((s for s in reversed(starts) if (track.path or "").startswith(s)), None)
        if track.path is None or start is None:
            return track
        folder, separator, _ = track.path.removeprefix(start).partition(os.sep)
        genre = clean_text(folder) if separator else None
        if genre is None:
            loose += 1
            return track
        genres.add(genre)
        return replace(track, genre=genre)

    report = scan_described(roots, store, describe, reread=reread, on_progress=on_progress)
    if loose:
        report.notes.append(
            f"{loose} files lie in no genre folder; they keep the genre of their tags"
        )
    if len(genres) == 1:
        report.notes.append(
            f"every track has the genre {min(genres)!r}: name the folder that holds one folder a "
            "genre, if that is not what you meant"
        )
    return report
