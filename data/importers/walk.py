"""Finding audio files in folders."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from data.errors import DataError
from data.report import ImportReport

EXTENSIONS = (".mp3", ".flac", ".ogg", ".oga", ".opus", ".wav")
UNDECODED_EXTENSIONS = (".m4a",)
"""Music that people have and libsndfile does not decode: named in the report, not passed over."""


def audio_files(roots: Sequence[Path], report: ImportReport) -> list[str]:
    """Absolute paths of the audio files under `roots` (folders, or files), each once.

    Hidden files and folders, and files of other extensions, count as ``ignored``; folders that
    cannot be listed are problems. Symbolic links are followed, but no folder is entered twice.

    Raises
    ------
    DataError
        If a root does not exist, or no audio file is found.
    """
    for root in roots:
        if not root.exists():
            raise DataError(f"{root} does not exist: name a folder that holds audio files")
    found: dict[str, None] = {}
    seen: set[tuple[int, int]] = set()
    for root in roots:
        start = os.path.abspath(root)  # noqa: PTH100  (resolve() would lose the user's own links)
        for path in _files(start, seen, report) if root.is_dir() else [start]:
            if _wanted(path, report):
                found[path] = None
    if not found and not report.n_problems:
        raise DataError(
            f"no audio file under {', '.join(map(str, roots))}: looked for {', '.join(EXTENSIONS)}"
        )
    return list(found)


def _files(start: str, seen: set[tuple[int, int]], report: ImportReport) -> Iterator[str]:
    def unlistable(error: OSError) -> None:
        report.skip(str(error.filename), f"the folder cannot be listed: {error.strerror}")

    for folder, subfolders, names in os.walk(start, followlinks=True, onerror=unlistable):
        try:
            status = os.stat(folder)  # noqa: PTH116
        except OSError as error:
            unlistable(error)
            continue
        identity = (status.st_dev, status.st_ino)
        if identity in seen:
            subfolders.clear()
            continue
        seen.add(identity)
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        for name in sorted(names):
            yield os.path.join(folder, name)  # noqa: PTH118


def _wanted(path: str, report: ImportReport) -> bool:
    stem_and_extension = os.path.splitext(os.path.basename(path))  # noqa: PTH119, PTH122
    extension = stem_and_extension[1].lower()
    if stem_and_extension[0].startswith(".") or extension not in EXTENSIONS + UNDECODED_EXTENSIONS:
        report.ignored += 1
        return False
    if not os.path.isfile(path):  # noqa: PTH113
        report.skip(path, "not a regular file, or a link to nothing")
        return False
    if extension in UNDECODED_EXTENSIONS:
        report.skip(path, f"{extension} files cannot be decoded: convert it, to FLAC for example")
        return False
    return True
