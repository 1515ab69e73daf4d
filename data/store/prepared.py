"""Statements that requests run all the time, compiled once and read without detours."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select


class Prepared:
    """A query whose rows come as the driver's plain tuples.

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

    def rows(self, connection: Connection, values: dict[str, Any]) -> list[tuple[Any, ...]]:
        """All rows for the parameters `values`, in the order of the query."""
        dialect = connection.dialect
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
        given: Any = named if order is None else tuple([named[name] for name in order])
        cursor: Any = connection.exec_driver_sql(text, given).cursor
        return list(cursor.fetchall())
