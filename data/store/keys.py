"""API keys and the sessions of browsers, in the same database as the store.

A key is 256 random bits, so one SHA-256 of it is as hard to reverse as the key is to guess, and
slow hashes, which are for passwords, would only cost time. What is stored opens nothing.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Collection

from sqlalchemy import (
    Column,
    Double,
    ForeignKey,
    Integer,
    Table,
    Text,
    delete,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy.engine import Row

from data.access import ApiKey, Scope
from data.errors import NotFoundError, ParameterError
from data.schema import metadata
from data.store.database import Database, open_database

PREFIX = "recsys_"
"""What every key begins with, for people and for scanners that look for leaked ones."""

api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("digest", Text, nullable=False, unique=True),
    Column("requests_a_minute", Integer),
    Column("created_at", Double, nullable=False),
    Column("revoked_at", Double),
)

api_sessions = Table(
    "api_sessions",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("key_id", ForeignKey("api_keys.key_id"), nullable=False),
    Column("expires_at", Double, nullable=False),
)


class KeyStore:
    """Keys and sessions; threads may share it.

    Parameters
    ----------
    database : Database
        Database of the store; use `KeyStore.open`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        with database.reading() as connection:
            present = inspect(connection).has_table(api_sessions.name)
        if not present:  # a store of before there were keys
            with database.writing() as connection:
                metadata.create_all(connection, tables=[api_keys, api_sessions])

    @classmethod
    def open(cls, url: str) -> KeyStore:
        """Keys in the database at `url`, see `Store.open`."""
        return cls(open_database(url, create=True))

    def close(self) -> None:
        """Close every connection."""
        self._database.close()

    def create(
        self, name: str, scopes: Collection[Scope], requests_a_minute: int | None = None
    ) -> tuple[ApiKey, str]:
        """Make a key; returns what is stored of it and, this once, the key.

        Raises
        ------
        ParameterError
            If there is no scope, or the name is empty.
        """
        if not scopes or not name.strip():
            raise ParameterError("a key needs a name and at least one scope: read, events, admin")
        text = PREFIX + secrets.token_urlsafe(32)
        key = ApiKey(
            secrets.token_hex(6), name.strip(), frozenset(scopes), requests_a_minute, time.time()
        )
        with self._database.writing() as connection:
            connection.execute(
                insert(api_keys).values(
                    key_id=key.key_id,
                    name=key.name,
                    scopes=" ".join(sorted(key.scopes)),
                    digest=_digest(text),
                    requests_a_minute=requests_a_minute,
                    created_at=key.created_at,
                )
            )
        return key, text

    def all(self) -> list[ApiKey]:
        """Every key, revoked ones included, oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(select(api_keys).order_by(api_keys.c.created_at))
            return [_key(row) for row in rows]

    def any(self) -> bool:
        """Whether there is or was a key: revoking the last one must not open the service."""
        with self._database.reading() as connection:
            return connection.scalar(select(api_keys.c.key_id).limit(1)) is not None

    def revoke(self, key_id: str) -> ApiKey:
        """Make a key and its sessions worthless; returns the key.

        Raises
        ------
        NotFoundError
            If there is no such key.
        """
        with self._database.writing() as connection:
            connection.execute(delete(api_sessions).where(api_sessions.c.key_id == key_id))
            connection.execute(
                update(api_keys)
                .where(api_keys.c.key_id == key_id, api_keys.c.revoked_at.is_(None))
                .values(revoked_at=time.time())
            )
            row = connection.execute(select(api_keys).where(api_keys.c.key_id == key_id)).first()
        if row is None:
            raise NotFoundError(f"there is no key {key_id!r}: `recsys keys list` names them")
        return _key(row)

    def find(self, text: str) -> ApiKey | None:
        """The key that is written `text`, None for one that is unknown or revoked."""
        statement = select(api_keys).where(
            api_keys.c.digest == _digest(text), api_keys.c.revoked_at.is_(None)
        )
        with self._database.reading() as connection:
            row = connection.execute(statement).first()
        return None if row is None else _key(row)

    def open_session(self, key_id: str, seconds: float) -> str:
        """Token that stands for the key for so long; expired ones are cleared away."""
        token = secrets.token_urlsafe(32)
        now = time.time()
        with self._database.writing() as connection:
            connection.execute(delete(api_sessions).where(api_sessions.c.expires_at < now))
            connection.execute(
                insert(api_sessions).values(
                    digest=_digest(token), key_id=key_id, expires_at=now + seconds
                )
            )
        return token

    def session(self, token: str) -> ApiKey | None:
        """The key that `token` stands for, None when it has expired or was closed."""
        statement = (
            select(api_keys)
            .join(api_sessions, api_sessions.c.key_id == api_keys.c.key_id)
            .where(
                api_sessions.c.digest == _digest(token),
                api_sessions.c.expires_at > time.time(),
                api_keys.c.revoked_at.is_(None),
            )
        )
        with self._database.reading() as connection:
            row = connection.execute(statement).first()
        return None if row is None else _key(row)

    def close_session(self, token: str) -> None:
        """Forget `token`."""
        with self._database.writing() as connection:
            connection.execute(delete(api_sessions).where(api_sessions.c.digest == _digest(token)))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _key(row: Row[tuple[object, ...]]) -> ApiKey:
    return ApiKey(
        row.key_id,
        row.name,
        frozenset(map(Scope, row.scopes.split())),
        row.requests_a_minute,
        row.created_at,
        row.revoked_at,
    )
