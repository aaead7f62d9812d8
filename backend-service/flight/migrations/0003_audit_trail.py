from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def move_actions(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """Operator actions become rows of the audit trail, in their order."""
    editor.execute(
        "INSERT INTO security_audit"
        " (kind, address, correlation_id, actor, action, reason, evidence, created_at)"
        " SELECT 'operator', '', correlation_id, actor, action, reason, evidence, created_at"
        " FROM flight_operator_action ORDER BY id"
    )


class Migration(migrations.Migration):
    dependencies = [("flight", "0002_index_of_compensated_sagas"), ("security", "0001_initial")]

    operations = [
        migrations.RunPython(move_actions, migrations.RunPython.noop),
        migrations.DeleteModel(name="OperatorAction"),
    ]
