"""Audio vectors in the store."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, func, select

from data.errors import ArtefactError, DataError, UnknownTrackError
from data.ids import MISSING, IdMap
from data.schema import embeddings, tracks
from data.store import changes
from data.store.database import chunked, execute_many, insert
from data.store.text import encode_path, storable
from data.store.tracks import keys_by_id

_VECTOR = np.dtype("<f4")


def put(
    connection: Connection,
    encoder_id: str,
    given: Iterable[tuple[str, NDArray[np.float32], str]],
    audio: Mapping[str, str] | None = None,
) -> int:
    """Store (track id, vector, digest of the audio) rows; later ones replace earlier ones.

    Where `audio` says of which file the vectors are, those of tracks that have another one by now
    are left out. Returns how many were stored.
    """
    rows = {track_id: (vector, digest) for track_id, vector, digest in given}
    keys = keys_by_id(connection, list(rows))
    for track_id, (vector, _) in rows.items():
        if track_id not in keys:
            raise UnknownTrackError(track_id)
        if vector.ndim != 1 or not np.isfinite(vector).all():
            raise DataError(
                f"track {track_id!r}: expected one vector of finite numbers, got shape "
                f"{vector.shape} with {int((~np.isfinite(vector)).sum())} that are not finite"
            )
    if audio is not None:
        paths = select(tracks.c.track_id, tracks.c.path)
        now = {
            track_id: path
            for chunk in chunked(list(keys.values()))
            for track_id, path in connection.execute(paths.where(tracks.c.key.in_(chunk)))
        }
        rows = {one: row for one, row in rows.items() if now[one] == encode_path(audio[one])}
    statement = insert(connection, embeddings)
    execute_many(
        connection,
        statement.on_conflict_do_update(
            index_elements=["track_key", "encoder_id"],
            set_={"vector": statement.excluded.vector, "digest": statement.excluded.digest},
        ),
        ("track_key", "encoder_id", "vector", "digest"),
        [
            (keys[track_id], encoder_id, vector.astype(_VECTOR).tobytes(), digest)
            for track_id, (vector, digest) in rows.items()
        ],
    )
    changes.mark(connection, [keys[track_id] for track_id in rows])
    return len(rows)


def read(
    connection: Connection, encoder_id: str, items: IdMap, dimension: int
) -> NDArray[np.float32]:
    """Vectors of `items` [shape=(n_items, dimension)], NaN where there is none."""
    vectors = np.full((len(items), dimension), np.nan, np.float32)
    statement = (
        select(tracks.c.track_id, embeddings.c.vector)
        .join_from(embeddings, tracks)
        .where(embeddings.c.encoder_id == encoder_id)
    )
    # Closed at once where it is left by an error: PostgreSQL keeps what is unread open.
    with connection.execution_options(yield_per=1_000).execute(statement) as rows:
        for track_id, blob in rows:
            position = items.index(track_id)
            if position == MISSING:
                continue
            if len(blob) != dimension * _VECTOR.itemsize:
                raise ArtefactError(
                    f"track {track_id!r}: expected a vector of {dimension} numbers for encoder "
                    f"{encoder_id!r}, the store holds {len(blob) / _VECTOR.itemsize:g}; "
                    "drop its embeddings and analyse it again"
                )
            vectors[position] = np.frombuffer(blob, _VECTOR)
    return vectors


def embedded(connection: Connection, encoder_id: str) -> set[str]:
    """Ids of the tracks that have a vector of the encoder."""
    statement = (
        select(tracks.c.track_id)
        .join_from(embeddings, tracks)
        .where(embeddings.c.encoder_id == encoder_id)
    )
    return set(connection.scalars(statement))


def count(connection: Connection, encoder_id: str) -> int:
    """Tracks that have a vector of the encoder and were not withdrawn."""
    statement = (
        select(func.count())
        .select_from(embeddings.join(tracks))
        .where(embeddings.c.encoder_id == encoder_id, ~tracks.c.withdrawn)
    )
    return int(connection.scalar(statement) or 0)


def some(
    connection: Connection, encoder_id: str, track_ids: Sequence[str]
) -> dict[str, NDArray[np.float32]]:
    """Vectors of those of `track_ids` that have one of the encoder."""
    statement = (
        select(tracks.c.track_id, embeddings.c.vector)
        .join_from(embeddings, tracks)
        .where(embeddings.c.encoder_id == encoder_id)
    )
    return {
        track_id: np.frombuffer(blob, _VECTOR)
        for chunk in chunked([track_id for track_id in track_ids if storable(track_id)])
        for track_id, blob in connection.execute(statement.where(tracks.c.track_id.in_(chunk)))
    }


def has_any(connection: Connection, track_id: str) -> bool:
    """Whether the track has a vector of any encoder."""
    statement = select(embeddings.c.track_key).join_from(embeddings, tracks)
    statement = statement.where(tracks.c.track_id == track_id).limit(1)
    return storable(track_id) and connection.scalar(statement) is not None


def dimensions(connection: Connection) -> dict[str, int]:
    """Encoder id → length of its vectors, of every encoder that has any."""
    # The length of a bytea and of a BLOB alike; were they mixed, `read` would say so.
    size = func.max(func.length(embeddings.c.vector))
    statement = select(embeddings.c.encoder_id, size).group_by(embeddings.c.encoder_id)
    return {
        encoder_id: n_bytes // _VECTOR.itemsize
        for encoder_id, n_bytes in connection.execute(statement)
    }


def drop(connection: Connection, track_ids: Collection[str]) -> None:
    """Forget the vectors of tracks, of every encoder."""
    keys = list(keys_by_id(connection, list(track_ids)).values())
    for chunk in chunked(keys):
        connection.execute(delete(embeddings).where(embeddings.c.track_key.in_(chunk)))
    changes.mark(connection, keys)
