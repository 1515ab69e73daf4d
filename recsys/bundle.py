"""A model bundle: one folder with everything that serving needs, verified before it is opened.

::

    manifest.json         format, version, facts, SHA-256 of every other file and of all this
    track_ids.json        external ids in the order of all arrays
    categories.json       names of genres, decades, labels, artists and albums
    categories.npy …      the catalogue's columns, popularity, factors, vectors
    index/                the embedding index
    ranker.txt            LightGBM's text format (absent for rank fusion)
    ranker_relisten.txt   the same, of the ranker of known tracks (absent for habit)
    projection_*.npy      places of the tracks in the plane, for the map (if there is sound)
    encoder/              the audio encoder whose vectors these are

Nothing in it is a pickle. Annoy and LightGBM may take the process down when they open a damaged
file, so digests are checked first, and a new bundle is opened in a child process before the
serving process opens it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from audio_model.encoder import WEIGHTS_FILE
from audio_model.index import AnnoyIndex, ExactIndex, load_index
from cf_model.bridge import Bridge
from cf_model.carry import Carry
from cf_model.category_offsets import CategoryOffsets
from cf_model.item_item import ItemItemModel
from cf_model.model import CollaborativeModel
from data.arrays import Floats
from data.categories import LEVELS, Categories
from data.errors import ArtefactError
from data.ids import IdMap
from data.tracks import Catalogue
from ranker.features import feature_names
from ranker.habit import HabitRanker
from ranker.hybrid import Hybrid
from ranker.models import CandidateModels
from ranker.ranking import FusionRanker, LambdaRanker, Ranker
from recsys.files import sync_tree
from recsys.manifest import FORMAT, Manifest, digests, verify_bundle, write_manifest

ENCODER = "encoder"
INDEX = "index"
RANKER, RELISTEN = "ranker.txt", "ranker_relisten.txt"
ITEM_ITEM, RELATED, CARRY = "item_item", "related", "carry"
CATEGORIES, CATEGORY_NAMES = "categories", "categories.json"
BRIDGE = "bridge"
PROJECTION = "projection_"
_CSR = ("data", "indices", "indptr")
_CARRY_PARTS = tuple(field.name for field in fields(Carry) if field.name != "width")


@dataclass(frozen=True)
class ModelBundle:
    """An opened bundle.

    ``projections`` are views of the space of sound, each [shape=(n_items, 2), dtype=float32], NaN
    where a track has no vector; none in bundles that were trained before there was a map.
    """

    folder: Path
    manifest: Manifest
    hybrid: Hybrid
    projections: Mapping[str, Floats] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """Name of the version."""
        return self.manifest.version

    @property
    def encoder_dir(self) -> Path | None:
        """Folder of the encoder, None for a bundle without sound."""
        return self.folder / ENCODER if self.manifest.encoder_id is not None else None


@dataclass(frozen=True)
class BundleFacts:
    """What a manifest records beside the files."""

    n_listeners: int
    n_events: int
    last_event_at: float | None
    encoder_id: str | None
    encoder_dir: Path | None


def write_bundle(
    folder: Path,
    version: str,
    hybrid: Hybrid,
    facts: BundleFacts,
    projections: Mapping[str, Floats] | None = None,
) -> Manifest:
    """Write a bundle into the new folder `folder` and make it durable."""
    folder.mkdir(parents=True)
    models = hybrid.models
    arrays = {
        CATEGORIES: models.catalogue.categories.codes,
        "duration": models.catalogue.duration,
        "popularity": models.popularity,
        "recent_popularity": models.recent_popularity,
        "age": models.age,
    }
    if models.collaborative is not None:
        arrays["item_factors"] = np.asarray(models.collaborative.item_factors)
        arrays["support"] = models.collaborative.support
    if models.embeddings is not None:
        arrays["embeddings"] = np.asarray(models.embeddings)
    if models.bridged_factors is not None:
        arrays["bridged_factors"] = np.asarray(models.bridged_factors)
    if models.bridge is not None:
        arrays[BRIDGE] = np.vstack([models.bridge.weights, models.bridge.bias])
        if models.bridge.offsets is not None:
            tables = zip(LEVELS, models.bridge.offsets.tables, strict=True)
            arrays |= {f"{BRIDGE}_{level}": table for level, table in tables}
    if models.item_item is not None:
        arrays |= _matrix_arrays(ITEM_ITEM, models.item_item.weights)
    if models.related is not None:
        arrays |= _matrix_arrays(RELATED, models.related.weights)
    if models.carry is not None:
        arrays |= {f"{CARRY}_{part}": getattr(models.carry, part) for part in _CARRY_PARTS}
    for name, points in (projections or {}).items():
        arrays[f"{PROJECTION}{name}"] = points
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)
    (folder / "track_ids.json").write_text(json.dumps(list(models.catalogue.items)), "utf-8")
    names = [list(level) for level in models.catalogue.categories.names]
    (folder / CATEGORY_NAMES).write_text(json.dumps(names), "utf-8")
    if isinstance(models.index, ExactIndex | AnnoyIndex):
        (folder / INDEX).mkdir()
        models.index.save(folder / INDEX)
    if facts.encoder_dir is not None:
        shutil.copytree(
            facts.encoder_dir, folder / ENCODER, ignore=shutil.ignore_patterns(WEIGHTS_FILE)
        )
    known = feature_names([source.name for source in models.sources], known=True)
    relisten = hybrid.relisten or HabitRanker(known)
    head_start = _write_ranker(folder / RANKER, hybrid.ranker)
    relisten_head_start = _write_ranker(folder / RELISTEN, relisten)
    manifest = Manifest(
        format=FORMAT,
        version=version,
        created=datetime.now(UTC),
        files=digests(folder),
        feature_names=list(hybrid.ranker.feature_names),
        ranker=hybrid.ranker.kind,
        relisten_feature_names=list(relisten.feature_names),
        relisten=relisten.kind,
        relisten_head_start=relisten_head_start,
        encoder_id=facts.encoder_id,
        regularization=models.collaborative.regularization if models.collaborative else None,
        objective=_rounded(models.collaborative.objective) if models.collaborative else [],
        confidence=models.confidence,
        candidates=models.settings,
        carry_width=models.carry.width if models.carry else None,
        head_start=head_start,
        n_tracks=len(models.catalogue.items),
        n_listeners=facts.n_listeners,
        n_events=facts.n_events,
        last_event_at=facts.last_event_at,
    )
    write_manifest(folder, manifest)
    sync_tree(folder)
    return manifest


def _write_ranker(file: Path, ranker: Ranker) -> float:
    """Write what was learned, if anything was; the head start that it was learned from."""
    if not isinstance(ranker, LambdaRanker):
        return 0.0
    file.write_text(ranker.to_text(), "utf-8")
    return ranker.head_start


def _rounded(values: Sequence[float]) -> list[float]:
    """Six digits of each: with all of them, a digit could change without the number's doing so."""
    return [float(f"{value:.6g}") for value in values]


