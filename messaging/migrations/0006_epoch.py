import chatproject.core.models
import chatproject.core.times
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("messaging", "0005_former_words")]

    operations = [
        migrations.CreateModel(
            name="Epoch",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_column="_id",
                        default=chatproject.core.models.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("begun_at", models.DateTimeField(default=chatproject.core.times.now, editable=False)),
            ],
            options={"abstract": False},
        ),
    ]
