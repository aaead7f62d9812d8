"""Nobody looks for the beginning of a correlation id; Django makes an index for that with every text key on
PostgreSQL, and each update of a saga wrote into it."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("sagas", "0002_operator_actions")]

    operations = [
        migrations.RunSQL("DROP INDEX IF EXISTS sagas_saga_correlation_id_0cbb9101_like", migrations.RunSQL.noop)
    ]
