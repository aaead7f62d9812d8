from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("ui", "0002_attempts")]

    operations = [migrations.DeleteModel(name="Attempt")]
