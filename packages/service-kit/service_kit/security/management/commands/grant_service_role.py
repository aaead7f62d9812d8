"""Lets a role of PostgreSQL run this service without being able to change the audit trail or a ledger.

Migrate as the tables' owner and run the service as this role: it can neither change rows of append-only
tables nor drop their triggers.
"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from service_kit.security import append_only


class Command(BaseCommand):
    help = (
        "Grant a PostgreSQL role what the running service needs; of append-only tables only to add and read."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("role")

    def handle(self, *, role: str, **options: Any) -> None:
        if connection.vendor != "postgresql":
            raise CommandError("Only PostgreSQL has roles.")
        name, tables = connection.ops.quote_name(role), append_only.protected(connection)
        with connection.cursor() as cursor:
            for statement in (
                f"GRANT USAGE ON SCHEMA public TO {name}",
                f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {name}",
                f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {name}",
                *(f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {name}" for table in tables),
            ):
                cursor.execute(statement)
