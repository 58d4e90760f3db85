import django.db.models.deletion
from django.db import migrations, models

import chatproject.core.models
import chatproject.core.times


class Migration(migrations.Migration):
    dependencies = [("messaging", "0015_shelves"), ("groups", "0017_levels")]

    operations = [
        migrations.CreateModel(
            name="Draft",
            fields=[
                ("id", models.UUIDField(db_column="_id", default=chatproject.core.models.uuid7, editable=False, primary_key=True, serialize=False)),
                ("words_json", models.TextField(editable=False)),
                ("saved_at", models.DateTimeField(default=chatproject.core.times.now, editable=False)),
                ("membership", models.OneToOneField(editable=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="groups.membership")),
            ],
        ),
    ]
