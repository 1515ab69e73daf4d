"""Bringing the tables of an older store up to this version.

Versions have only ever added: tables, columns that may be empty or have a default, indexes. So what
an older store lacks can be read off the schema, and nothing that it holds is touched, but for
indexes that a wider one stands in for.
"""

from __future__ import annotations

from sqlalchemy import Connection, inspect, update
from sqlalchemy.schema import CreateColumn

from data.schema import SCHEMA_VERSION, meta, metadata

OLDEST = 1
"""Schema version from which a store can be brought up to date."""
_REPLACED = frozenset({"events_of_user"})
"""Indexes of earlier versions that nothing needs any more."""


def migrate(connection: Connection) -> None:
    """Add what the store lacks, and drop indexes that were replaced, within `connection`."""
    found = inspect(connection)
    present = set(found.get_table_names())
    for table in metadata.sorted_tables:
        if table.name not in present:
            table.create(connection)
            continue
        columns = {column["name"] for column in found.get_columns(table.name)}
        quoted = connection.dialect.identifier_preparer.format_table(table)
        for column in table.columns:
            if column.name not in columns:
                definition = CreateColumn(column).compile(dialect=connection.dialect)
                connection.exec_driver_sql(f"ALTER TABLE {quoted} ADD COLUMN {definition}")
        indexes = {index["name"] for index in found.get_indexes(table.name)}
        for index in table.indexes:
            if index.name not in indexes:
                index.create(connection)
        for name in indexes & _REPLACED:
            connection.exec_driver_sql(f"DROP INDEX {name}")
    connection.execute(update(meta).values(schema_version=SCHEMA_VERSION))
