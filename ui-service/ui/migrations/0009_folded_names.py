"""Names of accounts are one name in any case and width. Of older accounts that differ so, the oldest has the folded name."""

from typing import Any

from django.db import migrations, models
from service_kit.security.throttle import folded


def fold(apps: Any, schema_editor: Any) -> None:
    users = apps.get_model("ui", "User").objects
    taken: set[str] = set()
    for key, name in users.order_by("pk").values_list("pk", "username").iterator(chunk_size=500):
        if name.startswith("erased-") or folded(name) in taken:
            continue
        taken.add(folded(name))
        users.filter(pk=key).update(folded_name=folded(name))


class Migration(migrations.Migration):
    dependencies = [("ui", "0008_versions_of_attempts")]

    operations = [
        migrations.AlterModelManagers(name="user", managers=[]),
        migrations.AddField(
            model_name="user",
            name="folded_name",
            field=models.CharField(
                max_length=150,
                unique=True,
                null=True,
                help_text="the name without case and width; empty if an older account has it, or once it is erased",
            ),
        ),
        migrations.RunPython(fold, migrations.RunPython.noop),
    ]
