"""Lets a role of PostgreSQL run this service without being able to change the audit trail.

Migrate as the tables' owner and run the service as this role: it can neither change audit rows nor drop
the triggers.
"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from service_kit.security.models import AuditEntry


class Command(BaseCommand):
    help = (
        "Grant a PostgreSQL role what the running service needs, and of the audit trail only to add and read."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("role")

    def handle(self, *, role: str, **options: Any) -> None:
        if connection.vendor != "postgresql":
            raise CommandError("Only PostgreSQL has roles.")
        name, trail = connection.ops.quote_name(role), AuditEntry._meta.db_table
        with connection.cursor() as cursor:
            for statement in (
                f"GRANT USAGE ON SCHEMA public TO {name}",
                f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {name}",
                f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {name}",
                f"REVOKE UPDATE, DELETE, TRUNCATE ON {trail} FROM {name}",
            ):
                cursor.execute(statement)