def _matrix_arrays(name: str, matrix: Floats | sparse.csr_matrix) -> dict[str, Any]:
    """Arrays of a dense matrix, or of a sparse one in its three parts."""
    if not sparse.issparse(matrix):
        return {name: matrix}
    return {f"{name}_{part}": getattr(matrix, part) for part in _CSR}


def open_bundle(folder: Path) -> ModelBundle:
    """Verify the bundle in `folder` and open it; arrays are memory-mapped.

    Raises
    ------
    ArtefactError
        If it is damaged, incomplete or of another format.
    """
    manifest = verify_bundle(folder)

    def array(name: str) -> Any:
        try:
            mapped = np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise ArtefactError(
                f"bundle {folder.name}: {name}.npy cannot be read ({error}); run `recsys train`"
            ) from error
        # A view on the same pages: indexing a memmap object costs more than what it finds.
        return np.asarray(mapped)

    files = manifest.files
    items = IdMap(json.loads((folder / "track_ids.json").read_text("utf-8")))
    collaborative = None
    if "item_factors.npy" in files and manifest.regularization is not None:
        collaborative = CollaborativeModel(
            array("item_factors"), array("support"), manifest.regularization
        )

    def matrix(name: str) -> Any:
        """Dense or sparse, as it was written; None where it was not."""
        if f"{name}.npy" in files:
            return array(name)
        if f"{name}_indptr.npy" not in files:
            return None
        parts = tuple(array(f"{name}_{part}") for part in _CSR)
        try:
            return sparse.csr_matrix(parts, shape=(len(items), len(items)), copy=False)
        except ValueError as error:
            raise ArtefactError(
                f"bundle {folder.name}: the matrix {name} is damaged ({error}); run `recsys train`"
            ) from error

    weights, related = matrix(ITEM_ITEM), matrix(RELATED)
    carry = None
    if manifest.carry_width is not None:
        parts = {part: array(f"{CARRY}_{part}") for part in _CARRY_PARTS}
        carry = Carry(width=manifest.carry_width, **parts)
    bridge = None
    if f"{BRIDGE}.npy" in files:
        offsets = None
        if f"{BRIDGE}_{LEVELS[0]}.npy" in files:
            offsets = CategoryOffsets(tuple(array(f"{BRIDGE}_{level}") for level in LEVELS))
        bridge = Bridge.of(array(BRIDGE), offsets)
    names = json.loads((folder / CATEGORY_NAMES).read_text("utf-8"))
    categories = Categories(tuple(map(IdMap, names)), array(CATEGORIES))
    models = CandidateModels(
        catalogue=Catalogue(items, categories, array("duration")),
        confidence=manifest.confidence,
        settings=manifest.candidates,
        popularity=array("popularity"),
        recent_popularity=array("recent_popularity"),
        age=array("age"),
        collaborative=collaborative,
        embeddings=array("embeddings") if "embeddings.npy" in files else None,
        index=load_index(folder / INDEX) if "embeddings.npy" in files else None,
        bridged_factors=array("bridged_factors") if "bridged_factors.npy" in files else None,
        bridge=bridge,
        item_item=None if weights is None else ItemItemModel(weights),
        carry=carry,
        related=None if related is None else ItemItemModel(related),
    )
    sources = [source.name for source in models.sources]
    expected, known = feature_names(sources), feature_names(sources, known=True)
    for names, trained in (
        (expected, manifest.feature_names),
        (known, manifest.relisten_feature_names),
    ):
        if list(names) != trained:
            raise ArtefactError(
                f"bundle {folder.name} was trained with {len(trained)} features, "
                f"this version computes {len(names)} (or others): run `recsys train`"
            )
    ranker: Ranker = FusionRanker(expected)
    if manifest.ranker == LambdaRanker.kind:
        text = (folder / RANKER).read_text("utf-8")
        ranker = LambdaRanker.from_text(text, manifest.head_start)
    relisten = None
    if manifest.relisten == LambdaRanker.kind:
        text = (folder / RELISTEN).read_text("utf-8")
        relisten = LambdaRanker.from_text(text, manifest.relisten_head_start)
    projections = {
        name.removeprefix(PROJECTION).removesuffix(".npy"): array(name.removesuffix(".npy"))
        for name in files
        if name.startswith(PROJECTION)
    }
    return ModelBundle(folder, manifest, Hybrid(models, ranker, relisten), projections)


def probe_bundle(folder: Path, *, timeout: float = 120.0) -> None:
    """Open the bundle in a child process and rank once.

    Raises
    ------
    ArtefactError
        If the child reports an error, dies or hangs.
    """
    command = [sys.executable, "-m", "recsys.probe", str(folder)]
    try:
        # A library that dies on a damaged file may print the damage, which is no text.
        child = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=timeout
        )
    except subprocess.TimeoutExpired as error:
        raise ArtefactError(
            f"bundle {folder.name} did not open within {timeout:g} s: run `recsys train`"
        ) from error
    if child.returncode == 0:
        return
    said = child.stderr.strip().splitlines()
    if child.returncode < 0 or not said:
        reason = f"the process that opened it ended with {child.returncode}; run `recsys train`"
    else:
        reason = said[-1]
    raise ArtefactError(f"bundle {folder.name} is refused: {reason}")
