"""Statements that requests run all the time, compiled once and run without detours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from sqlalchemy import Connection, Dialect, Select


class Prepared:
    """A query in the words of the database, whose rows come as the driver's plain tuples.

    SQLAlchemy takes several times as long as SQLite to find its compiled form again, to write out
    an ``IN (…)`` and to wrap each row. Columns come as the driver gives them, so the types of the
    query must need no conversion.

    Parameters
    ----------
    statement : Select
        With named parameters (``bindparam``).
    """

    def __init__(self, statement: Select[Any]) -> None:
        self._statement = statement
        self._compiled: dict[str, tuple[str, tuple[str, ...] | None, dict[str, Any]]] = {}

    def compiled(self, dialect: Dialect, values: dict[str, Any]) -> tuple[str, Any]:
        """Text of the query, and the parameters `values` as its driver takes them."""
        if dialect.name not in self._compiled:
            compiled = self._statement.compile(dialect=dialect)
            order = getattr(compiled, "positiontup", None)
            self._compiled[dialect.name] = (
                str(compiled),
                None if order is None else tuple(order),
                dict(compiled.params),
            )
        text, order, fixed = self._compiled[dialect.name]
        named = fixed | values
        return text, named if order is None else tuple([named[name] for name in order])


Fetch: TypeAlias = Callable[[Prepared, dict[str, Any]], list[tuple[Any, ...]]]
"""A query and its parameters → its rows."""


def within(connection: Connection) -> Fetch:
    """Queries in the transaction of `connection`."""

    def fetch(query: Prepared, values: dict[str, Any]) -> list[tuple[Any, ...]]:
        text, given = query.compiled(connection.dialect, values)
        cursor: Any = connection.exec_driver_sql(text, given).cursor
        return list(cursor.fetchall())

    return fetch
