"""Writing files so that a reader, or the next start after a crash, never sees half of one."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from audio_model.files import READABLE

POINTER = "CURRENT"


def sync_folder(folder: Path) -> None:
    """Make the folder's entries durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Make every file below `folder` durable, then the folders."""
    for path in sorted(folder.rglob("*")):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    sync_folder(folder)


def write_atomically(path: Path, text: str) -> None:
    """Replace `path` with `text`: a reader sees the old or the new content, never a mixture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(READABLE)  # temporary files are their owner's alone
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def read_pointer(folder: Path) -> str | None:
    """Name of the version that is current in `folder`, None when there is none."""
    try:
        name = (folder / POINTER).read_text("utf-8").strip()
    except FileNotFoundError:
        return None
    return name or None


def write_pointer(folder: Path, name: str) -> None:
    """Make `name` the current version in `folder`."""
    write_atomically(folder / POINTER, f"{name}\n")
