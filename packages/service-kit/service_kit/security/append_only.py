"""Triggers that allow only INSERT on a table, on SQLite and PostgreSQL.

On SQLite a migration that remakes the table drops them with it, and has to protect the new one.
"""

from collections.abc import Iterable

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import RunPython

SQLITE = """
    CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table}
    BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"""
FUNCTION = """
    CREATE OR REPLACE FUNCTION {table}_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$"""
POSTGRESQL = """
    CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION {table}_is_append_only()"""
PROTECTED = {
    "sqlite": "SELECT tbl_name FROM sqlite_master WHERE type = 'trigger' AND name = tbl_name || '_no_DELETE'",
    "postgresql": """
        SELECT relname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
        WHERE tgname = relname || '_no_delete'""",
}
VERBS = {"sqlite": ("UPDATE", "DELETE"), "postgresql": ("UPDATE", "DELETE", "TRUNCATE")}


def protect(connection: BaseDatabaseWrapper, table: str) -> None:
    trigger = POSTGRESQL if connection.vendor == "postgresql" else SQLITE
    function = [FUNCTION] if connection.vendor == "postgresql" else []
    _run(connection, function, table)
    _run(connection, [trigger.replace("{verb}", verb) for verb in VERBS[connection.vendor]], table)


def operation(table: str) -> RunPython:
    """Of a migration."""
    return RunPython(
        lambda apps, editor: protect(editor.connection, table),
        lambda apps, editor: release(editor.connection, table),
    )


def protected(connection: BaseDatabaseWrapper) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(PROTECTED[connection.vendor])
        return sorted(row[0] for row in cursor.fetchall())


def release(connection: BaseDatabaseWrapper, table: str) -> None:
    on = " ON {table}" if connection.vendor == "postgresql" else ""
    _run(
        connection,
        [f"DROP TRIGGER IF EXISTS {{table}}_no_{verb}{on}" for verb in VERBS[connection.vendor]],
        table,
    )


def _run(connection: BaseDatabaseWrapper, statements: Iterable[str], table: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement.format(table=table))
