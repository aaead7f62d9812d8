"""Django's SQLite, but for how a transaction begins."""

from django.db.backends.sqlite3 import base


class DatabaseWrapper(base.DatabaseWrapper):
    transaction_mode: str
    "IMMEDIATE in our settings"

    def _start_transaction_under_autocommit(self) -> None:
        """On the driver's connection: Django's cursor for this one word costs as much as three statements."""
        with self.wrap_database_errors:
            self.connection.execute(f"BEGIN {self.transaction_mode}")
