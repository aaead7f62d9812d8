from django.db import migrations

from service_kit.security import append_only


class Migration(migrations.Migration):
    dependencies = [("security", "0001_initial")]

    operations = [append_only.operation("security_audit")]
