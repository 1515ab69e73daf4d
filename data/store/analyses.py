"""Audio that waits to be analysed by the service, and what became of it."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, exists, func, select, update

from data import schema
from data.schema import analyses, tracks
from data.store import changes, embeddings
from data.store.database import Database, insert
from data.store.text import decode_path, storable
from data.store.tracks import keys_by_id


class AnalysisState(StrEnum):
    """Where the analysis of a track's audio stands."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


_STATES = tuple(AnalysisState)


@dataclass(frozen=True, slots=True)
class AnalysisStatus:
    """State of an analysis; the reason where it failed; when it was asked for and ended."""

    state: AnalysisState
    reason: str | None
    requested_at: float
    finished_at: float | None


@dataclass(frozen=True, slots=True)
class AnalysisJob:
    """One file to analyse: that of a track, as it was asked for at `requested_at`."""

    track_id: str
    path: Path
    requested_at: float


class AnalysisQueue:
    """Analyses of a store, first come first served; reach it as ``Store.analyses``.

    Parameters
    ----------
    database : Database
        The open database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def request(self, track_id: str) -> None:
        """Have the audio of a track analysed (again)."""
        with self._database.writing() as connection:
            key = keys_by_id(connection, [track_id])[track_id]
            values = {
                "state": _STATES.index(AnalysisState.PENDING),
                "reason": None,
                "requested_at": time.time(),
                "finished_at": None,
            }
            statement = insert(connection, analyses).values(track_key=key, **values)
            connection.execute(
                statement.on_conflict_do_update(index_elements=["track_key"], set_=values)
            )

    def cancel(self, track_id: str) -> None:
        """Forget the analysis of a track; one that is under way keeps nothing of what it finds."""
        with self._database.writing() as connection:
            for key in keys_by_id(connection, [track_id]).values():
                connection.execute(delete(analyses).where(analyses.c.track_key == key))

    def status(self, track_id: str) -> AnalysisStatus | None:
        """State of the analysis of a track; None where none was asked for."""
        if not storable(track_id):
            return None
        statement = (
            select(analyses).join_from(analyses, tracks).where(tracks.c.track_id == track_id)
        )
        with self._database.reading() as connection:
            row = connection.execute(statement).first()
        if row is None:
            return None
        return AnalysisStatus(_STATES[row.state], row.reason, row.requested_at, row.finished_at)

    def counts(self) -> dict[AnalysisState, int]:
        """Return how many analyses, of tracks that are offered, stand where."""
        statement = (
            select(analyses.c.state, func.count())
            .join_from(analyses, tracks)
            .where(~tracks.c.withdrawn)
            .group_by(analyses.c.state)
        )
        with self._database.reading() as connection:
            return {_STATES[state]: count for state, count in connection.execute(statement)}

    def failures(self, limit: int) -> list[tuple[str, str]]:
        """Ids of tracks whose audio cannot be analysed, and why, the latest first."""
        statement = (
            select(tracks.c.track_id, analyses.c.reason)
            .join_from(analyses, tracks)
            .where(analyses.c.state == _STATES.index(AnalysisState.FAILED), ~tracks.c.withdrawn)
            .order_by(analyses.c.finished_at.desc())
            .limit(limit)
        )
        with self._database.reading() as connection:
            return [(row.track_id, row.reason or "") for row in connection.execute(statement)]

    def n_given_up(self, encoder_id: str, paths: Collection[str]) -> int:
        """Return how many tracks that are offered have audio that no analysis will get through.

        They have no vector of the encoder, and their analysis here failed, or was never asked for
        and their file is among `paths`.
        """
        has_vector = exists().where(
            schema.embeddings.c.track_key == tracks.c.key,
            schema.embeddings.c.encoder_id == encoder_id,
        )
        statement = (
            select(tracks.c.path, analyses.c.state)
            .join_from(tracks, analyses, isouter=True)
            .where(~tracks.c.withdrawn, tracks.c.path.is_not(None), ~has_vector)
        )
        failed, pending = map(_STATES.index, (AnalysisState.FAILED, AnalysisState.PENDING))
        with self._database.reading() as connection:
            return sum(
                state == failed or (state != pending and decode_path(path) in paths)
                for path, state in connection.execute(statement)
            )

    def next(self) -> AnalysisJob | None:
        """The job that has waited longest, of a track that is offered; it stays in the queue."""
        statement = (
            select(tracks.c.track_id, tracks.c.path, analyses.c.requested_at)
            .join_from(analyses, tracks)
            .where(
                analyses.c.state == _STATES.index(AnalysisState.PENDING),
                tracks.c.path.is_not(None),
                ~tracks.c.withdrawn,
            )
            .order_by(analyses.c.requested_at)
            .limit(1)
        )
        with self._database.reading() as connection:
            row = connection.execute(statement).first()
        if row is None:
            return None
        return AnalysisJob(row.track_id, Path(decode_path(row.path)), row.requested_at)

    def finish(
        self,
        job: AnalysisJob,
        *,
        failure: str | None = None,
        duration: float | None = None,
        vectors: Mapping[str, tuple[NDArray[np.float32], str]] | None = None,
    ) -> None:
        """Note that a job ended, well or with the reason of its failure, and keep what it found.

        Parameters
        ----------
        failure : str, optional
            Why there is no vector.
        duration : float, optional
            Length that was decoded in seconds, for a track that says none.
        vectors : dict of str to (vector [shape=(dimension,)], digest of the audio), optional
            By id of the encoder.

        A track whose audio was replaced meanwhile waits for its new job, one whose audio was taken
        away for none: of what was found on the old file nothing is kept.

        Raises
        ------
        DataError
            If a vector is not one-dimensional or not finite.
        """
        state = AnalysisState.DONE if failure is None else AnalysisState.FAILED
        with self._database.writing() as connection:
            key = keys_by_id(connection, [job.track_id])[job.track_id]
            ended = connection.execute(
                update(analyses)
                .where(analyses.c.track_key == key, analyses.c.requested_at == job.requested_at)
                .values(state=_STATES.index(state), reason=failure, finished_at=time.time())
            ).rowcount
            if not ended:
                return
            for encoder_id, (vector, digest) in (vectors or {}).items():
                embeddings.put(connection, encoder_id, [(job.track_id, vector, digest)])
            if duration is not None:
                filled = connection.execute(
                    update(tracks)
                    .where(tracks.c.key == key, tracks.c.duration.is_(None))
                    .values(duration=duration)
                ).rowcount
                if filled:
                    changes.mark(connection, [key])
