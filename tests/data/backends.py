"""The databases that a store may lie in, for tests that hold for each of them."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import pytest
from sqlalchemy import create_engine

INSTALLED = Path("/usr/lib/postgresql")
OWNER = "postgres"
"""Whom Debian's package makes: the server refuses to run as root."""


only_sqlite = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
"""Of a test about the file."""


class Backend(Protocol):
    """Where a test gets its empty databases from."""

    name: str

    def url(self, folder: Path) -> str:
        """URL of an empty database, which may lie in `folder`; what was in it is gone."""


class SQLite:
    """A file ``store.db`` in the folder of the test."""

    name = "sqlite"

    def url(self, folder: Path) -> str:
        return f"sqlite:///{folder / 'store.db'}"


class PostgreSQL:
    """One database of the server at `address`, emptied for each test."""

    name = "postgresql"

    def __init__(self, address: str) -> None:
        self._address = address
        self._engine = create_engine(address)

    def url(self, folder: Path) -> str:
        with self._engine.begin() as connection:
            connection.exec_driver_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        return self._address

    def close(self) -> None:
        self._engine.dispose()


@contextmanager
def postgresql() -> Iterator[PostgreSQL]:
    """Server of its own on a socket in a temporary folder; skips the test where there is none."""
    versions = sorted(INSTALLED.glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if not versions or find_spec("psycopg") is None:
        pytest.skip("needs a PostgreSQL server below /usr/lib/postgresql, and psycopg")
    programs = versions[-1].parent
    identity = {"user": OWNER, "group": OWNER, "extra_groups": []} if os.geteuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="pg"))  # short: a socket's path has at most 107 bytes
    if identity:
        shutil.chown(folder, OWNER, OWNER)

    def run(program: str, *arguments: str) -> None:
        # Output goes to a file: the server would hold a pipe open after pg_ctl has ended.
        with (folder / "output").open("wb") as output:
            done = subprocess.run(
                [programs / program, "--pgdata", folder / "data", *arguments],
                cwd=folder, stdout=output, stderr=subprocess.STDOUT, timeout=120, **identity,
            )  # fmt: skip
        assert done.returncode == 0, (folder / "output").read_text("utf-8", "replace")

    # Sorted as people expect it, so that a test sees where the order of ids is left to the locale.
    locale = ["--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US"]
    try:
        run("initdb", "--no-sync", "--auth=trust", "--username=tester", "--encoding=UTF8", *locale)
        settings = f"-c listen_addresses='' -c unix_socket_directories='{folder}'"
        settings += " -c fsync=off -c full_page_writes=off"
        run("pg_ctl", "start", "--wait", f"--options={settings}")
        try:
            server = PostgreSQL(f"postgresql+psycopg://tester@/postgres?host={folder}")
            yield server
            server.close()
        finally:
            run("pg_ctl", "stop", "--wait", "--mode=immediate")
    finally:
        shutil.rmtree(folder)
