"""One archive of a workspace, taken while it is in use, and back."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from errno import ENOENT
from pathlib import Path, PurePosixPath

from data.errors import ArtefactError, NotReadyError, ParameterError
from recsys.files import POINTER, read_pointer, sync_folder, sync_tree
from recsys.manifest import verify_bundle
from recsys.versions import versions
from recsys.workspace import Workspace

DATABASE = "recsys.db"
_FILES = ("recsys.toml", "evaluation.json", "evaluation.html")
_LIBRARY = "library"
_FOLDERS = ("encoders", _LIBRARY, "splits")


@dataclass(frozen=True)
class Kept:
    """What an archive holds.

    Parameters
    ----------
    n_files : int
        Files in it.
    with_database : bool
        False where the store is a database of its own, which is backed up by its own means.
    """

    n_files: int
    with_database: bool


def write_backup(workspace: Workspace, file: Path) -> Kept:
    """Write the database as it is at this moment, settings, encoders and models into `file`.

    Raises
    ------
    ParameterError
        If `file` exists, or its folder does not.
    NotReadyError
        If there is no workspace yet, or a model or an encoder was deleted meanwhile.
    """
    if file.exists() or not file.parent.is_dir():
        raise ParameterError(f"expected a new file in a folder that exists, got {file}")
    if not workspace.home.is_dir():
        raise NotReadyError(f"there is no workspace at {workspace.home} to back up")
    n_files = 0
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=f".{file.name}-") as scratch:
        archive, copy = Path(scratch, "archive"), Path(scratch, DATABASE)
        with_database = _copy_database(workspace, copy)
        # What a listener played is nobody else's to read.
        descriptor = os.open(archive, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            # Links are no part of a backup: what they lead to is.
            with tarfile.open(
                fileobj=out, mode="w", format=tarfile.PAX_FORMAT, dereference=True
            ) as tar:
                if with_database:
                    tar.add(copy, DATABASE)
                    n_files += 1
                n_files += _add_lasting(tar, workspace)
            out.flush()
            os.fsync(out.fileno())
        archive.rename(file)
    sync_folder(file.parent)
    return Kept(n_files, with_database)


def restore_backup(file: Path, home: Path) -> Kept:
    """Unpack `file` into the new workspace `home` and check what it holds.

    Raises
    ------
    ParameterError
        If there is something at `home` already, or no archive at `file`.
    ArtefactError
        If the archive, its database or its current model is damaged; `home` is not made then.
    """
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise ParameterError(f"expected a new or empty folder to restore into, {home} is not")
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent, prefix=f".{home.name}-") as scratch:
        folder = Path(scratch, "workspace")
        folder.mkdir(0o700)
        n_files = _unpack(file, folder)
        with_database = (folder / DATABASE).exists()
        if with_database:
            _check_database(folder / DATABASE)
        current = read_pointer(folder / "models")
        if current is not None:
            verify_bundle(folder / "models" / current)
        sync_tree(folder)
        if home.exists():
            home.rmdir()
        folder.rename(home)
    sync_folder(home.parent)
    return Kept(n_files, with_database)


def _copy_database(workspace: Workspace, copy: Path) -> bool:
    source = workspace.home / DATABASE
    if workspace.config.store.url is not None or not source.exists():
        return False
    with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(copy)) as kept:
        live.backup(kept)  # one state of the database, whatever is written meanwhile
        kept.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
    return True


def _add_lasting(tar: tarfile.TarFile, workspace: Workspace) -> int:
    """Add what cannot be computed again, and return the number of files."""
    n_files = 0
    try:
        for path in _lasting(workspace):
            try:
                stream = path.open("rb")
            except FileNotFoundError:
                if path.is_relative_to(workspace.home / _LIBRARY):
                    continue  # its track was given another file since it was listed
                raise
            with stream:  # size and content of one file, even if another takes its place now
                name = path.relative_to(workspace.home).as_posix()
                tar.addfile(tar.gettarinfo(arcname=name, fileobj=stream), stream)
            n_files += 1
    except FileNotFoundError as error:
        raise NotReadyError(
            f"{error.filename} was deleted while it was being backed up: try again when no models "
            "are pruned and no encoder is deleted"
        ) from error
    return n_files


def _lasting(workspace: Workspace) -> Iterator[Path]:
    """Files that cannot be computed again; pointers first, so that what they name is there."""
    home, models = workspace.home, workspace.models
    for name in _FILES:
        if (home / name).is_file():
            yield home / name
    folders = [home / name for name in _FOLDERS]
    current = read_pointer(models)
    if current is not None:
        yield models / POINTER
        if not (models / current).is_dir():
            raise FileNotFoundError(ENOENT, os.strerror(ENOENT), str(models / current))
    folders += [models / version for version in versions(models)]
    for folder in folders:
        # A name that begins with a dot is that of a file, or a folder, that is still being written.
        yield from sorted(
            path
            for path in folder.rglob("*")
            if not any(part.startswith(".") for part in path.relative_to(folder).parts)
            and path.is_file()
        )


def _unpack(file: Path, folder: Path) -> int:
    n_files = 0
    try:
        with tarfile.open(file, "r:") as tar:
            for member in tar:
                # Regular files only, by hand: links and odd names are how archives break out.
                name = PurePosixPath(member.name)
                if not member.isfile() or name.is_absolute() or ".." in name.parts:
                    raise ArtefactError(f"{file} holds {member.name!r}, which no backup does")
                content = tar.extractfile(member)
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                if content is not None:
                    with content, target.open("xb") as out:
                        shutil.copyfileobj(content, out)
                n_files += 1
    except FileNotFoundError as error:
        raise ParameterError(f"there is no file {file}") from error
    except (tarfile.TarError, EOFError, FileExistsError) as error:
        raise ArtefactError(f"{file} is damaged or no backup ({error})") from error
    return n_files


def _check_database(file: Path) -> None:
    with closing(sqlite3.connect(file)) as database:
        try:
            verdict = database.execute("PRAGMA integrity_check(1)").fetchone()[0]
        except sqlite3.DatabaseError as error:
            verdict = str(error)
    if verdict != "ok":
        raise ArtefactError(f"the database in the backup is damaged ({verdict}): use an older one")
