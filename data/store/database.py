"""A database that is open: transactions, and its errors in the project's words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Table, create_engine, inspect, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, OperationalError

from data.errors import ArtefactError, NotReadyError, ParameterError
from data.schema import SCHEMA_VERSION, meta, metadata
from data.store.migration import OLDEST, migrate
from data.store.prepared import Prepared
from data.store.sqlite_file import WRITER, be_patient, configure

BUSY_SECONDS = 30.0
FORGET_SECONDS = 0.5
CHUNK = 5_000
"""Ids in one ``IN (…)``; SQLite allows 32,766 variables a statement."""
WRITERS = 0x7265_6373_7973
"""Number of the advisory lock that writers of a PostgreSQL store take in turn."""

_Item = TypeVar("_Item")


class Database:
    """Engine of one store; transactions come from its pool, so threads may share it.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        Engine made by `open_database`.
    """

    def __init__(self, engine: Engine) -> None:
        self._reader = self._engine = engine
        self._postgresql = engine.dialect.name == "postgresql"
        self._driver_error = engine.dialect.loaded_dbapi.Error
        if self._postgresql:
            # Whatever the server's defaults: a reader sees one state, a writer what the one before
            # it has left.
            self._reader = engine.execution_options(isolation_level="REPEATABLE READ")
            self._writer = engine.execution_options(isolation_level="READ COMMITTED")
        else:
            self._writer = engine.execution_options(**WRITER)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that sees one state of the store and writes nothing."""
        with self._translated(), self._reader.begin() as connection:
            yield connection

    def rows(self, query: Prepared, values: dict[str, Any]) -> list[tuple[Any, ...]]:
        """Rows of one query, which is a transaction of its own.

        What every request asks for is read like this: opening a transaction through SQLAlchemy and
        ending it takes as long as most of these queries.
        """
        text, given = query.compiled(self._engine.dialect, values)
        with self._translated():
            try:
                connection = self._engine.raw_connection()
                try:
                    cursor = connection.cursor()
                    cursor.execute(text, given)
                    return list(cursor.fetchall())
                finally:
                    connection.close()
            except self._driver_error as error:
                raise DBAPIError.instance(text, None, error, self._driver_error) from error

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that is durable when the block ends, and undone when it raises.

        Writers take turns in both databases: no two of them can lock each other out, and none acts
        on what another is about to change.
        """
        with self._translated(), self._writer.begin() as connection:
            if self._postgresql:
                connection.exec_driver_sql(
                    f"SET LOCAL lock_timeout = {round(1000 * BUSY_SECONDS)}; "
                    f"SELECT pg_advisory_xact_lock({WRITERS})"
                )
            yield connection

    def forget_log(self) -> None:
        """Empty SQLite's write-ahead log, which still has what a transaction deleted.

        Readers that are at work may keep a part of it; the next checkpoint takes it. They are not
        waited for as long as a writer is, since all writers would wait too.
        """
        if not self._postgresql:
            # Checkpoints cannot run inside a transaction, which SQLAlchemy would begin.
            connection = self._engine.raw_connection()
            cursor = connection.cursor()
            try:
                be_patient(cursor.execute, FORGET_SECONDS)
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                be_patient(cursor.execute, BUSY_SECONDS)
                connection.close()

    def close(self) -> None:
        """Give back every connection."""
        self._engine.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        name = self._engine.url.render_as_string(hide_password=True)
        try:
            yield
        except OperationalError as error:
            if "locked" in str(error.orig) or "lock timeout" in str(error.orig):
                raise NotReadyError(
                    f"{name} was locked by another process for {BUSY_SECONDS:g} s; "
                    "let it finish and try again"
                ) from error
            remedy = (
                "check that the server runs, has the database and lets this user in"
                if self._postgresql
                else "check the folder, its permissions and the space on the disk"
            )
            raise ArtefactError(f"{name} cannot be used: {error.orig}; {remedy}") from error
        except DatabaseError as error:
            # Its subclasses (integrity, programming, …) are defects of the program: let them show.
            if type(error) is not DatabaseError:
                raise
            raise ArtefactError(
                f"{name} is damaged or no database ({error.orig}); restore it from a backup, or "
                "move it away and import again"
            ) from error


def open_database(url: str, *, create: bool) -> Database:
    """Connect to `url` and make sure that the tables are there and of this version.

    A store of an older version is brought up to this one.

    Raises
    ------
    ParameterError
        If `url` is malformed, or names a kind of database that is not supported.
    NotReadyError
        If there is no store at `url` and `create` is false.
    ArtefactError
        If the database is damaged, not a store, or of a newer schema version.
    """
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        file = Path(str(parsed.database))
        if not create and not file.exists():
            raise _no_store(url)
        # Bigger than the default pool: one connection for each thread of the web server.
        engine = create_engine(parsed, pool_size=8, max_overflow=56, pool_timeout=BUSY_SECONDS)
        configure(engine, BUSY_SECONDS)
    else:
        try:
            engine = create_engine(parsed, pool_pre_ping=True, pool_size=8, max_overflow=56)
        except ModuleNotFoundError as error:
            raise ParameterError(
                f"{parsed.drivername} needs the Python package {error.name!r}, which is not "
                "installed: run `pip install 'recsys[postgres]'` for psycopg"
            ) from error
    database = Database(engine)
    try:
        # Its messages name the database, and never a password.
        _check_version(database, parsed.render_as_string(hide_password=True), create=create)
    except BaseException:
        database.close()
        raise
    return database


def insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """``INSERT`` into `table` that knows ``ON CONFLICT`` in the dialect of `connection`."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def execute_many(
    connection: Connection,
    statement: sqlite.Insert | postgresql.Insert,
    names: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
) -> int:
    """Run `statement` with each of `rows`, whose values belong to the columns `names`.

    Returns how many rows it inserted or changed.
    """
    if not rows:
        return 0
    # Compiled here and handed to the driver as it is: SQLAlchemy's work on the parameters of each
    # row would take longer than the insertion. The values must be plain Python objects.
    compiled = statement.compile(dialect=connection.dialect, column_keys=list(names))
    order = getattr(compiled, "positiontup", None)
    parameters: Any = rows
    if order is None:
        parameters = [dict(zip(names, row, strict=True)) for row in rows]
    elif list(order) != list(names):
        parameters = list(map(itemgetter(*map(list(names).index, order)), rows))
    return connection.exec_driver_sql(str(compiled), parameters).rowcount


