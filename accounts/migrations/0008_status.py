from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_what_notifies")]

    operations = [
        migrations.AddField("user", "status_json", models.TextField(null=True, editable=False)),
        migrations.AddField("user", "status_until", models.DateTimeField(null=True, editable=False)),
    ]
