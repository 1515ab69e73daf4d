"""Connections to an SQLite file: how they are set up, begin and are given back."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.pool import ConnectionPoolEntry

RETRY_SECONDS = 0.02
CACHE_KIB = 4_096
"""Pages that a connection of SQLite keeps: every thread of a server has one, and the system keeps
the file for all of them."""
WRITER_CACHE_KIB = 65_536
"""The same while it writes: what a large import changes should lie in memory until it is done."""
_BEGIN = "recsys_begin"
WRITER = {_BEGIN: "BEGIN IMMEDIATE"}
"""Execution options of transactions that write."""
_WRITES = "recsys writes"


def configure(engine: Engine, patience: float) -> None:
    """Set up the connections of `engine`, which wait `patience` seconds for each other."""

    def connect(dbapi_connection: Any, _record: object) -> None:
        # The driver would begin transactions lazily, before the first write only; `_begin` begins
        # them, so that reads see one state and writers queue instead of failing half-way.
        dbapi_connection.isolation_level = None
        run: Callable[[str], Any] = dbapi_connection.execute
        be_patient(run, patience)
        _write_ahead(run, patience)
        run("PRAGMA synchronous = FULL")
        run("PRAGMA foreign_keys = ON")
        run("PRAGMA secure_delete = ON")  # what is deleted is overwritten in the file
        _keep_pages(run, CACHE_KIB)

    event.listen(engine, "connect", connect)
    event.listen(engine, "begin", _begin)
    event.listen(engine, "checkin", _give_back)


def be_patient(run: Callable[[str], Any], seconds: float) -> None:
    """Let SQLite wait so long for a lock."""
    run(f"PRAGMA busy_timeout = {round(1000 * seconds)}")


def _keep_pages(run: Callable[[str], Any], kib: int) -> None:
    run(f"PRAGMA cache_size = -{kib}")


def _write_ahead(run: Callable[[str], Any], patience: float) -> None:
    """Switch to write-ahead logging, which a new file needs once.

    The switch needs the file for itself and does not heed the busy timeout, so that of several
    processes that create a store at the same moment one may be turned away: it tries again.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            if run("PRAGMA journal_mode").fetchone()[0] != "wal":
                run("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(RETRY_SECONDS)


def _begin(connection: Connection) -> None:
    begin = connection.get_execution_options().get(_BEGIN)
    if begin is not None:
        connection.exec_driver_sql(begin)
        _keep_pages(connection.exec_driver_sql, WRITER_CACHE_KIB)
        connection.info[_WRITES] = True
        return
    # On the driver's connection: SQLAlchemy takes longer to pass it on than SQLite to begin, and it
    # touches no file yet, so that there is no error to translate.
    driver: Any = connection.connection.driver_connection
    driver.execute("BEGIN")


def _give_back(dbapi_connection: Any, record: ConnectionPoolEntry) -> None:
    """Take back the pages that a connection kept while it wrote."""
    if record.info.pop(_WRITES, False) and dbapi_connection is not None:
        _keep_pages(dbapi_connection.execute, CACHE_KIB)
