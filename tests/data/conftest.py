from collections.abc import Iterator
from pathlib import Path

import pytest

from data.store import Store
from tests.data.backends import Backend, PostgreSQL, SQLite, postgresql


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgreSQL]:
    with postgresql() as server:
        yield server


@pytest.fixture(
    scope="session", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]
)
def backend(request: pytest.FixtureRequest) -> Backend:
    """Each database that a store may lie in."""
    if request.param == "sqlite":
        return SQLite()
    server: PostgreSQL = request.getfixturevalue("postgres")
    return server


@pytest.fixture
def url(backend: Backend, tmp_path: Path) -> str:
    return backend.url(tmp_path)


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with Store.open(url) as opened:
        yield opened