def chunked(values: Sequence[_Item], size: int = CHUNK) -> Iterator[list[_Item]]:
    """Successive runs of at most `size` values."""
    iterator = iter(values)
    while chunk := list(islice(iterator, size)):
        yield chunk


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except ArgumentError as error:
        raise ParameterError(
            f"expected a database URL such as sqlite:///store.db, got {url!r}"
        ) from error
    if backend not in ("sqlite", "postgresql"):
        raise ParameterError(
            f"expected an sqlite:/// or a postgresql:// URL, got one for {backend!r}"
        )
    if backend == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise ParameterError(
            "the store needs a file, which its threads and processes share: "
            f"expected sqlite:///path, got {url!r}"
        )
    return parsed


def _check_version(database: Database, url: str, *, create: bool) -> None:
    """Create the tables of an empty database, refuse one that is not of this version."""
    with database.reading() as connection:
        present = set(inspect(connection).get_table_names())
    if not present:
        if not create:
            raise _no_store(url)
        with database.writing() as connection:
            metadata.create_all(connection)
            connection.execute(
                insert(connection, meta)
                .values(key=1, schema_version=SCHEMA_VERSION)
                .on_conflict_do_nothing()
            )
    elif meta.name not in present:
        raise ArtefactError(
            f"{url} holds tables, but no store (found: {', '.join(sorted(present)[:5])}); "
            "name an empty database or another file"
        )
    with database.reading() as connection:
        version = connection.scalar(select(meta.c.schema_version))
    if version is not None and OLDEST <= version < SCHEMA_VERSION:
        with database.writing() as connection:
            # Another process may have come first while this one waited for its turn.
            version = connection.scalar(select(meta.c.schema_version).with_for_update())
            if version is not None and version < SCHEMA_VERSION:
                migrate(connection)
                version = SCHEMA_VERSION
    if version != SCHEMA_VERSION:
        remedy = (
            "upgrade this program"
            if version is not None and version > SCHEMA_VERSION
            else "import into a new store"
        )
        raise ArtefactError(
            f"{url} has store schema {version}, this program reads {SCHEMA_VERSION}: {remedy}"
        )


def _no_store(url: str) -> NotReadyError:
    return NotReadyError(f"there is no store at {url} yet: import a library or a catalogue first")
