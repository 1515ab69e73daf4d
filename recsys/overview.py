"""What is in the library, what was analysed of it, and what was left out."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from audio_model.encoder import EncoderCard
from data.report import Problem
from data.store import AnalysisState, Store
from recsys.workspace import Workspace

SHOWN = 200
"""Problems of each step that are read out; the file has the rest."""
SERVICE = "the service"
"""Step that audio which came over HTTP goes through."""


@dataclass(frozen=True)
class LeftOut:
    """What one step left out.

    Parameters
    ----------
    step : str
        Command that wrote the file, such as ``library add``, or `SERVICE`, whose problems name
        tracks.
    total : int
        Problems in the file, or of the service.
    rows : tuple of Problem
        The first `SHOWN` of them.
    """

    step: str
    total: int
    rows: tuple[Problem, ...]


@dataclass(frozen=True)
class Overview:
    """State of a library.

    Parameters
    ----------
    tracks, with_audio, analysed : int
        Tracks that are offered, those of them that have a file, and those that have a vector of
        the current encoder.
    remaining : int
        Tracks with a file and no such vector that an analysis may still get through: neither the
        service nor the latest ``recsys embed`` has failed on them.
    waiting, failed : int
        Files that came over HTTP: not analysed yet, and not analysable.
    encoder : EncoderCard
        Encoder of the next training.
    left_out : tuple of LeftOut
        What imports and analyses left out, steps by name; the service first.
    """

    tracks: int
    with_audio: int
    analysed: int
    remaining: int
    waiting: int
    failed: int
    encoder: EncoderCard
    left_out: tuple[LeftOut, ...]


def overview(workspace: Workspace, store: Store) -> Overview:
    """State of the library of `workspace` now."""
    encoder = EncoderCard.read(workspace.encoder_dir())
    states = store.analyses.counts()
    failed = states.get(AnalysisState.FAILED, 0)
    refused = tuple(Problem(*one) for one in store.analyses.failures(SHOWN)) if failed else ()
    by_service = (LeftOut(SERVICE, failed, refused),) if refused else ()
    with_audio, analysed = store.n_with_audio(), store.n_embedded(encoder.encoder_id)
    unreadable = {problem.where for problem in _problems(workspace.problems("embed"))}
    given_up = 0
    if analysed < with_audio and (failed or unreadable):
        given_up = store.analyses.n_given_up(encoder.encoder_id, unreadable)
    return Overview(
        tracks=store.n_tracks(),
        with_audio=with_audio,
        analysed=analysed,
        remaining=max(0, with_audio - analysed - given_up),
        waiting=states.get(AnalysisState.PENDING, 0),
        failed=failed,
        encoder=encoder,
        left_out=by_service + _left_out(workspace.problems("any").parent),
    )


def _left_out(folder: Path) -> tuple[LeftOut, ...]:
    found = []
    for path in sorted(folder.glob("*.csv")):
        problems = _problems(path)
        if problems:
            step = path.stem.replace("-", " ")
            found.append(LeftOut(step, len(problems), tuple(problems[:SHOWN])))
    return tuple(found)


def _problems(path: Path) -> list[Problem]:
    """Rows of a file of problems; none where there is no file."""
    try:
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            rows = csv.reader(file)
            next(rows, None)  # the header
            return [Problem(row[0], row[1]) for row in rows if len(row) == len(Problem._fields)]
    except FileNotFoundError:
        return []
