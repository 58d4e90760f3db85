from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("moderation", "0003_group_texts")]

    operations = [
        migrations.AlterField(
            "hit",
            "place",
            models.CharField(
                "where",
                max_length=8,
                choices=[
                    ("message", "message"),
                    ("edit", "edit"),
                    ("name", "name of a person"),
                    ("group", "name of a group"),
                    ("about", "description or announcement of a group"),
                    ("status", "status of a person"),
                ],
                editable=False,
            ),
        ),
    ]
