"""The test database as it was before a run."""

from collections.abc import Collection, Sequence
from typing import Any

from django.apps import apps
from django.db import connections, transaction
from django.db.models import GeneratedField

Rows = tuple[Sequence[str], list[tuple[Any, ...]]]
"names of the columns, and the rows"


class Snapshot:
    """Every row of every table of these databases. Restoring it writes only the tables that changed."""

    def __init__(self, databases: Collection[str]) -> None:
        self._rows = {
            alias: {table: _read(alias, table) for table in _tables(alias)} for alias in sorted(databases)
        }

    def restore(self) -> None:
        for alias, tables in self._rows.items():
            changed = {table: rows for table, rows in tables.items() if _read(alias, table) != rows}
            # Django's foreign keys are checked at the commit, so the order of tables does not matter.
            with transaction.atomic(using=alias):
                for table, rows in changed.items():
                    _write(alias, table, rows)


def _tables(alias: str) -> list[str]:
    introspection = connections[alias].introspection
    return sorted(introspection.django_table_names(only_existing=True, include_views=False))


def _generated() -> set[tuple[str, str | None]]:
    """Columns that the database computes."""
    return {
        (model._meta.db_table, field.column)
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.get_fields()
        if isinstance(field, GeneratedField)
    }


def _read(alias: str, table: str) -> Rows:
    with connections[alias].cursor() as cursor:
        cursor.execute(f"SELECT * FROM {connections[alias].ops.quote_name(table)}")
        return [column[0] for column in cursor.description], cursor.fetchall()


def _write(alias: str, table: str, rows: Rows) -> None:
    quote, (columns, values) = connections[alias].ops.quote_name, rows
    computed = _generated()
    written = [place for place, column in enumerate(columns) if (table, column) not in computed]
    names = ", ".join(quote(columns[place]) for place in written)
    with connections[alias].cursor() as cursor:
        cursor.execute(f"DELETE FROM {quote(table)}")
        insert = f"INSERT INTO {quote(table)} ({names}) VALUES ({', '.join(['%s'] * len(written))})"
        for row in values:
            cursor.execute(insert, [row[place] for place in written])
