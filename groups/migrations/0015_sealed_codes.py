from django.db import migrations, models

from chatproject.core.sealing.migrating import Unlimit


class Migration(migrations.Migration):
    dependencies = [("groups", "0014_hidden_messages")]

    operations = [
        Unlimit("room", "invite_code", models.TextField(blank=True, editable=False)),
    ]
