"""Published bundle versions: writing a new one, listing, going back, deleting old ones.

A version becomes visible in one step, when ``CURRENT`` is replaced; whatever dies before leaves
the old version current and at most a folder whose name begins with a dot.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from data.errors import NotFoundError, NotReadyError, ParameterError
from recsys.bundle import probe_bundle
from recsys.files import read_pointer, sync_folder, write_pointer
from recsys.manifest import MANIFEST, verify_bundle


def new_version() -> str:
    """Name that sorts by time of creation, unique among trainings of the same second."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{secrets.token_hex(2)}"


def versions(models: Path) -> list[str]:
    """Complete versions, oldest first."""
    if not models.is_dir():
        return []
    return sorted(
        folder.name
        for folder in models.iterdir()
        if not folder.name.startswith(".") and (folder / MANIFEST).is_file()
    )


def current_version(models: Path) -> str:
    """Name of the current version.

    Raises
    ------
    NotReadyError
        If nothing has been published.
    """
    current = read_pointer(models)
    if current is None:
        raise NotReadyError("there is no trained model yet: run `recsys train`")
    return current


def publish(models: Path, write: Callable[[Path, str], object]) -> str:
    """Write a bundle with `write(folder, version)`, prove that it opens, make it current."""
    version = new_version()
    models.mkdir(parents=True, exist_ok=True)
    unfinished = models / f".{version}"
    try:
        write(unfinished, version)
        probe_bundle(unfinished)
        unfinished.rename(models / version)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    sync_folder(models)
    write_pointer(models, version)
    return version


def activate(models: Path, version: str, prove: Callable[[Path], None] = probe_bundle) -> None:
    """Make `version` current, once `prove` has opened it without harm.

    Raises
    ------
    NotFoundError
        If there is no such version.
    ArtefactError
        If it is damaged.
    """
    if version not in versions(models):
        known = ", ".join(versions(models)) or "none"
        raise NotFoundError(f"there is no model version {version!r}; there are: {known}")
    verify_bundle(models / version)
    prove(models / version)
    write_pointer(models, version)


def rollback(models: Path, prove: Callable[[Path], None] = probe_bundle) -> str:
    """Make the version before the current one current; returns its name.

    Raises
    ------
    NotFoundError
        If there is no earlier version.
    """
    current = current_version(models)
    earlier = [version for version in versions(models) if version < current]
    if not earlier:
        raise NotFoundError(f"there is no version before {current} to go back to")
    activate(models, earlier[-1], prove)
    return earlier[-1]


def prune(models: Path, keep: int) -> list[str]:
    """Delete all versions but the current one and the newest others, `keep` in all.

    A service that has one of the others open goes on with it until it takes up the current one.

    Returns
    -------
    list of str
        What was deleted, oldest first.
    """
    if keep < 1:
        raise ParameterError(f"expected at least 1 version to keep, got {keep}")
    current = read_pointer(models)
    others = [version for version in versions(models) if version != current]
    left = keep - (current is not None)
    doomed = others[: max(len(others) - left, 0)]
    for version in doomed:
        # Out of sight first: what dies in between leaves no half of a version behind.
        hidden = models / f".{version}"
        (models / version).rename(hidden)
        shutil.rmtree(hidden)
    return doomed
