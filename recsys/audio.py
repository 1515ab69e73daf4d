"""The audio file of a track, as it is given, replaced or taken away while the service runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from audio_model.files import sha256_of
from data.errors import ParameterError
from data.store import FileStamp, Store
from data.tracks import Track
from recsys.library import AudioLibrary


def attach_file(store: Store, library: AudioLibrary, before: Track, after: Track) -> None:
    """Store `after`, whose file is another than that of `before`, and have it analysed.

    What was measured on the old file is forgotten: vectors, and the duration unless `after` brings
    one of its own. An uploaded file that no track needs any more is deleted.

    Raises
    ------
    ParameterError
        If the file cannot be read; everything stays as it is then.
    """
    if after.duration == before.duration and before.path is not None:
        after = replace(after, duration=None)
    stamps = {}
    if after.path is not None:
        file = Path(after.path)
        try:
            status, digest = file.stat(), sha256_of(file)
        except OSError as error:
            raise ParameterError(
                f"path: expected a file that the service can read, got {error.strerror!r}; "
                "check its permissions, or upload it instead"
            ) from error
        stamps[after.track_id] = FileStamp(status.st_size, status.st_mtime_ns, digest)
    # First of all: an analysis of the old file that ends from here on has nothing to say.
    store.analyses.cancel(after.track_id)
    store.drop_embeddings([after.track_id])
    store.upsert_tracks([after], stamps)
    if after.path is not None:
        store.analyses.request(after.track_id)
    if before.path is not None and library.owns(before.path) and not store.uses(before.path):
        Path(before.path).unlink(missing_ok=True)
