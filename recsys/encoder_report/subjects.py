"""Which tracks are judged, and their vectors in every space that is compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from audio_model.encoder import CARD_FILE, EncoderCard
from audio_model.shipped import SHIPPED_ENCODER
from data.arrays import Floats
from data.errors import DataError, NotFoundError, RecsysError
from data.ids import IdMap
from data.report import Problem
from data.store import Store
from data.tracks import Track
from recsys.analysis import embed_library
from recsys.encoder_report.controls import Control, Watch
from recsys.workspace import Workspace

FEWEST_TRACKS = 10
"""With fewer, ten nearest neighbours are simply all the others."""


@dataclass(frozen=True)
class Subjects:
    """Judged tracks, and their vectors by method.

    Parameters
    ----------
    tracks : tuple of Track
        By id.
    vectors : dict of str to np.ndarray [shape=(n_tracks, dim)]
        Name of the method → vectors; the encoder of the report comes first.
    left_out : dict of str to int
        Tracks of the catalogue that are not judged, by reason.
    absent : dict of str to str
        Controls that could not be computed, and why.
    failed : list of Problem
        Files that the encoder could not analyse.
    """

    tracks: tuple[Track, ...]
    vectors: dict[str, Floats]
    left_out: dict[str, int]
    absent: dict[str, str]
    failed: list[Problem] = field(default_factory=list)


def encoder_folder(workspace: Workspace, encoder_id: str | None) -> Path:
    """Folder of the encoder called `encoder_id`, trained here or shipped; None = the current one.

    Raises
    ------
    NotFoundError
        If there is no such encoder.
    """
    if encoder_id is None:
        return workspace.encoder_dir()
    there = {path.parent.name: path.parent for path in workspace.encoders.glob(f"*/{CARD_FILE}")}
    there.setdefault(EncoderCard.read(SHIPPED_ENCODER).encoder_id, SHIPPED_ENCODER)
    if encoder_id not in there:
        raise NotFoundError(f"no encoder {encoder_id!r}; there are: {', '.join(sorted(there))}")
    return there[encoder_id]


def gather(
    workspace: Workspace,
    store: Store,
    encoders: Sequence[Path],
    controls: Mapping[str, Control],
    *,
    max_tracks: int,
    seed: int,
    watch: Watch,
) -> Subjects:
    """Vectors of the library's tracks by all `encoders` and `controls`.

    Tracks that an encoder has no vector of are analysed first; their vectors stay in the store.
    Judged are the tracks that have a vector of every method, at most `max_tracks` of them, drawn by
    `seed`.

    Raises
    ------
    DataError
        If fewer than `FEWEST_TRACKS` tracks are left.
    """
    everything = store.tracks()
    left_out: Counter[str] = Counter()
    folders = {EncoderCard.read(folder).encoder_id: folder for folder in encoders}
    failed: list[Problem] = []
    for encoder_id, folder in folders.items():
        embedded = store.embedded(encoder_id)
        if any(track.path and track.track_id not in embedded for track in everything):
            with watch(f"analysing ({encoder_id})") as advance:
                report = embed_library(
                    store, folder, workspace.config.analysis, on_progress=advance
                )
            failed = failed or report.failed
    there = set.intersection(*(store.embedded(encoder_id) for encoder_id in folders))
    judged = [track for track in everything if track.track_id in there]
    left_out["without a vector of each encoder"] = len(everything) - len(judged)
    if len(judged) > max_tracks:
        drawn = np.random.default_rng(seed).choice(len(judged), max_tracks, replace=False)
        left_out["beyond the sample"] = len(judged) - max_tracks
        judged = [judged[row] for row in np.sort(drawn)]

    found, absent = _control_vectors(judged, controls, watch)
    complete = [track for track in judged if all(track.track_id in one for one in found.values())]
    left_out["without a vector of each control"] = len(judged) - len(complete)
    if len(complete) < FEWEST_TRACKS:
        raise DataError(
            f"a report needs at least {FEWEST_TRACKS} tracks with vectors, the library has "
            f"{len(complete)} (of {len(everything)}): add music with `recsys library add`"
        )
    items = IdMap(track.track_id for track in complete)
    vectors = {
        encoder_id: store.embeddings(encoder_id, items, EncoderCard.read(folder).dimension)
        for encoder_id, folder in folders.items()
    }
    vectors |= {
        name: np.stack([of_track[track.track_id] for track in complete])
        for name, of_track in found.items()
    }
    counts = {reason: count for reason, count in left_out.items() if count}
    return Subjects(tuple(complete), vectors, counts, absent, failed)


def _control_vectors(
    tracks: Sequence[Track], controls: Mapping[str, Control], watch: Watch
) -> tuple[dict[str, dict[str, Floats]], dict[str, str]]:
    """Vectors of each control that there can be, and why the others cannot."""
    heard = [track for track in tracks if track.path is not None and Path(track.path).exists()]
    found: dict[str, dict[str, Floats]] = {}
    absent: dict[str, str] = {}
    for name, control in controls.items():
        if not heard:
            absent[name] = "no track has an audio file"
            continue
        try:
            vectors = control(heard, watch)
        except RecsysError as error:
            absent[name] = str(error)
            continue
        if vectors:
            found[name] = vectors
        else:
            absent[name] = "no audio file could be analysed"
    return found, absent
