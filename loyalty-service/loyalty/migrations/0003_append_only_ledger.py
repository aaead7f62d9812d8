"""The ledger is only added to: the database refuses every other statement."""

from django.db import migrations
from service_kit.security import append_only


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0002_trips_that_change")]

    operations = [append_only.operation("loyalty_ledger")]
