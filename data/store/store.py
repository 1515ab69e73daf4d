"""Everything that is kept between runs, behind one object."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import TracebackType

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Table, func, select

from data import schema
from data.errors import UnknownTrackError
from data.events import Event, EventLog
from data.ids import IdMap
from data.store import changes, embeddings, events, logs, plays, tracks
from data.store.analyses import AnalysisQueue
from data.store.database import CHUNK, Database, open_database
from data.store.events import EventColumns, EventCounts
from data.store.listeners import Listeners
from data.store.plays import PlayCounts, PlaysOfListener
from data.store.tracks import FileStamp, UpsertCounts
from data.tracks import Track


class Store:
    """Catalogue, listeners, events and embeddings in one database.

    Every call is one transaction on a connection of its own: threads may share a store, processes
    may share its file, and what a call wrote is on the disk when it returns.

    Parameters
    ----------
    database : Database
        An open database; use `Store.open`.

    Attributes
    ----------
    listeners : Listeners
        Profiles, events one by one, erasure.
    analyses : AnalysisQueue
        Audio that the service is to analyse.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.listeners = Listeners(database)
        self.analyses = AnalysisQueue(database)

    @classmethod
    def open(cls, url: str, *, create: bool = True) -> Store:
        """Open the store at `url`, ``sqlite:///path`` or ``postgresql://…``.

        Parameters
        ----------
        url : str
            Database URL as SQLAlchemy writes it.
        create : bool
            Create the tables where there are none.

        Raises
        ------
        ParameterError
            If `url` is malformed or of a database that is not supported.
        NotReadyError
            If there is no store yet and `create` is false.
        ArtefactError
            If the database is damaged, is not a store, or has another schema version.
        """
        return cls(open_database(url, create=create))

    def close(self) -> None:
        """Close every connection."""
        self._database.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # -- catalogue -------------------------------------------------------------------------------

    def upsert_tracks(
        self, given: Iterable[Track], files: Mapping[str, FileStamp] | None = None
    ) -> UpsertCounts:
        """Create tracks, or update them to exactly the fields of `given`.

        A track that `files` says nothing about keeps its stamp as long as its path stays. A
        withdrawn track stays withdrawn.

        Raises
        ------
        DataError
            If an id is empty or not valid text.
        """
        with self._database.writing() as connection:
            return tracks.upsert(connection, given, files or {})

    def track(self, track_id: str) -> Track:
        """Look up the track with this id.

        Raises
        ------
        UnknownTrackError
            If there is none, or it was withdrawn.
        """
        with self._database.reading() as connection:
            found = tracks.find(connection, track_id)
        if found is None:
            raise UnknownTrackError(track_id)
        return found

    def tracks(
        self, track_ids: Sequence[str] | None = None, *, withdrawn: bool = False
    ) -> list[Track]:
        """Tracks in the order of `track_ids`, unknown ones left out; or all, ordered by id.

        Withdrawn tracks are left out unless `withdrawn` is set.
        """
        if track_ids is not None and len(track_ids) <= CHUNK:
            return tracks.read_some(self._database.rows, track_ids, withdrawn=withdrawn)
        with self._database.reading() as connection:
            return tracks.read(connection, track_ids, withdrawn=withdrawn)

    def genres(self) -> dict[str, str | None]:
        """Track id → genre of every track that is not withdrawn.

        Quicker than `tracks`, where the whole catalogue is drawn.
        """
        with self._database.reading() as connection:
            return tracks.genres(connection)

    def tags(
        self,
    ) -> list[tuple[str, str | None, str | None, str | None, int | None, float | None]]:
        """Id, artist, genre, label, year and time of adding of every track that is not withdrawn.

        Quicker than `tracks`, where a list is filtered.
        """
        with self._database.reading() as connection:
            return tracks.tags(connection)

    def offered(self, track_ids: Sequence[str] | None = None) -> set[str]:
        """Those of `track_ids`, or of all, that are in the catalogue and not withdrawn.

        Quicker than `tracks`, where all the candidates of a list are asked about.
        """
        with self._database.reading() as connection:
            return tracks.offered(connection, track_ids)

    def set_withdrawn(self, track_ids: Collection[str], withdrawn: bool = True) -> int:
        """Hide tracks from every listing (or show them again); return how many changed.

        Their events stay.
        """
        with self._database.writing() as connection:
            return tracks.set_withdrawn(connection, track_ids, withdrawn)

    def uses(self, path: str) -> bool:
        """Whether a track has its audio at `path`, withdrawn tracks included."""
        with self._database.reading() as connection:
            return tracks.uses(connection, path)

    def file_stamps(self) -> dict[str, tuple[str, FileStamp]]:
        """Path → (track id, stamp) of every file that was read, withdrawn tracks included."""
        with self._database.reading() as connection:
            return tracks.file_stamps(connection)

    def n_tracks(self) -> int:
        """Return the number of tracks that are not withdrawn."""
        return self._count(schema.tracks, ~schema.tracks.c.withdrawn)

    def n_with_audio(self) -> int:
        """Return the number of tracks that have a file and are not withdrawn."""
        return self._count(
            schema.tracks, ~schema.tracks.c.withdrawn & schema.tracks.c.path.is_not(None)
        )

    def n_embedded(self, encoder_id: str) -> int:
        """Return the number of tracks, not withdrawn ones, with a vector of this encoder."""
        with self._database.reading() as connection:
            return embeddings.count(connection, encoder_id)

    def change(self) -> int:
        """Return the number of transactions that changed tracks or their vectors so far.

        One row is read: readers may ask as often as they like whether there is anything new.
        """
        return changes.current(self._database.rows)

    def changed_since(self, change: int) -> list[str]:
        """Ids of the tracks that changed after `change`, in that order.

        Their tags, their flag or their vectors did; withdrawn tracks are among them.
        """
        with self._database.reading() as connection:
            return changes.since(connection, change)

    def plays_of_each(self, track_ids: Sequence[str]) -> dict[str, PlayCounts]:
        """Plays and listeners of each of `track_ids`."""
        with self._database.reading() as connection:
            return plays.of_each(connection, track_ids)

    def plays_of(self, track_ids: Sequence[str]) -> PlayCounts:
        """Plays and distinct listeners of `track_ids` together."""
        with self._database.reading() as connection:
            return plays.together(connection, track_ids)

    def plays_by_listener(self, track_ids: Sequence[str], limit: int) -> list[PlaysOfListener]:
        """At most `limit` listeners who played `track_ids` most, and how often."""
        with self._database.reading() as connection:
            return plays.by_listener(connection, track_ids, limit)

    # -- listeners and events --------------------------------------------------------------------

    def n_users(self) -> int:
        """Return the number of listeners."""
        return self._count(schema.users)

    def n_events(self) -> int:
        """Return the number of events, those of withdrawn tracks included."""
        return self._count(schema.events)

    def add_events(self, given: Sequence[Event]) -> EventCounts:
        """Append events, all of them or none; they are on the disk when this returns.

        Listeners that are new are created. An event id that is stored already is left as it is.

        Raises
        ------
        DataError
            If an event is malformed (empty id, time not finite, negative ratio, plays below 1).
        """
        return self.add_event_columns(EventColumns.from_events(given))

    def add_event_columns(
        self, given: EventColumns, *, replace_counts: bool = False
    ) -> EventCounts:
        """Append many events at once, as `add_events` does.

        Parameters
        ----------
        given : EventColumns
            Events in the order in which they happened.
        replace_counts : bool
            An event without a time whose id is stored already gives it its ``plays``.

        Raises
        ------
        DataError
            If an event is malformed.
        """
        with self._database.writing() as connection:
            return events.add(connection, given, replace_counts=replace_counts)

    def event_log(self, items: IdMap) -> EventLog:
        """Every event of the tracks in `items`, ordered by time, then by arrival.

        Events without a time come first. ``users`` are the listeners of these events, ordered by
        id.
        """
        with self._database.reading() as connection:
            return logs.read_log(connection, items)

    def user_log(self, user_id: str, items: IdMap) -> EventLog:
        """One listener's events, in the same form; empty for a listener nobody knows."""
        return logs.read_user_log(self._database.rows, user_id, items)

    # -- embeddings ------------------------------------------------------------------------------

    def put_embeddings(
        self,
        encoder_id: str,
        rows: Iterable[tuple[str, NDArray[np.float32], str]],
        *,
        audio: Mapping[str, str] | None = None,
    ) -> int:
        """Store vectors, all or none, over those of the same track and encoder; return how many.

        Parameters
        ----------
        encoder_id : str
            What computed them; vectors of different encoders don't compare.
        rows : iterable of (track id, vector [shape=(dimension,)], digest of the audio)
        audio : mapping of str to str, optional
            Track id → path of the file that its vector is of. A track that has another file by
            now, or none, keeps what it has.

        Raises
        ------
        UnknownTrackError
            If a track is not in the catalogue.
        DataError
            If a vector is not one-dimensional or not finite.
        """
        with self._database.writing() as connection:
            return embeddings.put(connection, encoder_id, rows, audio)

    def embeddings(self, encoder_id: str, items: IdMap, dimension: int) -> NDArray[np.float32]:
        """Vectors of `items` [shape=(n_items, dimension)]; rows of NaN where there is none.

        Raises
        ------
        ArtefactError
            If a stored vector has another dimension.
        """
        with self._database.reading() as connection:
            return embeddings.read(connection, encoder_id, items, dimension)

    def some_embeddings(
        self, encoder_id: str, track_ids: Sequence[str]
    ) -> dict[str, NDArray[np.float32]]:
        """Track id → vector [shape=(dimension,)], of those of `track_ids` that have one."""
        with self._database.reading() as connection:
            return embeddings.some(connection, encoder_id, track_ids)

    def embedded(self, encoder_id: str) -> set[str]:
        """Ids of the tracks that have a vector of this encoder."""
        with self._database.reading() as connection:
            return embeddings.embedded(connection, encoder_id)

    def has_vector(self, track_id: str) -> bool:
        """Whether this track has a vector of any encoder."""
        with self._database.reading() as connection:
            return embeddings.has_any(connection, track_id)

    def dimensions(self) -> dict[str, int]:
        """Encoder id → length of its vectors, of every encoder that has any here."""
        with self._database.reading() as connection:
            return embeddings.dimensions(connection)

    def drop_embeddings(self, track_ids: Collection[str]) -> None:
        """Forget the vectors of these tracks, of every encoder."""
        with self._database.writing() as connection:
            embeddings.drop(connection, track_ids)

    def _count(self, table: Table, condition: ColumnElement[bool] | None = None) -> int:
        statement = select(func.count()).select_from(table)
        if condition is not None:
            statement = statement.where(condition)
        with self._database.reading() as connection:
            return int(connection.scalar(statement) or 0)
