from django.db import migrations

from service_kit.security import append_only

TABLE = "security_audit"


class Migration(migrations.Migration):
    dependencies = [("security", "0001_initial")]

    operations = [
        migrations.RunPython(
            lambda apps, editor: append_only.protect(editor.connection, TABLE),
            lambda apps, editor: append_only.release(editor.connection, TABLE),
        )
    ]
