"""Scanning files that are described better elsewhere than in their tags."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from data.importers.library import scan_library
from data.report import ImportReport, Progress
from data.store import Store
from data.tracks import Track


def scan_described(
    paths: Sequence[Path],
    store: Store,
    describe: Callable[[Track], Track],
    *,
    reread: bool = False,
    on_progress: Progress | None = None,
) -> ImportReport:
    """Scan `paths` as `scan_library` does, then write what `describe` makes of the tracks.

    So these tracks have the ids that `recsys library add` gives, whichever came first, and are
    known again when they are moved. A track counts as updated when only its description changed.

    Parameters
    ----------
    paths : sequence of Path
        Folders or single files.
    store : Store
        Where to register.
    describe : callable
        Gets every track of the catalogue; returns it changed, or as it is where it has nothing to
        say.
    reread : bool
        As for `scan_library`.
    on_progress : callable or None
        Called with the number of files done and found.

    Raises
    ------
    DataError
        If a path does not exist, or holds no audio file.
    """
    before = {track.track_id: track for track in store.tracks(withdrawn=True)}
    report = scan_library(paths, store, reread=reread, on_progress=on_progress)
    changed = []
    for track in store.tracks(withdrawn=True):
        described = describe(track)
        if described != track:
            changed.append(described)
            if before.get(track.track_id) == track:  # the scan counted it as unchanged
                report.unchanged -= 1
                report.updated += 1
    store.upsert_tracks(changed)
    return report
