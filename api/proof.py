"""One probe of a new bundle for all processes of the server."""

from __future__ import annotations

from pathlib import Path

from api.shared import Region, shared
from audio_model.files import sha256_of
from recsys.bundle import probe_bundle
from recsys.manifest import MANIFEST


def probe_once(folder: Path) -> None:
    """Open the bundle in a child process, unless another process of this server just did.

    Each process still checks every digest when it opens the files.

    Raises
    ------
    ArtefactError
        If it must not be opened, see `probe_bundle`.
    """
    memory = shared()
    with memory.locked(Region.PROBE):
        manifest = folder / MANIFEST
        digest = sha256_of(manifest) if manifest.is_file() else ""
        if digest and memory.proved == digest:
            return
        probe_bundle(folder)
        memory.proved = digest
