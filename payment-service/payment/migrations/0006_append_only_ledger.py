"""The ledger is only added to: the database refuses every other statement."""

from django.db import migrations
from service_kit.security import append_only


class Migration(migrations.Migration):
    dependencies = [("payment", "0005_entries_of_payments")]

    operations = [append_only.operation("payment_ledger")]
