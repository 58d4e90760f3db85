from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("messaging", "0013_sealed_names")]

    operations = [
        migrations.AddField("searchblock", "key", models.PositiveIntegerField(null=True, editable=False)),
    ]
