"""`index.json`: what an index folder holds, and the digest of each file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from audio_model.files import replacing, sha256_of
from data.errors import ArtefactError

MANIFEST_FILE = "index.json"
FORMAT = 1


@dataclass(frozen=True)
class IndexManifest:
    """Contents of `index.json`.

    Parameters
    ----------
    kind : str
        ``"exact"`` or ``"annoy"``.
    n_items, dimension : int
        Items in the index, and the length of a vector.
    files : dict of str to str
        SHA-256 of each file, by name.
    """

    kind: str
    n_items: int
    dimension: int
    files: dict[str, str]


def write_manifest(
    folder: Path, kind: str, n_items: int, dimension: int, names: tuple[str, ...]
) -> None:
    """Seal the files `names` in `folder`; written last, so an index without it is incomplete."""
    digests = {name: sha256_of(folder / name) for name in names}
    manifest = IndexManifest(kind, n_items, dimension, digests)
    with replacing(folder / MANIFEST_FILE) as temporary:
        text = json.dumps({"format": FORMAT, **asdict(manifest)}, indent=2)
        temporary.write_text(text + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> IndexManifest:
    """Read `index.json` and check the digests of the files that it names.

    Raises
    ------
    ArtefactError
        If a file is missing or damaged, or the format is another.
    """
    remedy = "build the index again"
    try:
        content = json.loads((folder / MANIFEST_FILE).read_text(encoding="utf-8"))
    except OSError as error:
        raise ArtefactError(f"no index in {folder.name!r}: {error.strerror}; {remedy}") from error
    except ValueError as error:
        raise ArtefactError(f"{MANIFEST_FILE} in {folder.name!r} is damaged; {remedy}") from error
    received = content.pop("format", None) if isinstance(content, dict) else None
    if received != FORMAT:
        raise ArtefactError(
            f"index {folder.name!r} has format {received}, this build reads {FORMAT}; {remedy}"
        )
    expected = {each.name for each in fields(IndexManifest)}
    if set(content) != expected or not isinstance(content["files"], dict):
        raise ArtefactError(
            f"{MANIFEST_FILE} in {folder.name!r} has fields {sorted(content)}, "
            f"expected {sorted(expected)}; {remedy}"
        )
    manifest = IndexManifest(**content)
    for name, digest in manifest.files.items():
        path = folder / name
        if Path(name).name != name or not path.is_file() or sha256_of(path) != digest:
            raise ArtefactError(f"{name} of index {folder.name!r} is missing or damaged; {remedy}")
    return manifest
