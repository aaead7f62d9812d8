from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sagas", "0003_no_prefix_index")]

    operations = [
        migrations.AddField(
            model_name="sagaeventrow",
            name="following",
            field=models.TextField(
                db_default="", help_text="JSON: id, type and data of each further event; empty if there is none"
            ),
        ),
        migrations.AlterField(
            model_name="sagaeventrow",
            name="sequence",
            field=models.IntegerField(help_text="of the first event; 1, 2, 3 ... in its saga, without a gap"),
        ),
        migrations.AlterField(
            model_name="sagaeventrow",
            name="event_id",
            field=models.CharField(help_text="of the first event", max_length=36),
        ),
        migrations.AlterField(
            model_name="sagaeventrow",
            name="event_type",
            field=models.CharField(help_text="of the first event", max_length=40),
        ),
        migrations.AlterField(
            model_name="sagaeventrow",
            name="data",
            field=models.TextField(help_text="JSON; of the first event"),
        ),
    ]
