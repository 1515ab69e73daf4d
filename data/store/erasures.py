"""Listeners who were erased: told by a digest of their id, which cannot be read back.

The digest is keyed by a salt of this store, so that digests of two stores don't compare. Whoever
has the whole database and guesses an id can still check the guess: it is a pseudonym that the
promise to leave this listener out cannot do without.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Collection
from math import inf

from sqlalchemy import Connection, select, update

from data.schema import erasures, meta
from data.store.database import chunked, insert

_DIGEST_BYTES = 20


def barred(connection: Connection, user_ids: Collection[str]) -> dict[str, float]:
    """Erased listeners among `user_ids`, and from which time on their events are taken again.

    UNIX seconds; infinite for those who have not come back.
    """
    if not user_ids or connection.scalar(select(erasures.c.key).limit(1)) is None:
        return {}
    salt = _salt(connection)
    user_of = {_digest(salt, user_id): user_id for user_id in user_ids}
    statement = select(erasures.c.digest, erasures.c.erased_at, erasures.c.returned_at)
    return {
        user_of[digest]: inf if returned_at is None else erased_at
        for chunk in chunked(list(user_of))
        for digest, erased_at, returned_at in connection.execute(
            statement.where(erasures.c.digest.in_(chunk))
        )
    }


def bar(connection: Connection, user_id: str) -> None:
    """Remember that this listener was erased now."""
    now = time.time()
    statement = insert(connection, erasures).values(
        digest=_digest(_salt(connection), user_id), erased_at=now, returned_at=None
    )
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["digest"], set_={"erased_at": now, "returned_at": None}
        )
    )


def lift(connection: Connection, user_id: str) -> None:
    """Let a listener who was erased come back; what was before the erasure stays out."""
    connection.execute(
        update(erasures)
        .where(erasures.c.digest == _digest(_salt(connection), user_id))
        .values(returned_at=time.time())
    )


def _salt(connection: Connection) -> bytes:
    """Salt of this store, made when it is first needed."""
    salt = connection.scalar(select(meta.c.salt))
    if salt is None:
        salt = secrets.token_hex(32)
        connection.execute(update(meta).values(salt=salt))
    return bytes.fromhex(salt)


def _digest(salt: bytes, user_id: str) -> str:
    return hashlib.blake2b(user_id.encode(), key=salt, digest_size=_DIGEST_BYTES).hexdigest()
