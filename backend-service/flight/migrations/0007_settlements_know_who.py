import json

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def fill(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """Who resolved a compensation by hand, and why, stood in the audit trail only."""
    settlements = apps.get_model("sagas", "ManualSettlement").objects
    sagas = apps.get_model("sagas", "SagaRow").objects
    entries = apps.get_model("security", "AuditEntry").objects.filter(kind="operator", action="resolve")
    for entry in entries.order_by("id").iterator():
        why = {"actor": entry.actor, "reason": entry.reason, "evidence": entry.evidence}
        for saga in sagas.filter(pk=entry.correlation_id):
            for step in json.loads(saga.steps):
                if step["status"] == "RESOLVED":
                    first = {"settled_at": entry.created_at, "seen": ""}
                    settlements.get_or_create(
                        correlation_id=saga.pk, step=step["name"], defaults=first
                    )
        settlements.filter(correlation_id=entry.correlation_id, actor="").update(**why)


class Migration(migrations.Migration):
    dependencies = [
        ("flight", "0006_sagas_of_the_engine"),
        ("sagas", "0002_operator_actions"),
        ("security", "0002_append_only"),
    ]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
