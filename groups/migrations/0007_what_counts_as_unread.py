import chatproject.core.models
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("groups", "0006_name_skeletons"),
    ]

    operations = [
        migrations.AddField(
            model_name="room",
            name="system_lines",
            field=models.PositiveBigIntegerField(default=0, editable=False),
        ),
        migrations.AddField(
            model_name="membership",
            name="system_lines_read",
            field=models.PositiveBigIntegerField(default=0, editable=False),
        ),
        migrations.CreateModel(
            name="Recall",
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
                ("seq", models.PositiveBigIntegerField()),
                ("sender_id", models.UUIDField()),
                (
                    "room",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="groups.room",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="recall",
            constraint=models.UniqueConstraint(fields=("room", "seq"), name="one_recall_each"),
        ),
    ]
