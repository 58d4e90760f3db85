import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import chatproject.core.models
from accounts.names import skeletons


def fill(apps, schema_editor):
    """Of names that look alike already, the oldest account's is protected; all stay usable."""
    NameSkeleton = apps.get_model("accounts", "NameSkeleton")
    taken, rows = set(), []
    for user in apps.get_model("accounts", "User").objects.order_by("pk").only("name").iterator(chunk_size=1000):
        for key in skeletons(user.name):
            if key not in taken:
                taken.add(key)
                rows.append(NameSkeleton(key=key, user_id=user.pk))
    NameSkeleton.objects.bulk_create(rows, batch_size=500)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_who_may_add")]

    operations = [
        migrations.CreateModel(
            name="NameSkeleton",
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
                ("key", models.CharField(editable=False, max_length=64, unique=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={"abstract": False},
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
