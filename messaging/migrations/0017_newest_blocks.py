from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("messaging", "0016_drafts")]

    operations = [
        migrations.AddIndex(
            "searchblock",
            models.Index(fields=["last_id", "first_id", "first_at", "last_at", "size", "key"], name="block_newest"),
        ),
    ]
