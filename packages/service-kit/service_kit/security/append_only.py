"""Triggers that allow only INSERT on a table, on SQLite and PostgreSQL."""

from collections.abc import Iterable

from django.db.backends.base.base import BaseDatabaseWrapper

SQLITE = """
    CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table}
    BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"""
FUNCTION = """
    CREATE OR REPLACE FUNCTION {table}_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$"""
POSTGRESQL = """
    CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION {table}_is_append_only()"""
VERBS = {"sqlite": ("UPDATE", "DELETE"), "postgresql": ("UPDATE", "DELETE", "TRUNCATE")}


def protect(connection: BaseDatabaseWrapper, table: str) -> None:
    trigger = POSTGRESQL if connection.vendor == "postgresql" else SQLITE
    function = [FUNCTION] if connection.vendor == "postgresql" else []
    _run(connection, function, table)
    _run(connection, [trigger.replace("{verb}", verb) for verb in VERBS[connection.vendor]], table)


def release(connection: BaseDatabaseWrapper, table: str) -> None:
    on = " ON {table}" if connection.vendor == "postgresql" else ""
    _run(connection, [f"DROP TRIGGER {{table}}_no_{verb}{on}" for verb in VERBS[connection.vendor]], table)


def _run(connection: BaseDatabaseWrapper, statements: Iterable[str], table: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement.format(table=table))
