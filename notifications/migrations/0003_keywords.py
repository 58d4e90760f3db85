import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import chatproject.core.models


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0002_sealed_subscriptions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Keywords",
            fields=[
                ("id", models.UUIDField(db_column="_id", default=chatproject.core.models.uuid7, editable=False, primary_key=True, serialize=False)),
                ("words_text", models.TextField(editable=False)),
                ("user", models.OneToOneField(editable=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL)),
            ],
        ),
    ]
