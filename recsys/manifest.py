"""What a model bundle says of itself, and the digests that tell whether it is whole."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from audio_model.files import sha256_of
from cf_model.config import ConfidenceSettings
from data.errors import ArtefactError
from ranker.config import CandidateSettings

FORMAT = 8
MANIFEST = "manifest.json"
_DIGEST = "digest"


class Manifest(BaseModel):
    """Contents of ``manifest.json``, beside the digest of all of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int
    version: str
    created: datetime
    files: dict[str, str]
    feature_names: list[str]
    ranker: str
    relisten_feature_names: list[str]
    relisten: str
    relisten_head_start: float
    encoder_id: str | None
    regularization: float | None
    objective: list[float]
    confidence: ConfidenceSettings
    candidates: CandidateSettings
    carry_width: float | None
    head_start: float
    n_tracks: int
    n_listeners: int
    n_events: int
    last_event_at: float | None


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file in `folder`, by its path there."""
    return {
        path.relative_to(folder).as_posix(): sha256_of(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write ``manifest.json`` into `folder`."""
    text = json.dumps(sealed(manifest.model_dump(mode="json")), indent=2)
    (folder / MANIFEST).write_text(text + "\n", "utf-8")


def sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """`content` of a manifest with the SHA-256 of its canonical form as ``digest``.

    Canonical is JSON without spaces, keys in their order. A digest that `content` had is replaced.
    """
    rest = {name: value for name, value in content.items() if name != _DIGEST}
    canonical = json.dumps(rest, sort_keys=True, separators=(",", ":"))
    return rest | {_DIGEST: hashlib.sha256(canonical.encode("utf-8")).hexdigest()}


def read_manifest(folder: Path) -> Manifest:
    """Manifest of the bundle in `folder`.

    Raises
    ------
    ArtefactError
        If it is missing, damaged or of another format.
    """
    try:
        content: Any = json.loads((folder / MANIFEST).read_text("utf-8"))
    except FileNotFoundError as error:
        raise ArtefactError(f"{folder} holds no {MANIFEST}: it is not a model bundle") from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ArtefactError(f"{folder / MANIFEST} is damaged: {error}") from error
    found = content.get("format") if isinstance(content, dict) else None
    if found != FORMAT:
        raise ArtefactError(
            f"bundle {folder.name} has format {found!r}, this version reads {FORMAT}: "
            "run `recsys train`"
        )
    if sealed(content) != content:
        raise ArtefactError(
            f"{folder / MANIFEST} is damaged: its content differs from its digest; "
            "run `recsys train`, or go back with `recsys models rollback`"
        )
    del content[_DIGEST]
    try:
        return Manifest.model_validate(content)
    except ValidationError as error:
        raise ArtefactError(f"{folder / MANIFEST} is damaged: {error}") from error


def verify_bundle(folder: Path) -> Manifest:
    """Check every file of the bundle against its manifest.

    Raises
    ------
    ArtefactError
        Naming the first file that is missing or differs.
    """
    manifest = read_manifest(folder)
    for name, digest in manifest.files.items():
        path = folder / name
        if not path.is_file():
            raise ArtefactError(f"bundle {folder.name} lacks its file {name}: run `recsys train`")
        if sha256_of(path) != digest:
            raise ArtefactError(
                f"bundle {folder.name} is damaged: {name} differs from its manifest; "
                "run `recsys train`, or go back with `recsys models rollback`"
            )
    return manifest
