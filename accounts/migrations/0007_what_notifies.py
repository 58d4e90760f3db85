from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_installation_name")]

    operations = [
        migrations.AddField("user", "notifying_json", models.TextField(null=True, editable=False)),
    ]
