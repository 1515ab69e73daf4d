"""Audio files that the service may read: those of the library, and those that came over HTTP.

A path that arrives over HTTP counts only below ``library.roots``. Paths that the command line
registered are the owner's own; as soon as roots are set, they count for these as well. Symbolic
links are followed before anything is compared.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from audio_model.files import replacing, sha256_of
from data.errors import NotFoundError, ParameterError
from recsys.files import sync_folder

_UNFOLLOWED = (OSError, RuntimeError)
"""What a path raises that is too long or not allowed to be looked at; pathlib says of links that
lead in a circle that they are a RuntimeError."""


@dataclass(frozen=True)
class AudioFile:
    """An audio file that is open for reading; whoever gets it closes it.

    Parameters
    ----------
    stream : BinaryIO
        At the beginning.
    size : int
        Bytes.
    mtime_ns : int
        Time of the last change, nanoseconds since 1970.
    """

    stream: BinaryIO
    size: int
    mtime_ns: int


class AudioLibrary:
    """Files of one workspace.

    Parameters
    ----------
    folder : Path
        Where uploaded files are kept.
    roots : sequence of Path
        Folders of the owner's music.
    """

    def __init__(self, folder: Path, roots: Sequence[Path]) -> None:
        self._folder = folder
        self._roots = [root.resolve() for root in roots]

    def admit(self, path: str) -> str:
        """Absolute path of a file that a client names.

        Raises
        ------
        ParameterError
            If no roots are set, or the path leads out of them or to no regular file. The message
            is the same for all, so that nobody learns which files there are elsewhere.
        """
        refused = ParameterError(
            "path: expected the absolute path of a file below one of the folders in library.roots; "
            "upload the file instead, or have the folder added to the setting"
        )
        found = Path(path)
        if "\0" in path or not found.is_absolute():
            raise refused
        try:
            resolved = found.resolve()
            below = any(resolved.is_relative_to(root) for root in self._roots)
            if below and resolved.is_file():
                return str(resolved)
        except _UNFOLLOWED as error:
            raise refused from error
        raise refused

    def keep(self, source: Path) -> Path:
        """Copy an uploaded file into the library; its name is the digest of its content."""
        digest = sha256_of(source)
        path = self._folder / digest[:2] / f"{digest}{source.suffix}"
        if not path.is_file():
            with (
                replacing(path) as temporary,
                source.open("rb") as read,
                temporary.open("wb") as written,
            ):
                shutil.copyfileobj(read, written)
                written.flush()
                os.fsync(written.fileno())
            sync_folder(path.parent)
        return path

    def owns(self, path: str) -> bool:
        """Whether the file was uploaded, so that it is the service's to delete."""
        return Path(path).is_relative_to(self._folder)

    def open(self, path: str) -> AudioFile:
        """Open the file of a track.

        Raises
        ------
        NotFoundError
            If it is gone, is no regular file, or lies outside the library.
        """
        gone = NotFoundError("the audio file of this track is not in its place")
        try:
            resolved = Path(path).resolve()
        except _UNFOLLOWED as error:
            raise gone from error
        allowed = [*self._roots, self._folder.resolve()] if self._roots else []
        if allowed and not any(resolved.is_relative_to(root) for root in allowed):
            raise gone
        try:
            # Without O_NONBLOCK, opening a named pipe would wait for a writer for ever.
            descriptor = os.open(resolved, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise gone from error
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            raise gone
        return AudioFile(os.fdopen(descriptor, "rb"), status.st_size, status.st_mtime_ns)
