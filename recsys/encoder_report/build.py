"""The whole report: gather, judge, draw, write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audio_model.cache import cache_spectrograms
from audio_model.encoder import EncoderCard
from audio_model.probes import nearest_others
from data.arrays import Floats
from data.errors import DataError
from data.report import Problem
from data.store import Store
from data.tracks import Track
from recsys.encoder_report.controls import Control, Watch
from recsys.encoder_report.judge import NEIGHBOURS, judge, minus
from recsys.encoder_report.labels import Labels
from recsys.encoder_report.page import render_page
from recsys.encoder_report.pictures import draw_chunks, draw_view
from recsys.encoder_report.recognised import measure_robustness
from recsys.encoder_report.schema import (
    EncoderReport,
    ListedTrack,
    Neighbour,
    NeighbourList,
    rounded,
)
from recsys.encoder_report.subjects import gather
from recsys.encoder_report.views import genre_colours, pca_view, tsne_view
from recsys.files import write_atomically
from recsys.workspace import Workspace

SAMPLE_LISTS = 8
"""Tracks whose neighbours and spectrograms are shown."""
JSON_FILE = "report.json"
HTML_FILE = "report.html"
SPECTROGRAM_FILE = "spectrogram-{}.png"


@dataclass(frozen=True)
class ReportOptions:
    """What a report covers.

    Parameters
    ----------
    against : tuple of Path
        Folders of further encoders to stand beside.
    controls : mapping of str to Control
        Other spaces to stand beside.
    max_tracks : int
        Most tracks that are judged; with more, a seeded sample.
    robustness_tracks : int
        Tracks that are changed; 0 leaves the part out.
    split : mapping, optional
        Official split of the linear probe, track id → ``"train"`` or ``"test"``.
    seed : int
        Seed of every draw.
    """

    against: tuple[Path, ...]
    controls: Mapping[str, Control]
    max_tracks: int = 5000
    robustness_tracks: int = 50
    split: Mapping[str, str] | None = None
    seed: int = 0


def report_on_encoder(
    workspace: Workspace,
    store: Store,
    encoder_dir: Path,
    out: Path,
    options: ReportOptions,
    watch: Watch,
) -> tuple[EncoderReport, list[Problem]]:
    """Judge the encoder in `encoder_dir` on the library and write everything into `out`.

    Returns the report, and the files that the encoder could not analyse.

    Raises
    ------
    DataError
        If the library has too few tracks.
    """
    card = EncoderCard.read(encoder_dir)
    seed = options.seed
    subjects = gather(
        workspace,
        store,
        [encoder_dir, *options.against],
        options.controls,
        max_tracks=options.max_tracks,
        seed=seed,
        watch=watch,
    )
    labels = Labels.of(subjects.tracks)
    track_ids = tuple(track.track_id for track in subjects.tracks)
    absent = dict(subjects.absent)
    judged = {}
    with watch("judging") as advance:
        for name, vectors in subjects.vectors.items():
            judged[name] = judge(
                vectors, labels, track_ids=track_ids, split=options.split, seed=seed
            )
            advance(len(judged), len(subjects.vectors))
    subject = judged[card.encoder_id]
    absent |= subject.absent

    vectors = subjects.vectors[card.encoder_id]
    robustness = None
    if options.robustness_tracks:
        try:
            robustness = measure_robustness(
                workspace,
                encoder_dir,
                subjects,
                vectors,
                n_sample=options.robustness_tracks,
                seed=seed,
                watch=watch,
            )
        except DataError as error:
            absent["robustness"] = str(error)
    else:
        absent["robustness"] = "not asked for"
    pca, explained = pca_view(vectors)
    sample = _sample(subjects.tracks, seed)
    report = EncoderReport(
        encoder_id=card.encoder_id,
        recipe=card.recipe,
        training=card.training,
        seed=seed,
        n_tracks=len(subjects.tracks),
        left_out=subjects.left_out,
        labels=labels.summary(),
        linear_probe_split="official"
        if options.split is not None
        else "folds without common artists",
        methods={name: one.judgement for name, one in judged.items()},
        minus={
            name: minus(subject, one, seed=seed)
            for name, one in judged.items()
            if name != card.encoder_id
        },
        robustness=robustness,
        neighbours=_neighbour_lists(subjects.tracks, vectors, sample),
        pca_explained=[rounded(share) for share in explained],
        absent=absent,
    )

    out.mkdir(parents=True, exist_ok=True)
    groups, colours = genre_colours([track.genre for track in subjects.tracks])
    with watch("t-SNE"):
        views = [pca, tsne_view(vectors, seed=seed)]
    for view, name in zip(views, ("pca.png", "tsne.png"), strict=True):
        draw_view(view, groups, colours, out / name)
    spectrograms = _draw_spectrograms(
        workspace, card, [subjects.tracks[row] for row in sample], out
    )
    page = render_page(report, subjects.tracks, views, groups, colours, spectrograms)
    write_atomically(out / HTML_FILE, page)
    write_atomically(out / JSON_FILE, report.model_dump_json(indent=2) + "\n")
    return report, subjects.failed


def _sample(tracks: Sequence[Track], seed: int) -> list[int]:
    """Rows of a few tracks, of as many different genres as there are."""
    rows = np.random.default_rng(seed).permutation(len(tracks)).tolist()
    seen: dict[str | None, int] = {}
    turn: dict[int, int] = {}
    for row in rows:  # every genre's first track, then every genre's second, …
        turn[row] = seen.get(tracks[row].genre, 0)
        seen[tracks[row].genre] = turn[row] + 1
    return sorted(rows, key=lambda row: turn[row])[:SAMPLE_LISTS]


def _neighbour_lists(
    tracks: Sequence[Track], vectors: Floats, sample: Sequence[int]
) -> list[NeighbourList]:
    found, cosine = nearest_others(vectors, NEIGHBOURS)
    return [
        NeighbourList(
            **_listed(tracks[row]).model_dump(),
            neighbours=[
                Neighbour(**_listed(tracks[near]).model_dump(), cosine=rounded(value))
                for near, value in zip(found[row], cosine[row], strict=True)
                if near >= 0
            ],
        )
        for row in sample
    ]


def _listed(track: Track) -> ListedTrack:
    return ListedTrack(track_id=track.track_id, label=track.caption, genre=track.genre)


def _draw_spectrograms(
    workspace: Workspace, card: EncoderCard, tracks: Sequence[Track], out: Path
) -> dict[str, Path]:
    """Pictures of what the encoder gets of `tracks`, by title; files that cannot be read lack."""
    analysis = workspace.config.analysis
    title_of = {Path(track.path): track.caption for track in tracks if track.path is not None}
    cached = cache_spectrograms(
        list(title_of),
        card.frontend,
        workspace.cache / "spectrograms",
        workers=analysis.workers,
    )
    for earlier in out.glob(SPECTROGRAM_FILE.format("*")):
        earlier.unlink()
    seconds = card.frontend.chunk_frames * card.frontend.hop_length / card.frontend.sr
    drawn: dict[str, Path] = {}
    for row, path in enumerate(cached.paths):
        picture = out / SPECTROGRAM_FILE.format(row + 1)
        draw_chunks(cached.chunks(row).astype(np.float32), seconds, title_of[path], picture)
        drawn[title_of[path]] = picture
    return drawn
